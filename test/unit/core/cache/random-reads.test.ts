import { copyFile, open, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { ContentAddress } from '../../../../src/remote/remote.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { aMoment } from '../../../fakes/manual-clock.ts'
import { DiskCaching, smallBlocks } from '../../../fakes/disk-caching.ts'
import { FullDisk } from '../../../fakes/full-disk.ts'
import { PowerLossDisk, seededRandom, type Random } from '../../../fakes/power-loss.ts'

const KIB = 1024
const limitBytes = 96 * KIB
/** What a reader that goes on gets at once. */
const windowBytes = smallBlocks.maxWindowBytes!

interface Known {
  readonly content: ContentAddress
  readonly bytes: Uint8Array
}

/** Contents from a byte to several files of the cache; together more than the limit. */
function contentsOf(caching: DiskCaching): Known[] {
  return [1, 4095, 4096, 4097, 20_000, 50_000, 70_001, 100_000].map((sizeBytes, i) => {
    const bytes = patternBytes(sizeBytes, i)
    return { bytes, content: caching.remote.add(`c${i}`, bytes) }
  })
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}

/** Several readers, each of which reads on from somewhere. */
async function readSome(caching: DiskCaching, known: readonly Known[], random: Random): Promise<void> {
  const readers = Array.from({ length: 3 }, async () => {
    const { content, bytes } = pick(random, known)
    const reader = caching.readers.open(content)
    const step = pick(random, [100, 4096, 10_000])
    let at = Math.floor(random() * bytes.length)
    const kept: { readonly found: Uint8Array; readonly at: number }[] = []
    const compare = (found: Uint8Array, from: number) =>
      expect(Buffer.compare(found, bytes.subarray(from, from + step)), `${content.entity} at ${from}`).toBe(0)
    for (let i = 0; i < 6; i += 1) {
      const view = random() < 0.5 ? reader.viewOf(at, step) : undefined
      const span = view ? undefined : reader.spanOf(at, step)
      if (view) compare(view, at)
      else if (!span) {
        const takesViews = random() < 0.5
        const found = await reader.read(at, step, { takesViews })
        compare(found, at)
        if (!takesViews) kept.push({ found, at })
      } else if (span.fd >= 0) {
        const handle = await open(`/proc/self/fd/${span.fd}`)
        const found = Buffer.alloc(span.length)
        await handle.read(found, 0, span.length, span.offset)
        await handle.close()
        compare(found, at)
      }
      at += step
    }
    for (const { found, at: from } of kept) compare(found, from)
    reader.close()
  })
  await Promise.all(readers)
}

/** Something of the cache's files becomes something else while no process has them open. */
async function damage(caching: DiskCaching, random: Random): Promise<void> {
  const files = await caching.files()
  if (files.length === 0) return
  const file = pick(random, files)
  const { size } = await stat(file)
  const kind = random()
  if (kind < 0.4) {
    const handle = await open(file, 'r+')
    const garbage = Buffer.from(Array.from({ length: 8 }, () => Math.floor(random() * 256)))
    await handle.write(garbage, 0, 8, Math.floor(random() * size))
    await handle.close()
  } else if (kind < 0.6) await truncate(file, Math.floor(random() * size))
  else if (kind < 0.8) await copyFile(pick(random, files), file)
  else if (kind < 0.9) await writeFile(file, '')
  else await rm(file)
}

it.each(Array.from({ length: 6 }, (_, i) => i + 1))(
  'reads answer the bytes through evictions, damage, faults, a full disk and ends of the process, within the limit (seed %d)',
  async (seed) => {
    const random = seededRandom(seed)
    const layer = new FullDisk()
    layer.space = async () => ({ freeBytes: 1e12, totalBytes: 1e12 })
    const cache = { limitBytes, blocksPerSegment: 4, waitingBytes: pick(random, [8 * KIB, 1024 * KIB]) }
    const memoryBytes = pick(random, [20 * KIB, 40 * KIB, 1024 * KIB])
    const caching = await DiskCaching.open({ layer, read: smallBlocks, cache, memoryBytes })
    const known = contentsOf(caching)
    let most = 0
    for (let step = 0; step < 40; step += 1) {
      const what = random()
      if (what < 0.06) caching.remote.fail(new RemoteError('offline', 'the line is down'))
      if (what > 0.94) layer.roomBytes = pick(random, [0, 5000, 30_000])
      const done = new AbortController()
      const reading = readSome(caching, known, random).finally(() => done.abort())
      for (let turns = 0; !done.signal.aborted; turns += 1) {
        await caching.clock.advance(10)
        if (turns > 200) await aMoment()
      }
      await reading
      if (what > 0.5) await caching.cache.settled()
      expect(await caching.allocatedBytes()).toBeLessThanOrEqual(limitBytes + windowBytes)
      if (random() < 0.2) {
        await caching.cache.close()
        most = Math.max(most, (await caching.cache.usage()).usedBytes)
        for (let i = random() * 4; i > 1; i -= 1) await damage(caching, random)
        layer.roomBytes = Infinity
        await caching.start()
        await caching.clock.advance(30_001)
      }
    }
    expect((await caching.cache.usage()).usedBytes).toBeLessThanOrEqual(limitBytes)
    expect(most).toBeGreaterThan(limitBytes / 2)
    await caching.close()
  },
)

it.each(Array.from({ length: 10 }, (_, i) => i + 1))(
  'reads answer the bytes after power was lost, or the process killed, at any moment (seed %d)',
  async (seed) => {
    const random = seededRandom(seed)
    const folder = '/cache'
    const layer = await PowerLossDisk.with(folder)
    const cache = { limitBytes, blocksPerSegment: 4 }
    const caching = await DiskCaching.open({ layer, folder, read: smallBlocks, cache, memoryBytes: 20 * KIB })
    const known = contentsOf(caching)
    let kept = 0
    for (let step = 0; step < 30; step += 1) {
      const disk = caching.layer as PowerLossDisk
      let [changes, found] = [Math.floor(random() * 40), undefined as PowerLossDisk | undefined]
      const how = random()
      disk.onChange = () => {
        changes -= 1
        if (changes === 0) found = how < 0.5 ? disk.crash(random) : disk.killed()
      }
      await readSome(caching, known, random)
      await caching.cache.close()
      disk.onChange = () => undefined
      caching.layer = found ?? disk.killed()
      await caching.start()
      for (const { content } of known) kept += await caching.readers.onDisk(content)!.presentBytes()
    }
    expect(kept).toBeGreaterThan(0)
  },
)
