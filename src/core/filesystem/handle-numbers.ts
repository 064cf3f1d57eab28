import type { Fh } from '../types.ts'

/** Gives out handle numbers: 1 … 2³¹−1, the lowest free one first after a wrap. */
export class HandleNumbers {
  readonly #used = new Set<number>()
  #last = 0

  next(): Fh {
    do this.#last = this.#last >= 0x7fff_ffff ? 1 : this.#last + 1
    while (this.#used.has(this.#last))
    this.#used.add(this.#last)
    return this.#last as Fh
  }

  free(fh: Fh): void {
    this.#used.delete(fh)
  }

  get size(): number {
    return this.#used.size
  }
}
