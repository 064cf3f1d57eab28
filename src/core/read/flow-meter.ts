import type { Clock } from '../../base/clock.ts'

/** A look at the line takes at least so long, ms: less tells of the moment, not of the line. */
const lookMs = 250
/** What a slower look counts; a faster one counts for itself, so that a good line is known at once. */
const slowerCounts = 0.3

/** How fast contents come: all that come at the same time together, from the first bytes of each to its last. */
export class FlowMeter {
  readonly #clock: Pick<Clock, 'monotonic'>
  #flowing = 0
  /** Of the present look: until when its time is counted, how long something came, and how many bytes. */
  #countedMs = 0
  #lookedMs = 0
  #bytes = 0
  #bytesPerSecond: number | undefined

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Bytes a second; undefined until enough has come to tell. */
  get bytesPerSecond(): number | undefined {
    return this.#bytesPerSecond
  }

  /** For one content that comes: to be called with all bytes that have come, each time. `end` after the last call, or without any. */
  start(): { readonly note: (filledBytes: number) => void; readonly end: () => void } {
    let before: number | undefined
    return {
      note: (filledBytes) => {
        if (before === undefined) this.#begin()
        else this.#come(filledBytes - before)
        before = filledBytes
      },
      end: () => {
        if (before !== undefined) this.#end()
      },
    }
  }

  #begin(): void {
    if (this.#flowing === 0) this.#countedMs = this.#clock.monotonic()
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
