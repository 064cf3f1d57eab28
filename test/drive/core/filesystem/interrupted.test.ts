import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.mkdirAsOther('e')
  })
})

afterEach(() => test.stop())

describe('who stops waiting', () => {
  it('gets EINTR, and the node counts are even', async () => {
    await test.outdate()
    const gate = test.remote.hold('list')
    const stop = new AbortController()
    const looked = errnoOf(test.fs.lookup(1 as never, 'a', test.context({ signal: stop.signal })))
    await gate.entered
    stop.abort()
    expect(await looked).toBe('EINTR')
    gate.release()
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })
})
