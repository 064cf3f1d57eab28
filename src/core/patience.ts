import { backoffMs } from '../base/backoff.ts'
import { delay, waitAtMost, waitUnlessAborted, type Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { isRemoteError, RemoteError } from '../remote/errors.ts'
import { Reachability } from './reachability.ts'

export interface PatienceOptions {
  /** A program is kept waiting for a server that is away, or that does not answer, at most so long, ms. */
  readonly deadlineMs: number
  /** … and for somebody else's lock at most so long, ms: most holders keep it for one request (api/01 §5). */
  readonly lockDeadlineMs: number
}

export const defaultPatience: PatienceOptions = { deadlineMs: 120_000, lockDeadlineMs: 5_000 }

/** A server that was not asked has said nothing about whether it is there. */
export class NotAskedError extends RemoteError {}

/**
 * Waits for a server that is away: a short outage only delays a program, a long one becomes an error. Only for calls that
 * may be repeated, or whose `unknown-outcome` the caller resolves (it is never retried here). A call without an answer at the
 * deadline is of unknown outcome too: it goes on, but nobody waits for it.
 */
export class Patience {
  readonly #clock: Clock
  readonly #log: Log
  readonly #options: PatienceOptions
  readonly #server: Reachability

  constructor(
    clock: Clock,
    log: Log,
    options: PatienceOptions = defaultPatience,
    server: Reachability = new Reachability(clock),
  ) {
    this.#clock = clock
    this.#log = log
    this.#options = options
    this.#server = server
  }

  /**
   * Work in several steps calls `progress` after each: none may take longer than the deadline.
   * @throws {RemoteError} the last one, when patience is over; `aborted` when the caller stopped waiting.
   */
  async run<T>(
    subject: string,
    work: (progress: () => void) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const startedAt = this.#clock.monotonic()
    for (let attempt = 0; ; attempt += 1) {
      try {
        const leftMs = this.#options.deadlineMs - (this.#clock.monotonic() - startedAt)
        return await waitUnlessAborted(this.#told(this.#inTime(subject, work, leftMs)), signal)
      } catch (error) {
        if (signal?.aborted) throw new RemoteError('aborted', `${subject}: interrupted`, { cause: error })
        const left = this.#deadlineOf(error) - (this.#clock.monotonic() - startedAt)
        if (left <= 0) throw error
        this.#log.debug('waiting for the server', { subject, attempt, error: String(error) })
        await delay(this.#clock, Math.min(left, backoffMs(attempt, { firstMs: 50, maxMs: 5_000 })), signal)
      }
    }
  }

  async #told<T>(asked: Promise<T>): Promise<T> {
    try {
      const answer = await asked
      this.#server.worked()
      return answer
    } catch (error) {
      if (isRemoteError(error, 'offline') && !(error instanceof NotAskedError)) this.#server.failed()
      throw error
    }
  }

  #inTime<T>(subject: string, work: (progress: () => void) => Promise<T>, leftMs: number): Promise<T> {
    const late = () => {
      const seconds = Math.round(this.#options.deadlineMs / 1000)
      return new RemoteError('unknown-outcome', `${subject}: no answer of the server for ${seconds} s`)
    }
    return waitAtMost(work, { clock: this.#clock, deadlineMs: leftMs, late })
  }

  #deadlineOf(error: unknown): number {
    if (isRemoteError(error, 'offline', 'server')) return this.#options.deadlineMs
    if (isRemoteError(error, 'locked', 'conflict')) return this.#options.lockDeadlineMs
    return 0
  }
}
