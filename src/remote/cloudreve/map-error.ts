/** The one table from what the server says to what it means for a filesystem (api/01 §4). */
import { abortReason } from '../../base/clock.ts'
import { Code } from '../../api/codes.ts'
import { ApiError, isApiError, type ApiErrorKind, type RefusedItem } from '../../api/errors.ts'
import { StorageError, type StorageErrorKind } from '../../transfer/storage-error.ts'
import { RemoteError, type RemoteErrorKind } from '../errors.ts'

/** `server` also where the server failed for a reason that says nothing about the object. */
const byCode: ReadonlyMap<number, RemoteErrorKind> = new Map<number, RemoteErrorKind>([
  [Code.signInNeeded, 'unauthenticated'],
  [Code.forbidden, 'denied'],
  [Code.notFound, 'not-found'],
  [Code.treeChanged, 'conflict'],
  [Code.badParameter, 'invalid'],
  [40002, 'server'], // upload failed
  [40003, 'server'], // folder creation failed
  [Code.exists, 'exists'],
  [Code.signatureExpired, 'server'], // a fresh URL helps
  [Code.notForThisPolicy, 'unsupported'],
  [Code.notForThisGroup, 'denied'],
  [40008, 'denied'], // administrators only
  [40009, 'server'], // no master node
  [40010, 'denied'], // phone number needed
  [Code.uploadSessionGone, 'server'], // a new session helps
  [40012, 'invalid'], // chunk index
  [40013, 'invalid'], // chunk length
  [40014, 'invalid'], // too many direct links
  [40015, 'invalid'], // too many download tasks
  [Code.pathNotFound, 'not-found'],
  [Code.userBanned, 'unauthenticated'],
  [Code.userNotActivated, 'unauthenticated'],
  [Code.featureOff, 'unsupported'],
  [Code.credentialInvalid, 'unauthenticated'],
  [40021, 'unauthenticated'], // user not found
  [40044, 'not-found'], // file not found (older servers)
  [40045, 'server'], // listing failed
  [40046, 'denied'], // system node
  [40047, 'server'], // file system not created
  [40048, 'server'], // task not created
  [Code.tooLarge, 'too-large'],
  [40050, 'bad-name'], // file type not allowed
  [Code.quota, 'quota'],
  [Code.badName, 'bad-name'],
  [40053, 'denied'], // root protected
  [40054, 'locked'], // upload ongoing (older servers)
  [40055, 'server'], // size differs at the storage: start the upload over
  [40056, 'unsupported'], // archive format
  [40057, 'conflict'], // storage policy changed: start the upload over
  [40058, 'not-found'], // share link
  [40059, 'denied'], // own share
  [Code.wrongSharePassword, 'denied'],
  [40070, 'denied'], // preview of the share switched off
  [Code.signatureInvalid, 'server'], // a fresh URL helps
  [Code.locked, 'locked'],
  [40074, 'invalid'], // more objects in a batch than the server allows
  [40075, 'locked'], // lock expired
  [Code.stale, 'stale'],
  [Code.entityGone, 'entity-gone'],
  [40078, 'not-found'], // in the recycle bin
  [Code.walkLimit, 'denied'], // more objects than the group may walk in one operation
  [Code.ownerOnly, 'denied'],
  [40083, 'denied'], // paid share
  [40087, 'denied'], // licence
  [Code.guestsRefused, 'unauthenticated'],
  [Code.scopeMissing, 'denied'],
  [Code.database, 'server'],
  [50002, 'server'], // encryption
  [Code.storageFailed, 'server'],
  [50005, 'server'], // settings of the server
  [Code.cacheFailed, 'server'],
  [Code.callbackFailed, 'server'],
  [50008, 'server'],
  [50009, 'server'],
  [50010, 'server'], // node offline
  [50011, 'server'],
  [Code.unclassified, 'server'],
])

/** Codes that have a meaning of their own here; all others are `server`. */
export const knownCodes: readonly number[] = [...byCode.keys()]

export function kindOfCode(code: number): RemoteErrorKind {
  return byCode.get(code) ?? 'server'
}

/** What a failed call means. Anything that is no failure of a call (a bug of ours) comes back as it is. */
export function toRemoteError(error: unknown, signal?: AbortSignal): unknown {
  if (error instanceof RemoteError) return error
  if (signal?.aborted && (error === signal.reason || error === abortReason(signal))) {
    return new RemoteError('aborted', 'the caller stopped waiting', { cause: error })
  }
  if (error instanceof StorageError)
    return new RemoteError(byStorageKind[error.kind], error.message, { cause: error })
  if (!(error instanceof ApiError)) return error
  const { message, code, holder } = error
  const isDatabaseFailure = error.says(Code.database, Code.unclassified)
  return new RemoteError(kindOf(error), message, { cause: error, code, holder, isDatabaseFailure })
}

/** Runs `work`; its failure is a `RemoteError`. */
export async function asRemote<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toRemoteError(error, signal)
  }
}

function kindOf(error: ApiError): RemoteErrorKind {
  if (error.kind === 'refused') return kindOfCode(error.code ?? Code.unclassified)
  if (error.kind === 'batch') return kindOfBatch(error.items)
  if (error.kind === 'lost') return error.mutating ? 'unknown-outcome' : 'server'
  if (error.kind === 'gateway') return kindOfStatus(error)
  return byKind[error.kind]
}

const byKind: Record<Exclude<ApiErrorKind, 'refused' | 'batch' | 'lost' | 'gateway'>, RemoteErrorKind> = {
  unsent: 'offline',
  busy: 'server',
  'no-route': 'unsupported',
  malformed: 'protocol',
  'signed-out': 'unauthenticated',
  closed: 'offline',
}

/** A session that failed was cancelled, so nothing is left half done. */
const byStorageKind: Record<StorageErrorKind, RemoteErrorKind> = {
  // Not `offline`, which is said of the server: what goes through it still works.
  unreachable: 'server',
  failed: 'server',
  expired: 'server',
  refused: 'denied',
  malformed: 'protocol',
}

/** Pages of proxies and crashes of the server: behind a 5xx a change may have been made. */
function kindOfStatus({ status = 0, mutating }: ApiError): RemoteErrorKind {
  if (status === 413) return 'too-large'
  if (status >= 500) return mutating ? 'unknown-outcome' : 'server'
  return 'denied'
}

/** One kind when all objects agree; else that of the first which is more than "already gone". */
function kindOfBatch(items: readonly RefusedItem[]): RemoteErrorKind {
  const kinds = items.map(({ code }) => kindOfCode(code))
  return kinds.find((kind) => kind !== 'not-found') ?? 'not-found'
}

/** Some objects of several were refused; all others were done (api/00-live-files §15). */
export function isPartial(error: unknown): error is ApiError {
  return isApiError(error, 'batch', 'refused') && error.items.length > 0
}

/** … as they are not there. */
export function saysAbsent(error: unknown): error is ApiError {
  return isPartial(error) && kindOfBatch(error.items) === 'not-found'
}
