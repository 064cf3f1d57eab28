import PQueue from 'p-queue'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isRemoteError } from '../../remote/errors.ts'
import { ConcurrencyLimit, type Flight } from './concurrency-limit.ts'
import { Outage } from './outage.ts'

/** Largest upload that counts as small, bytes: one request at the server. */
export const smallUploadBytes = 4 * 1024 ** 2
/** Their chunks go side by side, so that more of them at a time would only share the line. */
const largeAtATime = 2
/** Uploads of about one size are compared with each other: up to 16 KiB, then in steps of the factor 4, bytes. */
const smallestKindBytes = 16 * 1024

export interface UploadQueueOptions {
  readonly clock: Clock
  readonly log: Log
  /** Small uploads at a time, at most; how many are good is found out. Large ones have places of their own. */
  readonly concurrency: number
  readonly random?: (() => number) | undefined
}

/** What an upload was like, known when it is over. */
export interface SentUpload {
  readonly sizeBytes: number
  /** By an upload session: three requests instead of one. */
  readonly isSession: boolean
}

/**
 * Which uploads run now: two lanes, so that a film never delays a letter. Only the order in which files take their turn lives
 * here, and how many do; what an upload does is `FileUpload`'s business, and when it is due is decided before it comes here.
 */
export class UploadQueue {
  readonly outage: Outage
  readonly #small: PQueue
  readonly #large: PQueue
  readonly #limit: ConcurrencyLimit
  readonly #log: Log
  #holds = 0
  #isClosed = false

  constructor({ concurrency, ...options }: UploadQueueOptions) {
    this.outage = new Outage(options)
    this.#log = options.log
    this.#limit = new ConcurrencyLimit({
      clock: options.clock,
      most: concurrency,
      onChange: () => {
        this.#small.concurrency = this.#limit.places
      },
    })
    this.#small = new PQueue({ concurrency: this.#limit.places })
    this.#large = new PQueue({ concurrency: Math.min(largeAtATime, concurrency) })
  }

  /** Runs `work` when a place is free; `urgent` work before the rest. `work` reports its own failures. */
  add(work: () => Promise<void>, { sizeBytes, urgent }: { sizeBytes: number; urgent: boolean }): void {
    const lane = sizeBytes <= smallUploadBytes ? this.#small : this.#large
    lane.add(work, { priority: urgent ? 1 : 0 }).catch((error: unknown) => {
      this.#log.error('an upload ended in a way that it should not', { error })
    })
  }

  /** Runs what sends an upload, and learns from it how many at a time are good. */
  async learnFrom<T>(send: () => Promise<T>, sent: () => SentUpload): Promise<T> {
    const flight = sent().sizeBytes <= smallUploadBytes ? this.#limit.begin() : undefined
    try {
      const result = await send()
      flight?.done(kindOf(sent()))
      return result
    } catch (error) {
      if (flight) failed(flight, error)
      throw error
    }
  }

  /** Nothing is started until the returned function is called, by everybody who holds it. */
  hold(): () => void {
    this.#holds += 1
    for (const lane of [this.#small, this.#large]) lane.pause()
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#holds -= 1
      if (this.#holds === 0 && !this.#isClosed) for (const lane of [this.#small, this.#large]) lane.start()
    }
  }

  /** Nothing waiting is started any more. */
  close(): void {
    this.#isClosed = true
    this.outage.close()
    this.#limit.close()
    this.#small.pause()
    this.#large.pause()
    this.#small.clear()
    this.#large.clear()
  }
}

function failed(flight: Flight, error: unknown): void {
  if (isRemoteError(error, 'server', 'unknown-outcome', 'protocol')) flight.failed()
  else flight.dropped()
}

function kindOf({ sizeBytes, isSession }: SentUpload): string {
  const step = Math.max(0, Math.ceil(Math.log2(sizeBytes / smallestKindBytes) / 2))
  return `${isSession ? 'session' : 'request'} ${step}`
}
