import type { Clock } from '../../src/base/clock.ts'

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs: number
  #sequence = 0
  #timers: { dueAt: number; order: number; fn: () => void }[] = []

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonic(): number {
    return this.#nowMs
  }

  after(delayMs: number, fn: () => void): () => void {
    const timer = { dueAt: this.#nowMs + delayMs, order: this.#sequence++, fn }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Number of timers that are set. */
  get pending(): number {
    return this.#timers.length
  }

  /** Moves time on by `ms`, running due timers in order; between two of them all settled promises run. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms
    await settle()
    for (;;) {
      const next = this.#timers
        .filter((timer) => timer.dueAt <= until)
        .sort((a, b) => a.dueAt - b.dueAt || a.order - b.order)[0]
      if (!next) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#nowMs = Math.max(this.#nowMs, next.dueAt)
      next.fn()
      await settle()
    }
    this.#nowMs = until
  }
}

/** Lets promise chains and immediate callbacks that are ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** The disk takes its own time: a clock that runs far ahead of it makes waits end that are not over. ms of the real clock. */
export function aMoment(ms = 1): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
