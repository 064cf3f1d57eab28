import { constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

const MIB = 1024 ** 2

let drive: TestDrive
let cacheFolder: string

beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), 'drive-cache-'))
  drive = await TestDrive.open({ cacheFolder, settings: { readMemoryBytes: 64 * MIB } })
})
afterEach(async () => {
  await drive.stop()
  await rm(cacheFolder, { recursive: true, force: true })
})

async function readAll(path: string): Promise<Buffer> {
  const file = await drive.open(path)
  const parts: Uint8Array[] = []
  for (let at = 0; ; at += MIB) {
    const part = await drive.fs.read(file.fh, at, MIB, drive.context())
    if (part.length === 0) break
    parts.push(Buffer.from(part))
  }
  await drive.close(file)
  return Buffer.concat(parts)
}

async function saveBytes(path: string, bytes: Uint8Array): Promise<void> {
  const file = await drive.create(path)
  for (let at = 0; at < bytes.length; at += MIB)
    await drive.fs.write(file.fh, at, bytes.subarray(at, at + MIB), drive.context())
  await drive.close(file)
}

describe('a drive with a disk cache', () => {
  it('asks once for a content, also after it was mounted again [R1]', async () => {
    const bytes = patternBytes(9 * MIB + 11)
    drive.remote.putAsOther('a.bin', bytes)
    await drive.outdate()
    expect(Buffer.compare(await readAll('a.bin'), bytes)).toBe(0)
    await drive.remount()
    expect(Buffer.compare(await readAll('a.bin'), bytes)).toBe(0)
    expect(drive.remote.count('readRange')).toBe(0)
  })

  it('asks again for a new version [R3]', async () => {
    drive.remote.putAsOther('a.txt', 'one')
    await drive.outdate()
    expect(await drive.text('a.txt')).toBe('one')
    await drive.remount()
    drive.remote.putAsOther('a.txt', 'two')
    await drive.outdate()
    expect(await drive.text('a.txt')).toBe('two')
  })

  it.each([1, 100_000, 4 * MIB, 4 * MIB + 1, 9 * MIB])(
    'has what was written here and uploaded, %d bytes, also after it was mounted again [R1]',
    async (sizeBytes) => {
      const bytes = patternBytes(sizeBytes)
      await saveBytes('new.bin', bytes)
      await drive.settleAll()
      expect(Buffer.compare(await readAll('new.bin'), bytes)).toBe(0)
      await drive.remount()
      expect(Buffer.compare(await readAll('new.bin'), bytes)).toBe(0)
      expect(drive.remote.count('readRange')).toBe(0)
    },
  )

  it('has the new version of a file that was changed in part', async () => {
    const bytes = Buffer.from(patternBytes(9 * MIB))
    drive.remote.putAsOther('a.bin', bytes)
    await drive.outdate()
    const file = await drive.open('a.bin', constants.O_RDWR)
    await drive.write(file, 'changed', 5 * MIB)
    bytes.write('changed', 5 * MIB)
    await drive.close(file)
    await drive.settleAll()
    await drive.remount()
    expect(Buffer.compare(await readAll('a.bin'), bytes)).toBe(0)
    expect(drive.remote.count('readRange')).toBe(0)
  })

  it('tells how much of a file it has [R8]', async () => {
    const cached = (path: string) => drive.getxattr(path, 'user.cloudreve.cached')
    drive.remote.putAsOther('a.bin', patternBytes(10 * MIB))
    drive.remote.putAsOther('empty', '')
    await drive.outdate()
    expect(await cached('empty')).toBe('full')
    expect(await cached('a.bin')).toBe('none')
    const file = await drive.open('a.bin')
    await drive.read(file, 5 * MIB, MIB)
    await drive.close(file)
    expect(await cached('a.bin')).toBe('partial 10%')
    await readAll('a.bin')
    expect(await cached('a.bin')).toBe('full')
    const names = await drive.fs.listxattr(await drive.ino('a.bin'), drive.context())
    expect(names).toContain('user.cloudreve.cached')
    await expect(cached('')).rejects.toThrow(/has no attribute/)
  })

  it('forgets a file, or all files in a folder, when it is told to', async () => {
    for (const name of ['one', 'folder/two', 'folder/deep/three'])
      drive.remote.putAsOther(name, patternBytes(MIB, name.length))
    await drive.outdate()
    for (const name of ['one', 'folder/two', 'folder/deep/three']) await readAll(name)
    const cached = (path: string) => drive.getxattr(path, 'user.cloudreve.cached')
    expect(await drive.drive.top.clearCached(['folder'])).toBe(2 * MIB)
    expect(await cached('folder/deep/three')).toBe('none')
    expect(await cached('one')).toBe('full')
    expect(await drive.drive.top.clearCached(['one'])).toBe(MIB)
    expect(await cached('one')).toBe('none')
  })

  it('shows a content while the server is away, once its folder is known [R7]', async () => {
    const bytes = patternBytes(2 * MIB)
    drive.remote.putAsOther('a.bin', bytes)
    await drive.outdate()
    await readAll('a.bin')
    await drive.remount()
    await drive.names()
    drive.remote.offline = true
    expect(Buffer.compare(await readAll('a.bin'), bytes)).toBe(0)
    drive.remote.offline = false
  })

  it('leaves nothing staged that was copied', async () => {
    await saveBytes('new.bin', patternBytes(9 * MIB))
    await drive.settleAll()
    await drive.remount()
    expect(drive.drive.writeBack.lostAndFound).toEqual([])
    expect(drive.drive.leftChanges).toBe(0)
  })

  describe('warmed', () => {
    const warm = (path: string, signal?: AbortSignal) =>
      drive.drive.top.warm(path.split('/'), { signal, onProgress: ({ doneBytes }) => told.push(doneBytes) })
    let told: number[]
    beforeEach(() => {
      told = []
    })

    it('has a file, or all files in a folder, without anybody reading them, also while the server is away [R10]', async () => {
      const bytes = patternBytes(9 * MIB + 11)
      drive.remote.putAsOther('folder/large.bin', bytes)
      for (let i = 0; i < 150; i += 1) drive.remote.putAsOther(`folder/deep/f${i}`, `content ${i}`)
      drive.remote.putAsOther('folder/empty', '')
      await drive.outdate()
      await drive.names('folder/deep')
      const result = await warm('folder')
      const totalBytes = bytes.length + Array.from({ length: 150 }, (_, i) => `content ${i}`).join('').length
      expect(result).toEqual({
        files: 151,
        bytes: totalBytes,
        fetchedBytes: totalBytes,
        leftFiles: 0,
        reason: undefined,
      })
      expect(told.at(-1)).toBe(totalBytes)
      expect(drive.remote.count('prepareReads')).toBe(2)
      drive.remote.offline = true
      expect(Buffer.compare(await readAll('folder/large.bin'), bytes)).toBe(0)
      expect(await drive.text('folder/deep/f149')).toBe('content 149')
      drive.remote.offline = false
    })

    it('fetches only what is missing', async () => {
      drive.remote.putAsOther('a.bin', patternBytes(10 * MIB))
      await drive.outdate()
      const file = await drive.open('a.bin')
      await drive.read(file, 5 * MIB, MIB)
      await drive.close(file)
      expect(await warm('a.bin')).toMatchObject({ files: 1, fetchedBytes: 9 * MIB })
      drive.remote.script.forgetCalls()
      expect(await warm('a.bin')).toMatchObject({ files: 1, bytes: 10 * MIB, fetchedBytes: 0, leftFiles: 0 })
      expect(drive.remote.count()).toBe(0)
      expect(await drive.getxattr('a.bin', 'user.cloudreve.cached')).toBe('full')
    })

    it('goes on with the others when one is gone, and says so', async () => {
      for (const name of ['one', 'two', 'three']) drive.remote.putAsOther(`folder/${name}`, name)
      await drive.outdate()
      await drive.names('folder')
      drive.remote.fail('readRange', new RemoteError('entity-gone', 'this version is not kept any more'))
      const result = await warm('folder')
      expect(result).toMatchObject({ files: 3, leftFiles: 1 })
      expect(result.reason).toMatch(/^\/folder\/\w+: this version is not kept/)
    })

    it('ends when the person does', async () => {
      drive.remote.putAsOther('a.bin', patternBytes(10 * MIB))
      await drive.outdate()
      const gate = drive.remote.hold('readRange')
      const end = new AbortController()
      const warming = warm('a.bin', end.signal)
      await gate.entered
      end.abort()
      await expect(warming).rejects.toMatchObject({ errno: Errno.EINTR })
      gate.release()
    })

    it('names what is not there', async () => {
      await expect(warm('missing')).rejects.toThrow(/no such file or folder/)
    })
  })
})

it('a drive without room refuses to warm more than that, and fetches nothing', async () => {
  drive.remote.putAsOther('a.bin', patternBytes(3 * MIB))
  const small = await TestDrive.open({
    beside: drive,
    cacheFolder: join(cacheFolder, 'small'),
    cacheLimitBytes: 2 * MIB,
  })
  await expect(small.drive.top.warm(['a.bin'])).rejects.toThrow(
    '3 MiB do not fit into the cache of 2 MiB: mount with a larger --cache-limit',
  )
  expect(small.remote.count('readRange')).toBe(0)
  await small.stop()
  const none = await TestDrive.open({ beside: drive })
  await expect(none.drive.top.warm(['a.bin'])).rejects.toThrow('--cache-limit is 0')
  await none.stop()
})
