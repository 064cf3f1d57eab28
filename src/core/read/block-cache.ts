import { LRUCache } from 'lru-cache'
import type { EntityId } from '../../remote/types.ts'
import type { MemoryBudget } from './memory-budget.ts'

/**
 * Blocks of contents, by content and number. A block never changes, because a content never does; so a cache may drop any
 * block at any time, and may outlive the process.
 */
export interface BlockCache {
  /** True if `get` would probably find it. */
  has(entity: EntityId, index: number): boolean
  /** The whole block, not to be written to; undefined when it is not there, or damaged. */
  get(entity: EntityId, index: number): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** Keeps `block` if there is room. It must not be changed afterwards. */
  put(entity: EntityId, index: number, block: Uint8Array): void
  drop(entity: EntityId, index: number): void
}

type BlockKey = `${string} ${number}`

/** Recently used blocks in memory, within the budget of the process. */
export class MemoryBlockCache implements BlockCache {
  readonly #budget: MemoryBudget
  readonly #blocks: LRUCache<BlockKey, Uint8Array>

  constructor(budget: MemoryBudget) {
    this.#budget = budget
    this.#blocks = new LRUCache<BlockKey, Uint8Array>({
      maxSize: Math.max(1, budget.limitBytes),
      sizeCalculation: (block) => block.length,
      dispose: (block) => budget.release(block.length),
    })
    budget.onShortage((bytes) => this.#evict(bytes))
  }

  has(entity: EntityId, index: number): boolean {
    return this.#blocks.has(keyOf(entity, index))
  }

  get(entity: EntityId, index: number): Uint8Array | undefined {
    return this.#blocks.get(keyOf(entity, index))
  }

  put(entity: EntityId, index: number, block: Uint8Array): void {
    const key = keyOf(entity, index)
    if (block.length === 0 || this.#blocks.has(key) || !this.#budget.reserve(block.length)) return
    this.#blocks.set(key, block)
  }

  drop(entity: EntityId, index: number): void {
    this.#blocks.delete(keyOf(entity, index))
  }

  #evict(bytes: number): void {
    const target = this.#blocks.calculatedSize - bytes
    while (this.#blocks.size > 0 && this.#blocks.calculatedSize > target) this.#blocks.pop()
  }
}

function keyOf(entity: EntityId, index: number): BlockKey {
  return `${entity} ${index}`
}
