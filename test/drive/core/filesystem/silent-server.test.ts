import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { RemoteMethod } from '../../../fakes/memory-remote.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.putAsOther('b', 'v1')
    remote.mkdirAsOther('e')
  })
  await test.names()
})

afterEach(() => test.stop())

/** How long `work` keeps its program waiting, s of the test's clock, and how it ends. */
async function waited(work: Promise<unknown>): Promise<{ seconds: number; errno: string | undefined }> {
  const startedAt = test.clock.monotonic()
  const errno = await test.during(errnoOf(work), 1_000)
  return { seconds: (test.clock.monotonic() - startedAt) / 1000, errno }
}

const calls: [string, RemoteMethod, (drive: TestDrive) => Promise<unknown>, number, string][] = [
  ['a listing', 'list', (drive) => drive.names('e'), 120, 'EIO'],
  ['a read', 'readRange', (drive) => drive.text('a'), 120, 'EHOSTUNREACH'],
  ['a fact', 'details', (drive) => drive.getxattr('a', 'user.cloudreve.versions'), 60, 'EHOSTUNREACH'],
]

describe('a server that does not answer', () => {
  it.each(calls)(
    '%s (%s) fails in the end, and is not cut [F1]',
    async (_what, method, work, limit, errno) => {
      const gate = test.remote.script.hold(method)
      const result = await waited(work(test))
      expect(result).toMatchObject({ errno })
      expect(result.seconds).toBeGreaterThanOrEqual(limit)
      expect(result.seconds).toBeLessThanOrEqual(limit + 2)
      expect(gate.waiting).toBe(1)
      gate.release()
    },
  )

  it.each([
    ['a listing', 'list', (drive: TestDrive) => drive.names('e'), 'EIO'],
    ['a read', 'readRange', (drive: TestDrive) => drive.text('a'), 'EHOSTUNREACH'],
  ] as const)('%s (%s) fails as soon as --timeout says [F1]', async (_what, method, work, errno) => {
    await test.stop()
    test = await TestDrive.open({ settings: { timeoutMs: 15_000 } }, (remote) => {
      remote.putAsOther('a', 'v1')
      remote.mkdirAsOther('e')
    })
    await test.names()
    const gate = test.remote.script.hold(method)
    const result = await waited(work(test))
    expect(result).toMatchObject({ errno })
    expect(result.seconds).toBeGreaterThanOrEqual(15)
    expect(result.seconds).toBeLessThanOrEqual(17)
    gate.release()
  })

  it.each([
    ['mkdir', 'createFolder', (drive: TestDrive) => drive.mkdir('n'), 'n/'],
    ['a rename', 'rename', (drive: TestDrive) => drive.rename('e', 'n'), 'n/'],
    ['symlink', 'createFile', (drive: TestDrive) => drive.symlink('a', 'n'), 'n'],
  ] as const)('%s (%s) does not wait for a stuck database [F15]', async (_what, method, work, path) => {
    test.remote.fail(
      method,
      new RemoteError('server', 'database is locked', { isDatabaseFailure: true }),
      10_000,
    )
    await work(test)
    expect(await test.names()).toContain('n')
    await test.clock.advance(150_000)
    expect(test.remote.paths()).not.toContain(path)
    test.remote.script.recover(method)
    await test.clock.advance(350_000)
    expect(test.remote.paths()).toContain(path)
  })

  it('a second question to it is answered when the server has come back meanwhile', async () => {
    const gate = test.remote.script.hold('list')
    expect(await waited(test.names('e'))).toMatchObject({ errno: 'EIO' })
    gate.release()
    expect(await test.names('e')).toEqual([])
  })

  it('room on the drive is answered with what was known before', async () => {
    const gate = test.remote.script.hold('capacity')
    const asked = test.fs.statfs(test.context())
    expect((await waited(asked)).seconds).toBeLessThanOrEqual(12)
    expect((await asked).totalBlocks).toBeGreaterThan(0)
    gate.release()
  })

  it('does not keep a write waiting that may not fit', async () => {
    test.drive.writeBack.learnCapacity({ totalBytes: 10, usedBytes: 8 })
    const gate = test.remote.script.hold('capacity')
    const file = await test.create('n')
    const written = test.write(file, '0123456789')
    await gate.entered
    await test.clock.advance(10_001)
    await written
    gate.release()
    await test.close(file)
  })
})
