/**
 * One event stream of the drive's top folder, opened again whenever it ends:
 *
 *   opening --(first message)--> live --(end, break, silence)--> waiting --(back-off)--> opening
 *
 * The top of a drive can be neither renamed nor moved, which a stream of any other folder would be silent about
 * (api/00-live-files §9). A folder that a mount shows is one of those that are told about.
 */
import { backoffMs } from '../../base/backoff.ts'
import { delay } from '../../base/clock.ts'
import { Code } from '../../api/codes.ts'
import { folderEvents } from '../../api/endpoints/events.ts'
import { isApiError, isRefusal } from '../../api/errors.ts'
import type { WatchNotice } from '../changes.ts'
import { uriOf, type MountContext } from './context.ts'
import { flushesOf, type Flush } from './flushes.ts'
import { toChange } from './map-event.ts'

/** Three keep-alives (api/02 §9.7). */
const SILENCE_MS = 90_000
/** A stream that lasted so long was no failure: the next one is opened soon. */
const LASTING_MS = 60_000
/** The server has noticed by then that a connection of the same client has ended, and shares nothing between the two. */
const SAME_ID_MS = 2_000
/** Where the server cannot be reached, or fails. */
const RECONNECT = { firstMs: 1_000, maxMs: 32_000 }
/** Where it refuses: that seldom changes by itself. */
const REFUSED = { firstMs: 30_000, maxMs: 300_000 }
/** Where there is no stream: somebody may update the server, or switch it on. */
const NOT_OFFERED_MS = 3_600_000

type FeedContext = Pick<MountContext, 'client' | 'clock' | 'log' | 'root'>

export class ChangeFeed {
  readonly #context: FeedContext
  readonly #random: (() => number) | undefined

  constructor(context: FeedContext, random?: () => number) {
    this.#context = context
    this.#random = random
  }

  async *notices(signal: AbortSignal): AsyncGenerator<WatchNotice> {
    const { clock, log } = this.#context
    let attempt = 0
    while (!signal.aborted) {
      const connection = { liveAt: undefined as number | undefined }
      const failure = yield* this.#connection(connection, signal)
      if (signal.aborted || isApiError(failure, 'closed')) return
      const { liveAt } = connection
      if (liveAt !== undefined && clock.monotonic() - liveAt >= LASTING_MS) attempt = 0
      const pauseMs = this.#pauseAfter(failure, attempt)
      attempt += 1
      if (mayLiveOn(failure)) this.#context.client.renewClientId()
      const { reason, isOffered } = whyDown(failure)
      log.debug('the event stream has ended', { reason, pauseMs: Math.round(pauseMs) })
      yield { kind: 'down', reason, isOffered }
      await delay(clock, pauseMs, signal).catch(() => undefined)
    }
  }

  /** Answers why it has ended; undefined where the server ended it in order. */
  async *#connection(
    connection: { liveAt: number | undefined },
    signal: AbortSignal,
  ): AsyncGenerator<WatchNotice, unknown> {
    const { client, clock } = this.#context
    const end = new AbortController()
    const messages = folderEvents(client, uriOf(this.#context, []), {
      silenceMs: SILENCE_MS,
      signal: AbortSignal.any([signal, end.signal]),
    })
    try {
      for await (const flush of flushesOf(messages, { clock, cut: () => end.abort() })) {
        if (flush.kind === 'reconnect-required') return undefined
        if (flush.kind === 'subscribed' || flush.kind === 'resumed') connection.liveAt ??= clock.monotonic()
        yield* noticesOf(flush)
      }
      return undefined
    } catch (error) {
      return error
    }
  }

  #pauseAfter(failure: unknown, attempt: number): number {
    const random = this.#random === undefined ? {} : { random: this.#random }
    if (failure === undefined) return Math.max(SAME_ID_MS, backoffMs(attempt, { ...RECONNECT, ...random }))
    if (isNotOffered(failure)) return NOT_OFFERED_MS
    return backoffMs(attempt, { ...(isRefused(failure) ? REFUSED : RECONNECT), ...random })
  }
}

function* noticesOf(flush: Flush): Generator<WatchNotice> {
  if (flush.kind === 'subscribed' || flush.kind === 'resumed') yield { kind: 'live' }
  if (flush.kind !== 'changes') return
  if (flush.changes.length > 0) yield { kind: 'changes', changes: flush.changes.map(toChange) }
  if (!flush.isComplete) yield { kind: 'missed' }
}

/**
 * The server may take the connection for a living one for a while. One more with the same id would share what it tells with
 * that, and be told nothing at all once that is found to be dead (api/02 §9.6).
 */
function mayLiveOn(failure: unknown): boolean {
  return isApiError(failure, 'lost', 'malformed')
}

function isNotOffered(failure: unknown): boolean {
  return isApiError(failure, 'no-route') || isRefusal(failure, Code.featureOff)
}

function isRefused(failure: unknown): boolean {
  if (isRefusal(failure, Code.database, Code.unclassified, Code.internal)) return false
  return isApiError(failure, 'refused', 'batch', 'malformed', 'signed-out')
}

function whyDown(failure: unknown): { reason: string; isOffered: boolean } {
  if (failure === undefined) return { reason: 'the server has ended the event stream', isOffered: true }
  if (isApiError(failure, 'no-route')) return { reason: 'the server has no event stream', isOffered: false }
  if (isRefusal(failure, Code.featureOff))
    return { reason: 'the event stream is switched off on the server', isOffered: false }
  return { reason: failure instanceof Error ? failure.message : 'it is not known why', isOffered: true }
}
