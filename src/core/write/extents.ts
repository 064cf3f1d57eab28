import { RangeSet, type ByteRange } from '../../base/ranges.ts'

/** `local`: in the data file; `zero`: a hole; `base`: only at the server, in the entity that the content is based on. */
export interface Piece extends ByteRange {
  readonly origin: 'local' | 'zero' | 'base'
}

/** `[start, end]` pairs: how ranges look in a side-car. */
export type RangePairs = readonly (readonly [start: number, end: number])[]

export interface ExtentsRecord {
  readonly sizeBytes: number
  readonly written: RangePairs
  readonly fetched: RangePairs
  readonly zeros: RangePairs
}

/**
 * Where each byte of a staged content comes from. `written` was changed here, `fetched` is an unchanged copy of the base
 * (both lie in the data file), `zeros` are holes, and whatever is in none of the three still shows the base.
 *
 * Invariants: the three sets are disjoint and lie within `[0, sizeBytes)`; bytes that the base does not have, or lost by a
 * truncation, are in one of them, so a later growth never brings old bytes back.
 */
export class Extents {
  readonly written: RangeSet
  readonly fetched: RangeSet
  readonly zeros: RangeSet
  #sizeBytes: number

  private constructor(sizeBytes: number, written: RangeSet, fetched: RangeSet, zeros: RangeSet) {
    this.#sizeBytes = sizeBytes
    this.written = written
    this.fetched = fetched
    this.zeros = zeros
  }

  /** Nothing is here yet: all `sizeBytes` bytes show the base. */
  static ofBase(sizeBytes: number): Extents {
    return new Extents(sizeBytes, new RangeSet(), new RangeSet(), new RangeSet())
  }

  static fromRecord(record: ExtentsRecord): Extents {
    return new Extents(
      record.sizeBytes,
      fromPairs(record.written),
      fromPairs(record.fetched),
      fromPairs(record.zeros),
    )
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Where the bytes that lie in the data file end. */
  get localEnd(): number {
    return Math.max(...[this.written, this.fetched].map((set) => set.ranges.at(-1)?.end ?? 0))
  }

  /** No byte shows the base any more: the content can be sent without asking the server. */
  get isComplete(): boolean {
    return this.missing().length === 0
  }

  /** There are bytes, and each shows the base. */
  get isAllBase(): boolean {
    return this.#sizeBytes > 0 && this.written.isEmpty && this.fetched.isEmpty && this.zeros.isEmpty
  }

  write(range: ByteRange): void {
    if (range.end <= range.start) return
    this.zeros.add({ start: this.#sizeBytes, end: range.start })
    this.zeros.remove(range)
    this.fetched.remove(range)
    this.written.add(range)
    this.#sizeBytes = Math.max(this.#sizeBytes, range.end)
  }

  /** `range`, which lies within the size, shows zeros from now on. */
  zero(range: ByteRange): void {
    this.written.remove(range)
    this.fetched.remove(range)
    this.zeros.add(range)
  }

  /** `range` shows the base from now on, whatever it showed before. */
  showBase(range: ByteRange): void {
    if (range.end <= range.start) return
    this.zeros.add({ start: this.#sizeBytes, end: range.start })
    for (const set of [this.written, this.fetched, this.zeros]) set.remove(range)
    this.#sizeBytes = Math.max(this.#sizeBytes, range.end)
  }

  truncate(sizeBytes: number): void {
    for (const set of [this.written, this.fetched, this.zeros]) set.truncate(sizeBytes)
    this.zeros.add({ start: this.#sizeBytes, end: sizeBytes })
    this.#sizeBytes = sizeBytes
  }

  /** The parts of `range` that may take bytes of the base: what was written or cut meanwhile is newer. */
  fetchable(range: ByteRange): ByteRange[] {
    return this.pieces(range).filter(({ origin }) => origin === 'base')
  }

  /** Bytes of the base were stored here. */
  fetch(range: ByteRange): void {
    for (const { start, end } of this.fetchable(range)) this.fetched.add({ start, end })
  }

  /** What of `lost` was fetched shows the base again. */
  unfetch(lost: RangeSet): void {
    for (const range of lost.ranges) this.fetched.remove(range)
  }

  /** Everything that only the server has. */
  missing(): ByteRange[] {
    return this.fetchable({ start: 0, end: this.#sizeBytes })
  }

  /** `range`, cut at the end of the content, by origin; in order and without gaps. */
  pieces(range: ByteRange): Piece[] {
    const end = Math.min(range.end, this.#sizeBytes)
    if (range.start >= end) return []
    const within = { start: range.start, end }
    const known: Piece[] = [
      ...[this.written, this.fetched].flatMap((set) => set.present(within)).map(asPiece('local')),
      ...this.zeros.present(within).map(asPiece('zero')),
    ].sort((a, b) => a.start - b.start)
    const pieces: Piece[] = []
    let position = within.start
    for (const piece of known) {
      if (piece.start > position) pieces.push({ origin: 'base', start: position, end: piece.start })
      pieces.push(piece)
      position = piece.end
    }
    if (position < end) pieces.push({ origin: 'base', start: position, end })
    return pieces
  }

  /** Everything here is a copy of the base now, except what is in `newer`: the server has what was sent. */
  settle(newer: RangeSet): void {
    for (const range of this.written.ranges) this.fetched.add(range)
    this.written.truncate(0)
    for (const range of newer.ranges.flatMap((changed) => this.fetched.present(changed))) {
      this.fetched.remove(range)
      this.written.add(range)
    }
  }

  /** The parts of `range` that lie in the data file. */
  local(range: ByteRange): ByteRange[] {
    return this.pieces(range).filter(({ origin }) => origin === 'local')
  }

  /** True when all of `range`, which lies within the size, is in the data file. */
  isLocal(range: ByteRange): boolean {
    if (this.written.covers(range) || this.fetched.covers(range)) return true
    return this.pieces(range).every(({ origin }) => origin === 'local')
  }

  clone(): Extents {
    return new Extents(this.#sizeBytes, this.written.clone(), this.fetched.clone(), this.zeros.clone())
  }

  toRecord(): ExtentsRecord {
    return {
      sizeBytes: this.#sizeBytes,
      written: toPairs(this.written),
      fetched: toPairs(this.fetched),
      zeros: toPairs(this.zeros),
    }
  }
}

function asPiece(origin: Piece['origin']): (range: ByteRange) => Piece {
  return ({ start, end }) => ({ origin, start, end })
}

export function toPairs(set: RangeSet): RangePairs {
  return set.ranges.map(({ start, end }) => [start, end] as const)
}

export function fromPairs(pairs: RangePairs): RangeSet {
  return new RangeSet(pairs.map(([start, end]) => ({ start, end })))
}
