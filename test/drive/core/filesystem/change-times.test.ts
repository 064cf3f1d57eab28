import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { timespecFromMs, timespecToMs } from '../../../../src/base/timespec.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive

/** 2001-02-03 04:05:06.123456789 UTC */
const once = { seconds: 981_173_106, nanoseconds: 123_456_789 }

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.putAsOther('d/f', 'below')
    remote.putAsOther('e/g', 'below')
  })
  await test.clock.advance(5_000)
})

afterEach(() => test.stop())

/** Which times of `path` are those of the moment after `change`; what is not named stayed. */
async function movedBy(path: string, change: () => Promise<unknown>, pathAfter = path): Promise<string[]> {
  const before = await test.stat(path)
  await test.clock.advance(1_000)
  const now = test.clock.now()
  await change()
  const after = await test.stat(pathAfter)
  return (['atime', 'mtime', 'ctime'] as const).filter((name) => {
    if (timespecToMs(after[name]) >= now) return true
    expect(after[name]).toEqual(before[name])
    return false
  })
}

const namesTimes = ['atime', 'mtime', 'ctime']

describe('the times of a folder', () => {
  it('move when a name is made in it [A7]', async () => {
    expect(await movedBy('d', () => test.save('d/new', 'x'))).toEqual(namesTimes)
    expect(await movedBy('d', () => test.mkdir('d/sub'))).toEqual(namesTimes)
    expect(await movedBy('d', () => test.symlink('f', 'd/link'))).toEqual(namesTimes)
    expect(await movedBy('', () => test.mkdir('top'))).toEqual(namesTimes)
  })

  it('move when a name goes [A7]', async () => {
    await test.mkdir('d/sub')
    expect(await movedBy('d', () => test.unlink('d/f'))).toEqual(namesTimes)
    expect(await movedBy('d', () => test.rmdir('d/sub'))).toEqual(namesTimes)
  })

  it('move at both ends of a rename [A7]', async () => {
    expect(await movedBy('d', () => test.rename('d/f', 'e/f'))).toEqual(namesTimes)
    expect(await movedBy('e', () => test.rename('e/f', 'd/f'))).toEqual(namesTimes)
    expect(await movedBy('d', () => test.rename('d/f', 'd/h'))).toEqual(namesTimes)
  })

  it('stay when a file in it is written, or opened as one that is there already', async () => {
    expect(await movedBy('d', () => test.save('d/f', 'other'))).toEqual([])
    expect(await movedBy('d', () => test.settleAll())).toEqual([])
  })

  it('stay, but for the ctime, when its mode, an attribute or its name is changed [A8]', async () => {
    expect(await movedBy('d', () => test.setattr('d', { mode: 0o700 }))).toEqual(['ctime'])
    expect(await movedBy('d', () => test.setxattr('d', 'user.k', 'v'))).toEqual(['ctime'])
    expect(await movedBy('d', () => test.rename('d', 'z'), 'z')).toEqual(['ctime'])
    await test.outdate()
    expect(await movedBy('z', () => test.outdate())).toEqual([])
  })

  it('that somebody chose count until a name changes', async () => {
    await test.save('d/new', 'x')
    await test.setattr('d', { mtime: once })
    expect((await test.stat('d')).mtime).toEqual(once)
    expect(await movedBy('d', () => test.unlink('d/new'))).toEqual(namesTimes)
    await test.setattr('d', { mtime: once })
    expect((await test.stat('d')).mtime).toEqual(once)
  })
})

describe('the ctime of a file', () => {
  it('moves alone when its mode, an attribute, its owner or its name is changed [A8]', async () => {
    expect(await movedBy('a', () => test.setattr('a', { mode: 0o600 }))).toEqual(['ctime'])
    expect(await movedBy('a', () => test.setattr('a', { uid: process.getuid!() }))).toEqual(['ctime'])
    expect(await movedBy('a', () => test.setxattr('a', 'user.k', 'v'))).toEqual(['ctime'])
    expect(await movedBy('a', () => test.rename('a', 'z'), 'z')).toEqual(['ctime'])
    expect(await movedBy('z', () => test.settleAll())).toEqual([])
  })

  it('moves with the mtime when it is written, and stays over the upload', async () => {
    await test.setattr('a', { mode: 0o600 })
    expect(await movedBy('a', () => test.save('a', 'other'))).toEqual(namesTimes)
    expect(await movedBy('a', () => test.settleAll())).toEqual([])
  })

  it('is now when a time is chosen', async () => {
    expect(await movedBy('d/f', () => test.setattr('d/f', { mode: 0o600 }))).toEqual(['ctime'])
    await test.setattr('d/f', { mtime: once })
    const { mtime, ctime } = await test.stat('d/f')
    expect(mtime).toEqual(once)
    expect(ctime).toEqual(timespecFromMs(test.clock.now()))
  })
})

describe('the access time', () => {
  it('stays when a file or folder is read [A10]', async () => {
    expect(await movedBy('a', () => test.text('a'))).toEqual([])
    expect(await movedBy('d', () => test.names('d'))).toEqual([])
    await test.setattr('a', { atime: once })
    await test.text('a')
    expect((await test.stat('a')).atime).toEqual(once)
  })
})

describe('times that the server has no place for', () => {
  it('are after the next start: of a file its mtime, of a folder what was chosen or what the server says [A9][A11]', async () => {
    const ofServer = { d: (await test.stat('d')).mtime, e: (await test.stat('e')).mtime }
    await test.setattr('a', { mtime: once, atime: { seconds: 5, nanoseconds: 0 }, mode: 0o600 })
    await test.save('d/new', 'x')
    await test.save('e/new', 'x')
    await test.setattr('e', { mtime: once })
    await test.settleAll()
    expect((await test.stat('d')).mtime).not.toEqual(ofServer.d)
    await test.remount()
    expect(await test.stat('a')).toMatchObject({ mtime: once, ctime: once, atime: once, mode: 0o600 })
    expect((await test.stat('d')).mtime).toEqual(timespecFromMs(test.remote.entryAt('d').updatedAtMs))
    expect((await test.stat('e')).mtime).toEqual(once)
  })
})

describe('a chosen access time', () => {
  it('is kept beside another mtime, and costs no request', async () => {
    const { mtime } = await test.stat('a')
    test.remote.script.forgetCalls()
    await test.setattr('a', { atime: once })
    expect(test.remote.count('patchMetadata')).toBe(0)
    expect(await test.stat('a')).toMatchObject({ atime: once, mtime })
    await test.setattr('a', { mtime: { seconds: 5, nanoseconds: 0 } })
    expect(await test.stat('a')).toMatchObject({ atime: once, mtime: { seconds: 5, nanoseconds: 0 } })
  })

  it('outlives the memory of the kernel [A11]', async () => {
    await test.setattr('a', { atime: once })
    await test.setattr('d', { atime: once })
    test.forgetAll()
    expect((await test.stat('a')).atime).toEqual(once)
    expect((await test.stat('d')).atime).toEqual(once)
  })
})
