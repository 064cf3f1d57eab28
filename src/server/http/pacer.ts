import { delay, type Clock } from '../../base/clock.ts'

/** A line of limited width that all bodies of one direction share. */
export class Pacer {
  readonly #clock: Clock
  readonly #bytesPerSecond: number
  #freeAtMs = 0

  /** `bytesPerSecond` 0 = unlimited. */
  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Resolves when `bytes` have gone through the line. */
  async pass(bytes: number): Promise<void> {
    if (this.#bytesPerSecond <= 0) return
    const now = this.#clock.monotonic()
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + (bytes / this.#bytesPerSecond) * 1000
    const waitMs = this.#freeAtMs - now
    if (waitMs >= 1) await delay(this.#clock, waitMs)
  }
}
