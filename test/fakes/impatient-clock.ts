import type { Clock } from '../../src/base/clock.ts'

/**
 * A clock for tests with real sockets: short waits (retries, batches) are over at once, deadlines never come unless a test
 * calls `expire`.
 */
export class ImpatientClock implements Clock {
  #nowMs: number
  #deadlines = new Set<{ delayMs: number; fn: () => void }>()
  readonly #shortMs: number
  /** Every short wait that was asked for, ms. */
  readonly waits: number[] = []

  constructor({ startMs = Date.UTC(2026, 0, 1), shortMs = 3000 } = {}) {
    this.#nowMs = startMs
    this.#shortMs = shortMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  after(delayMs: number, fn: () => void): () => void {
    if (delayMs > this.#shortMs) {
      const deadline = { delayMs, fn }
      this.#deadlines.add(deadline)
      return () => void this.#deadlines.delete(deadline)
    }
    this.waits.push(delayMs)
    const immediate = setImmediate(() => {
      this.#nowMs += delayMs
      fn()
    })
    return () => clearImmediate(immediate)
  }

  /** Moves the wall clock; no timer runs. */
  advance(ms: number): void {
    this.#nowMs += ms
  }

  /** Lets the time of every deadline that was set by now pass. */
  expire(): void {
    const due = [...this.#deadlines]
    this.#deadlines.clear()
    this.#nowMs += Math.max(0, ...due.map(({ delayMs }) => delayMs))
    for (const { fn } of due) fn()
  }

  get deadlines(): number {
    return this.#deadlines.size
  }
}
