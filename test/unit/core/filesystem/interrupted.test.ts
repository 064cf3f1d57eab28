import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ROOT_INO } from '../../../../src/core/types.ts'
import { settle } from '../../../fakes/manual-clock.ts'
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

describe('who stops waiting for a new folder that the server makes all the same', () => {
  it('sees it as soon as it is made', async () => {
    const before = await test.names()
    const gate = test.remote.hold('createFolder')
    const stop = new AbortController()
    const made = errnoOf(test.fs.mkdir(ROOT_INO, 'n', 0o755, test.context({ signal: stop.signal })))
    await gate.entered
    stop.abort()
    expect(await made).toBe('EINTR')
    expect(await test.names()).toEqual(before)
    gate.release()
    await settle()
    expect(await test.names()).not.toEqual(before)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })
})
