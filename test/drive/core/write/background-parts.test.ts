import { constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'
import { FakeFile, WriteBench, type WriteBenchOptions } from '../../../fakes/write-bench.ts'

const KIB = 1024
const MIB = 1024 ** 2

let bench: WriteBench

async function changedInPart(sizeBytes: number, options: WriteBenchOptions = {}): Promise<FakeFile> {
  bench = await WriteBench.open(options)
  const file = bench.existingFile('a', Buffer.alloc(sizeBytes, 'x'))
  file.content.retainWriter()
  await file.write(1, 'NEW')
  return file
}

const fetches = () => bench.remote.count('readRange')

/** So many pieces have come, or are on their way, and no more. */
async function fetched(count: number): Promise<void> {
  await eventually(() => fetches() >= count)
  await settle()
  expect(fetches()).toBe(count)
}

/** Time passes, in steps in which what is under way comes to its end. */
async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 5; i += 1) {
    await bench.clock.advance(200)
    await settle()
  }
}

afterEach(async () => {
  await bench.stop()
  await bench.remove()
})

describe('the rest of a file that was changed in part', () => {
  it('is here a second later, whatever becomes of it at the server [O5]', async () => {
    const file = await changedInPart(10, { versionsKept: 1 })
    expect(fetches()).toBe(0)
    await pass(2)
    await fetched(2)
    bench.remote.putAsOther('a', 'other')
    file.content.releaseWriter()
    await bench.settleAll(file)
    expect(file.displacements).toHaveLength(1)
    expect(bench.remote.textAt('a')).toBe('other')
    expect(bench.remote.textAt(file.displacements[0]!.copy.name)).toBe('xNEWxxxxxx')
    await fetched(2)
  })

  it('of which the server does not keep the old content: the upload is given up [O6]', async () => {
    const file = await changedInPart(10, { versionsKept: 1 })
    bench.remote.putAsOther('a', 'other')
    await pass(300)
    expect(fetches()).toBeLessThanOrEqual(2)
    expect(file.content.sync.state).toBe('failed')
    expect(file.content.sync.detail).toContain('does not keep the version')
  })

  it('is fetched no more often than it is uploaded, however long a program goes on writing', async () => {
    const file = await changedInPart(9 * MIB)
    for (let i = 0; i < 30; i += 1) {
      await pass(10)
      await eventually(() => file.content.sync.state !== 'uploading')
      await file.write(i, 'y')
    }
    const uploads = bench.remote.count('upload')
    expect(uploads).toBeGreaterThan(1)
    expect(fetches()).toBeLessThanOrEqual(4 * (uploads + 1))
    file.content.releaseWriter()
  })

  it('is left at the server where it is large [O6]', async () => {
    bench = await WriteBench.open()
    const { entity } = bench.remote.putAsOther('a', 'x')
    const file = new FakeFile(bench.remote, 'a')
    file.content = bench.writeBack.content(file, { entity: entity!, sizeBytes: 257 * MIB })
    file.content.retainWriter()
    await file.write(0, 'y')
    await pass(10)
    expect(fetches()).toBe(0)
  })

  it('is not fetched when nothing is left of it', async () => {
    const file = await changedInPart(10)
    await file.content.truncate(0)
    await pass(3)
    await file.write(0, 'all of it, and more')
    await pass(3)
    expect(fetches()).toBe(0)
    file.content.releaseWriter()
  })

  it('is not fetched when the changes are discarded, or it is overwritten piece by piece', async () => {
    const file = await changedInPart(10)
    await file.content.discard()
    await pass(3)
    for (let i = 0; i < 10; i += 1) await file.write(i, 'z')
    await pass(3)
    expect(fetches()).toBe(0)
    file.content.releaseWriter()
  })

  it('stops coming when it is cut to nothing on the way', async () => {
    const file = await changedInPart(20 * MIB)
    const gate = bench.remote.hold('readRange')
    await pass(1)
    await gate.entered
    await file.content.truncate(0)
    gate.release()
    await pass(20)
    await fetched(1)
    file.content.releaseWriter()
  })

  it('waits while programs read from the server', async () => {
    let isReading = true
    await changedInPart(10, { isReading: () => isReading })
    await pass(20)
    expect(fetches()).toBe(0)
    isReading = false
    await pass(1)
    await fetched(2)
  })

  it('comes in pieces of a second each under --download-limit', async () => {
    await changedInPart(256 * KIB, { downloadBytesPerSecond: () => 100 * KIB })
    await pass(3)
    await fetched(1 + Math.ceil((256 * KIB - 4) / (100 * KIB)))
  })

  it('waits for room on the local disk, and the upload waits for nothing', async () => {
    const file = await changedInPart(MIB, { stagingLimitBytes: KIB })
    await pass(120)
    await eventually(() => file.confirmations.length === 1)
    expect(bench.remote.bytesAt('a')?.subarray(0, 5)).toEqual(new Uint8Array(Buffer.from('xNEWx')))
    file.content.releaseWriter()
  })

  it('is asked for again after trouble', async () => {
    const file = await changedInPart(10)
    bench.remote.fail('readRange', new RemoteError('offline', 'no route'))
    await pass(2)
    await fetched(1)
    await pass(10)
    await fetched(3)
    file.content.releaseWriter()
  })

  it('that is on its way is not fetched a second time for the upload', async () => {
    const file = await changedInPart(10)
    const gate = bench.remote.hold('readRange')
    await pass(1)
    await gate.entered
    file.content.hurry()
    await settle()
    await fetched(1)
    gate.release()
    await eventually(() => file.confirmations.length === 1)
    await fetched(2)
    file.content.releaseWriter()
  })
})

describe('the rest of a file that was read before', () => {
  it('is not fetched again', async () => {
    bench = await WriteBench.open()
    const drive = await TestDrive.open({}, (remote) => remote.putAsOther('a', 'old content'))
    expect(await drive.text('a')).toBe('old content')
    drive.remote.script.forgetCalls()
    const file = await drive.open('a', constants.O_WRONLY)
    await drive.write(file, 'NEW')
    await drive.clock.advance(5_000)
    await drive.close(file)
    await drive.settleAll()
    expect(drive.remote.textAt('a')).toBe('NEW content')
    expect(drive.remote.count('readRange')).toBe(0)
    await drive.stop()
  })

  it('nor is that of a file which stays open, where contents are kept on the local disk', async () => {
    bench = await WriteBench.open()
    const cacheFolder = await mkdtemp(join(tmpdir(), 'cache-'))
    const content = Buffer.alloc(5 * MIB, 'x')
    const drive = await TestDrive.open({ cacheFolder }, (remote) => remote.putAsOther('a', content))
    const file = await drive.open('a', constants.O_RDWR)
    for (let i = 0; i < 5; i += 1) {
      await drive.write(file, 'NEW', 10 * i)
      await drive.clock.advance(5_000)
      await drive.clock.advance(70_000)
      await drive.settleAll()
    }
    expect(drive.remote.count('upload')).toBe(5)
    expect(drive.remote.count('readRange')).toBe(2)
    await drive.close(file)
    await drive.stop()
    await rm(cacheFolder, { recursive: true })
  })
})
