/** Domain types of the port to the server. Names in here are the *server's* names, never mapped ones. */
import type { Brand } from '../base/brand.ts'

/** Opaque id of a file or folder: survives rename, move, new versions, trash and restore; never a copy. */
export type FileId = Brand<string, 'FileId'>
/** Opaque id of one content (a blob): its bytes never change. */
export type EntityId = Brand<string, 'EntityId'>

/**
 * Server names from the root of the mount down to an object; `[]` is the root itself. The URI that a request carries is
 * built from it at the moment of sending.
 */
export type RemotePath = readonly string[]

export interface RemoteEntry {
  readonly id: FileId
  readonly kind: 'file' | 'folder'
  readonly name: string
  /** Bytes of the current content; 0 for folders and for files that never had content. */
  readonly sizeBytes: number
  /** ms since the epoch. */
  readonly createdAtMs: number
  /** ms since the epoch. Set by the server on rename, move and tagging too: not a content time by itself. */
  readonly updatedAtMs: number
  /** Identity of the current content; undefined for folders and for files that never had content. */
  readonly entity: EntityId | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly shared: boolean
  readonly owned: boolean
  /** The object's file-system capabilities (api bit set, base64 as the server sent it). */
  readonly capability: string
  /** Full URI as the server shows it, without share passwords. */
  readonly uri: string
  /** Session whose upload to this file is running or was abandoned. Its newest entity must not be read. */
  readonly uploadSessionId: string | undefined
}

export interface ListingPage {
  readonly entries: readonly RemoteEntry[]
  /** The folder itself: the only way to stat a root. */
  readonly folder: RemoteEntry
  /** What an upload into this folder would meet; undefined where nothing can be uploaded. */
  readonly policy: StoragePolicy | undefined
  /** False: another page follows. */
  readonly isLast: boolean
}

export interface SubtreePage {
  readonly entries: readonly RemoteEntry[]
  /** The folder below which they are. */
  readonly folder: RemoteEntry
}

export interface StoragePolicy {
  readonly id: string
  readonly name: string
  readonly type: string
  /** Largest file, bytes; 0 = no limit. */
  readonly maxSizeBytes: number
  /** The server takes the bytes itself, whatever the type. */
  readonly relay: boolean
}

export interface Capacity {
  readonly totalBytes: number
  /** May exceed `totalBytes`. */
  readonly usedBytes: number
}

/** Answered by the one extended-information call. */
export interface RemoteDetails {
  readonly entry: RemoteEntry
  readonly policy: StoragePolicy | undefined
  /** Newest made first, not necessarily current first. */
  readonly versions: readonly RemoteVersion[]
  readonly shares: readonly RemoteShare[]
  readonly directLinks: readonly RemoteDirectLink[]
  readonly storageUsedBytes: number
}

export interface RemoteVersion {
  readonly entity: EntityId
  readonly sizeBytes: number
  readonly createdAtMs: number
  readonly createdBy: string | undefined
  readonly isCurrent: boolean
}

export interface RemoteShare {
  readonly id: string
  readonly url: string
  readonly createdAtMs: number
  readonly expiresAtMs: number | undefined
  readonly expired: boolean
  readonly visited: number
  readonly isPrivate: boolean
}

export interface RemoteDirectLink {
  readonly id: string
  readonly url: string
  readonly createdAtMs: number
  readonly downloaded: number
}

export type ActivityFilter = 'all' | 'my' | 'updates' | 'reads'

export interface ActivityQuery {
  readonly filter: ActivityFilter
  readonly direction: 'asc' | 'desc'
  /** From the page before; undefined = first page. */
  readonly cursor: string | undefined
  /** ≥ 10 (api/05 §1). */
  readonly pageSize: number
}

export interface ActivityPage {
  readonly activities: readonly Activity[]
  /** undefined = no more. */
  readonly nextCursor: string | undefined
  /** True when the server has no activity log and this was put together from what it does have. */
  readonly derived: boolean
}

export interface Activity {
  readonly id: string
  readonly atMs: number
  /** Number of the server's audit-log enumeration (api/05 §3); unknown ones are passed on. */
  readonly category: number
  /** undefined: the system, or an anonymous visitor. */
  readonly user: { readonly id: string; readonly nickname: string } | undefined
  readonly version: EntityId | undefined
  readonly originalName: string | undefined
  readonly newName: string | undefined
  /** URIs as the server names them. */
  readonly from: string | undefined
  readonly to: string | undefined
  readonly entityCreatedAtMs: number | undefined
  readonly storagePolicy: string | undefined
}

/** Something to upload whose bytes do not change while it is being sent: a frozen generation. */
export interface UploadSource {
  readonly sizeBytes: number
  /** Exactly the bytes of `[start, end)`. */
  read(start: number, end: number): Promise<Uint8Array>
}

/** An upload session that is open at the server: it locks its file, and all folders above, until it ends. */
export interface UploadSession {
  readonly id: string
  readonly uri: string
  /** What it takes to go on with it, for whoever opened it. Holds secrets. Left out: nobody can. */
  readonly ticket?: string | undefined
}

/** A session that was asked for: what tells it from others while nobody has heard its id. */
export interface AskedSession {
  readonly uri: string
  /** Of the content, bytes. */
  readonly sizeBytes: number
  /** By the server's clock, ms since the epoch. */
  readonly askedAtMs: number
}

/** A piece of an upload that was taken; what it was called where that is wanted again. */
export interface SentChunk {
  readonly index: number
  readonly etag: string | undefined
}

/** An upload that did not come to its end. */
export interface OpenUpload {
  readonly session: UploadSession
  readonly chunks: readonly SentChunk[]
}

export interface UploadRequest {
  readonly path: RemotePath
  /**
   * The content that this upload replaces. `'absent'`: the file must not exist or never had content. Always checked by the
   * server, so that bytes of somebody else are never replaced unseen (`RemoteError` kind `stale`).
   */
  readonly previous: EntityId | 'absent'
  readonly source: UploadSource
  /** Stored as the file's time, ms since the epoch; undefined = the time of the upload. */
  readonly modifiedAtMs?: number | undefined
  /** Stored together with the content. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Bytes that the server has taken so far. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined
  /**
   * With `previous: 'absent'`: the file is there, empty. Called when giving the upload up took it away, with the one that was
   * made in its place.
   */
  readonly onRemade?: ((entry: RemoteEntry) => void) | undefined
  /** Called before such a lock is asked for. */
  readonly onAsked?: ((session: AskedSession) => Promise<void>) | undefined
  /** Nothing is left of the one that was asked for last, or of `resume`: it was refused, or has been cancelled. */
  readonly onSessionOver?: (() => Promise<void>) | undefined
  /** Called before the first byte leaves when the upload holds a lock at the server that a dead client would leave behind. */
  readonly onSession?: ((session: UploadSession) => Promise<void>) | undefined
  /** A piece was taken: it need not be sent again in this session. */
  readonly onChunk?: ((chunk: SentChunk) => void) | undefined
  /** An earlier try with the very same bytes: gone on with if it still lives, otherwise ended. */
  readonly resume?: OpenUpload | undefined
  /**
   * Asked when the upload fails in a way that may pass, or is cut: whether its session is to stay open, to be gone on with by `resume`
   * or to be cancelled by the caller.
   */
  readonly keepsSession?: (() => boolean) | undefined
}

export interface MetadataPatch {
  readonly key: string
  /** undefined removes the key. */
  readonly value: string | undefined
}
