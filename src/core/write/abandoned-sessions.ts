import { backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { EndableSession } from '../../remote/remote.ts'
import { withoutTicket } from './side-car.ts'
import type { WriteRemote } from './types.ts'

/** A session that is to be ended, and the path as the person knows it. */
export interface EndingSession {
  readonly session: EndableSession
  readonly label: string
}

/** Sessions that are to be ended by the next process, should this one not come to it. */
export interface EndingLedger {
  /** What an earlier process left, by key. */
  readonly found: ReadonlyMap<string, EndingSession>
  /** Resolves when that survives power loss. @throws the local disk's error */
  put(key: string, ending: EndingSession): Promise<void>
  /** @throws the local disk's error */
  delete(key: string): Promise<void>
}

/** Of a process that leaves nothing behind. */
export const noLedger: EndingLedger = {
  found: new Map(),
  put: () => Promise.resolve(),
  delete: () => Promise.resolve(),
}

export interface AbandonedSessionsOptions {
  readonly remote: Pick<WriteRemote, 'cancelUpload'>
  readonly ledger: EndingLedger
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

interface Ending extends EndingSession {
  readonly key: string
  isOver: boolean
  /** Settles when it is in the ledger, or could not be put there. */
  record: Promise<void> | undefined
}

/**
 * Upload sessions that nobody goes on with: of dead processes, and of files that were renamed or dropped while the server could not be
 * reached. Each locks its file and all folders above for a day (api/00-live §1), so they are ended however long it takes: by the next
 * process too, whom the side-car tells that names the session, or, before that goes or names another one, the ledger (`recorded`).
 */
export class AbandonedSessions {
  readonly #options: AbandonedSessionsOptions
  readonly #timers = new Set<() => void>()
  /** By key. Those that are over stay: their side-cars may name them on. */
  readonly #endings = new Map<string, Ending>()
  #isClosed = false

  constructor(options: AbandonedSessionsOptions) {
    this.#options = options
    for (const [key, found] of options.ledger.found) this.#know(key, found).record = Promise.resolve()
  }

  /** Begins with what an earlier process left. @param isKept somebody goes on with it, and ends it */
  takeUp(isKept: (session: EndableSession) => boolean): void {
    for (const key of this.#options.ledger.found.keys()) {
      const ending = this.#endings.get(key)!
      if (isKept(ending.session)) this.#over(ending)
      else void this.#cancel(ending, 0)
    }
  }

  /** As long as its side-car names it the next process is told. */
  add(session: EndableSession, label: string): void {
    this.#take(session, label)
  }

  /** Resolves when the next process is told of it without its side-car, or when it is over. @throws the local disk's error */
  async recorded(session: EndableSession, label: string): Promise<void> {
    const ending = this.#take(session, label)
    if (ending.isOver) return
    ending.record ??= this.#options.ledger.put(ending.key, { session: ending.session, label })
    try {
      await ending.record
    } catch (error) {
      ending.record = undefined
      throw error
    }
  }

  /** An upload to `uri` was given the lock: nobody else has it, so whatever else was asked for or opened there is over. */
  free(uri: string): void {
    for (const ending of this.#endings.values()) if (ending.session.uri === uri) this.#over(ending)
  }

  close(): void {
    this.#isClosed = true
    for (const cancelTimer of this.#timers) cancelTimer()
    this.#timers.clear()
  }

  #take(session: EndableSession, label: string): Ending {
    const key = sessionKey(session)
    const known = this.#endings.get(key)
    if (known) return known
    const ending = this.#know(key, { session: withoutTicket(session), label })
    void this.#cancel(ending, 0)
    return ending
  }

  #know(key: string, { session, label }: EndingSession): Ending {
    const ending: Ending = { key, session, label, isOver: false, record: undefined }
    this.#endings.set(key, ending)
    return ending
  }

  async #cancel(ending: Ending, attempt: number): Promise<void> {
    if (this.#isClosed || ending.isOver) return
    const { remote, log } = this.#options
    const { session, label } = ending
    try {
      if (await remote.cancelUpload(session)) return this.#over(ending)
    } catch (error) {
      const isRefused = isRemoteError(error, ...refusals)
      if (isRefused || !isRemoteError(error)) {
        log.warn('an abandoned upload session could not be cancelled; the server ends it within a day', {
          label,
          error,
        })
        if (isRefused) this.#over(ending)
        return
      }
    }
    this.#later(ending, attempt)
  }

  #later(ending: Ending, attempt: number): void {
    if (this.#isClosed) return
    const { clock, random } = this.#options
    const cancelTimer = clock.after(backoffMs(attempt, { firstMs: 1000, maxMs: 60_000, random }), () => {
      this.#timers.delete(cancelTimer)
      void this.#cancel(ending, attempt + 1)
    })
    this.#timers.add(cancelTimer)
  }

  #over(ending: Ending): void {
    if (ending.isOver) return
    ending.isOver = true
    const { ledger, log } = this.#options
    // A ledger that is closed keeps it: the next process hears from the server that it is over.
    const forgotten = ending.record?.then(() => (this.#isClosed ? undefined : ledger.delete(ending.key)))
    forgotten?.catch((error: unknown) => {
      log.warn('an upload session that is over is still on record; the next start ends it once more', {
        label: ending.label,
        error,
      })
    })
  }
}

/** After these there is nothing to be tried again. */
const refusals = ['denied', 'not-found', 'invalid'] as const

/** Tells it from all others of the account. */
export function sessionKey(session: EndableSession): string {
  return 'id' in session ? session.id : `${session.askedAtMs} ${session.sizeBytes} ${session.uri}`
}
