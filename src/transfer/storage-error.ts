/**
 * Why a storage did not take what was sent to it:
 * - `unreachable`: the request did not reach it whole
 * - `failed`: it failed, or its answer was lost; trying again helps
 * - `expired`: its URLs or its side of the upload are not valid any more; only a new session helps
 * - `refused`: trying again does not help
 * - `malformed`: its answer, or what the server said of it, was not understood
 */
export type StorageErrorKind = 'unreachable' | 'failed' | 'expired' | 'refused' | 'malformed'

export interface StorageErrorDetails {
  /** HTTP status. */
  readonly status?: number | undefined
  /** The storage's own name of the error: `EntityTooSmall`. */
  readonly code?: string | undefined
  readonly cause?: unknown
}

/** A failure of the data plane. Its message names the file and holds no signed URL or credential. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly kind: StorageErrorKind
  readonly status: number | undefined
  readonly code: string | undefined

  constructor(kind: StorageErrorKind, message: string, details: StorageErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined)
    this.kind = kind
    this.status = details.status
    this.code = details.code
  }
}

export function isStorageError(error: unknown, ...kinds: StorageErrorKind[]): error is StorageError {
  return error instanceof StorageError && (kinds.length === 0 || kinds.includes(error.kind))
}
