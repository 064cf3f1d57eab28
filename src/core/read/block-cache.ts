import type { EntityId } from '../../remote/types.ts'
import type { MemoryBudget } from './memory-budget.ts'

export interface KeptBlocks {
  readonly entity: EntityId
  /** Number of the first block. */
  readonly first: number
  /** Whole blocks, one behind the other; the last one of a content may be shorter. */
  readonly bytes: Uint8Array
  readonly blockBytes: number
  /** Somebody is going to read them: they stay longer than what was read, until he has read the last of them. */
  readonly isAhead?: boolean | undefined
  /** They are on the disk, too: they go when the last of them has been read. */
  readonly isOnDisk?: boolean | undefined
  /** They have gone, unless they were dropped: the memory of `bytes` is the caller's again when the event loop has turned. */
  readonly onGone?: (() => void) | undefined
}

/** Blocks that came together lie in one memory, and go together. */
interface Piece extends KeptBlocks {
  /** Numbers of those that are still asked for here. */
  readonly numbers: Set<number>
}

/**
 * Recently used blocks in memory, by content and number, within the budget of the process. A block never changes, because a
 * content never does; so any of them may go at any time.
 */
export class BlockCache {
  readonly #budget: MemoryBudget
  readonly #contents = new Map<EntityId, Map<number, Piece>>()
  /** Used longest ago first. */
  readonly #used = new Set<Piece>()
  readonly #ahead = new Set<Piece>()

  constructor(budget: MemoryBudget) {
    this.#budget = budget
    budget.onShortage((bytes) => this.#evict(bytes))
  }

  has(entity: EntityId, index: number): boolean {
    return this.#contents.get(entity)?.has(index) === true
  }

  /** The whole block, as a view that is good until the event loop turns: not to be written to. */
  get(entity: EntityId, index: number): Uint8Array | undefined {
    return this.viewOf(entity, index, index + 1)
  }

  /** As `get`, the blocks from `first` to before `past`, if they came together. */
  viewOf(entity: EntityId, first: number, past: number): Uint8Array | undefined {
    const blocks = this.#contents.get(entity)
    const piece = blocks?.get(first)
    if (!piece || blocks?.get(past - 1) !== piece) return undefined
    for (let index = first + 1; index < past - 1; index += 1) if (!piece.numbers.has(index)) return undefined
    const start = (first - piece.first) * piece.blockBytes
    const end = start + (past - first) * piece.blockBytes
    const isLast = end >= piece.bytes.length
    if (piece.isOnDisk && isLast) this.#remove(piece)
    else if (isLast || !this.#ahead.has(piece)) this.#use(piece)
    return piece.bytes.subarray(start, end)
  }

  /** Nobody is going to read what is here of this content. */
  settle(entity: EntityId): void {
    for (const piece of this.#ahead) {
      if (piece.entity !== entity) continue
      if (piece.isOnDisk) this.#remove(piece)
      else this.#use(piece)
    }
  }

  /** Keeps those that are not here, if there is room; they must not be changed meanwhile. False: it keeps none of them. */
  put(kept: KeptBlocks): boolean {
    const { entity, first, bytes, blockBytes } = kept
    const blocks = this.#contents.get(entity) ?? new Map<number, Piece>()
    const numbers = new Set<number>()
    for (let index = first; (index - first) * blockBytes < bytes.length; index += 1)
      if (!blocks.has(index)) numbers.add(index)
    if (numbers.size === 0 || !this.#budget.reserve(bytes.length)) return false
    const piece = { ...kept, numbers }
    // To make room for it may have taken the last others of this content away.
    const present = this.#contents.get(entity) ?? blocks
    this.#contents.set(entity, present)
    for (const index of numbers) present.set(index, piece)
    if (kept.isAhead) this.#ahead.add(piece)
    else this.#used.add(piece)
    return true
  }

  drop(entity: EntityId, index: number): void {
    const piece = this.#contents.get(entity)?.get(index)
    if (!piece) return
    this.#forget(piece, index)
    if (piece.numbers.size === 0) this.#leave(piece)
  }

  #use(piece: Piece): void {
    this.#ahead.delete(piece)
    this.#used.delete(piece)
    this.#used.add(piece)
  }

  #evict(bytes: number): void {
    let freed = 0
    for (const pieces of [this.#used, this.#ahead]) {
      for (const piece of pieces) {
        if (freed >= bytes) return
        this.#remove(piece)
        freed += piece.bytes.length
      }
    }
  }

  #remove(piece: Piece): void {
    for (const index of piece.numbers) this.#forget(piece, index)
    this.#leave(piece)
    piece.onGone?.()
  }

  #forget({ entity, numbers }: Piece, index: number): void {
    numbers.delete(index)
    const blocks = this.#contents.get(entity)
    blocks?.delete(index)
    if (blocks?.size === 0) this.#contents.delete(entity)
  }

  #leave(piece: Piece): void {
    this.#used.delete(piece)
    this.#ahead.delete(piece)
    this.#budget.release(piece.bytes.length)
  }
}
