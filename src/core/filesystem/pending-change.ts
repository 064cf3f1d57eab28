import { messageOf } from '../../base/error-message.ts'
import { isRemoteError } from '../../remote/errors.ts'
import { FsError } from '../errors.ts'
import type { NodePlace } from '../inode/index.ts'
import { toPosixName } from '../names/index.ts'
import type { PendingUpload, SyncState } from '../write/index.ts'

export type ChangeKind = 'content' | 'attributes' | 'new folder' | 'new link' | 'rename' | 'deletion'

/** One change that the server does not have yet. */
export interface PendingChange extends PendingUpload {
  readonly kind: ChangeKind
  /** Of a rename: what the server still calls it. */
  readonly from?: string
  /** Files and folders that it is about; more than one where deletions are shown together. */
  readonly count: number
}

/** A change that the server does not take, or that was not there when nobody waited any longer. */
export interface LeftChange {
  /** As programs see it, or saw it before it was deleted. */
  readonly label: string
  readonly kind: ChangeKind
  /** A sentence. */
  readonly reason: string
}

/** One that no bytes are sent of. */
export function changeOf(kind: ChangeKind, label: string, state: SyncState): PendingChange {
  return { label, kind, state, sizeBytes: 0, sentBytes: 0, count: 1 }
}

/** How many files and folders `changes` are about. */
export function countOf(changes: readonly PendingChange[]): number {
  return changes.reduce((sum, { count }) => sum + count, 0)
}

/** Why a name is not at the server, for a person. */
export function whyNot(error: unknown): string {
  const cause = error instanceof FsError && isRemoteError(error.cause) ? error.cause : error
  const message = messageOf(cause)
  if (!isRemoteError(cause, 'locked')) return message
  return `${cause.holder ?? 'another program'} holds a lock on it at the server (${message})`
}

/** Path from the drive's top folder, as programs see it or saw it. */
export function labelOf({ parent, name }: NodePlace): string {
  const { remotePlace } = parent
  const isGone = parent.isUnlinked && remotePlace !== undefined
  const above = parent.isRoot ? '' : isGone ? labelOf(remotePlace) : parent.label
  return `${above}/${toPosixName(name)}`
}
