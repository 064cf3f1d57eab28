/** Half-open byte range: `start` inclusive, `end` exclusive, both ≥ 0 bytes. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A set of bytes as sorted, disjoint, non-touching ranges. */
export class RangeSet {
  #ranges: ByteRange[]

  constructor(ranges: Iterable<ByteRange> = []) {
    this.#ranges = []
    for (const range of ranges) this.add(range)
  }

  /** Sorted, disjoint, non-empty, non-touching. */
  get ranges(): readonly ByteRange[] {
    return this.#ranges
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0
  }

  /** Sum of the lengths, bytes. */
  get sizeBytes(): number {
    return this.#ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  add({ start, end }: ByteRange): void {
    if (end <= start) return
    const from = this.#firstEndingAtOrAfter(start)
    let to = from
    let merged = { start, end }
    while (to < this.#ranges.length && this.#ranges[to]!.start <= end) {
      const range = this.#ranges[to]!
      merged = { start: Math.min(merged.start, range.start), end: Math.max(merged.end, range.end) }
      to += 1
    }
    this.#ranges.splice(from, to - from, merged)
  }

  remove({ start, end }: ByteRange): void {
    if (end <= start) return
    this.#ranges = this.#ranges.flatMap((range) => {
      if (range.end <= start || range.start >= end) return [range]
      const rest: ByteRange[] = []
      if (range.start < start) rest.push({ start: range.start, end: start })
      if (range.end > end) rest.push({ start: end, end: range.end })
      return rest
    })
  }

  /** Forgets every byte at or after `size`. */
  truncate(size: number): void {
    this.remove({ start: size, end: Number.MAX_SAFE_INTEGER })
  }

  covers({ start, end }: ByteRange): boolean {
    return end <= start || this.missing({ start, end }).length === 0
  }

  /** The parts of `within` that are in the set. */
  present(within: ByteRange): ByteRange[] {
    const parts: ByteRange[] = []
    for (let i = this.#firstEndingAtOrAfter(within.start); i < this.#ranges.length; i += 1) {
      const range = this.#ranges[i]!
      if (range.start >= within.end) break
      const start = Math.max(range.start, within.start)
      const end = Math.min(range.end, within.end)
      if (end > start) parts.push({ start, end })
    }
    return parts
  }

  /** The parts of `within` that are not in the set. */
  missing(within: ByteRange): ByteRange[] {
    const gaps: ByteRange[] = []
    let position = within.start
    for (const { start, end } of this.present(within)) {
      if (start > position) gaps.push({ start: position, end: start })
      position = end
    }
    if (position < within.end) gaps.push({ start: position, end: within.end })
    return gaps
  }

  clone(): RangeSet {
    const copy = new RangeSet()
    copy.#ranges = [...this.#ranges]
    return copy
  }

  #firstEndingAtOrAfter(offset: number): number {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ranges[middle]!.end < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
