import { EventEmitter, once } from 'node:events'
import { copyFile, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { DiskCaching, smallBlocks, type DiskCachingOptions } from '../../../fakes/disk-caching.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { FullDisk } from '../../../fakes/full-disk.ts'
import { settle } from '../../../fakes/manual-clock.ts'

const KIB = 1024
const MIB = 1024 * KIB

let caching: DiskCaching

async function setUp(options: DiskCachingOptions = {}): Promise<DiskCaching> {
  await caching?.close()
  caching = await DiskCaching.open(options)
  return caching
}

beforeEach(() => setUp())
afterEach(() => caching.close())

function same(found: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(found, expected) === 0
}

async function flip(file: string, position: number): Promise<void> {
  const handle = await open(file, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, position)
  await handle.write(Buffer.from([byte[0]! ^ 0x40]), 0, 1, position)
  await handle.close()
}

describe('a content that was read before', () => {
  it.each([1, 4096, 64 * KIB, 64 * KIB + 1, 4 * MIB, 9 * MIB + 5])(
    'of %d bytes costs no request after a restart',
    async (sizeBytes) => {
      const bytes = patternBytes(sizeBytes)
      const content = caching.remote.add('a', bytes)
      expect(same(await caching.readThrough(content), bytes)).toBe(true)
      await caching.restart()
      const cost = await caching.costOf(async () => {
        expect(same(await caching.readThrough(content), bytes)).toBe(true)
        expect(same(await caching.read(content, sizeBytes - 1, 10), bytes.subarray(-1))).toBe(true)
      })
      expect(cost).toBe(0)
    },
  )

  it('costs no request after its process was killed', async () => {
    const bytes = patternBytes(5 * MIB)
    const content = caching.remote.add('a', bytes)
    await caching.readThrough(content)
    await caching.cache.settled()
    await caching.start() // without closing what was before
    const cost = await caching.costOf(async () =>
      expect(same(await caching.readThrough(content), bytes)).toBe(true),
    )
    expect(cost).toBe(0)
  })

  it('in part costs what is missing', async () => {
    const bytes = patternBytes(8 * MIB)
    const content = caching.remote.add('a', bytes)
    await caching.read(content, 3 * MIB, 4096)
    await caching.restart()
    const before = caching.remote.requests.length
    expect(same(await caching.readThrough(content), bytes)).toBe(true)
    const sum = caching.remote.requests.slice(before).reduce((sum, { start, end }) => sum + end - start, 0)
    expect(sum).toBe(8 * MIB - 64 * KIB)
  })

  it('costs nothing without memory either', async () => {
    await setUp({ memoryBytes: MIB })
    const bytes = patternBytes(6 * MIB)
    const content = caching.remote.add('a', bytes)
    await caching.readThrough(content)
    await caching.cache.settled()
    expect(await caching.costOf(() => caching.readThrough(content))).toBe(0)
  })

  it('is another one in another drive, with another size or another id', async () => {
    const content = caching.remote.add('a', patternBytes(1000))
    await caching.readThrough(content)
    await caching.restart('another drive')
    expect(await caching.costOf(() => caching.readThrough(content))).toBe(1)
    await caching.restart('another drive')
    const shorter = caching.remote.add('a', patternBytes(999))
    expect(await caching.costOf(() => caching.readThrough(shorter))).toBe(1)
    const other = caching.remote.add('b', patternBytes(1000, 2))
    expect(await caching.costOf(() => caching.readThrough(other))).toBe(1)
  })

  it('can be read by nobody else [R4]', async () => {
    await caching.readThrough(caching.remote.add('a', patternBytes(1000)))
    await caching.cache.settled()
    const [file] = await caching.files()
    expect((await stat(file!)).mode & 0o777).toBe(0o600)
    expect((await stat(join(file!, '..'))).mode & 0o777).toBe(0o700)
  })
})

describe('1,000 reads of 4 KiB here and there', () => {
  it('fetch at most 20 times what was asked for', async () => {
    const bytes = patternBytes(256 * MIB)
    const content = caching.remote.add('a', bytes)
    const reader = caching.readers.open(content)
    for (let i = 1; i <= 1000; i += 1) {
      const offset = ((i * 7919) % (256 * 256)) * 4 * KIB
      expect(same(await reader.read(offset, 4 * KIB), bytes.subarray(offset, offset + 4 * KIB))).toBe(true)
    }
    const fetched = caching.remote.requests.reduce((sum, { start, end }) => sum + end - start, 0)
    expect(fetched).toBeLessThanOrEqual(20 * 1000 * 4 * KIB)
  })
})

describe('a damaged file', () => {
  const bytes = patternBytes(300 * KIB)

  async function cached(): Promise<{ content: ReturnType<DiskCaching['remote']['add']>; file: string }> {
    const content = caching.remote.add('a', bytes)
    await caching.readThrough(content)
    await caching.cache.close()
    const [file] = await caching.files()
    return { content, file: file! }
  }

  it.each([
    ['a block', (file: string) => flip(file, 4096 + 70 * KIB)],
    ['the last byte', (file: string) => flip(file, 4096 + 300 * KIB - 1)],
    ['the head', (file: string) => flip(file, 100)],
    ['a checksum', (file: string) => flip(file, 2304)],
    ['a cut end', (file: string) => truncate(file, 4096 + 200 * KIB)],
    ['no blocks', (file: string) => truncate(file, 4096)],
    ['half a head', (file: string) => truncate(file, 2000)],
    ['nothing', (file: string) => truncate(file, 0)],
    ['zeros', async (file: string) => writeFile(file, Buffer.alloc((await stat(file)).size))],
    ['a newer version', (file: string) => flip(file, 12)],
  ])('(%s) is a miss, and whole again afterwards [R5]', async (_, damage) => {
    const { content, file } = await cached()
    await damage(file)
    await caching.start()
    const cost = await caching.costOf(async () =>
      expect(same(await caching.readThrough(content, 300 * KIB), bytes)).toBe(true),
    )
    expect(cost).toBeGreaterThan(0)
    expect(caching.log.lines.filter(({ level }) => level === 'warn')).not.toEqual([])
    await caching.restart()
    expect(await caching.costOf(() => caching.readThrough(content))).toBe(0)
  })

  it('that holds the bytes of another content is a miss', async () => {
    const { content, file } = await cached()
    await caching.start()
    const other = patternBytes(300 * KIB, 2)
    await caching.readThrough(caching.remote.add('b', other))
    await caching.cache.close()
    const [first, second] = await caching.files()
    await copyFile(first === file ? second! : first!, file)
    await caching.start()
    expect(same(await caching.readThrough(content), bytes)).toBe(true)
  })

  it('that is gone while it is used is a miss', async () => {
    const { content, file } = await cached()
    await caching.start()
    await caching.read(content, 0, 10)
    await truncate(file, 0)
    expect(same(await caching.readThrough(content), bytes)).toBe(true)
  })
})

describe('the limit', () => {
  it('is kept while files are open, and what was used longest ago goes [R1][R2]', async () => {
    await setUp({ cache: { limitBytes: 20 * MIB } })
    const contents = Array.from({ length: 8 }, (_, i) =>
      caching.remote.add(`c${i}`, patternBytes(4 * MIB, i)),
    )
    const readers = contents.map((content) => caching.readers.open(content))
    for (const [i, content] of contents.entries()) {
      await caching.readThrough(content)
      await readers[i]!.read(0, 10)
      await caching.cache.settled()
      if (i > 0) await caching.read(contents[0]!, 0, 10) // the first is always in use
      expect(await caching.allocatedBytes()).toBeLessThanOrEqual(20 * MIB)
    }
    await caching.restart()
    const costs: number[] = []
    for (const content of [0, 7, 6, 5].map((i) => contents[i]!))
      costs.push(await caching.costOf(() => caching.read(content, 0, MIB)))
    expect(costs).toEqual([0, 0, 0, 0])
    expect(await caching.costOf(() => caching.read(contents[1]!, 0, MIB))).toBe(1)
    expect((await caching.cache.usage()).usedBytes).toBeLessThanOrEqual(20 * MIB)
  })

  it('that became lower counts from the start', async () => {
    for (let i = 0; i < 6; i += 1)
      await caching.readThrough(caching.remote.add(`c${i}`, patternBytes(MIB, i)))
    await caching.cache.close()
    const { folder } = caching
    const lower = await DiskCaching.open({ folder, cache: { limitBytes: 3 * MIB } })
    await lower.cache.usage()
    expect(await lower.allocatedBytes()).toBeLessThanOrEqual(3 * MIB)
    await lower.cache.close()
    await caching.start()
  })

  it('is a tenth of the disk unless said, and 10 GiB at most', async () => {
    const layer = new FullDisk()
    layer.space = async () => ({ freeBytes: 5 * MIB, totalBytes: 70 * MIB })
    await setUp({ layer, cache: { limitBytes: undefined } })
    expect((await caching.cache.usage()).limitBytes).toBe(7 * MIB)
    layer.space = async () => ({ freeBytes: 1e15, totalBytes: 1e15 })
    await caching.restart()
    expect((await caching.cache.usage()).limitBytes).toBe(10 * 1024 * MIB)
  })

  it('of what is left to others is kept', async () => {
    const layer = new FullDisk()
    layer.space = async () => ({ freeBytes: layer.roomBytes, totalBytes: 1e12 })
    layer.remove = async (path) => {
      const { size } = await stat(path).catch(() => ({ size: 0 }))
      layer.roomBytes += size
      await rm(path, { force: true })
    }
    await setUp({ layer, cache: { reserveBytes: 10 * MIB } })
    layer.roomBytes = 12 * MIB
    for (let i = 0; i < 5; i += 1)
      await caching.readThrough(caching.remote.add(`c${i}`, patternBytes(MIB, i)))
    await caching.cache.settled()
    expect(layer.roomBytes).toBeGreaterThan(10 * MIB - 16 * KIB)
    expect((await caching.cache.usage()).contents).toBe(1)
  })
})

describe('a disk that is full', () => {
  it('makes no read fail, and is tried again later [R6]', async () => {
    const layer = new FullDisk()
    await setUp({ layer })
    layer.space = async () => ({ freeBytes: 1e12, totalBytes: 1e12 }) // it finds out too late
    layer.roomBytes = 1.5 * MIB
    const bytes = patternBytes(MIB)
    for (let i = 0; i < 4; i += 1)
      expect(same(await caching.readThrough(caching.remote.add(`c${i}`, bytes)), bytes)).toBe(true)
    await caching.cache.settled()
    const { contents } = await caching.cache.usage()
    expect(contents).toBeLessThan(4)
    expect(caching.log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
    layer.roomBytes = Infinity
    await caching.readThrough(caching.remote.add('early', bytes))
    await caching.cache.settled()
    expect((await caching.cache.usage()).contents).toBe(contents)
    await caching.clock.advance(30_001)
    await caching.readThrough(caching.remote.add('late', bytes))
    await caching.cache.settled()
    expect((await caching.cache.usage()).contents).toBe(contents + 1)
  })
})

describe('where bytes lie in a file', () => {
  it('is known once this process has looked at them', async () => {
    await setUp({ read: smallBlocks, cache: { blocksPerSegment: 8 } })
    const bytes = patternBytes(100 * KIB)
    const content = caching.remote.add('a', bytes)
    await caching.readThrough(content, 8 * KIB)
    await caching.restart()
    const reader = caching.readers.open(content)
    expect(reader.spanOf(4 * KIB, 4 * KIB)).toBeUndefined()
    await reader.read(4 * KIB, 4 * KIB)
    const span = reader.spanOf(5 * KIB, KIB)!
    const found = Buffer.alloc(span.length)
    const handle = await open(`/proc/self/fd/${span.fd}`)
    await handle.read(found, 0, span.length, span.offset)
    await handle.close()
    expect(same(found, bytes.subarray(5 * KIB, 6 * KIB))).toBe(true)
    expect(reader.spanOf(0, 4 * KIB)).toBeUndefined()
    expect(reader.spanOf(30 * KIB, 4 * KIB)).toBeUndefined() // in two files
    reader.close()
  })

  it('is known in advance for who reads on, up to the end', async () => {
    const bytes = patternBytes(20 * MIB + 100)
    const content = caching.remote.add('a', bytes)
    await caching.readThrough(content)
    await caching.restart()
    const reader = caching.readers.open(content)
    for (let at = 0; at < MIB; at += 128 * KIB) await reader.read(at, 128 * KIB)
    for (let at = MIB; at < bytes.length; at += 128 * KIB) {
      await eventually(() => reader.spanOf(at, 128 * KIB) !== undefined)
      expect(reader.spanOf(at, 128 * KIB)?.length).toBe(Math.min(128 * KIB, bytes.length - at))
    }
    reader.close()
  })

  it('leads to what is missing being fetched ahead', async () => {
    const content = caching.remote.add('a', patternBytes(16 * MIB))
    const first = caching.readers.open(content)
    for (let at = 0; at < 2 * MIB; at += 128 * KIB) await first.read(at, 128 * KIB)
    first.close()
    await caching.cache.settled()
    const reader = caching.readers.open(content)
    const before = caching.remote.requests.length
    let at = 0
    for (; reader.spanOf(at, 128 * KIB); at += 128 * KIB) await settle()
    expect(at).toBeGreaterThanOrEqual(2 * MIB)
    expect(caching.remote.requests.length).toBeGreaterThan(before)
    reader.close()
  })
})

describe('a folder', () => {
  it('of a newer version is refused with a sentence', async () => {
    await caching.cache.close()
    await writeFile(join(caching.folder, 'format'), '2\n')
    await expect(caching.start()).rejects.toThrow(/was made by a newer version of cloudreve-mount/)
    await writeFile(join(caching.folder, 'format'), '')
    await caching.start()
    expect(await readFile(join(caching.folder, 'format'), 'utf8')).toBe('1\n')
  })

  it('is empty after it was cleared, and its contents are fetched again', async () => {
    const content = caching.remote.add('a', patternBytes(5 * MIB))
    await caching.readThrough(content)
    await caching.cache.clear()
    expect(await caching.files()).toEqual([])
    expect(await caching.cache.usage()).toMatchObject({ usedBytes: 0, contents: 0 })
    await caching.restart()
    expect(await caching.costOf(() => caching.readThrough(content))).toBeGreaterThan(0)
  })

  it('tells how much of a content is there', async () => {
    const content = caching.remote.add('a', patternBytes(10 * MIB + 1))
    const onDisk = () => caching.readers.onDisk(content)!
    expect(await onDisk().presentBytes()).toBe(0)
    await caching.read(content, 10 * MIB, 1)
    await caching.cache.settled()
    expect(await onDisk().presentBytes()).toBe(1)
    await caching.readThrough(content)
    await caching.restart()
    expect(await onDisk().presentBytes()).toBe(10 * MIB + 1)
    await onDisk().remove()
    expect(await onDisk().presentBytes()).toBe(0)
    expect(await caching.files()).toEqual([])
  })
})

describe('a content that is copied in', () => {
  it('costs no request, also while the copy goes on', async () => {
    const bytes = patternBytes(9 * MIB + 7)
    const content = caching.remote.add('a', bytes)
    const gate = new EventEmitter()
    const held = once(gate, 'open')
    const copy = caching.readers.onDisk(content)!.fill(async ({ start, end }) => {
      if (start >= 4 * MIB) await held
      return bytes.subarray(start, end)
    })
    const cost = await caching.costOf(async () => {
      expect(same(await caching.read(content, MIB, 100), bytes.subarray(MIB, MIB + 100))).toBe(true)
      const late = caching.read(content, 9 * MIB, 7)
      await settle()
      gate.emit('open')
      expect(same(await late, bytes.subarray(9 * MIB))).toBe(true)
      await copy
      expect(same(await caching.readThrough(content), bytes)).toBe(true)
    })
    expect(cost).toBe(0)
  })

  it('of which something is not to be had is fetched in part', async () => {
    const bytes = patternBytes(3 * MIB)
    const content = caching.remote.add('a', bytes)
    await caching.readers
      .onDisk(content)!
      .fill(async ({ start, end }) => (start === MIB ? undefined : bytes.subarray(start, end)))
    expect(same(await caching.readThrough(content), bytes)).toBe(true)
    expect(caching.remote.requests.every(({ start, end }) => start >= MIB && end <= 2 * MIB)).toBe(true)
  })
})
