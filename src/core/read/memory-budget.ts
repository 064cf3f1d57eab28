import { invariant } from '../../base/assert.ts'

/** Frees up to `bytes` of what it holds; anything less is fine. */
export type Reclaimer = (bytes: number) => void

/**
 * Bytes of content that the whole process may hold in memory: cached blocks and downloads under way. Never exceeded: who
 * gets none goes without.
 */
export class MemoryBudget {
  readonly limitBytes: number
  readonly #reclaimers = new Set<Reclaimer>()
  #usedBytes = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** 0 … `limitBytes`. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Takes `bytes`, or nothing at all when they cannot be had, not even by asking the caches to give some back. */
  reserve(bytes: number): boolean {
    if (!this.makeRoom(bytes)) return false
    this.#usedBytes += bytes
    return true
  }

  /** Asks the caches to give back what is needed that `bytes` could be taken. False: they cannot be had. */
  makeRoom(bytes: number): boolean {
    if (bytes > this.limitBytes) return false
    for (const reclaim of this.#reclaimers) {
      const short = this.#usedBytes + bytes - this.limitBytes
      if (short <= 0) break
      reclaim(short)
    }
    return this.#usedBytes + bytes <= this.limitBytes
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes
    invariant(this.#usedBytes >= 0, 'more memory was given back than was taken')
  }

  /** Registers who can give memory back (a cache). Answers how to take that back. */
  onShortage(reclaim: Reclaimer): () => void {
    this.#reclaimers.add(reclaim)
    return () => this.#reclaimers.delete(reclaim)
  }
}
