import { Errno } from '../../base/errno.ts'
import { messageOf } from '../../base/error-message.ts'
import { isRemoteError, type RemoteError, type RemoteErrorKind } from '../../remote/errors.ts'
import { FsError, toFsError } from '../errors.ts'

/** What becomes of an upload that failed. */
export type Verdict =
  | { readonly kind: 'retry'; readonly detail: string; readonly firstMs: number }
  | { readonly kind: 'park'; readonly detail: string; readonly error: FsError }

/** After these the server may have done what was asked. */
const uncertainKinds: ReadonlySet<RemoteErrorKind> = new Set<RemoteErrorKind>([
  'unknown-outcome',
  'server',
  'protocol',
  'aborted',
])

/** Errors of this machine that go away when somebody makes room, or a program ends. */
const fullDisk: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT'])
const fullMachine: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'EAGAIN'])

export function mayHaveBeenDone(error: unknown): boolean {
  return isRemoteError(error) && uncertainKinds.has(error.kind)
}

/** `label` is the file as the person knows it. */
export function judge(error: unknown, label: string): Verdict {
  const cause = error instanceof FsError ? (error.cause ?? error) : error
  if (isRemoteError(cause)) {
    const detail = retryDetail(cause)
    if (detail !== undefined) return { kind: 'retry', detail, firstMs: firstRetryMs(cause) }
  } else if (cause instanceof FsError && cause.errno === Errno.ENOENT) {
    // Met on the way to its place: the next try makes the folder again, or finds where the file belongs by then.
    return { kind: 'retry', detail: `it is being changed at the server (${cause.message})`, firstMs: 1000 }
  } else {
    const detail = localDetail(cause)
    if (detail !== undefined) return { kind: 'retry', detail, firstMs: 1000 }
  }
  return { kind: 'park', detail: parkDetail(cause), error: toFsError(error, label) }
}

/** A sentence when trying again helps; undefined when somebody must change something. */
function retryDetail(error: RemoteError): string | undefined {
  if (error.kind === 'locked') return `${error.holder ?? 'another program'} holds a lock on it at the server`
  // An upload makes missing folders again, so this one met a change that was under way.
  if (error.kind === 'not-found' || error.kind === 'stale' || error.kind === 'exists')
    return `it is being changed at the server (${error.message})`
  // An answer that makes no sense is mostly not the server's: a proxy or a sign-in page on the way.
  if (error.kind === 'protocol' || error.kind === 'aborted') return error.message
  return error.isTransient ? error.message : undefined
}

function localDetail(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  if (fullDisk.has(code)) return 'the local disk is full'
  return fullMachine.has(code) ? `this machine has no room for it now (${messageOf(error)})` : undefined
}

function firstRetryMs(error: RemoteError): number {
  // Two operations met: the other one takes milliseconds (api/00-live-files §17.11).
  return error.kind === 'conflict' ? 100 : 1000
}

const parkSentences: Partial<Record<RemoteErrorKind, (message: string) => string>> = {
  quota: () =>
    'the drive is full; it is tried again when there is room: delete something in it and empty its trash',
  'too-large': (message) => `the server takes no files of this size (${message})`,
  'bad-name': (message) => `the server refuses this name; rename the file (${message})`,
  denied: (message) => `the server does not permit it (${message})`,
  'entity-gone': (message) =>
    `a part of it is not on this machine, and the server does not keep the version any more that has it (${message})`,
}

function parkDetail(error: unknown): string {
  const message = messageOf(error)
  return (isRemoteError(error) && parkSentences[error.kind]?.(message)) || message
}
