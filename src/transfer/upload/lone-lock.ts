import { backoffMs } from '../../base/backoff.ts'
import { delay } from '../../base/clock.ts'
import { Code } from '../../api/codes.ts'
import { isApiError } from '../../api/errors.ts'
import type { ChunkRetry } from './chunk-retry.ts'

/** A chunk may meet the lock of its neighbour for a moment (api/04 §4.7). */
const TRIES = 3
const WAIT = { firstMs: 60, maxMs: 200 }

/** 40073 that names no holder: the lock of this very upload was busy, or is gone (api/01 §4). */
export function isLoneLock(error: unknown): boolean {
  return isApiError(error, 'refused') && error.code === Code.locked && error.holder === undefined
}

/** Only a lone lock that persists means that the session has lost it. */
export async function withLoneLockRetry<T>(
  send: () => Promise<T>,
  { clock, signal }: ChunkRetry,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await send()
    } catch (error) {
      if (!isLoneLock(error) || attempt + 1 >= TRIES) throw error
      await delay(clock, backoffMs(attempt, WAIT), signal)
    }
  }
}
