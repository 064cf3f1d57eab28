import { afterEach, describe, expect, it } from 'vitest'
import { formatChange } from '../../../../src/core/write/side-car.ts'
import { Errno } from '../../../../src/base/errno.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { FullDisk } from '../../../fakes/full-disk.ts'
import { WriteBench, type FakeFile, type WriteBenchOptions } from '../../../fakes/write-bench.ts'

let bench: WriteBench

async function open(options: WriteBenchOptions): Promise<void> {
  bench = await WriteBench.open(options)
}

afterEach(async () => {
  await bench.stop()
  await bench.remove()
})

const errno = (errno: number) => expect.objectContaining({ errno }) as unknown

/** Ten bytes for which there is no room since somebody else wrote. */
async function refusedUpload(): Promise<FakeFile> {
  const file = bench.newFile('a')
  await file.save('0123456789')
  bench.remote.putAsOther('big', new Uint8Array(95))
  await bench.clock.advance(500)
  await eventually(() => file.content.sync.state === 'failed')
  expect(file.content.sync.detail).toContain('drive is full')
  await eventually(() => bench.remote.count('capacity') === 1)
  return file
}

describe('the drive', () => {
  it('is full at the write that does not fit, and what was written before stays [F10]', async () => {
    await open({ totalBytes: 10 })
    const file = bench.newFile('a')
    await file.write(0, '0123456789')
    await expect(file.append('x')).rejects.toEqual(errno(Errno.EDQUOT))
    await expect(file.append('x')).rejects.toThrow(
      /goes to the trash.*until that is emptied.*--delete=permanent/,
    )
    await expect(file.content.truncate(11)).rejects.toEqual(errno(Errno.EDQUOT))
    expect(await file.text()).toBe('0123456789')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('0123456789')
  })

  it('must have room for the whole new version beside the old one', async () => {
    await open({ totalBytes: 15 })
    const file = bench.existingFile('a', '0123456789')
    bench.writeBack.learnCapacity(await bench.remote.capacity())
    await expect(file.write(0, 'X')).rejects.toEqual(errno(Errno.EDQUOT))
    expect(file.content.isDirty).toBe(false)
    expect(bench.writeBack.pending()).toEqual([])
    await file.content.truncate(5)
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('01234')
  })

  it('counts what waits in all files, and forgets what was discarded or cut', async () => {
    await open({ totalBytes: 10 })
    const [a, b] = [bench.newFile('a'), bench.newFile('b')]
    await a.write(0, '012345')
    await expect(b.write(0, '01234')).rejects.toEqual(errno(Errno.EDQUOT))
    await a.content.truncate(5)
    await b.write(0, '01234')
    await a.content.discard()
    await b.append('56789')
    await bench.settleAll(b)
    expect(bench.remote.textAt('b')).toBe('0123456789')
  })

  it('is asked again before a write is refused, so that room that was made counts at once', async () => {
    await open({ totalBytes: 10 })
    const file = bench.newFile('a')
    bench.remote.totalBytes = 100
    await file.write(0, '0123456789ABC')
    expect(bench.remote.count('capacity')).toBe(1)
  })

  it('is asked once for all writes that are refused within two seconds', async () => {
    await open({ totalBytes: 10 })
    const files = [bench.newFile('a'), bench.newFile('b'), bench.newFile('c')]
    const refusals = await Promise.allSettled(files.map((file) => file.write(0, '0123456789ABC')))
    expect(refusals.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    bench.remote.totalBytes = 100
    await expect(files[0]!.write(0, '0123456789ABC')).rejects.toEqual(errno(Errno.EDQUOT))
    expect(bench.remote.count('capacity')).toBe(1)
    await bench.clock.advance(2000)
    await files[0]!.write(0, '0123456789ABC')
    expect(bench.remote.count('capacity')).toBe(2)
  })

  it('is not asked for every write', async () => {
    await open({ totalBytes: 1000 })
    for (let i = 0; i < 5; i += 1) {
      const file = bench.newFile(`f${i}`)
      await file.save('x')
      await bench.settleAll(file)
      await bench.clock.advance(30_000)
    }
    expect(bench.remote.count('capacity')).toBe(0)
  })

  it('may be full all the same: the upload is kept, the next writes are refused, new content is not', async () => {
    await open({ totalBytes: 100 })
    const file = await refusedUpload()
    await expect(file.append('x')).rejects.toEqual(errno(Errno.EDQUOT))
    await expect(file.content.fsync()).rejects.toEqual(errno(Errno.EDQUOT))
    expect(await file.text()).toBe('0123456789')
    await file.save('tiny')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('tiny')
  })

  it('that has room again takes what it refused, without anybody asking for it', async () => {
    await open({ totalBytes: 100 })
    const file = await refusedUpload()
    bench.remote.totalBytes = 104
    bench.writeBack.learnCapacity(await bench.remote.capacity())
    expect(file.content.sync.state).toBe('failed') // not enough
    bench.remote.totalBytes = 105
    await bench.clock.advance(60_000)
    await bench.synced(file)
    expect(bench.remote.textAt('a')).toBe('0123456789')
  })

  it('is believed once when it claims to have room and refuses: only more room is a reason to try again', async () => {
    await open({ totalBytes: 100 })
    const file = bench.newFile('a')
    bench.remote.fail('upload', new RemoteError('quota', 'full'), 2)
    await file.save('0123456789')
    await bench.clock.advance(500)
    await eventually(() => bench.failures.length === 2)
    await bench.clock.advance(3_600_000)
    expect(file.content.sync.state).toBe('failed')
    expect(bench.remote.count('upload')).toBe(2)
    bench.remote.totalBytes = 200
    await bench.clock.advance(60_000)
    await bench.synced(file)
  })

  it('gives its room to as many of the waiting files as fit', async () => {
    await open({ totalBytes: 100 })
    bench.remote.putAsOther('big', new Uint8Array(95))
    const files = [bench.newFile('a'), bench.newFile('b')]
    for (const file of files) await file.save('0123456789')
    await bench.clock.advance(500)
    await eventually(() => files.every(({ content }) => content.sync.state === 'failed'))
    bench.remote.totalBytes = 105
    await bench.clock.advance(60_000)
    await eventually(() => files.some(({ content }) => content.sync.state === 'synced'))
    expect(files.map(({ content }) => content.sync.state).sort()).toEqual(['failed', 'synced'])
    bench.remote.totalBytes = 200
    await bench.clock.advance(60_000)
    await bench.synced(...files)
  })

  it('of unknown size refuses nothing', async () => {
    await open({ totalBytes: 10, knowsCapacity: false })
    bench.remote.fail('capacity', new RemoteError('server', 'no'), 2)
    const file = bench.newFile('a')
    await file.write(0, 'longer than ten bytes')
    expect(file.content.sizeBytes).toBe(21)
  })
})

describe('the local disk', () => {
  it('is full at the write, and everything acknowledged before stays as it was', async () => {
    const disk = new FullDisk()
    await open({ fileLayer: disk })
    const file = bench.newFile('a')
    await file.write(0, 'acknowledged')
    disk.roomBytes = 4
    await expect(file.append(' and more')).rejects.toEqual(errno(Errno.ENOSPC))
    expect(await file.text()).toBe('acknowledged')
    disk.roomBytes = Infinity
    await file.append('!')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('acknowledged!')
  })

  it('is full in the middle of an overwrite: what is in the file then is uploaded', async () => {
    const disk = new FullDisk()
    await open({ fileLayer: disk })
    const file = bench.newFile('a')
    await file.save('aaaaaaaa')
    const gate = bench.remote.hold('upload')
    await bench.clock.advance(500)
    await gate.entered
    const attempt = formatChange({ a: { sizeBytes: 8, digest: '0'.repeat(64) } })
    // What is being sent goes on record, then its bytes are kept for it, then half of the new ones fit.
    disk.roomBytes = attempt.length + 8 + 4
    await expect(file.write(0, 'bbbbbbbb')).rejects.toEqual(errno(Errno.ENOSPC))
    disk.roomBytes = Infinity
    expect(await file.text()).toBe('bbbbaaaa')
    gate.release()
    await eventually(() => file.confirmations.length === 1)
    expect(bench.remote.textAt('a')).toBe('aaaaaaaa')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('bbbbaaaa')
  })

  it('is full at the first write: the file stays clean', async () => {
    const disk = new FullDisk()
    await open({ fileLayer: disk })
    const file = bench.existingFile('a', 'old')
    disk.roomBytes = 0
    await expect(file.write(0, 'new')).rejects.toEqual(errno(Errno.ENOSPC))
    expect(file.content.isDirty).toBe(false)
    expect(await file.text()).toBe('old')
    disk.roomBytes = Infinity
    await file.write(0, 'new')
    await bench.settleAll(file)
    expect(bench.remote.textAt('a')).toBe('new')
  })

  it('is full while bytes are saved for a running upload: that upload is unharmed', async () => {
    const disk = new FullDisk()
    await open({ fileLayer: disk })
    const file = bench.newFile('a')
    await file.save('first')
    const gate = bench.remote.hold('upload')
    await bench.clock.advance(500)
    await gate.entered
    disk.roomBytes = 0
    await expect(file.write(0, 'XXXXX')).rejects.toEqual(errno(Errno.ENOSPC))
    disk.roomBytes = Infinity
    gate.release()
    await bench.synced(file)
    expect(bench.remote.textAt('a')).toBe('first')
  })

  it('is full while missing parts are brought here: the upload is tried again later', async () => {
    const disk = new FullDisk()
    await open({ fileLayer: disk })
    const file = bench.existingFile('a', 'abcdef')
    await file.write(0, 'X')
    disk.roomBytes = 2
    await bench.clock.advance(500)
    await eventually(() => file.content.sync.state === 'retrying')
    expect(file.content.sync.detail).toContain('local disk')
    disk.roomBytes = Infinity
    await bench.clock.advance(1000)
    await bench.synced(file)
    expect(bench.remote.textAt('a')).toBe('Xbcdef')
  })
})
