import PQueue from 'p-queue'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { Outage } from './outage.ts'

/** Largest upload that counts as small, bytes: one request at the server. */
export const smallUploadBytes = 4 * 1024 ** 2

export interface UploadQueueOptions {
  readonly clock: Clock
  readonly log: Log
  /** Uploads at once in each lane. */
  readonly concurrency: number
  readonly random?: (() => number) | undefined
}

/**
 * Which uploads run now: two lanes, so that a film never delays a letter. Only the order in which files take their turn lives
 * here; what an upload does is `FileUpload`'s business, and when it is due is decided before it comes here.
 */
export class UploadQueue {
  readonly outage: Outage
  readonly #small: PQueue
  readonly #large: PQueue
  readonly #log: Log

  constructor({ concurrency, ...options }: UploadQueueOptions) {
    this.outage = new Outage(options)
    this.#log = options.log
    this.#small = new PQueue({ concurrency })
    this.#large = new PQueue({ concurrency: Math.max(1, Math.floor(concurrency / 2)) })
  }

  /** Runs `work` when a place is free; `urgent` work before the rest. `work` reports its own failures. */
  add(work: () => Promise<void>, { sizeBytes, urgent }: { sizeBytes: number; urgent: boolean }): void {
    const lane = sizeBytes <= smallUploadBytes ? this.#small : this.#large
    lane.add(work, { priority: urgent ? 1 : 0 }).catch((error: unknown) => {
      this.#log.error('an upload ended in a way that it should not', { error })
    })
  }

  /** Nothing waiting is started any more. */
  close(): void {
    this.outage.close()
    this.#small.pause()
    this.#large.pause()
    this.#small.clear()
    this.#large.clear()
  }
}
