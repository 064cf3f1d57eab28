/**
 * The parts of one content that are on their way, or here and on their way to the disk. Every download is tried once; trying
 * again is for whoever waits for it.
 */
import type { ByteRange } from '../../base/ranges.ts'
import type { Log } from '../../base/log.ts'
import type { RangeProgress } from '../../remote/remote.ts'
import type { EntityId } from '../../remote/types.ts'
import type { CachedContent } from '../cache/index.ts'
import { ArrivingPart } from './arriving-part.ts'
import type { BlockCache, KeptBlocks } from './block-cache.ts'
import type { BlockGrid } from './block-grid.ts'
import { own } from './memory-pieces.ts'
import type { PartMemories } from './part-memories.ts'

export interface ArrivalsParts {
  readonly entity: EntityId
  readonly grid: BlockGrid
  readonly memories: PartMemories
  readonly cache: BlockCache
  /** Where parts stay; undefined: in `cache`. */
  readonly disk: CachedContent | undefined
  readonly log: Log
}

/** Answers all bytes of the range, which may come into `into`. */
export type PartRequest = (into: Uint8Array, onProgress: RangeProgress) => Promise<Uint8Array>

interface Held {
  readonly part: ArrivingPart
  readonly numbers: readonly number[]
  readonly memory: Uint8Array
  /** The whole part, when it is here. */
  bytes?: Uint8Array
}

export class Arrivals {
  readonly #parts: ArrivalsParts
  /** Number of a block → the part that brings it. */
  readonly #byBlock = new Map<number, ArrivingPart>()
  /** Here, and not on the disk. */
  readonly #waiting = new Set<Held>()
  #isClosed = false

  constructor(parts: ArrivalsParts) {
    this.#parts = parts
  }

  partOf(index: number): ArrivingPart | undefined {
    return this.#byBlock.get(index)
  }

  /** The bytes of `range`, as a view, if they are here and came together. */
  viewOf(range: ByteRange): Uint8Array | undefined {
    return this.#byBlock.get(this.#parts.grid.boundsOf(range).first)?.viewOf(range)
  }

  /** False when there is no memory for it. */
  fetch(range: ByteRange, request: PartRequest): boolean {
    const { memories, grid } = this.#parts
    const memory = memories.take(range.end - range.start)
    if (!memory) return false
    const part = new ArrivingPart(range, (onProgress) => request(memory, onProgress))
    const numbers = grid.numbersOf(range)
    for (const index of numbers) this.#byBlock.set(index, part)
    void this.#keepWhenHere({ part, numbers, memory })
    return true
  }

  /** Nobody reads this content any more. What waits for the disk is in the cache until then. */
  close(): void {
    this.#isClosed = true
    for (const held of this.#waiting) this.#cache(held)
    this.#parts.cache.settle(this.#parts.entity)
  }

  async #keepWhenHere(held: Held): Promise<void> {
    const { memories, disk, log, entity } = this.#parts
    try {
      held.bytes = await held.part.whole
    } catch (error) {
      // Whoever waits for these blocks gets the error too; what nobody waits for is asked for again when it is needed.
      log.debug('a part of a content did not arrive', { entity, error })
      memories.letGo(held.memory)
      return this.#forget(held)
    }
    // What waits for the disk counts there.
    memories.letGo(held.memory)
    if (disk?.put(held.numbers[0]!, held.bytes, () => this.#onDisk(held, disk))) {
      this.#waiting.add(held)
      return undefined
    }
    return this.#leave(held, this.#isClosed ? 'nowhere' : 'in memory')
  }

  /** The disk has had its turn with these. */
  #onDisk(held: Held, disk: CachedContent): void {
    this.#waiting.delete(held)
    if (this.#isClosed) return this.#takeFromCache(held, disk)
    const isOnDisk = held.numbers.every((index) => disk.has(index))
    return this.#leave(held, isOnDisk ? 'on disk' : 'in memory')
  }

  /** What stays in memory is copied: a view would keep the whole part. */
  #takeFromCache({ numbers }: Held, disk: CachedContent): void {
    const { cache, entity } = this.#parts
    for (const index of numbers) {
      const block = cache.get(entity, index)
      cache.drop(entity, index)
      if (!block || disk.has(index)) continue
      const bytes = own(block)
      cache.put({ entity, first: index, bytes, blockBytes: bytes.length })
    }
  }

  /** All of it in one piece. */
  #cache({ numbers, bytes }: Held, how: Pick<KeptBlocks, 'isAhead' | 'isOnDisk' | 'onGone'> = {}): boolean {
    const { cache, entity, grid } = this.#parts
    const { blockBytes } = grid
    return bytes !== undefined && cache.put({ entity, first: numbers[0]!, bytes, blockBytes, ...how })
  }

  #forget({ numbers }: Held): void {
    for (const index of numbers) this.#byBlock.delete(index)
  }

  /** It stays in memory until that is needed; what is on the disk, until somebody who reads on has had it. */
  #leave(held: Held, stays: 'in memory' | 'on disk' | 'nowhere'): void {
    const { memories } = this.#parts
    const { part, memory, bytes } = held
    const onGone = () => {
      if (bytes?.buffer === memory.buffer) memories.giveBackLater(memory)
    }
    const isOnDisk = stays === 'on disk'
    const isAhead = !part.isRead
    const isWanted = isOnDisk ? isAhead : stays === 'in memory'
    if (!isWanted || !this.#cache(held, { isAhead, isOnDisk, onGone })) onGone()
    this.#forget(held)
    // Whoever has got a view of it in this turn of the event loop has used it by the next one.
    setImmediate(() => part.letGo())
  }
}
