import PQueue from 'p-queue'
import { backoffMs } from '../../base/backoff.ts'
import { waitUnlessAborted, type Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { BaseEntity } from './types.ts'

/** A program that goes on writing may overwrite all of it: what is missing is fetched so long after the first change, ms. */
const startMs = 1_000
/** While programs read it waits, and looks again after so long, ms. */
const busyMs = 200
/** The first wait after a failure, and the longest, ms. */
const retry = { firstMs: 5_000, maxMs: 60_000 }
const smallestPieceBytes = 64 * 1024
const largestPieceBytes = 4 * 1024 ** 2

export interface BackgroundLineOptions {
  /** Programs wait for contents from the server; never, if left out. */
  readonly isReading?: (() => boolean) | undefined
  /** Bytes a second that downloads are held to at the moment; 0, or left out: not at all. */
  readonly downloadBytesPerSecond?: (() => number) | undefined
}

/** What all contents share: one piece at a time is on its way that nobody waits for. */
export class BackgroundLine {
  readonly #options: BackgroundLineOptions
  readonly #queue = new PQueue({ concurrency: 1 })

  constructor(options: BackgroundLineOptions) {
    this.#options = options
  }

  get isBusy(): boolean {
    return this.#options.isReading?.() ?? false
  }

  /** No more than a second's worth: what is asked for meanwhile comes soon. */
  get pieceBytes(): number {
    const perSecond = this.#options.downloadBytesPerSecond?.() || Infinity
    return Math.max(smallestPieceBytes, Math.min(largestPieceBytes, Math.floor(perSecond)))
  }

  run(work: () => Promise<void>): Promise<void> {
    return this.#queue.add(work)
  }
}

export interface BackgroundPartsDeps {
  readonly line: BackgroundLine
  readonly clock: Clock
  readonly log: Log
  /** Of which something is missing here that is to be fetched; undefined: of nothing. */
  readonly wanted: () => BaseEntity | undefined
  /** Brings the next piece of at most so many bytes here. @throws {RemoteError}, and errors of the local disk */
  readonly bring: (mostBytes: number, signal: AbortSignal) => Promise<void>
}

/**
 * Fetches what is missing of a base that was changed in part, long before the upload needs it: the server may not have it by then.
 *
 *   idle ──(something is missing)──▶ waiting ──(1 s)──▶ fetching, piece by piece ──▶ idle
 *                                      ▲                    │
 *                                      └──(failed, or programs read)
 *
 * Whoever needs it all at once (`hold`) waits for the piece that is on its way, and fetches the rest himself.
 */
export class BackgroundParts {
  readonly #deps: BackgroundPartsDeps
  #cancelTimer: (() => void) | undefined
  #running: AbortController | undefined
  #flight: Promise<void> = Promise.resolve()
  #holds = 0
  #failures = 0
  /** The server does not hand this one out. */
  #refused: BaseEntity | undefined
  #isClosed = false

  constructor(deps: BackgroundPartsDeps) {
    this.#deps = deps
  }

  /** Call after what may be missing has changed. */
  look(): void {
    if (!this.#isWanted) this.#stop()
    else if (!this.#running && !this.#cancelTimer) this.#later(startMs)
  }

  /** Nothing is fetched here until the returned function is called. */
  async hold(signal: AbortSignal): Promise<() => void> {
    this.#holds += 1
    const release = () => {
      this.#holds -= 1
      this.look()
    }
    try {
      await waitUnlessAborted(this.#flight, signal)
      return release
    } catch (error) {
      release()
      throw error
    }
  }

  close(): void {
    this.#isClosed = true
    this.#stop()
  }

  get #isWanted(): boolean {
    if (this.#isClosed) return false
    const base = this.#deps.wanted()
    return base !== undefined && base !== this.#refused
  }

  #stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#running?.abort(new Error('nobody needs it any more'))
    this.#running = undefined
  }

  #later(delayMs: number): void {
    this.#cancelTimer = this.#deps.clock.after(delayMs, () => {
      this.#cancelTimer = undefined
      void this.#run()
    })
  }

  async #run(): Promise<void> {
    const running = new AbortController()
    this.#running = running
    const waitMs = await this.#fetch(running.signal)
    if (this.#running !== running) return
    this.#running = undefined
    if (this.#isWanted && this.#holds === 0) this.#later(waitMs)
  }

  /** Answers how long to wait before it goes on. */
  async #fetch(signal: AbortSignal): Promise<number> {
    const { line } = this.#deps
    const base = this.#deps.wanted()
    try {
      while (this.#isWanted && this.#holds === 0 && !signal.aborted) {
        if (line.isBusy) return busyMs
        await line.run(() => this.#piece(signal))
      }
      this.#failures = 0
      return startMs
    } catch (error) {
      this.#deps.log.debug('a part of a changed file was not fetched ahead of its upload', { error })
      if (isRemoteError(error) && !error.isTransient && !signal.aborted) this.#refused = base
      return backoffMs(this.#failures++, retry)
    }
  }

  async #piece(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#holds > 0 || !this.#isWanted) return
    const { line, bring } = this.#deps
    const flight = bring(line.pieceBytes, signal)
    this.#flight = flight.catch(() => undefined) // `#fetch` says why
    await flight
  }
}
