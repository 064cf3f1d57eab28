import type { RemotePath } from './types.ts'

/**
 * - `not-found`: no such object (also: an ancestor is missing)
 * - `exists`: the name is taken
 * - `denied`: the server refuses this to this user
 * - `unauthenticated`: signed out; somebody must sign in again
 * - `locked`: another operation holds a lock; `holder` says which
 * - `conflict`: the tree changed between look-up and lock; trying again helps
 * - `stale`: the content is not the expected one any more
 * - `quota`: the drive is full
 * - `too-large`: over the storage policy's size limit
 * - `bad-name`: the server or its storage policy refuses the name
 * - `entity-gone`: that content is not kept any more
 * - `unsupported`: the server has no such feature, or it is switched off
 * - `invalid`: the request made no sense to the server: a bug of ours
 * - `offline`: the server was not reached; nothing was done
 * - `unknown-outcome`: sent, but the answer was lost: it may have been done
 * - `server`: the server failed; trying again may help
 * - `protocol`: the answer was not understood
 * - `aborted`: the caller stopped waiting
 */
export type RemoteErrorKind =
  | 'not-found'
  | 'exists'
  | 'denied'
  | 'unauthenticated'
  | 'locked'
  | 'conflict'
  | 'stale'
  | 'quota'
  | 'too-large'
  | 'bad-name'
  | 'entity-gone'
  | 'unsupported'
  | 'invalid'
  | 'offline'
  | 'unknown-outcome'
  | 'server'
  | 'protocol'
  | 'aborted'

const transientKinds: ReadonlySet<RemoteErrorKind> = new Set<RemoteErrorKind>([
  'unauthenticated',
  'locked',
  'conflict',
  'offline',
  'unknown-outcome',
  'server',
])

export interface RemoteErrorDetails {
  readonly cause?: unknown
  /** Server code (api/01 §4), when there is one. */
  readonly code?: number | undefined
  /** With `locked`: the application that holds the lock, e.g. `upload` (api/01 §5). */
  readonly holder?: string | undefined
  /** With `not-found`, of a call for many that did the rest: those that are not there. */
  readonly absent?: readonly RemotePath[] | undefined
  /** The database of the server failed, or the server failed without a reason, as it does when that is stuck (api/00-live-files §1). */
  readonly isDatabaseFailure?: boolean | undefined
}

/** The only error that a `Remote` throws on purpose. The message names the object and holds no secrets. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  readonly kind: RemoteErrorKind
  readonly code: number | undefined
  readonly holder: string | undefined
  readonly absent: readonly RemotePath[]
  readonly isDatabaseFailure: boolean

  constructor(kind: RemoteErrorKind, message: string, details: RemoteErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.kind = kind
    this.code = details.code
    this.holder = details.holder
    this.absent = details.absent ?? []
    this.isDatabaseFailure = details.isDatabaseFailure ?? false
  }

  /** Waiting and trying again can help without anybody changing the request. */
  get isTransient(): boolean {
    return transientKinds.has(this.kind)
  }
}

/** What a request found; undefined where it failed because there is nothing. @throws whatever else it failed with */
export async function absentAsUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (isRemoteError(error, 'not-found')) return undefined
    throw error
  }
}

export function isRemoteError(error: unknown, ...kinds: RemoteErrorKind[]): error is RemoteError {
  return error instanceof RemoteError && (kinds.length === 0 || kinds.includes(error.kind))
}
