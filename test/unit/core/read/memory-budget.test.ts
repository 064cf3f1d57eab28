import { describe, expect, it } from 'vitest'
import { MemoryBudget } from '../../../../src/core/read/index.ts'

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

  it('makes room without taking it', () => {
    const budget = new MemoryBudget(100)
    budget.onShortage((bytes) => budget.release(bytes))
    budget.reserve(80)
    expect(budget.makeRoom(30)).toBe(true)
    expect(budget.usedBytes).toBe(70)
    expect(budget.makeRoom(101)).toBe(false)
    expect(budget.usedBytes).toBe(70)
  })
})
