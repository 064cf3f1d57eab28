import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryBlockCache, MemoryBudget } from '../../../../src/core/read/index.ts'
import type { EntityId } from '../../../../src/remote/types.ts'

const entity = 'e1' as EntityId
const block = (sizeBytes: number, fill = 0) => new Uint8Array(sizeBytes).fill(fill)

describe('the memory budget', () => {
  it('gives out no more than its limit', () => {
    const budget = new MemoryBudget(100)
    expect([budget.reserve(60), budget.reserve(41), budget.reserve(40), budget.reserve(1)]).toEqual([
      true,
      false,
      true,
      false,
    ])
    budget.release(60)
    expect(budget.usedBytes).toBe(40)
    expect(budget.reserve(60)).toBe(true)
  })

  it('notices when more is given back than was taken', () => {
    const budget = new MemoryBudget(100)
    budget.reserve(1)
    expect(() => budget.release(2)).toThrow(/more memory was given back/)
  })

  it('asks caches for room only when it must, and for no more than is short', () => {
    const budget = new MemoryBudget(100)
    const asked: number[] = []
    const stop = budget.onShortage((bytes) => {
      asked.push(bytes)
      budget.release(bytes)
    })
    budget.reserve(80)
    expect(asked).toEqual([])
    expect(budget.reserve(30)).toBe(true)
    expect(asked).toEqual([10])
    expect(budget.reserve(101)).toBe(false)
    stop()
    expect(budget.reserve(30)).toBe(false)
    expect(asked).toEqual([10])
  })
})

describe('blocks in memory', () => {
  it('go in the order of their last use when room is needed', () => {
    const budget = new MemoryBudget(30)
    const cache = new MemoryBlockCache(budget)
    for (const index of [0, 1, 2]) cache.put(entity, index, block(10, index))
    cache.get(entity, 0)
    expect(budget.reserve(10)).toBe(true)
    expect([0, 1, 2].map((index) => cache.has(entity, index))).toEqual([true, false, true])
    expect(cache.get(entity, 2)).toEqual(block(10, 2))
  })

  it('of different contents are told apart', () => {
    const cache = new MemoryBlockCache(new MemoryBudget(100))
    cache.put(entity, 1, block(10, 1))
    expect(cache.get('e11' as EntityId, 1)).toBeUndefined()
    expect(cache.get(entity, 11)).toBeUndefined()
  })

  it('hold exactly what the budget says, whatever happens', () => {
    const step = fc.record({
      kind: fc.constantFrom('put', 'get', 'reserve', 'release'),
      index: fc.nat(8),
      sizeBytes: fc.integer({ min: 0, max: 60 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const budget = new MemoryBudget(100)
        const cache = new MemoryBlockCache(budget)
        const taken: number[] = []
        const sizes = new Map<number, number>()
        for (const { kind, index, sizeBytes } of steps) {
          if (kind === 'put') {
            if (!cache.has(entity, index)) sizes.set(index, sizeBytes)
            cache.put(entity, index, block(sizeBytes))
          } else if (kind === 'get') cache.get(entity, index)
          else if (kind === 'reserve' && budget.reserve(sizeBytes)) taken.push(sizeBytes)
          else if (kind === 'release' && taken.length > 0) budget.release(taken.pop()!)
          const cached = [...sizes]
            .filter(([i]) => cache.has(entity, i))
            .reduce((sum, [, size]) => sum + size, 0)
          expect(budget.usedBytes).toBe(cached + taken.reduce((sum, size) => sum + size, 0))
          expect(budget.usedBytes).toBeLessThanOrEqual(100)
        }
      }),
    )
  })
})
