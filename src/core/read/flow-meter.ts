import type { Clock } from '../../base/clock.ts'

/** A look at the line takes at least so long, ms: less tells of the moment, not of the line. */
const lookMs = 250
/** Bytes that are enough for a first guess. */
const glanceBytes = 256 * 1024
/** What a slower look counts; a faster one counts for itself, so that a good line is known at once. */
const slowerCounts = 0.3
/** What a later first byte counts: most that are late waited for others, not for the line. */
const laterCounts = 0.05

/** How fast contents come: all that come at the same time together, from the first bytes of each to its last; and how soon they begin to. */
export class FlowMeter {
  readonly #clock: Pick<Clock, 'monotonic'>
  #flowing = 0
  /** Of the present look: until when its time is counted, how long something came, and how many bytes. */
  #countedMs = 0
  #lookedMs = 0
  #bytes = 0
  #bytesPerSecond: number | undefined
  #latencyMs = 0

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Bytes a second; undefined until enough has come to tell. */
  get bytesPerSecond(): number | undefined {
    return this.#bytesPerSecond
  }

  /** As `bytesPerSecond`, of the moment where nothing better is known: good enough to ask for more, not to ask for less. */
  get bytesPerSecondAtAGlance(): number | undefined {
    if (this.#bytesPerSecond !== undefined) return this.#bytesPerSecond
    const isEnough = this.#bytes >= glanceBytes && this.#lookedMs > 0
    return isEnough ? (this.#bytes * 1000) / this.#lookedMs : undefined
  }

  /** From a request to its first bytes, ms; 0 until some have come. */
  get latencyMs(): number {
    return this.#latencyMs
  }

  /** For one content that is asked for now: to be called with all bytes that have come, each time. `end` after the last call, or without any. */
  start(): { readonly note: (filledBytes: number) => void; readonly end: () => void } {
    const askedMs = this.#clock.monotonic()
    let before: number | undefined
    return {
      note: (filledBytes) => {
        if (before === undefined) this.#begin(askedMs)
        else this.#come(filledBytes - before)
        before = filledBytes
      },
      end: () => {
        if (before !== undefined) this.#end()
      },
    }
  }

  #begin(askedMs: number): void {
    const now = this.#clock.monotonic()
    const before = this.#latencyMs || now - askedMs
    const later = now - askedMs - before
    this.#latencyMs = before + (later < 0 ? later : laterCounts * later)
    if (this.#flowing === 0) this.#countedMs = now
    this.#flowing += 1
  }

  #come(bytes: number): void {
    this.#bytes += bytes
    this.#countTime()
    if (this.#lookedMs < lookMs) return
    const seen = (this.#bytes * 1000) / this.#lookedMs
    const before = this.#bytesPerSecond ?? seen
    this.#bytesPerSecond = seen >= before ? seen : before + slowerCounts * (seen - before)
    this.#bytes = 0
    this.#lookedMs = 0
  }

  #end(): void {
    this.#countTime()
    this.#flowing -= 1
  }

  #countTime(): void {
    const now = this.#clock.monotonic()
    this.#lookedMs += now - this.#countedMs
    this.#countedMs = now
  }
}
