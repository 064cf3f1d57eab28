import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { BlockCache, MemoryBudget, type KeptBlocks } from '../../../../src/core/read/index.ts'
import type { EntityId } from '../../../../src/remote/types.ts'

const entity = 'e1' as EntityId
const blockBytes = 10

/** Blocks of which each byte is its number. */
function blocks(first: number, count: number): Uint8Array {
  return new Uint8Array(count * blockBytes).map((_, at) => first + Math.floor(at / blockBytes))
}

function setUp(limitBytes: number) {
  const budget = new MemoryBudget(limitBytes)
  const cache = new BlockCache(budget)
  const put = (first: number, count = 1, onGone?: () => void, how: Partial<KeptBlocks> = {}) =>
    cache.put({ entity, first, bytes: blocks(first, count), blockBytes, onGone, ...how })
  const here = (...numbers: number[]) => numbers.filter((index) => cache.has(entity, index))
  return { budget, cache, put, here }
}

describe('blocks in memory', () => {
  it('go in the order of their last use when room is needed', () => {
    const { budget, cache, put, here } = setUp(30)
    for (const index of [0, 1, 2]) put(index)
    cache.get(entity, 0)
    expect(budget.reserve(10)).toBe(true)
    expect(here(0, 1, 2)).toEqual([0, 2])
    expect(cache.get(entity, 2)).toEqual(blocks(2, 1))
  })

  it('of different contents are told apart', () => {
    const { cache, put } = setUp(100)
    put(1)
    expect(cache.get('e11' as EntityId, 1)).toBeUndefined()
    expect(cache.get(entity, 11)).toBeUndefined()
  })

  it('that came together are seen one by one and in one piece, and go together', () => {
    const { budget, cache, put, here } = setUp(50)
    const onGone = vi.fn<() => void>()
    put(3, 4, onGone)
    expect(cache.get(entity, 5)).toEqual(blocks(5, 1))
    expect(cache.viewOf(entity, 4, 7)).toEqual(blocks(4, 3))
    expect(cache.viewOf(entity, 4, 8)).toBeUndefined()
    expect(budget.reserve(10)).toBe(true)
    expect(onGone).not.toHaveBeenCalled()
    expect(budget.reserve(10)).toBe(true)
    expect(onGone).toHaveBeenCalledOnce()
    expect(here(3, 4, 5, 6)).toEqual([])
  })

  it('that somebody is going to read stay longer than what was read', () => {
    const { budget, cache, put, here } = setUp(40)
    put(0, 2, undefined, { isAhead: true })
    put(2)
    put(3)
    cache.get(entity, 0)
    expect(budget.reserve(10)).toBe(true)
    expect(here(0, 1, 2, 3)).toEqual([0, 1, 3])
    cache.get(entity, 1)
    cache.get(entity, 3)
    expect(budget.reserve(10)).toBe(true)
    expect(here(0, 1, 2, 3)).toEqual([3])
  })

  it('that the disk has go when they have been read, or nobody is going to', () => {
    const { budget, cache, put, here } = setUp(60)
    const onGone = vi.fn<() => void>()
    put(0, 3, onGone, { isAhead: true, isOnDisk: true })
    expect(cache.viewOf(entity, 0, 2)).toEqual(blocks(0, 2))
    expect(onGone).not.toHaveBeenCalled()
    expect(cache.viewOf(entity, 1, 3)).toEqual(blocks(1, 2))
    expect(onGone).toHaveBeenCalledOnce()
    expect(budget.usedBytes).toBe(0)
    put(3, 2, onGone, { isAhead: true, isOnDisk: true })
    put(5, 1, onGone, { isAhead: true })
    cache.settle(entity)
    expect(here(3, 4, 5)).toEqual([5])
    expect(onGone).toHaveBeenCalledTimes(2)
  })

  it('that are here already are not kept twice', () => {
    const { budget, cache, put } = setUp(100)
    put(4)
    expect(put(3, 3)).toBe(true)
    expect(put(3, 3)).toBe(false)
    expect(budget.usedBytes).toBe(40)
    expect(cache.viewOf(entity, 3, 6)).toBeUndefined()
    expect([3, 4, 5].map((index) => cache.get(entity, index))).toEqual([3, 4, 5].map((i) => blocks(i, 1)))
  })

  it('hold their memory until the last of them is dropped', () => {
    const { budget, cache, put, here } = setUp(100)
    put(0, 3)
    for (const index of [1, 0]) cache.drop(entity, index)
    expect(here(0, 1, 2)).toEqual([2])
    expect(cache.viewOf(entity, 0, 3)).toBeUndefined()
    expect(budget.usedBytes).toBe(30)
    cache.drop(entity, 2)
    expect(budget.usedBytes).toBe(0)
  })

  it('hold what the budget says, and are those that were put, whatever happens', () => {
    const step = fc.record({
      kind: fc.constantFrom('put', 'get', 'reserve', 'release'),
      index: fc.nat(8),
      count: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { budget, cache, put } = setUp(100)
        const pieces = new Map<object, number>()
        let taken = 0
        for (const { kind, index, count } of steps) {
          const piece = {}
          if (kind === 'put' && put(index, count, () => pieces.delete(piece))) pieces.set(piece, count)
          else if (kind === 'get') {
            expect([undefined, ...blocks(index, 1)]).toContain(cache.get(entity, index)?.[0])
            const view = cache.viewOf(entity, index, index + count)
            if (view) expect(view).toEqual(blocks(index, count))
          } else if (kind === 'reserve' && budget.reserve(count * blockBytes)) taken += count
          else if (kind === 'release' && taken >= count) {
            budget.release(count * blockBytes)
            taken -= count
          }
          const cached = [...pieces.values()].reduce((sum, blocksOf) => sum + blocksOf, 0)
          expect(budget.usedBytes).toBe((cached + taken) * blockBytes)
          expect(budget.usedBytes).toBeLessThanOrEqual(100)
        }
      }),
    )
  })
})
