import type { MemoryBudget } from './memory-budget.ts'

/** Kept for the next parts at most: those on their way take turns. */
const mostFree = 8

/**
 * Memory for parts of contents, within the budget of the process. That of a whole part is used again and again: what is new costs
 * a page fault each 4 KiB, and V8 looks through its heap every 64 MiB of it.
 */
export class PartMemories {
  readonly #budget: MemoryBudget
  readonly #partBytes: number
  /** In the hands of parts. */
  readonly #lent = new WeakSet<ArrayBufferLike>()
  readonly #free: ArrayBuffer[] = []
  #isInUse = false

  /** @param partBytes the longest part */
  constructor(budget: MemoryBudget, partBytes: number) {
    this.#budget = budget
    this.#partBytes = partBytes
    budget.onShortage((bytes) => this.#drop(bytes))
  }

  /** Not cleared. undefined: the budget has no room. */
  take(bytes: number): Uint8Array | undefined {
    const free = bytes === this.#partBytes ? this.#free.pop() : undefined
    if (!free && !this.#budget.reserve(bytes)) return undefined
    const memory = new Uint8Array(free ?? Buffer.allocUnsafeSlow(bytes).buffer)
    this.#lent.add(memory.buffer)
    this.#isInUse = true
    // What goes from the cache for the next part comes here as the memory of the one after that.
    if (bytes === this.#partBytes && this.#free.length === 0) this.#budget.makeRoom(bytes)
    return memory
  }

  /** True while `bytes` may become something else, or nothing, in a later turn of the event loop. */
  isPassing({ buffer }: Uint8Array): boolean {
    return this.#lent.has(buffer)
  }

  /** It does not count any more. `giveBack` may follow. */
  letGo(memory: Uint8Array): void {
    this.#budget.release(memory.length)
  }

  /**
   * It can be used again, once the event loop has turned: who has got a view of it has used it by then. Views that somebody
   * still has are empty from then on, and never show other bytes.
   */
  giveBackLater(memory: Uint8Array): void {
    setImmediate(() => this.giveBack(memory))
  }

  /** As `giveBackLater`, at once. */
  giveBack(memory: Uint8Array): void {
    const { limitBytes, usedBytes } = this.#budget
    const isWanted = this.#isInUse && memory.length === this.#partBytes && this.#free.length < mostFree
    // Nothing that is cached makes room for it.
    if (!isWanted || usedBytes + memory.length > limitBytes || !this.#budget.reserve(memory.length)) return
    const buffer = memory.buffer as ArrayBuffer
    this.#free.push(structuredClone(buffer, { transfer: [buffer] }))
  }

  /** Nothing is kept, until a part takes some again. */
  clear(): void {
    this.#isInUse = false
    this.#drop(Infinity)
  }

  #drop(bytes: number): void {
    for (let dropped = 0; dropped < bytes && this.#free.length > 0; dropped += this.#partBytes) {
      this.#free.pop()
      this.#budget.release(this.#partBytes)
    }
  }
}
