import type { Clock } from '../../src/base/clock.ts'

/** The time of one process, which ends with it: no timer of a dead one goes off. */
export class MortalClock implements Clock {
  readonly #clock: Clock
  #isStopped = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  after(delayMs: number, fn: () => void): () => void {
    return this.#clock.after(delayMs, () => {
      if (!this.#isStopped) fn()
    })
  }

  stop(): void {
    this.#isStopped = true
  }
}
