/** From what went wrong while a mount was made to what a person can do about it. */
import { isApiError, type ApiError } from '../api/errors.ts'
import { AccountStoreError } from '../auth/account-store.ts'
import { SignInError } from '../auth/sign-in.ts'
import { MountError } from './spec.ts'

/** Causes of causes are looked at so deep. */
const MAX_DEPTH = 8

/**
 * @param server origin of the server
 * @param remedy how to sign in again, for a person
 * @returns a {@link MountError}, or the error itself when it is about something else
 */
export function explainFailure(error: unknown, server: string, remedy: string): unknown {
  if (error instanceof MountError) return error
  if (error instanceof SignInError || error instanceof AccountStoreError) {
    return new MountError(error.message, { cause: error, kind: 'signIn' })
  }
  const failed = apiErrorIn(error)
  if (!failed) return error
  if (failed.kind === 'signed-out') {
    return new MountError(`the sign-in at ${server} has ended: ${remedy}`, { cause: error, kind: 'signIn' })
  }
  const away = unreachableSentence(failed, server)
  return away === undefined ? error : new MountError(away, { cause: error, kind: 'unreachable' })
}

/** Undefined: the server did answer. */
export function unreachableSentence(error: ApiError, server: string): string | undefined {
  if (!isApiError(error, 'unsent', 'lost', 'busy', 'gateway')) return undefined
  // The connection's own words, where there are some.
  const reason = error.cause instanceof Error ? error.cause.message : error.message
  return `${server} cannot be reached: ${reason}`
}

function apiErrorIn(error: unknown): ApiError | undefined {
  let cause = error
  for (let depth = 0; depth < MAX_DEPTH && cause instanceof Error; depth += 1) {
    if (isApiError(cause)) return cause
    cause = cause.cause
  }
  return undefined
}
