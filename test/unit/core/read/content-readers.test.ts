import { describe, expect, it } from 'vitest'
import { KIB, MIB, readingSetup as setUp, readThrough } from '../../../fakes/content-reading.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { settle } from '../../../fakes/manual-clock.ts'

const big = patternBytes(64 * MIB)

describe('a read', () => {
  it('answers the bytes of its place, fewer only at the end', async () => {
    const { remote, readers } = setUp()
    const bytes = patternBytes(300 * KIB + 7)
    const reader = readers.open(remote.add('a', bytes))
    expect(Buffer.compare(await reader.read(0, 10), bytes.subarray(0, 10))).toBe(0)
    expect(
      Buffer.compare(await reader.read(128 * KIB - 5, 10), bytes.subarray(128 * KIB - 5, 128 * KIB + 5)),
    ).toBe(0)
    expect(Buffer.compare(await reader.read(300 * KIB, 4096), bytes.subarray(300 * KIB))).toBe(0)
    expect(await reader.read(300 * KIB + 7, 1)).toHaveLength(0)
    expect(await reader.read(10 * MIB, 1)).toHaveLength(0)
    expect(await reader.read(0, 0)).toHaveLength(0)
  })

  it('of an empty content costs no request', async () => {
    const { remote, readers } = setUp()
    const reader = readers.open(remote.add('a', new Uint8Array()))
    expect(await reader.read(0, 4096)).toHaveLength(0)
    expect(remote.requests).toEqual([])
  })

  it('of the first bytes costs one small range', async () => {
    const { remote, readers } = setUp()
    await readers.open(remote.add('a', big)).read(0, 1024)
    expect(remote.requests).toMatchObject([{ start: 0, end: 64 * KIB }])
  })

  it('of a small file that was read before costs nothing, also by another handle later', async () => {
    const { remote, readers } = setUp()
    const content = remote.add('a', patternBytes(200 * KIB))
    const first = readers.open(content)
    await readThrough(first, 128 * KIB)
    first.close()
    const before = remote.requests.length
    const second = readers.open(content)
    await readThrough(second, 64 * KIB)
    expect(remote.requests).toHaveLength(before)
  })
})

describe('reading in sequence', () => {
  it('grows its window from 1 MiB to parts of 8 MiB', async () => {
    const { remote, readers } = setUp()
    await readThrough(readers.open(remote.add('a', big)), 128 * KIB)
    expect(remote.sizesKiB.slice(0, 5)).toEqual([1024, 3584, 3584, 8192, 8192])
    expect(Math.max(...remote.sizesKiB)).toBe(8192)
    expect(remote.requests.length).toBeLessThanOrEqual(64 / 4 + 6)
    expect(remote.sizesKiB.reduce((sum, size) => sum + size, 0)).toBe(64 * KIB)
  })

  it.each([4 * KIB, 16 * KIB, 100_000, MIB])('in steps of %d bytes fetches nothing twice', async (step) => {
    const { remote, readers } = setUp()
    const bytes = big.subarray(0, 16 * MIB)
    await readThrough(readers.open(remote.add('a', bytes)), step)
    expect(remote.sizesKiB.reduce((sum, size) => sum + size, 0)).toBe(16 * KIB)
    expect(remote.requests.length).toBeLessThanOrEqual(10)
  })

  it('keeps several ranges in flight, at most the largest window', async () => {
    const { remote, readers } = setUp({ options: { maxWindowBytes: 16 * MIB, partBytes: 4 * MIB } })
    const reader = readers.open(remote.add('a', big))
    for (let at = 0; at < 24 * MIB; at += 128 * KIB) await reader.read(at, 128 * KIB)
    await settle()
    remote.hold()
    const waiting = reader.read(24 * MIB, 128 * KIB)
    for (let at = 24 * MIB; at < 40 * MIB; at += 128 * KIB) void reader.read(at, 128 * KIB)
    expect(remote.inFlightBytes).toBeGreaterThan(8 * MIB)
    const furthest = Math.max(...remote.requests.map(({ end }) => end))
    expect(furthest).toBeGreaterThan(50 * MIB)
    expect(furthest).toBeLessThanOrEqual(40 * MIB + 16 * MIB)
    remote.release('newest-first')
    await waiting
  })

  it.each([
    { readers: 1, aheadMib: 16 },
    { readers: 6, aheadMib: 2 },
  ])(
    'has a window of $aheadMib MiB in 24 MiB of memory where there are $readers',
    async ({ readers: count, aheadMib }) => {
      const { remote, readers, budget } = setUp({
        limitBytes: 24 * MIB,
        options: { maxWindowBytes: 16 * MIB, partBytes: 2 * MIB },
      })
      const handles = Array.from({ length: count }, (_, i) => readers.open(remote.add(`${i}`, big)))
      for (let at = 0; at < 24 * MIB; at += 128 * KIB)
        for (const handle of handles) await handle.read(at, 128 * KIB)
      await settle()
      const furthest = Math.max(...remote.requests.map(({ end }) => end))
      expect(furthest).toBeGreaterThan((24 + aheadMib - 4) * MIB)
      expect(furthest).toBeLessThanOrEqual((24 + aheadMib) * MIB)
      expect(budget.usedBytes).toBeLessThanOrEqual(budget.limitBytes)
      const asked = remote.requests.filter(({ start }) => start < 24 * MIB)
      expect(asked.reduce((sum, { start, end }) => sum + end - start, 0)).toBeLessThanOrEqual(
        count * 26 * MIB,
      )
    },
  )

  it('has any number of ranges listen for its end, without a warning of Node', async () => {
    const { remote, readers } = setUp()
    await readers.open(remote.add('a', big)).read(0, 128 * KIB)
    const warnings: Error[] = []
    const note = (warning: Error) => warnings.push(warning)
    process.on('warning', note)
    for (let range = 0; range < 50; range += 1)
      remote.requests[0]!.signal!.addEventListener('abort', () => undefined)
    // Warnings come with the next turn of the loop.
    await settle()
    process.off('warning', note)
    expect(warnings).toEqual([])
  })

  it('fetches no further ahead than what a limit lets through in ten seconds', async () => {
    const { remote, readers } = setUp({ bytesPerSecond: 100 * KIB })
    const reader = readers.open(remote.add('a', big))
    for (let at = 0; at < 8 * MIB; at += 128 * KIB) {
      await reader.read(at, 128 * KIB)
      const furthest = Math.max(...remote.requests.map(({ end }) => end))
      expect(furthest - at).toBeLessThanOrEqual(1000 * KIB + 128 * KIB)
    }
    expect(Math.max(...remote.sizesKiB)).toBeGreaterThan(128)
  })

  it('answers what has come of a range before the rest has', async () => {
    const { remote, readers } = setUp()
    const reader = readers.open(remote.add('a', big))
    remote.hold()
    const first = reader.read(0, 128 * KIB)
    await settle()
    remote.trickle(128 * KIB)
    expect(Buffer.compare(await first, big.subarray(0, 128 * KIB))).toBe(0)
    expect(remote.inFlightBytes).toBe(MIB)
    remote.release()
  })

  it('fetches no further ahead than what a slow line brings in two seconds, or the first window', async () => {
    const { remote, readers, clock } = setUp()
    const reader = readers.open(remote.add('a', big))
    for (let at = 0; at < 4 * MIB; at += 128 * KIB) {
      remote.hold()
      const reading = reader.read(at, 128 * KIB)
      await settle()
      for (let come = 0; come < 10; come += 1) {
        remote.trickle(64 * KIB)
        await clock.advance(100) // 640 KiB a second and range
      }
      remote.release()
      await reading
      const furthest = Math.max(...remote.requests.map(({ end }) => end))
      if (at > 2 * MIB) expect(furthest - at).toBeLessThanOrEqual(3 * MIB)
    }
  })

  it.each([
    [1, 16, 30],
    [100, 30, 64],
  ])(
    'fetches so far ahead of a fast line that begins after %d ms that it is never idle: %d to %d MiB',
    async (latencyMs, least, most) => {
      const { remote, readers, clock } = setUp()
      const reader = readers.open(remote.add('a', big))
      let furthest = 0
      for (let at = 0; at < 32 * MIB; at += MIB) {
        remote.hold()
        const reading = reader.read(at, MIB)
        await settle()
        await clock.advance(latencyMs)
        for (let come = 0; come <= 8; come += 1) {
          remote.trickle(come === 0 ? 1 : MIB)
          await clock.advance(8) // 125 MiB a second and range
        }
        remote.release()
        await reading
        // Before that the line is not known.
        if (at >= 16 * MIB) furthest = Math.max(furthest, ...remote.requests.map(({ end }) => end - at))
      }
      expect(furthest / MIB).toBeGreaterThan(least)
      expect(furthest / MIB).toBeLessThanOrEqual(most)
    },
  )

  it("is recognised in the kernel's readahead, parallel and out of order", async () => {
    const { remote, readers } = setUp()
    const bytes = big.subarray(0, 32 * MIB)
    const reader = readers.open(remote.add('a', bytes))
    for (let group = 0; group < 32 * MIB; group += 512 * KIB) {
      const offsets = [0, 2, 1, 3].map((i) => group + i * 128 * KIB)
      const found = await Promise.all(offsets.map((offset) => reader.read(offset, 128 * KIB)))
      for (const [i, offset] of offsets.entries()) {
        expect(Buffer.compare(found[i]!, bytes.subarray(offset, offset + 128 * KIB))).toBe(0)
      }
    }
    expect(remote.requests.length).toBeLessThanOrEqual(32 / 4 + 8)
    expect(remote.sizesKiB.reduce((sum, size) => sum + size, 0)).toBe(32 * KIB)
  })

  it('goes on in large ranges after what it had fetched ahead was pushed out of memory', async () => {
    const { remote, readers, budget } = setUp({ limitBytes: 64 * MIB })
    const reader = readers.open(remote.add('a', big))
    for (let at = 0; at < 24 * MIB; at += 128 * KIB) await reader.read(at, 128 * KIB)
    await settle()
    const before = remote.requests.length
    expect(budget.reserve(budget.limitBytes)).toBe(true)
    budget.release(budget.limitBytes)
    for (let at = 24 * MIB; at < 40 * MIB; at += 128 * KIB) await reader.read(at, 128 * KIB)
    expect(remote.requests.length - before).toBeLessThanOrEqual(12)
  })

  it('at two places of one handle by turns keeps two windows', async () => {
    const { remote, readers } = setUp()
    const reader = readers.open(remote.add('a', big))
    for (let at = 0; at < 16 * MIB; at += 128 * KIB) {
      await reader.read(at, 128 * KIB)
      await reader.read(40 * MIB + at, 128 * KIB)
    }
    expect(remote.requests.length).toBeLessThanOrEqual(2 * (16 / 4 + 8))
  })

  it('by two handles of one content shares every block', async () => {
    const { remote, readers } = setUp()
    const content = remote.add('a', big.subarray(0, 16 * MIB))
    const [a, b] = [readers.open(content), readers.open(content)]
    for (let at = 0; at < 16 * MIB; at += 128 * KIB) {
      await Promise.all([a.read(at, 128 * KIB), b.read(at, 128 * KIB)])
    }
    expect(remote.sizesKiB.reduce((sum, size) => sum + size, 0)).toBe(16 * KIB)
  })

  it('towards the start fetches a MiB at a time', async () => {
    const { remote, readers } = setUp()
    const bytes = big.subarray(0, 16 * MIB)
    const reader = readers.open(remote.add('a', bytes))
    for (let at = bytes.length - 64 * KIB; at >= 0; at -= 64 * KIB) {
      expect(Buffer.compare(await reader.read(at, 64 * KIB), bytes.subarray(at, at + 64 * KIB))).toBe(0)
    }
    expect(remote.requests.length).toBeLessThanOrEqual(16 + 3)
    expect(remote.sizesKiB.reduce((sum, size) => sum + size, 0)).toBe(16 * KIB)
  })
})

describe('reading here and there', () => {
  it('costs one small range a read', async () => {
    const { remote, readers } = setUp()
    const reader = readers.open(remote.add('a', big))
    const blocks = new Set<number>()
    for (let i = 1; i <= 200; i += 1) {
      const offset = ((i * 7919 * 4096) % (64 * MIB)) & ~4095
      blocks.add(Math.floor(offset / (64 * KIB)))
      expect(Buffer.compare(await reader.read(offset, 4096), big.subarray(offset, offset + 4096))).toBe(0)
    }
    expect(remote.requests.length).toBe(blocks.size)
    expect(new Set(remote.sizesKiB)).toEqual(new Set([64]))
  })

  it('in strides costs one small range a stride', async () => {
    const { remote, readers } = setUp()
    const reader = readers.open(remote.add('a', big))
    for (let at = 0; at < 32 * MIB; at += MIB) await reader.read(at, 4096)
    expect(remote.sizesKiB).toEqual(Array.from({ length: 32 }, () => 64))
  })

  it('asks once for a block that many want at the same time', async () => {
    const { remote, readers } = setUp()
    const content = remote.add('a', big)
    await Promise.all(Array.from({ length: 20 }, () => readers.open(content).read(5 * MIB, 4096)))
    expect(remote.requests).toHaveLength(1)
  })
})
