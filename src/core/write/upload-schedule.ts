import type { Clock } from '../../base/clock.ts'

/** A file that stays open for writing is sent at least so far apart, ms. */
const openIntervalMs = 60_000
/** … and never spends more than about a tenth of the time on being sent. */
const openIntervalFactor = 10

export interface ScheduleOptions {
  readonly clock: Clock
  readonly quietMs: number
  readonly isSentOpen: boolean
}

/**
 * When the upload of one file is due, by the monotonic clock:
 * - nobody has it open for writing: a quiet time after the last change or release;
 * - somebody has: at intervals, while it changes; never by itself where programs say by fsync when it is whole
 *   (`isSentOpen` false: `--sync=fsync`);
 * - after a failure: not before the back-off is over;
 * - urgent (a flush, a drain, a retry): at once, but for the back-off.
 */
export class UploadSchedule {
  readonly #clock: Clock
  readonly #quietMs: number
  readonly #isSentOpen: boolean
  #writers = 0
  #isUrgent = false
  #activeAtMs = 0
  /** Begin of the interval that an open file waits for: its first change since the last upload, or that upload's end. */
  #intervalFromMs: number | undefined
  #lastUploadMs = 0
  #retryAtMs: number | undefined

  constructor({ clock, quietMs, isSentOpen }: ScheduleOptions) {
    this.#clock = clock
    this.#quietMs = quietMs
    this.#isSentOpen = isSentOpen
  }

  get isUrgent(): boolean {
    return this.#isUrgent
  }

  get hasWriters(): boolean {
    return this.#writers > 0
  }

  get isInBackoff(): boolean {
    return this.#retryAtMs !== undefined
  }

  /** ms until the upload is due, 0 when it is; Infinity: not before something else happens. */
  get dueInMs(): number {
    return Math.max(0, this.#dueAtMs() - this.#clock.monotonic())
  }

  retainWriter(): void {
    this.#writers += 1
  }

  releaseWriter(): void {
    this.#writers -= 1
    this.#activeAtMs = this.#clock.monotonic()
  }

  /** The content changed. */
  changed(): void {
    this.#activeAtMs = this.#clock.monotonic()
    this.#intervalFromMs ??= this.#activeAtMs
  }

  hurry(): void {
    this.#isUrgent = true
  }

  retryIn(delayMs: number): void {
    this.#retryAtMs = this.#clock.monotonic() + delayMs
  }

  forgetBackoff(): void {
    this.#retryAtMs = undefined
  }

  /** An upload that took `durationMs` is done; `isNewer` when there are changes that it did not send. */
  done(durationMs: number, isNewer: boolean): void {
    this.#lastUploadMs = durationMs
    this.#retryAtMs = undefined
    this.#intervalFromMs = isNewer ? this.#clock.monotonic() : undefined
    if (!isNewer) this.#isUrgent = false
  }

  /** Nobody waits for it any more. */
  relax(): void {
    this.#isUrgent = false
  }

  #dueAtMs(): number {
    const backoffEnd = this.#retryAtMs ?? -Infinity
    if (this.#isUrgent) return backoffEnd
    if (this.#writers === 0) return Math.max(backoffEnd, this.#activeAtMs + this.#quietMs)
    if (!this.#isSentOpen) return Infinity
    const interval = Math.max(openIntervalMs, openIntervalFactor * this.#lastUploadMs)
    return Math.max(backoffEnd, (this.#intervalFromMs ?? this.#activeAtMs) + interval)
  }
}
