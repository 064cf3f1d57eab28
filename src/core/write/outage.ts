import { backoffMs } from '../../base/backoff.ts'
import { abortReason, type Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isRemoteError, type RemoteError } from '../../remote/errors.ts'

export interface OutageOptions {
  readonly clock: Clock
  readonly log: Log
  readonly random?: (() => number) | undefined
}

/** So many different files refused in a row, with nothing done in between, are a sick server and no accident. */
const failuresThatMeanTrouble = 3

/**
 * Whether the server can take uploads at all. While it cannot, all uploads wait here and one at a time tries, with growing
 * back-off: a thousand waiting files must not knock a thousand times, nor a stuck server be kept stuck (api/00-live-files
 * §17.2).
 */
export class Outage {
  readonly #options: OutageOptions
  readonly #waiting = new Set<() => void>()
  readonly #troubled = new Set<object>()
  #attempt = 0
  #cause: string | undefined
  /** Somebody may try, or is trying. */
  #probe: 'none' | 'open' | 'taken' = 'open'
  #cancelTimer: (() => void) | undefined

  constructor(options: OutageOptions) {
    this.#options = options
  }

  /** A sentence while the server takes nothing; undefined when all is well. */
  get detail(): string | undefined {
    return this.#cause
  }

  /** Waits until an upload may be tried. Every caller reports back by `ok`, `failed` or `undecided`. */
  async pass(signal: AbortSignal): Promise<void> {
    while (this.#cause !== undefined) {
      if (this.#probe === 'open') {
        this.#probe = 'taken'
        return
      }
      await this.#wait(signal)
    }
  }

  /** The server did something, or refused with a reason of the file's own. */
  ok(): void {
    this.#troubled.clear()
    this.#attempt = 0
    if (this.#cause === undefined) return
    this.#options.log.info('the server takes uploads again')
    this.#cause = undefined
    this.#probe = 'open'
    this.#wake()
  }

  /** The caller stopped without having asked the server. */
  undecided(): void {
    if (this.#cause === undefined || this.#probe !== 'taken') return
    this.#probe = 'open'
    this.#wake()
  }

  /** True when `error` is the server's trouble and not the file's: then `pass` is the place to wait. */
  failed(error: RemoteError, file: object): boolean {
    const isServerFailure = isRemoteError(error, 'server', 'protocol')
    if (isServerFailure) this.#troubled.add(file)
    const isTrouble =
      isRemoteError(error, 'offline', 'unauthenticated') ||
      (isServerFailure && (this.#cause !== undefined || this.#troubled.size >= failuresThatMeanTrouble))
    if (!isTrouble) return false
    if (this.#cause !== undefined && this.#probe !== 'taken') return true
    this.#close(error, isServerFailure)
    return true
  }

  /** Tries again at once: the network came back, somebody signed in. */
  tryNow(): void {
    if (this.#cause === undefined || this.#probe === 'taken') return
    this.#cancelTimer?.()
    this.#probe = 'open'
    this.#wake()
  }

  close(): void {
    this.#cancelTimer?.()
  }

  #close(error: RemoteError, isServerFailure: boolean): void {
    if (this.#cause === undefined) this.#options.log.warn('uploads wait for the server', { error })
    this.#cause = isServerFailure
      ? `the server fails at every change (${error.message}); if that goes on, it may have to be restarted`
      : error.message
    this.#probe = 'none'
    const { random = Math.random } = this.#options
    const delayMs = backoffMs(this.#attempt, { firstMs: 1000, maxMs: 60_000, random })
    this.#attempt += 1
    this.#cancelTimer?.()
    this.#cancelTimer = this.#options.clock.after(delayMs, () => {
      this.#probe = 'open'
      this.#wake()
    })
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortReason(signal))
      const onAbort = () => {
        this.#waiting.delete(onWake)
        reject(abortReason(signal))
      }
      const onWake = () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(onWake)
      return undefined
    })
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }
}
