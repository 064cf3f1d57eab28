import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../../src/base/log.ts'
import { ContentReaders, MemoryBudget, type ReadOptions } from '../../../../src/core/read/index.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { KIB, MIB, readingSetup as setUp, readThrough } from '../../../fakes/content-reading.ts'
import { ContentRemote, patternBytes } from '../../../fakes/content-remote.ts'
import { ManualClock, settle } from '../../../fakes/manual-clock.ts'

const big = patternBytes(64 * MIB)
const transient = () => new RemoteError('offline', 'the server was not reached')

/** Lets time pass until all of `pending` are settled. */
async function settleAll(pending: Promise<void>[], clock: ManualClock): Promise<void> {
  const all = Promise.all(pending).then(() => 'done')
  for (;;) {
    const first = await Promise.race([all, settle().then(() => 'waiting')])
    if (first === 'done') return
    await clock.advance(clock.pending > 0 ? 5_000 : 0)
  }
}

describe('memory', () => {
  it('is never used beyond the budget, and many readers in sequence still fetch little twice', async () => {
    const { remote, readers, budget } = setUp({ limitBytes: 16 * MIB })
    const open = Array.from({ length: 6 }, (_, i) =>
      readers.open(remote.add(`e${i}`, big.subarray(0, 16 * MIB))),
    )
    for (let at = 0; at < 16 * MIB; at += 128 * KIB) {
      await Promise.all(open.map((reader) => reader.read(at, 128 * KIB)))
      expect(budget.usedBytes).toBeLessThanOrEqual(16 * MIB)
    }
    const fetchedMiB = remote.sizesKiB.reduce((sum, size) => sum + size, 0) / KIB
    expect(fetchedMiB).toBeLessThanOrEqual(6 * 16 * 1.05)
  })

  it('that is not there means exact plain reads, shared by those who wait at the same time', async () => {
    const { remote, readers, budget } = setUp({ limitBytes: 0 })
    const reader = readers.open(remote.add('a', big))
    await Promise.all([reader.read(4096, 4096), reader.read(4096, 4096)])
    await reader.read(8192, 4096)
    expect(remote.requests).toMatchObject([
      { start: 4096, end: 8192 },
      { start: 8192, end: 12_288 },
    ])
    expect(budget.usedBytes).toBe(0)
  })

  it('is given back when downloads fail', async () => {
    const { remote, readers, budget } = setUp()
    remote.fail(new RemoteError('entity-gone', 'that content is not kept any more'))
    const reader = readers.open(remote.add('a', big))
    await expect(reader.read(0, 4096)).rejects.toMatchObject({ kind: 'entity-gone' })
    expect(budget.usedBytes).toBe(0)
  })

  it('is not held by what was answered', async () => {
    const { remote, readers, budget } = setUp({ limitBytes: 8 * MIB })
    const reader = readers.open(remote.add('a', big))
    await readThrough(reader, 128 * KIB)
    const answered = await reader.read(64 * MIB - 4096, 4096)
    expect(answered.buffer.byteLength).toBe(4096)
    expect(budget.usedBytes).toBeLessThanOrEqual(8 * MIB)
  })
})

describe('trouble at the server', () => {
  it('for 10 s only delays a read', async () => {
    const { remote, readers, clock } = setUp()
    const goneUntil = clock.monotonic() + 10_000
    remote.failWhen(() => (clock.monotonic() < goneUntil ? transient() : undefined))
    const reading = readers.open(remote.add('a', big)).read(0, 4096)
    await clock.advance(9_999)
    expect(remote.requests.length).toBeGreaterThan(3)
    expect(remote.requests.length).toBeLessThan(30)
    await clock.advance(5_000)
    expect(Buffer.compare(await reading, big.subarray(0, 4096))).toBe(0)
  })

  it.each(['offline', 'server', 'unauthenticated', 'locked', 'unknown-outcome'] as const)(
    '"%s" is waited for',
    async (kind) => {
      const { remote, readers, clock } = setUp()
      remote.fail(new RemoteError(kind, 'passing'), 2)
      const reading = readers.open(remote.add('a', big)).read(0, 4096)
      await clock.advance(2_000)
      expect(await reading).toHaveLength(4096)
      expect(remote.requests).toHaveLength(3)
    },
  )

  it('goes up after the deadline, as what it was', async () => {
    const { remote, readers, clock } = setUp({ options: { deadlineMs: 30_000 } })
    remote.failWhen(transient)
    const reading = expect(readers.open(remote.add('a', big)).read(0, 4096)).rejects.toMatchObject({
      kind: 'offline',
    })
    await clock.advance(29_999)
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    expect(clock.pending).toBe(0)
    await reading
  })

  it.each(['entity-gone', 'not-found', 'denied', 'protocol'] as const)(
    '"%s" goes up at once',
    async (kind) => {
      const { remote, readers } = setUp()
      remote.fail(new RemoteError(kind, 'lasting'))
      await expect(readers.open(remote.add('a', big)).read(0, 4096)).rejects.toMatchObject({ kind })
      expect(remote.requests).toHaveLength(1)
    },
  )

  it('while fetching ahead is nobody’s, until the bytes are needed', async () => {
    const { remote, readers, clock } = setUp()
    const reader = readers.open(remote.add('a', big))
    for (let at = 0; at < 1.5 * MIB; at += 128 * KIB) await reader.read(at, 128 * KIB)
    remote.fail(transient(), 1)
    for (let at = 1.5 * MIB; at < 2.5 * MIB; at += 128 * KIB) await reader.read(at, 128 * KIB)
    await settle()
    const rest = (async () => {
      for (let at = 2.5 * MIB; at < 16 * MIB; at += 128 * KIB) {
        expect(Buffer.compare(await reader.read(at, 128 * KIB), big.subarray(at, at + 128 * KIB))).toBe(0)
      }
    })()
    await clock.advance(1_000)
    await rest
  })

  it('an answer of the wrong length is never passed on', async () => {
    const remote = new ContentRemote()
    const short = new ContentReaders({
      remote: { readRange: async () => new Uint8Array(10), prepareReads: async () => undefined },
      budget: new MemoryBudget(MIB),
      clock: new ManualClock(),
      log: silentLog,
    })
    await expect(short.open(remote.add('a', big)).read(0, 4096)).rejects.toMatchObject({ kind: 'protocol' })
  })
})

describe('giving up', () => {
  it('ends the waiting of one reader, not the request', async () => {
    const { remote, readers } = setUp()
    const content = remote.add('a', big)
    const [a, b] = [readers.open(content), readers.open(content)]
    remote.hold()
    const interrupt = new AbortController()
    const given = expect(a.read(0, 4096, { signal: interrupt.signal })).rejects.toMatchObject({
      kind: 'aborted',
    })
    const kept = b.read(0, 4096)
    await settle()
    interrupt.abort()
    await given
    expect(remote.requests[0]!.signal?.aborted).toBe(false)
    remote.release()
    expect(await kept).toHaveLength(4096)
    expect(remote.requests).toHaveLength(1)
  })

  it('ends a back-off too', async () => {
    const { remote, readers, clock } = setUp()
    remote.failWhen(transient)
    const interrupt = new AbortController()
    const given = expect(
      readers.open(remote.add('a', big)).read(0, 4096, { signal: interrupt.signal }),
    ).rejects.toMatchObject({ kind: 'aborted' })
    await clock.advance(50)
    interrupt.abort()
    await given
    expect(clock.pending).toBe(0)
  })

  it('before it began asks for nothing', async () => {
    const { remote, readers } = setUp()
    const reader = readers.open(remote.add('a', big))
    await expect(reader.read(0, 4096, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      kind: 'aborted',
    })
    expect(remote.requests).toEqual([])
  })
})

describe('closing', () => {
  it('the last reader lets content streams be cut and gives their memory back', async () => {
    const { remote, readers, budget } = setUp()
    const content = remote.add('a', big)
    const [a, b] = [readers.open(content), readers.open(content)]
    for (let at = 0; at < 2 * MIB; at += 128 * KIB) await a.read(at, 128 * KIB)
    await settle()
    remote.hold()
    void a.read(3 * MIB, 128 * KIB)
    for (let at = 3 * MIB; at < 6 * MIB; at += 128 * KIB) void a.read(at, 128 * KIB)
    const cached = budget.usedBytes - remote.inFlightBytes
    expect(remote.inFlightBytes).toBeGreaterThan(0)
    a.close()
    a.close()
    expect(remote.requests.at(-1)!.signal?.aborted).toBe(false)
    b.close()
    expect(remote.requests.at(-1)!.signal?.aborted).toBe(true)
    remote.release()
    await settle()
    expect(budget.usedBytes).toBe(cached)
  })

  it('a reader ends its reading', async () => {
    const { remote, readers } = setUp()
    const reader = readers.open(remote.add('a', big))
    reader.close()
    await expect(reader.read(0, 1)).rejects.toMatchObject({ kind: 'aborted' })
  })
})

describe('any sequence of reads', () => {
  const sizeBytes = 3000
  const bytes = patternBytes(sizeBytes)
  const options: Partial<ReadOptions> = {
    blockBytes: 16,
    firstWindowBytes: 128,
    maxWindowBytes: 1024,
    partBytes: 256,
    deadlineMs: 1e9,
  }
  const read = fc.record({
    reader: fc.nat(2),
    offset: fc.oneof(fc.nat(sizeBytes + 20), fc.constant(-1)), // -1: where this reader's last read ended
    length: fc.nat(200),
    together: fc.boolean(),
    fault: fc.boolean(),
  })

  it('answers the right bytes through faults, in any order, within the budget', async () => {
    const property = fc.asyncProperty(
      fc.array(read, { maxLength: 40 }),
      fc.constantFrom(0, 16, 100, 700, 4000),
      async (reads, limitBytes) => {
        const { remote, readers, clock, budget } = setUp({ limitBytes, options })
        const content = remote.add('a', bytes)
        const open = [readers.open(content), readers.open(content), readers.open(content)]
        const ends = [0, 0, 0]
        let pending: Promise<void>[] = []
        for (const { reader, offset, length, together, fault } of reads) {
          if (fault) remote.fail(transient())
          const start = offset < 0 ? ends[reader]! : offset
          ends[reader] = start + length
          pending.push(
            open[reader]!.read(start, length).then((found) => {
              expect(Buffer.compare(found, bytes.subarray(start, start + length))).toBe(0)
              return undefined
            }),
          )
          expect(budget.usedBytes).toBeLessThanOrEqual(limitBytes)
          if (together) continue
          await settleAll(pending, clock)
          pending = []
        }
        await settleAll(pending, clock)
        expect(budget.usedBytes).toBeLessThanOrEqual(limitBytes)
      },
    )
    await fc.assert(property, { numRuns: 60 })
  })
})
