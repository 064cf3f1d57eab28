/**
 * What the serving process answers over its control socket (JSON), beside the methods that are always there. Paths are
 * absolute paths on this machine; instants are epoch ms; sizes are bytes.
 */
import type { ChangeKind } from '../core/index.ts'

/** Method `status`, no parameters. */
export interface MountStatus extends DriveStatus {
  readonly mountpoint: string
  /** For people: `anna@example.com at cloud.example.com`. */
  readonly account: string
  readonly pid: number
  readonly startedAt: number
  readonly state: 'starting' | 'mounted' | 'draining'
}

/** The part of it that the drive knows. */
export interface DriveStatus {
  readonly rootUri: string
  readonly readOnly: boolean
  readonly driver: string
  /** What contents of the whole account are held to now, bytes a second; 0 = no limit. */
  readonly limits: { readonly uploadBytesPerSecond: number; readonly downloadBytesPerSecond: number }
  /** How changes that others make come here. */
  readonly changes: ChangesStatus
  /** Sentence about what is wrong between us and the server now; null when nothing is. */
  readonly serverTrouble: string | null
  /** Sentence about what is not kept of what is overwritten; null when versions are kept, or nobody knows. */
  readonly versionLoss: string | null
  readonly uploads: readonly UploadStatus[]
  /** Files on this machine that a process which was killed had not uploaded. */
  readonly lostAndFound: readonly string[]
}

/**
 * - `live`: the server tells of them
 * - `polling`: it is asked for them while the mount is in use
 * - `none`: folders are listed again when their listings are old
 */
export interface ChangesStatus {
  readonly state: 'live' | 'polling' | 'none'
  /** Of `live`; null otherwise. */
  readonly since: number | null
  /** Of `polling`; null otherwise. */
  readonly everyMs: number | null
  /** Why it is not `live`, in words. */
  readonly reason: string | null
}

/** One change that is not on the server. */
export interface UploadStatus {
  /** Where programs see it, or saw it before it was deleted; with a slash at its end where that is a folder in which several things were. */
  readonly path: string
  readonly kind: ChangeKind
  /** Of a rename: its former path; null also where it came from outside of the mount. */
  readonly from: string | null
  /** Files and folders that it is about: more than one of deletions only. */
  readonly count: number
  /** `waiting`: for its quiet time, its turn, somebody's lock or the server; `parked`: needs a person, `reason` says why. */
  readonly state: 'uploading' | 'waiting' | 'parked'
  readonly sizeBytes: number
  readonly sentBytes: number
  readonly reason: string | null
}

/** Progress of `flush` and `unmount`: what is left to send. */
export interface PendingProgress {
  /** With content that is not on the server. */
  readonly files: number
  /** Other changes: names and attributes. */
  readonly others: number
  readonly leftBytes: number
  /** Sent since the call began. */
  readonly sentBytes: number
  /** Why it does not go on just now, in words; null when it does. */
  readonly trouble: string | null
}

/**
 * Result of `flush`: everything was sent, or nothing more can be for now. Files that are open are sent as they were when it began. What
 * is left stays on this machine.
 */
export interface PendingResult {
  /** Parked files. */
  readonly leftFiles: number
  /** Names that are parked, or that somebody's lock or a server that is away has held up for too long. */
  readonly leftOthers: number
}

/** Result of `retryAll`, no parameters: everything in the mount that waits, was given up or refused is tried at once. */
export interface RetriedResult {
  readonly files: number
  readonly others: number
}

/** Result of `discard`: what it was that is not to be sent any more. */
export interface DiscardedResult {
  readonly what: 'content' | 'refusal' | 'new name' | 'rename' | 'deletion'
}

/** Parameters of `saveAs`. */
export interface SaveAsParams {
  /** A file in the mount. */
  readonly path: string
  /** A new file outside of it. */
  readonly target: string
}

/** Result of `saveAs`. */
export interface SavedResult {
  readonly sizeBytes: number
}

/** Result of `unmount`: the folder is gone. */
export type UnmountResult =
  /** Asked not to wait. */
  | { readonly state: 'unmounted' }
  /** A program has a file of it open; the process serves that on, and sends what is written, until it is closed. */
  | { readonly state: 'open' }
  /** `left`: operations that are not on the server, and why. */
  | { readonly state: 'ended'; readonly left: number; readonly reason: string }

/** Result of `cache`, no parameters. */
export interface CacheResult {
  /** Of the contents of the account, whether or not any are kept. */
  readonly folder: string
  /** 0: nothing is kept. */
  readonly usedBytes: number
  readonly limitBytes: number
  /** What is known of the drive's names and attributes takes so many. */
  readonly mirrorBytes: number
}

/** Parameters of `clearCache`: `{ path }`, or null for all of the account. */
export interface ClearedResult {
  readonly bytes: number
}

/** Parameters of `warm`. */
export interface WarmParams {
  readonly path: string
}

/** Progress of `warm`. */
export interface WarmingProgress {
  readonly files: number
  readonly doneFiles: number
  readonly totalBytes: number
  readonly doneBytes: number
}

/** Result of `warm`: what the server has of the path is in the cache. */
/** Of `unpin`. */
export interface UnpinnedResult {
  /** Absolute. */
  readonly path: string
}

/** Of `pins`: what is pinned in the mount. */
export type PinsResult = readonly PinnedItem[]

export interface PinnedItem {
  /** Absolute, in the mount. */
  readonly path: string
  readonly files: number
  readonly bytes: number
  /** Why it is not all here; null: it is. */
  readonly trouble: string | null
}

/** Of `warm` and `pin`. */
export interface WarmedResult {
  readonly files: number
  readonly bytes: number
  /** What was not there before. */
  readonly fetchedBytes: number
  /** Files of which something is missing, and why it is of the first of them. */
  readonly leftFiles: number
  readonly reason: string | null
}

/** Parameters of `facts`; the result is `Fact[]`. */
export interface FactsParams {
  readonly path: string
}

/** An extended attribute as text; those that cannot be had are left out. */
export interface Fact {
  /** With its prefix: `user.cloudreve.id`. */
  readonly name: string
  readonly value: string
}

/** Parameters of `activities`. */
export interface ActivitiesParams {
  readonly path: string
  readonly filter: 'all' | 'my' | 'updates' | 'reads'
  /** At most so many entries, newest first; null: the whole history. */
  readonly limit: number | null
}

export interface ActivitiesResult {
  /** The server has no activity log: the history was put together from what it does tell. */
  readonly derived: boolean
  readonly entries: readonly ActivityRow[]
}

export interface ActivityRow {
  readonly id: string
  readonly at: number
  /** null: the server itself, or an anonymous visitor. */
  readonly who: string | null
  /** In words: `renamed a.txt to b.txt`. */
  readonly what: string
  /** Number of the server's enumeration. */
  readonly category: number
  readonly version: string | null
}
