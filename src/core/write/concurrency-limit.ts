import type { Clock } from '../../base/clock.ts'

export interface ConcurrencyLimitOptions {
  readonly clock: Clock
  /** Never more than so many at a time; ≥ 1. */
  readonly most: number
  /** `places` is another number now. */
  readonly onChange: () => void
}

/** One request under way. Exactly one of the three is called when it is over. */
export interface Flight {
  /** It was done; `kind`: only requests of one kind are expected to take equally long. */
  done(kind: string): void
  /** The server failed at it. */
  failed(): void
  /** It says nothing about the server: refused, or stopped here. */
  dropped(): void
}

/** A server with SQLite gains nothing from more (api/00-live-files §17.18). */
const placesAtFirst = 4
/** Fewer than so many that queue at the server: it could do with more. */
const fewQueued = 2
/** More than so many: they only wait there instead of here. */
const manyQueued = 4
/** The fastest answers are believed so long, ms: the way to the server may be another one by then. */
const remeasureAfterMs = 60_000
/** … and for so many times what measuring them took, so that it costs a twentieth of the throughput at most. */
const remeasureFactor = 20
/** So many requests in a row are measured alone: one alone may have met a hiccup. */
const measuredAlone = 2
/** Measuring is given up after so long, ms: what hangs must not hold up the rest. */
const measuringAtMostMs = 5_000

/**
 * How many requests at a time are good: as TCP Vegas has it, more only while they do not wait for each other at the server.
 * A request that takes longer than the fastest of its kind waited in a queue, on the way or at the server; the part of the time that it did
 * not wait tells how many are really worked on. A server that does one after the other gets about four, one that is
 * far away and does them side by side as many as allowed. Failures of the server halve the number.
 *
 * ```
 *   few queued: × 1.5 ──▶ (some queued: as it is) ──▶ many queued: those worked on, and a few more
 *                              few queued: + 1 ◀──────────────┴────── failure: ÷ 2
 * ```
 *
 * Invariants: 1 ≤ `places` ≤ `most`; while the fastest are measured anew `places` is 1.
 */
export class ConcurrencyLimit {
  readonly #options: ConcurrencyLimitOptions
  #limit: number
  /** Nothing has queued yet. */
  #isStarting = true
  #inFlight = 0
  #begun = 0
  /** Number of the last flight that had begun when a failure halved the limit. */
  #halvedAfter = 0
  /** ms of the fastest of each kind. */
  readonly #fastest = new Map<string, number>()
  #measuredAtMs: number
  #believedForMs = remeasureAfterMs
  #measuring: { left: number; readonly sinceMs: number; readonly cancel: () => void } | undefined
  #window = new Window()
  /** The part of the time that was not waited, in the last window. */
  #lastShare = 1

  constructor(options: ConcurrencyLimitOptions) {
    this.#options = options
    this.#limit = Math.min(placesAtFirst, options.most)
    this.#measuredAtMs = options.clock.monotonic()
  }

  get places(): number {
    return this.#measuring ? 1 : this.#limit
  }

  begin(): Flight {
    this.#inFlight += 1
    this.#begun += 1
    this.#window.saw(this.#inFlight)
    const number = this.#begun
    const wasAlone = this.#inFlight === 1
    const sinceMs = this.#options.clock.monotonic()
    return {
      done: (kind) => {
        this.#inFlight -= 1
        const tookMs = this.#options.clock.monotonic() - sinceMs
        this.#sample(kind, tookMs, wasAlone && this.#begun === number)
      },
      failed: () => {
        this.#inFlight -= 1
        if (number > this.#halvedAfter) this.#halve()
      },
      dropped: () => {
        this.#inFlight -= 1
      },
    }
  }

  /** Nothing is measured any more. */
  close(): void {
    this.#measuring?.cancel()
    this.#measuring = undefined
  }

  #sample(kind: string, tookMs: number, isAlone: boolean): void {
    if (isAlone) this.#measured(kind, tookMs)
    else if (this.#measuring) return
    // The first of its kind was slowed down as much as others were.
    const fastestMs = Math.min(tookMs, this.#fastest.get(kind) ?? tookMs * this.#lastShare)
    this.#fastest.set(kind, fastestMs)
    this.#window.add(fastestMs, tookMs)
    if (this.#measuring || this.#window.count < this.#limit) return
    this.#judge()
    if (this.#limit >= 2 && this.#isStale) this.#measure()
  }

  #judge(): void {
    const { most } = this.#options
    const { share, peak } = this.#window
    const workedOn = peak * share
    const queued = peak - workedOn
    this.#lastShare = share
    this.#window = new Window(this.#inFlight)
    if (queued > manyQueued) {
      this.#isStarting = false
      this.#set(Math.max(half(this.#limit), Math.ceil(workedOn) + fewQueued))
    } else if (queued < fewQueued && peak > this.#limit / 2) {
      this.#set(Math.min(most, this.#limit + (this.#isStarting ? half(this.#limit) : 1)))
    }
  }

  /** Those that were under way together fail together: that is one reason, not many. */
  #halve(): void {
    this.#halvedAfter = this.#begun
    this.#isStarting = false
    this.#window = new Window(this.#inFlight)
    this.#endMeasuring()
    this.#set(half(this.#limit))
  }

  #set(limit: number): void {
    this.#limit = limit
    this.#options.onChange()
  }

  get #isStale(): boolean {
    return this.#options.clock.monotonic() - this.#measuredAtMs > this.#believedForMs
  }

  /** Lets requests run alone for a moment. */
  #measure(): void {
    const { clock, onChange } = this.#options
    const cancel = clock.after(measuringAtMostMs, () => this.#endMeasuring())
    this.#measuring = { left: measuredAlone, sinceMs: clock.monotonic(), cancel }
    onChange()
  }

  #measured(kind: string, tookMs: number): void {
    if (this.#isStale) {
      this.#fastest.clear()
      this.#measuredAtMs = this.#options.clock.monotonic()
      if (!this.#measuring) this.#lastShare = 1
    }
    this.#fastest.set(kind, Math.min(tookMs, this.#fastest.get(kind) ?? tookMs))
    if (!this.#measuring) return
    this.#measuring.left -= 1
    if (this.#measuring.left === 0) this.#endMeasuring()
  }

  #endMeasuring(): void {
    if (!this.#measuring) return
    const nowMs = this.#options.clock.monotonic()
    this.#measuring.cancel()
    this.#believedForMs = Math.max(remeasureAfterMs, remeasureFactor * (nowMs - this.#measuring.sinceMs))
    this.#measuredAtMs = nowMs
    this.#measuring = undefined
    this.#window = new Window(this.#inFlight)
    this.#options.onChange()
  }
}

function half(places: number): number {
  return Math.max(1, Math.floor(places / 2))
}

/** What is looked at together: about one round of requests. */
class Window {
  count = 0
  /** Most requests that were under way at a time. */
  peak: number
  #unhurriedMs = 0
  #tookMs = 0

  constructor(inFlight = 0) {
    this.peak = inFlight
  }

  saw(inFlight: number): void {
    this.peak = Math.max(this.peak, inFlight)
  }

  add(fastestMs: number, tookMs: number): void {
    this.count += 1
    this.#unhurriedMs += fastestMs
    this.#tookMs += tookMs
  }

  /** Of the time that requests took, the part that they would have taken alone: 0 to 1. */
  get share(): number {
    return this.#tookMs === 0 ? 1 : this.#unhurriedMs / this.#tookMs
  }
}
