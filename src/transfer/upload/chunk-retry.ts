import { backoffMs } from '../../base/backoff.ts'
import { delay, type Clock } from '../../base/clock.ts'
import { isStorageError } from '../storage-error.ts'

export interface ChunkRetry {
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  /** Whether trying again may help; by default where the storage failed or was not reached. */
  readonly isPassing?: (error: unknown) => boolean
}

const RETRIES = 4
const WAIT = { firstMs: 300, maxMs: 3000 }

/** Sends a chunk again, a few times, after failures that pass: the same bytes may be sent any number of times. */
export async function withChunkRetry<T>(
  send: (attempt: number) => Promise<T>,
  { clock, signal, isPassing = isFailure }: ChunkRetry,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await send(attempt)
    } catch (error) {
      if (!isPassing(error) || attempt >= RETRIES) throw error
      await delay(clock, backoffMs(attempt, WAIT), signal)
    }
  }
}

function isFailure(error: unknown): boolean {
  return isStorageError(error, 'failed', 'unreachable')
}
