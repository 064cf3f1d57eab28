import { assertNever } from '../base/assert.ts'
import { Errno, errnoName, type ErrnoCode } from '../base/errno.ts'
import { messageOf } from '../base/error-message.ts'
import { isRemoteError, type RemoteError, type RemoteErrorKind } from '../remote/errors.ts'

/** `debug`: ordinary life (a missing name); `warn`: somebody should know; `error`: data or the mount is in danger. */
export type ErrorLevel = 'debug' | 'warn' | 'error'

/** What the filesystem answers a program: an errno, and a sentence for the log. */
export class FsError extends Error {
  override readonly name = 'FsError'
  readonly errno: ErrnoCode
  readonly level: ErrorLevel

  constructor(errno: ErrnoCode, message: string, details: { cause?: unknown; level?: ErrorLevel } = {}) {
    // What is ordinary life is answered all the time, and to record where from takes longer than the whole answer.
    const { stackTraceLimit } = Error
    if (!details.level && !('cause' in details)) Error.stackTraceLimit = 0
    super(`${errnoName(errno)}: ${message}`, 'cause' in details ? { cause: details.cause } : undefined)
    Error.stackTraceLimit = stackTraceLimit
    this.errno = errno
    this.level = details.level ?? 'debug'
  }
}

/** ENOENT of a look-up, which somebody may rely on for a while. */
export class NoSuchNameError extends FsError {
  /** For how long, ms: who is told so also learns when the name appears. */
  readonly trustMs: number

  constructor(message: string, trustMs: number) {
    super(Errno.ENOENT, message)
    this.trustMs = trustMs
  }
}

/** The one table from what went wrong at the server to what a program is told (api/01 §4). */
export function errnoOfRemote(kind: RemoteErrorKind): ErrnoCode {
  switch (kind) {
    case 'not-found':
      return Errno.ENOENT
    case 'exists':
      return Errno.EEXIST
    case 'denied':
      return Errno.EACCES
    case 'unauthenticated':
      return Errno.EACCES // never ENOENT: programs take that as "may be created again"
    case 'locked':
    case 'conflict':
      return Errno.EBUSY
    case 'stale':
    case 'entity-gone':
      return Errno.ESTALE
    case 'quota':
      return Errno.EDQUOT // not ENOSPC: the local disk is fine
    case 'too-large':
      return Errno.EFBIG
    case 'bad-name':
    case 'invalid':
      return Errno.EINVAL
    case 'unsupported':
      return Errno.EOPNOTSUPP
    case 'offline':
      return Errno.EHOSTUNREACH
    case 'aborted':
      return Errno.EINTR
    case 'unknown-outcome':
    case 'server':
    case 'protocol':
      return Errno.EIO
    default:
      return assertNever(kind)
  }
}

const quiet: ReadonlySet<RemoteErrorKind> = new Set<RemoteErrorKind>(['not-found', 'exists', 'aborted'])

/** Any error as an `FsError` about `subject`, which a person can recognise. */
export function toFsError(error: unknown, subject: string): FsError {
  if (error instanceof FsError) return error
  if (isRemoteError(error)) return fromRemote(error, subject)
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new FsError(Errno.ENOSPC, `${subject}: no space left on the local disk`, {
      cause: error,
      level: 'error',
    })
  }
  const message = messageOf(error)
  return new FsError(Errno.EIO, `${subject}: ${message}`, { cause: error, level: 'error' })
}

/** For who catches what a folder's operation throws. */
export function saidOfFolder(error: unknown): never {
  throw toFsError(error, 'folder')
}

function fromRemote(error: RemoteError, subject: string): FsError {
  const level = quiet.has(error.kind) ? 'debug' : 'warn'
  return new FsError(errnoOfRemote(error.kind), `${subject}: ${error.message}`, { cause: error, level })
}
