/** What others change, as the server tells of it. */
import type { CallOptions } from './remote.ts'
import type { FileId, RemoteEntry, RemotePath } from './types.ts'

/**
 * One object that was changed by somebody else, or may have been. Ids are certain; paths are where it was when that happened, as far
 * as the server knew: a hint where to look. What lies below a folder is not named.
 * - `created`: it is new, was restored, or came from where nobody here sees it
 * - `changed`: its content may be another one
 * - `moved`: it has another name or folder; its content may have changed too
 * - `removed`: it is gone
 */
export type RemoteChange =
  | {
      readonly kind: 'created' | 'changed' | 'removed'
      readonly id: FileId
      readonly path: RemotePath
    }
  | {
      readonly kind: 'moved'
      readonly id: FileId
      readonly from: RemotePath
      readonly path: RemotePath
    }

/**
 * - `live`: from now on changes are told; what was changed before may not have been
 * - `changes`: what was told at once
 * - `missed`: more was changed than was told
 * - `down`: nothing is told any more, until it is `live` again
 */
export type WatchNotice =
  | { readonly kind: 'live' | 'missed' }
  | { readonly kind: 'changes'; readonly changes: readonly RemoteChange[] }
  | {
      readonly kind: 'down'
      /** In words. */
      readonly reason: string
      /** The server can tell, as far as is known. */
      readonly isOffered: boolean
    }

export interface ChangedPage {
  readonly entries: readonly RemoteEntry[]
  /** When the server was asked for the first page, ms by its own clock: what to ask from the next time. */
  readonly askedAtMs: number
}

export interface RemoteChanges {
  /**
   * Tells of changes in the whole drive, except those that were made through this remote, until the signal is aborted; throws
   * nothing. What goes wrong is `down`, and is tried again by itself, less and less often.
   */
  watch(options: { readonly signal: AbortSignal }): AsyncIterable<WatchNotice>
  /** Now, ms by the server's clock. */
  now(): number
  /**
   * Everything in the drive that came, was written or got another name since then, own changes too, as it is now: in one
   * request a page. **Not**: what was deleted, restored, given other metadata, or uploaded with a time in the past.
   * `unsupported` when the server does not walk so many folders.
   */
  changesSince(sinceMs: number, options?: CallOptions): AsyncIterable<ChangedPage>
}
