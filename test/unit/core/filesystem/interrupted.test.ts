import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ROOT_INO, type OpContext } from '../../../../src/core/types.ts'
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

async function modes(): Promise<readonly number[]> {
  const names = await test.names()
  return Promise.all(names.map(async (name) => (await test.stat(name)).mode))
}

describe('who stops waiting for a change that the server makes all the same', () => {
  const changes: [string, 'createFolder' | 'patchMetadata', (context: OpContext) => Promise<unknown>][] = [
    ['a new folder', 'createFolder', (context) => test.fs.mkdir(ROOT_INO, 'n', 0o755, context)],
    [
      'a mode',
      'patchMetadata',
      async (context) => test.fs.setattr(await test.ino('a'), { mode: 0o600 }, undefined, context),
    ],
  ]
  it.each(changes)('sees %s as soon as it is made', async (_what, method, change) => {
    const before = { names: await test.names(), modes: await modes() }
    const gate = test.remote.hold(method)
    const stop = new AbortController()
    const made = errnoOf(change(test.context({ signal: stop.signal })))
    await gate.entered
    stop.abort()
    expect(await made).toBe('EINTR')
    expect({ names: await test.names(), modes: await modes() }).toEqual(before)
    gate.release()
    await settle()
    expect({ names: await test.names(), modes: await modes() }).not.toEqual(before)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })
})
