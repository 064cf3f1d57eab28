import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { ContentAddress } from '../../../../src/remote/remote.ts'
import { KIB, MIB, readingSetup as setUp } from '../../../fakes/content-reading.ts'
import { patternBytes } from '../../../fakes/content-remote.ts'
import { settle } from '../../../fakes/manual-clock.ts'

const none = () => undefined

function probable(content: ContentAddress, isCurrent = () => true) {
  return { content, lengthBytes: content.sizeBytes, isCurrent }
}

function contents(
  { remote }: ReturnType<typeof setUp>,
  count: number,
  sizeBytes = 10 * KIB,
): ContentAddress[] {
  return Array.from({ length: count }, (_, i) => remote.add(`c${i}`, patternBytes(sizeBytes, i)))
}

describe('contents that are fetched ahead', () => {
  it('are prepared by one call, come 16 at a time, and are there then', async () => {
    const setup = setUp()
    const { remote, readers } = setup
    const all = contents(setup, 40)
    remote.hold()
    readers.ahead.fetch(
      all.map((content) => probable(content)),
      none,
    )
    await settle()
    expect(remote.prepared.map((call) => call.length)).toEqual([40])
    expect(remote.requests).toHaveLength(16)
    remote.release()
    await settle()
    expect(remote.requests).toHaveLength(40)
    for (const content of all) await readers.open(content).read(0, 10 * KIB)
    expect(remote.requests).toHaveLength(40)
  })

  it('are no more than 2 MiB at a time on the line, or what comes in a second', async () => {
    for (const [bytesPerSecond, atOnce] of [
      [0, 2],
      [MIB / 2, 1],
    ] as const) {
      const setup = setUp({ bytesPerSecond })
      setup.remote.hold()
      setup.readers.ahead.fetch(
        contents(setup, 5, MIB).map((content) => probable(content)),
        none,
      )
      await settle()
      expect(setup.remote.requests).toHaveLength(atOnce)
    }
  })

  it('take an eighth of the memory until they are read, or given up', () => {
    const setup = setUp({ limitBytes: 8 * MIB })
    const { ahead } = setup.readers
    expect(ahead.roomBytes).toBe(MIB)
    const [one, two] = contents(setup, 2, 500 * KIB) as [ContentAddress, ContentAddress]
    ahead.fetch([probable(one), probable(two), probable(one)], none)
    expect(ahead.roomBytes).toBe(24 * KIB)
    ahead.settle(one.entity)
    ahead.settle(one.entity)
    expect(ahead.roomBytes).toBe(524 * KIB)
  })

  it('are left to those who read them before their turn comes', async () => {
    const setup = setUp()
    const { remote, readers } = setup
    const all = contents(setup, 20)
    remote.hold()
    readers.ahead.fetch(
      all.map((content) => probable(content)),
      none,
    )
    await settle()
    readers.ahead.settle(all[19]!.entity)
    const reading = readers.open(all[19]!).read(0, KIB)
    await settle()
    remote.release()
    expect(await reading).toHaveLength(KIB)
    await settle()
    expect(remote.requests).toHaveLength(20)
  })

  it('are not fetched when they are not current any more, nor after the end', async () => {
    const setup = setUp()
    const { remote, readers } = setup
    const all = contents(setup, 3)
    readers.ahead.fetch([probable(all[0]!, () => false), probable(all[1]!)], none)
    await settle()
    expect(remote.requests.map(({ entity }) => entity)).toEqual(['c1'])
    readers.ahead.close()
    readers.ahead.fetch([probable(all[2]!)], none)
    await settle()
    expect(remote.requests).toHaveLength(1)
  })

  it('tell of a server in trouble, and not of one content that is gone', async () => {
    const setup = setUp()
    const { remote, readers } = setup
    const told: string[] = []
    const all = contents(setup, 2)
    remote.fail(new RemoteError('entity-gone', 'not kept'))
    readers.ahead.fetch([probable(all[0]!)], () => told.push('gone'))
    await settle()
    remote.fail(new RemoteError('offline', 'away'))
    readers.ahead.fetch([probable(all[1]!)], () => told.push('offline'))
    await settle()
    expect(told).toEqual(['offline'])
    expect(readers.ahead.roomBytes).toBe(setUp().readers.ahead.roomBytes)
  })

  it('never take more memory than there is, whatever is read meanwhile, and no byte of another content', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 400 * KIB }), { minLength: 1, maxLength: 30 })
    const steps = fc.array(
      fc.record({ from: fc.nat(29), count: fc.nat(10), reads: fc.array(fc.nat(29), { maxLength: 3 }) }),
      { maxLength: 15 },
    )
    await fc.assert(
      fc.asyncProperty(
        sizes,
        steps,
        fc.constantFrom(256 * KIB, MIB, 16 * MIB),
        async (all, work, limitBytes) => {
          const { remote, readers, budget } = setUp({ limitBytes })
          const stored = all.map((size, i) => patternBytes(size, i))
          const known = stored.map((bytes, i) => remote.add(`c${i}`, bytes))
          for (const { from, count, reads } of work) {
            const some = known.slice(from, from + count).map((content) => probable(content))
            readers.ahead.fetch(some, none)
            for (const i of reads) {
              const content = known[i]
              if (!content) continue
              readers.ahead.settle(content.entity)
              const reader = readers.open(content)
              const bytes = await reader.read(0, content.sizeBytes)
              reader.close()
              expect(Buffer.compare(bytes, stored[i]!)).toBe(0)
              expect(budget.usedBytes).toBeLessThanOrEqual(budget.limitBytes)
              expect(readers.ahead.roomBytes).toBeGreaterThanOrEqual(0)
            }
          }
          await settle()
          expect(budget.usedBytes).toBeLessThanOrEqual(budget.limitBytes)
        },
      ),
      { numRuns: 60 },
    )
  })
})
