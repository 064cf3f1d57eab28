/** Sums up what chunks report; a chunk that starts over does not take anything back. */
export class Progress {
  readonly #report: ((sentBytes: number) => void) | undefined
  readonly #best = new Map<number, number>()
  #total = 0

  constructor(report: ((sentBytes: number) => void) | undefined) {
    this.#report = report
  }

  of(index: number, sentBytes: number): void {
    const before = this.#best.get(index) ?? 0
    if (sentBytes <= before) return
    this.#best.set(index, sentBytes)
    this.#total += sentBytes - before
    this.#report?.(this.#total)
  }
}
