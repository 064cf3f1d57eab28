import type { EntityId, FileId, OpenUpload, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Remote } from '../../remote/remote.ts'

/** What of the server the write path uses. */
export type WriteRemote = Pick<
  Remote,
  | 'upload'
  | 'cancelUpload'
  | 'info'
  | 'infoById'
  | 'readRange'
  | 'capacity'
  | 'facts'
  | 'list'
  | 'createFolder'
  | 'copy'
  | 'rename'
  | 'move'
  | 'remove'
>

/** A file whose content another one shows, until that is copied at the server or its bytes are here. */
export interface Lender {
  readonly id: FileId
  /** Where it was when that began. */
  readonly path: RemotePath
}

export interface KnownFile {
  /** Where it is at the server; undefined: nowhere any more. */
  readonly path: RemotePath | undefined
  readonly entry: RemoteEntry
  /** No attribute is on its way that `entry` does not have yet. */
  readonly isSettled: boolean
}

/** The content that bytes come from or that an upload replaces; `'absent'`: there is none. */
export type BaseEntity = EntityId | 'absent'

/** What the server has, and where. */
export interface Placed {
  readonly entry: RemoteEntry
  readonly path: RemotePath
}

/** What the server has of an upload under a path that its file had left. */
export interface Stray extends Placed {
  /** What the upload has replaced there, for certain; `'absent'`: nothing that is known of. */
  readonly replaced: BaseEntity
}

/** The file whose content this is: knows its names, and what travels with its content. */
export interface ContentOwner {
  /** Shown path, for logs and messages; may change after renames. */
  readonly label: string
  /** Where the file is at the server now; undefined = unlinked: nothing may be sent. */
  path(): RemotePath | undefined
  /** Another file of the drive, as far as it is known without asking the server. */
  known(id: FileId): KnownFile | undefined
  /** The server's file that it stands for, as far as there is one. */
  readonly id: FileId | undefined
  /**
   * Another file than that has its path at the server: somebody else has moved it. Goes to where it is by now: true; false where it is
   * nowhere. `stray`: what an upload of ours has left at the path that it was sent to, to be removed.
   * @throws {RemoteError} when the server cannot be asked
   */
  follow(stray: Stray | undefined): Promise<boolean>
  /** What an upload of ours has left at a path that it is not sent to any more is to be removed. @throws {RemoteError} */
  leave(stray: Stray): Promise<void>
  /** Attributes that somebody set explicitly and that the server does not have yet. */
  uploadFacts(): {
    readonly modifiedAtMs?: number
    readonly metadata?: Readonly<Record<string, string>>
    readonly onRemade?: (entry: RemoteEntry) => void
  }
  /**
   * Settles the names at the server that this upload depends on. Takes a place in the queue while it runs, so it must not wait
   * for the upload of another file. A rejection counts as the upload's.
   */
  beforeUpload(): Promise<void>
  /** The server has this content now, sent to `path`, in place of `former`; `isDirty` tells whether something newer waits here. */
  confirmed(entry: RemoteEntry, former: BaseEntity, path: RemotePath): void
  /** The file was made by a copy at the server, as `entry`: it has the attributes of its original. `confirmed` or `found` follows. */
  copied(entry: RemoteEntry): void
  /** An older content, which was sent without an answer, is at the server's `path` as `entry`, in place of `former`. */
  found(entry: RemoteEntry, former: BaseEntity, path: RemotePath): void
  /** Conflict: our content lies beside as `copy`; the server's version, `current`, stays at the name. */
  displaced(copy: RemoteEntry, current: RemoteEntry): void
  /**
   * The content has a staged file now (`FileContent.stagedId`). Resolves when that is on record: only then may the first change be
   * acknowledged.
   */
  recorded(): Promise<void>
  /**
   * The content has no staged file any more, or another one. Resolves when not even power loss brings back the record that names the
   * old one: only then may its files go.
   */
  released(): Promise<void>
  /** Size, modification time or state of synchronisation changed. */
  changed(): void
  /** Other bytes show than before, and nobody has written them here: a version of the server, or what was discarded is gone. */
  replaced(): void
}

export interface SyncState {
  readonly state: 'synced' | 'waiting' | 'uploading' | 'retrying' | 'failed'
  /** A sentence for a person. */
  readonly detail?: string
}

/** One file that the server does not have yet as it is here. */
export interface PendingUpload {
  readonly label: string
  readonly state: SyncState
  readonly sizeBytes: number
  /** Bytes of the running upload that the server has taken. */
  readonly sentBytes: number
}

/** An upload that was given up until somebody changes something. */
export interface UploadFailure {
  readonly label: string
  readonly reason: string
  readonly error: Error
}

/** An upload that was not brought to its end: its session locks the file until it is gone on with or cancelled. */
export interface BegunUpload extends OpenUpload {
  /** Number of the last change that it has. */
  readonly changes: number
}

/** Content of another file, all of which a file shows: the server copies it, and the copy has the same entity. */
export interface WholeCopy {
  readonly entity: EntityId
  readonly lender: FileId
}

/** Content that was sent without anybody having heard what became of it: SHA-256, hex; or what was copied at the server. */
export type Attempt = { readonly sizeBytes: number } & ({ readonly digest: string } | WholeCopy)
