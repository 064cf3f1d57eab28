import { waitAtMost, type Clock } from '../base/clock.ts'
import { RemoteError } from '../remote/errors.ts'

/** Whether the server could be asked, when that was tried last. Whoever knows an answer from before need not wait while it cannot. */
export class Reachability {
  readonly #clock: Clock
  #isAway: boolean
  #workedAt = -Infinity
  #missedAt = -Infinity
  readonly #waiting = new Set<() => void>()
  /** It was away and answers again. */
  onBack: () => void = () => undefined

  constructor(clock: Clock, isAway = false) {
    this.#clock = clock
    this.#isAway = isAway
  }

  get isAway(): boolean {
    return this.#isAway
  }

  /** Something did not reach it then for the last time: what was known before may have changed meanwhile. Monotonic ms. */
  get missedAt(): number {
    return this.#missedAt
  }

  /** A request that nobody waits for did not reach it. */
  missed(): void {
    this.#missedAt = this.#clock.monotonic()
  }

  /** It answered something. */
  worked(): void {
    const wasAway = this.#isAway
    this.#isAway = false
    this.#workedAt = this.#clock.monotonic()
    if (wasAway) this.onBack()
  }

  /** It could not be reached. */
  failed(): void {
    this.#isAway = true
    this.missed()
    for (const tell of this.#waiting) tell()
  }

  /**
   * Waits for `work`, which goes on, no longer than `deadlineMs` and than the server can be reached.
   * @throws {RemoteError} `offline` then
   */
  wait<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
    const startedAt = this.#clock.monotonic()
    const late = () => {
      if (this.#workedAt <= startedAt) this.failed()
      return new RemoteError('offline', 'the server does not answer')
    }
    return waitAtMost(this.unlessAway(work), { clock: this.#clock, deadlineMs, late })
  }

  /**
   * Waits for `work`, which goes on, as long as the server can be reached.
   * @throws {RemoteError} `offline` then
   */
  unlessAway<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const tell = () => reject(new RemoteError('offline', 'the server cannot be reached'))
      if (this.#isAway) tell()
      this.#waiting.add(tell)
      work.finally(() => this.#waiting.delete(tell)).then(resolve, reject)
    })
  }
}
