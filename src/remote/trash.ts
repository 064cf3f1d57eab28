/**
 * The trash of the account. What lies in it cannot be changed any more, nor can anybody look into a folder there (api/03 §8.4): it is
 * put back, or purged by somebody, or by the server when its time is over.
 */
import type { CallOptions } from './remote.ts'
import type { RemoteEntry, RemotePath } from './types.ts'

/** A file, or a folder with everything in it, that was deleted at one time. */
export interface TrashedEntry {
  /** As it was when it was deleted; its `uri` leads into the trash. */
  readonly entry: RemoteEntry
  /** Where it was deleted; undefined: outside of this mount. */
  readonly from: RemotePath | undefined
  /** The server purges it then, ms since the epoch, in whole seconds: what was deleted later stays longer. */
  readonly keptUntilMs: number
}

/** What lies in a folder in the trash, at any depth. */
export interface TrashedCount {
  readonly files: number
  readonly folders: number
  /** False: there is more than the server counts. */
  readonly isWhole: boolean
  /** By the server's clock. It keeps a count for minutes, over the deletion too (api/03 §4). */
  readonly countedAtMs: number
}

export interface RemoteTrash {
  /** What was deleted at `top` or somewhere below, and maybe more; an entry once. Throws rather than ending early. */
  listTrash(top: RemotePath, options?: CallOptions): AsyncIterable<readonly TrashedEntry[]>
  /** `unsupported` where the server does not count. Not for levels of more than 30,000 (api/00-live-files §16). */
  countTrashed(folder: TrashedEntry, options?: CallOptions): Promise<TrashedCount>
  /** To where each was deleted, in this order. Answers those that could not be: the name is taken, or the folder is gone. */
  putBack(entries: readonly TrashedEntry[], options?: CallOptions): Promise<readonly TrashedEntry[]>
  /** Deletes for good; what is not there any more is no trouble. Not for levels of more than 30,000 (api/00-live-files §16). */
  purge(entries: readonly TrashedEntry[], options?: CallOptions): Promise<void>
}
