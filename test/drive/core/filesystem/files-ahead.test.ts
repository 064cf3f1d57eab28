import { constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive, type TestDriveOptions } from '../../../fakes/test-drive.ts'
import { withLatency } from '../../../fakes/with-latency.ts'

const KIB = 1024

let drive: TestDrive
let cacheFolder: string | undefined

afterEach(async () => {
  await drive.stop()
  if (cacheFolder) await rm(cacheFolder, { recursive: true, force: true })
  cacheFolder = undefined
})

const name = (i: number) => `f${String(i).padStart(4, '0')}`

/** A drive with `count` files of `sizeBytes` bytes in `folder`, all of them listed. */
async function open(
  count: number,
  {
    folder = 'photos',
    sizeBytes = 2_000,
    ...options
  }: TestDriveOptions & { folder?: string; sizeBytes?: number } = {},
): Promise<TestDrive> {
  drive = await TestDrive.open(options, (remote) => {
    for (let i = 0; i < count; i += 1)
      remote.putAsOther(`${folder}/${name(i)}`, patternBytes(sizeBytes, i + 1))
  })
  await drive.names(folder)
  drive.remote.script.forgetCalls()
  return drive
}

async function read(path: string): Promise<Buffer> {
  const file = await drive.open(path)
  const bytes = Buffer.from(await drive.fs.read(file.fh, 0, 128 * KIB, drive.context()))
  await drive.close(file)
  return bytes
}

/** Reads one, and waits until nothing is on its way. */
async function readAndSettle(path: string): Promise<Buffer> {
  const bytes = await read(path)
  await settle()
  return bytes
}

const fetched = () =>
  drive.remote.calls.filter(({ method }) => method === 'readRange').map(({ subject }) => subject)

describe('small files in a row', () => {
  it('are fetched ahead from the third on, their URLs together [R9]', async () => {
    await open(50)
    for (const i of [0, 1]) await readAndSettle(`photos/${name(i)}`)
    expect(fetched()).toHaveLength(2)
    await readAndSettle(`photos/${name(2)}`)
    expect(fetched()).toEqual([0, 1, 2, 3, 4, 5].map((i) => `photos/${name(i)}`))
    expect(drive.remote.count('prepareReads')).toBe(1)
  })

  it('are read without asking once they are there, and each is fetched once', async () => {
    await open(200)
    for (let i = 0; i < 200; i += 1)
      expect(Buffer.compare(await readAndSettle(`photos/${name(i)}`), patternBytes(2_000, i + 1))).toBe(0)
    expect(fetched()).toHaveLength(200)
    expect(drive.remote.count('prepareReads')).toBeLessThan(20)
  })

  it('cost 1,000 files less than 150 round trips [R9]', async () => {
    await open(1_000)
    const line = withLatency(drive)
    for (let i = 0; i < 1_000; i += 1) await line.during(read(`photos/${name(i)}`))
    expect(line.roundTrips).toBeLessThan(150)
    expect(fetched()).toHaveLength(1_000)
    expect(line.mostAtOnce).toBeLessThanOrEqual(17)
    expect(line.mostAtOnce).toBeGreaterThan(12)
  })

  it('are fetched in the order of their names for who reads them so', async () => {
    drive = await TestDrive.open({}, (remote) => {
      for (let i = 99; i >= 0; i -= 1) remote.putAsOther(`photos/${name((i * 37) % 100)}`, 'content')
    })
    await drive.names('photos')
    for (const i of [0, 1, 2]) await readAndSettle(`photos/${name(i)}`)
    expect(fetched()).toEqual([0, 1, 2, 3, 4, 5].map((i) => `photos/${name(i)}`))
  })

  it('are fetched in the order of their inode numbers for who reads them so, as cp does', async () => {
    await open(100)
    const inodes = new Map<string, number>()
    for (let i = 0; i < 100; i += 1) inodes.set(name(i), (await drive.stat(`photos/${name(i)}`)).ino)
    const sorted = [...inodes].sort(([, a], [, b]) => a - b).map(([file]) => `photos/${file}`)
    for (const path of sorted.slice(0, 3)) await readAndSettle(path)
    expect(fetched()).toEqual(sorted.slice(0, 6))
  })

  it('are fetched in the next folders too for who goes from one to the next', async () => {
    drive = await TestDrive.open({}, (remote) => {
      for (let i = 0; i < 100; i += 1)
        remote.putAsOther(`tree/d${Math.floor(i / 5)}/${name(i)}`, `content ${i}`)
    })
    for (let i = 0; i < 20; i += 1) await drive.names(`tree/d${i}`)
    await drive.names('tree')
    const line = withLatency(drive)
    for (let i = 0; i < 100; i += 1)
      expect(String(await line.during(read(`tree/d${Math.floor(i / 5)}/${name(i)}`)))).toBe(`content ${i}`)
    expect(fetched()).toHaveLength(100)
    expect(line.roundTrips).toBeLessThan(50)
  })

  it('beyond their folder are not fetched for who was not seen to go there', async () => {
    drive = await TestDrive.open({}, (remote) => {
      for (let i = 0; i < 100; i += 1)
        remote.putAsOther(`tree/d${Math.floor(i / 50)}/${name(i)}`, `content ${i}`)
    })
    for (const folder of ['tree', 'tree/d0', 'tree/d1']) await drive.names(folder)
    for (let i = 0; i < 50; i += 1) await readAndSettle(`tree/d0/${name(i)}`)
    expect(fetched()).toHaveLength(50)
  })

  it('beyond their folder are not fetched for who went to another one once', async () => {
    drive = await TestDrive.open({}, (remote) => {
      for (let i = 0; i < 60; i += 1)
        remote.putAsOther(`tree/d${Math.floor(i / 20)}/${name(i)}`, `content ${i}`)
    })
    for (const folder of ['tree', 'tree/d0', 'tree/d1', 'tree/d2']) await drive.names(folder)
    for (let i = 0; i < 40; i += 1) await readAndSettle(`tree/d${Math.floor(i / 20)}/${name(i)}`)
    expect(fetched()).toHaveLength(40)
    await readAndSettle(`tree/d2/${name(40)}`)
    expect(fetched().length).toBeGreaterThan(41)
  })

  it('are asked for where the cache on the local disk does not have them', async () => {
    cacheFolder = await mkdtemp(join(tmpdir(), 'ahead-cache-'))
    await open(20, { cacheFolder })
    for (let i = 0; i < 10; i += 1) await readAndSettle(`photos/${name(i)}`)
    await drive.remount()
    await drive.names('photos')
    drive.remote.script.forgetCalls()
    for (let i = 0; i < 20; i += 1)
      expect(Buffer.compare(await readAndSettle(`photos/${name(i)}`), patternBytes(2_000, i + 1))).toBe(0)
    expect(new Set(fetched()).size).toBe(fetched().length)
    expect(fetched().length).toBeLessThanOrEqual(10)
  })
})

const expectNothing = () => expect(drive.remote.count('prepareReads')).toBe(0)

describe('nothing is fetched ahead', () => {
  it('of one file that is read again and again, nor of two [R9]', async () => {
    await open(50)
    for (let i = 0; i < 20; i += 1) await readAndSettle(`photos/${name(i % 2)}`)
    expectNothing()
    expect(fetched()).toHaveLength(2)
  })

  it('of files that are opened and not read', async () => {
    await open(50)
    for (let i = 0; i < 20; i += 1) await drive.close(await drive.open(`photos/${name(i)}`))
    await settle()
    expect(drive.remote.count()).toBe(0)
  })

  it('of files that are written', async () => {
    await open(50)
    for (let i = 0; i < 20; i += 1) {
      const file = await drive.open(`photos/${name(i)}`, constants.O_WRONLY | constants.O_TRUNC)
      await drive.write(file, 'new')
      await drive.close(file)
    }
    await settle()
    expectNothing()
    expect(fetched()).toEqual([])
  })

  it('of files of more than 1 MiB', async () => {
    await open(10, { sizeBytes: 1024 * KIB + 1 })
    for (let i = 0; i < 5; i += 1) await readAndSettle(`photos/${name(i)}`)
    expectNothing()
  })

  it('of files that are read here and there', async () => {
    await open(100)
    for (let i = 0; i < 60; i += 1) await readAndSettle(`photos/${name((i * 37) % 100)}`)
    expectNothing()
  })

  it('of files that are read minutes apart', async () => {
    await open(50)
    for (let i = 0; i < 10; i += 1) {
      await readAndSettle(`photos/${name(i)}`)
      await drive.clock.advance(6_000)
    }
    expectNothing()
  })

  it('after who read them all began to pass over some', async () => {
    await open(600)
    for (let i = 0; i < 100; i += 1) await readAndSettle(`photos/${name(i)}`)
    for (let i = 100; i < 600; i += 3) await readAndSettle(`photos/${name(i)}`)
    expect(fetched().length).toBeLessThanOrEqual(100 + 100 + 500 / 3)
    expect(drive.remote.calls.slice(-100).every(({ method }) => method === 'readRange')).toBe(true)
  })

  it('of what is changed or deleted before its turn comes', async () => {
    await open(50)
    const gate = drive.remote.hold('prepareReads')
    for (let i = 0; i < 3; i += 1) await readAndSettle(`photos/${name(i)}`)
    await drive.unlink(`photos/${name(3)}`)
    await drive.save(`photos/${name(4)}`, 'new')
    gate.release()
    await settle()
    expect(fetched().slice(3)).toEqual([`photos/${name(5)}`])
  })

  it('while the server is away', async () => {
    await open(50)
    drive.remote.fail('prepareReads', new RemoteError('offline', 'the server is away'))
    for (let i = 0; i < 4; i += 1) await readAndSettle(`photos/${name(i)}`)
    expect(fetched()).toHaveLength(4)
    expect(drive.remote.count('prepareReads')).toBe(1)
  })
})

describe('what a program asks for', () => {
  it('does not wait for what is fetched ahead', async () => {
    await open(50)
    const gate = drive.remote.hold('prepareReads')
    for (let i = 0; i < 3; i += 1) await read(`photos/${name(i)}`)
    await gate.entered
    expect(await read(`photos/${name(3)}`)).toHaveLength(2_000)
    gate.release()
    await settle()
    expect(fetched().filter((path) => path === `photos/${name(3)}`)).toHaveLength(1)
  })

  it('is taken from what is on its way', async () => {
    await open(50)
    const line = withLatency(drive)
    for (let i = 0; i < 3; i += 1) await line.during(readAndSettle(`photos/${name(i)}`))
    const waiting = read(`photos/${name(3)}`)
    await drive.clock.advance(30)
    expect(fetched().filter((path) => path === `photos/${name(3)}`)).toHaveLength(1)
    expect(await line.during(waiting)).toHaveLength(2_000)
    expect(fetched().filter((path) => path === `photos/${name(3)}`)).toHaveLength(1)
  })
})

it('only the first bytes are fetched of files of which only those are read', async () => {
  await open(50, { sizeBytes: 300 * KIB })
  const line = withLatency(drive)
  for (let i = 0; i < 12; i += 1) {
    const file = await line.during(drive.open(`photos/${name(i)}`))
    await line.during(drive.read(file, 0, 4 * KIB))
    await drive.close(file)
  }
  expect(line.sizes.length).toBeGreaterThan(12)
  expect(new Set(line.sizes)).toEqual(new Set([64 * KIB]))
})
