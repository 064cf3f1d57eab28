import { backoffMs } from '../base/backoff.ts'
import { delay, type Clock } from '../base/clock.ts'
import { Code } from './codes.ts'
import { isLastingHolder } from './envelope.ts'
import { ApiError } from './errors.ts'

/**
 * What a repetition does (api/01 §14):
 * - `read`: changes nothing
 * - `safe`: changes something, and doing it twice is the same as once
 * - `once`: a second time would answer differently; only repeated when surely nothing was done
 */
export type Repeatability = 'read' | 'safe' | 'once'

export interface RetryOptions {
  readonly clock: Clock
  readonly repeat: Repeatability
  readonly signal?: AbortSignal | undefined
  readonly random?: (() => number) | undefined
}

/** Quick tries after the first. Waiting for longer is up to the caller, who knows whether anybody still wants the result. */
const RETRIES = 3
const WAIT = { firstMs: 150, maxMs: 1000 }
/** Locks and tree changes of other requests last about one request (api/00-live-files §17.11). */
const RACE_WAIT = { firstMs: 40, maxMs: 200 }

/** The one retry policy of the client: bounded, quick, by idempotency. */
export async function withRetry<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const wait = attempt < RETRIES ? waitBefore(error, options.repeat) : undefined
      if (!wait) throw error
      const { clock, signal, random } = options
      await delay(clock, backoffMs(attempt, { ...wait, ...(random ? { random } : {}) }), signal)
    }
  }
}

function waitBefore(error: unknown, repeat: Repeatability) {
  if (!(error instanceof ApiError)) return undefined
  if (isRace(error)) return RACE_WAIT
  if (error.kind === 'unsent' || error.kind === 'busy') return WAIT
  if (repeat === 'once') return undefined
  return isFailure(error) ? WAIT : undefined
}

/** Another request was in the way and nothing was done. */
function isRace({ kind, code, holder }: ApiError): boolean {
  if (kind !== 'refused') return false
  return (
    code === Code.treeChanged || (code === Code.locked && holder !== undefined && !isLastingHolder(holder))
  )
}

function isFailure({ kind, code }: ApiError): boolean {
  if (kind === 'lost' || kind === 'gateway') return true
  return (
    kind === 'refused' && (code === Code.database || code === Code.cacheFailed || code === Code.storageFailed)
  )
}
