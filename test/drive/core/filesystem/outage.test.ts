import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { RemoteMethod } from '../../../fakes/memory-remote.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

const many = Array.from({ length: 50 }, (_, i) => `f${i}`)
const changing: readonly RemoteMethod[] = [
  'rename',
  'move',
  'remove',
  'createFolder',
  'createFile',
  'patchMetadata',
  'upload',
]
const stuck = new RemoteError('server', 'Failed to start transaction', { isDatabaseFailure: true })

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => {
    for (const name of many) remote.putAsOther(name, name)
    for (const name of many) remote.putAsOther(`d/${name}`, name)
    remote.mkdirAsOther('e')
  })
  await test.names()
  await test.names('d')
  await test.names('e')
})

afterEach(() => test.stop())

function breakDown(error = stuck): void {
  for (const method of changing) test.remote.fail(method, error, 10_000)
}

function mend(): void {
  test.remote.offline = false
  for (const method of changing) test.remote.script.recover(method)
}

/** Time passes in steps that let what is due be done. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 10; i += 1) {
    await test.clock.advance(100)
    await settle()
  }
}

const sent = () => changing.reduce((sum, method) => sum + test.remote.count(method), 0)

async function renameAll(): Promise<void> {
  for (const name of many) await test.rename(name, `${name}.new`)
}

describe('a server that fails at every change', () => {
  it('is asked by one rename of many at a time, and the list of what waits names it [F22]', async () => {
    breakDown()
    await renameAll()
    test.remote.script.forgetCalls()
    await pass(60)
    // Six are under way when the third says so; then after 1, 2, 4, 8, 16 and 32 s, give or take.
    expect(sent()).toBeLessThanOrEqual(6 + 12)
    expect(test.remote.count()).toBe(sent())
    const pending = test.drive.top.pending()
    expect(pending).toHaveLength(50)
    for (const { state } of pending)
      expect(state).toMatchObject({ state: 'retrying', detail: expect.stringContaining('must be restarted') })
    mend()
    await pass(61)
    expect(test.remote.paths().filter((path) => path.endsWith('.new'))).toHaveLength(50)
    expect(test.drive.unsentNames).toBe(0)
  })

  it('is asked no more often because all kinds of changes wait', async () => {
    breakDown()
    await renameAll()
    for (const name of many.slice(0, 10)) await test.rename(`d/${name}`, `e/${name}-moved`)
    for (const name of many.slice(10, 20)) await test.unlink(`d/${name}`)
    for (const name of many.slice(20, 30)) await test.setattr(`d/${name}`, { mode: 0o600 })
    for (const name of many.slice(0, 10)) await test.mkdir(`new-${name}`)
    for (const name of many.slice(0, 10)) await test.save(`saved-${name}`, name)
    test.remote.script.forgetCalls()
    await pass(60)
    expect(sent()).toBeLessThanOrEqual(6 + 20)
    const details = new Set(test.drive.top.pending().map(({ state }) => state.detail))
    expect([...details]).toEqual([expect.stringContaining('must be restarted')])
    mend()
    await pass(61)
    await test.settleAll()
    expect(test.drive.top.pending()).toEqual([])
    expect(test.remote.paths().filter((path) => path.includes('-moved'))).toHaveLength(10)
    expect(test.remote.paths().filter((path) => path.startsWith('saved-'))).toHaveLength(10)
  })

  it('does not stop an upload that waits for a rename which waits for the server', async () => {
    const third = async () => {
      for (const name of many.slice(0, 3)) await test.rename(name, `${name}.new`)
    }
    breakDown()
    await third()
    await test.rename('d', 'elsewhere')
    await test.save('elsewhere/n', 'in a renamed folder')
    await test.mkdir('fresh')
    await test.save('fresh/n', 'in a new one')
    await pass(30)
    mend()
    await pass(61)
    await test.settleAll()
    expect(test.remote.textAt('elsewhere/n')).toBe('in a renamed folder')
    expect(test.remote.textAt('fresh/n')).toBe('in a new one')
    expect(test.drive.unsentNames).toBe(0)
  })

  it('asked to flush is not asked more often, and everything arrives when it is well', async () => {
    breakDown()
    await renameAll()
    test.remote.script.forgetCalls()
    const drained = test.drive.drain()
    await pass(20)
    expect(sent()).toBeLessThanOrEqual(6 + 8)
    mend()
    expect(await test.during(drained)).toEqual([])
    expect(test.drive.unsentNames).toBe(0)
  })
})

describe('a server that is away', () => {
  it('is asked by one rename at a time; the first word of it ends that', async () => {
    test.remote.offline = true
    await renameAll()
    test.remote.script.forgetCalls()
    await pass(60)
    expect(sent()).toBeLessThanOrEqual(6 + 12)
    mend()
    await pass(61)
    expect(test.drive.unsentNames).toBe(0)
  })
})

describe('a storage that fails at every upload', () => {
  it('holds up no names', async () => {
    test.remote.fail('upload', new RemoteError('server', 'the storage does not answer'), 10_000)
    for (const name of many.slice(0, 5)) await test.save(`saved-${name}`, name)
    await pass(2)
    expect(test.drive.top.pending()[0]?.state.detail).toContain('fails at every change')
    test.remote.script.forgetCalls()
    await renameAll()
    await pass(2)
    expect(test.remote.count('rename')).toBe(50)
    expect(test.remote.count('upload')).toBeLessThanOrEqual(2)
    mend()
    await pass(61)
  })
})
