import type { Fh } from '../types.ts'

const MAX_FH = 0x7fff_ffff

/**
 * Numbers of what is open, 1 … 2³¹−1, and the tables of what they stand for: one that is in none of them is free, and is given out
 * again after all others. To note it a second time would cost each open and each close.
 */
export class HandleNumbers {
  readonly #tables: ReadonlyMap<Fh, unknown>[] = []
  #last: number

  /** @param last the number that was given out last, as if by itself */
  constructor(last = 0) {
    this.#last = last
  }

  /** A table of some of what is open. */
  table<T>(): Map<Fh, T> {
    const table = new Map<Fh, T>()
    this.#tables.push(table)
    return table
  }

  /** A free number: to be put into a table before the next is asked for. */
  next(): Fh {
    do this.#last = this.#last >= MAX_FH ? 1 : this.#last + 1
    while (this.#isOpen(this.#last as Fh))
    return this.#last as Fh
  }

  #isOpen(fh: Fh): boolean {
    for (const table of this.#tables) if (table.has(fh)) return true
    return false
  }
}
