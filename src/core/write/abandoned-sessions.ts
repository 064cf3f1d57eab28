import { backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { EndableSession } from '../../remote/remote.ts'
import type { WriteRemote } from './types.ts'

export interface AbandonedSessionsOptions {
  readonly remote: Pick<WriteRemote, 'cancelUpload'>
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

/**
 * Upload sessions that nobody goes on with: of dead processes and of files that were dropped while the server could not be
 * reached. Each locks its file and all folders above for a day (api/00-live §1), so they are cancelled however long it takes.
 */
export class AbandonedSessions {
  readonly #options: AbandonedSessionsOptions
  readonly #timers = new Set<() => void>()
  #isClosed = false

  constructor(options: AbandonedSessionsOptions) {
    this.#options = options
  }

  add(session: EndableSession, label: string): void {
    void this.#cancel(session, label, 0)
  }

  close(): void {
    this.#isClosed = true
    for (const cancelTimer of this.#timers) cancelTimer()
    this.#timers.clear()
  }

  async #cancel(session: EndableSession, label: string, attempt: number): Promise<void> {
    const { remote, log } = this.#options
    try {
      await remote.cancelUpload(session)
    } catch (error) {
      if (isRemoteError(error) && error.isTransient) return this.#later(session, label, attempt)
      log.warn('an abandoned upload session could not be cancelled; the server ends it within a day', {
        label,
        error,
      })
    }
  }

  #later(session: EndableSession, label: string, attempt: number): void {
    if (this.#isClosed) return
    const { clock, random } = this.#options
    const cancelTimer = clock.after(backoffMs(attempt, { firstMs: 1000, maxMs: 60_000, random }), () => {
      this.#timers.delete(cancelTimer)
      void this.#cancel(session, label, attempt + 1)
    })
    this.#timers.add(cancelTimer)
  }
}
