import { describe, expect, it } from 'vitest'
import { MemoryBudget } from '../../../../src/core/read/index.ts'
import { PartMemories } from '../../../../src/core/read/part-memories.ts'

const partBytes = 1000

function setUp(limitBytes = 20 * partBytes) {
  const budget = new MemoryBudget(limitBytes)
  return { budget, memories: new PartMemories(budget, partBytes) }
}

/** As a part does that has come and gone. */
function use(memories: PartMemories, bytes = partBytes): Uint8Array {
  const memory = memories.take(bytes)!
  memory.fill(7)
  memories.letGo(memory)
  memories.giveBack(memory)
  return memory
}

describe('memory of parts', () => {
  it('is used again, and whoever still has a view of it sees nothing', () => {
    const { memories } = setUp()
    const view = memories.take(partBytes)!.fill(7).subarray(10, 20)
    const memory = new Uint8Array(view.buffer)
    memories.letGo(memory)
    memories.giveBack(memory)
    // The bytes that were there before tell that it is the same memory.
    const again = memories.take(partBytes)!
    expect(again).toEqual(new Uint8Array(partBytes).fill(7))
    again.fill(8)
    expect(view).toHaveLength(0)
  })

  it('is told from other memory while it may pass', () => {
    const { memories } = setUp()
    const memory = memories.take(partBytes)!
    expect(memories.isPassing(memory.subarray(5, 6))).toBe(true)
    expect(memories.isPassing(new Uint8Array(5))).toBe(false)
  })

  it('never is more than the budget allows', () => {
    const { budget, memories } = setUp(2 * partBytes)
    expect([memories.take(partBytes), memories.take(partBytes)]).not.toContain(undefined)
    expect(memories.take(1)).toBeUndefined()
    expect(budget.usedBytes).toBe(2 * partBytes)
  })

  it('that nobody uses makes room for everything else', () => {
    const { budget, memories } = setUp(2 * partBytes)
    use(memories)
    expect(budget.usedBytes).toBe(partBytes)
    expect(budget.reserve(2 * partBytes)).toBe(true)
    expect(budget.usedBytes).toBe(2 * partBytes)
  })

  it('takes no room from what is cached', () => {
    const { budget, memories } = setUp(2 * partBytes)
    const memory = memories.take(partBytes)!
    memories.letGo(memory)
    budget.reserve(2 * partBytes)
    memories.giveBack(memory)
    expect(budget.usedBytes).toBe(2 * partBytes)
    expect(memory).toHaveLength(partBytes)
  })

  it('is kept for a few parts of the usual length, until nobody reads', () => {
    const { budget, memories } = setUp()
    use(memories, partBytes - 1)
    expect(budget.usedBytes).toBe(0)
    const taken = Array.from({ length: 10 }, () => memories.take(partBytes)!)
    for (const memory of taken) memories.letGo(memory)
    for (const memory of taken) memories.giveBack(memory)
    expect(budget.usedBytes).toBe(8 * partBytes)
    memories.clear()
    expect(budget.usedBytes).toBe(0)
  })
})
