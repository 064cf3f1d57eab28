import type { ByteRange } from '../../base/ranges.ts'

/** Where the blocks of a content lie: all of one length, but the last. */
export class BlockGrid {
  readonly blockBytes: number
  readonly #sizeBytes: number

  constructor(sizeBytes: number, blockBytes: number) {
    this.#sizeBytes = sizeBytes
    this.blockBytes = blockBytes
  }

  bytesOf(index: number): ByteRange {
    const start = index * this.blockBytes
    return { start, end: Math.min(start + this.blockBytes, this.#sizeBytes) }
  }

  /** Numbers of the blocks that hold bytes of a range. */
  boundsOf({ start, end }: ByteRange): { readonly first: number; readonly past: number } {
    const past = Math.ceil(Math.min(end, this.#sizeBytes) / this.blockBytes)
    return { first: Math.floor(start / this.blockBytes), past }
  }

  numbersOf(range: ByteRange): number[] {
    const { first, past } = this.boundsOf(range)
    return Array.from({ length: Math.max(0, past - first) }, (_, i) => first + i)
  }

  /** Those numbers, each range from block to block, none beyond a multiple of `mostBytes`. */
  runsOf(numbers: readonly number[], mostBytes: number): ByteRange[] {
    const runs: { start: number; end: number }[] = []
    for (const index of numbers) {
      const { start, end } = this.bytesOf(index)
      const last = runs.at(-1)
      if (last && last.end === start && start % mostBytes !== 0) last.end = end
      else runs.push({ start, end })
    }
    return runs
  }
}
