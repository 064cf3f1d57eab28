/** What a driver and the filesystem say to each other: the kernel's own words, without its bytes. */
import type { Brand } from '../base/brand.ts'
import type { Timespec } from '../base/timespec.ts'

/** Number by which the kernel refers to a node; 1 is the root. Never reused while a node lives. */
export type Ino = Brand<number, 'Ino'>
/** State of one open or opendir; not a file descriptor. 1 … 2³¹−1 (the libfuse2 addon passes an int32). */
export type Fh = Brand<number, 'Fh'>

export const ROOT_INO = 1 as Ino

export type FileKind = 'file' | 'folder' | 'symlink'

/** One call of a program: who asks, and a signal that is aborted when it stops waiting. */
export interface OpContext {
  readonly signal: AbortSignal
  /** 0 when the driver cannot tell. */
  readonly pid: number
  readonly uid: number
  readonly gid: number
  /** What is read is used before the event loop turns: it may be memory that is used again then. */
  readonly takesViews?: boolean
}

/** Of a call that reads. Who keeps what is read for longer than a turn of the event loop takes no views. */
export type ReadContext = Pick<OpContext, 'signal' | 'takesViews'>

export interface Attr {
  /** `st_ino`: stable while the object keeps its identity; may differ from the node number. */
  readonly ino: number
  readonly kind: FileKind
  readonly sizeBytes: number
  /** Permission bits only (0o7777). */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly atime: Timespec
  readonly mtime: Timespec
  readonly ctime: Timespec
  /** When the object was made; absent where nobody knows. */
  readonly btime?: Timespec
}

/** Answer of everything that makes the kernel refer to a node: counts as one look-up. */
export interface Entry {
  readonly ino: Ino
  /** Pairs with `ino`; constant while numbers are not reused. */
  readonly generation: number
  readonly attr: Attr
  /** How long the kernel may trust the name, ms. */
  readonly entryTtlMs: number
  /** How long the kernel may trust the attributes, ms. */
  readonly attrTtlMs: number
}

export interface AttrReply {
  readonly attr: Attr
  readonly attrTtlMs: number
}

/** Only present members change. `'now'` is UTIME_NOW: implicit, as opposed to a time that somebody set. */
export interface AttrChanges {
  readonly sizeBytes?: number
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly atime?: Timespec | 'now'
  readonly mtime?: Timespec | 'now'
}

export interface Opened {
  readonly fh: Fh
  /** The kernel may keep pages of the last open: the content is the same. */
  readonly keepCache: boolean
  /** The kernel must not cache pages of this handle. */
  readonly directIo: boolean
}

export interface Dirent {
  readonly name: string
  readonly ino: number
  readonly kind: FileKind
  /** Position after this entry, to be passed to the next `readdir`. */
  readonly cookie: number
}

export interface StatFs {
  readonly blockSizeBytes: number
  readonly totalBlocks: number
  readonly freeBlocks: number
  readonly files: number
  readonly freeFiles: number
  readonly maxNameBytes: number
}

/** rename(2) flags: RENAME_NOREPLACE and RENAME_EXCHANGE. */
export interface RenameFlags {
  readonly noReplace?: boolean
  readonly exchange?: boolean
}

/** setxattr(2) flags: XATTR_CREATE and XATTR_REPLACE. */
export type XattrMode = 'create' | 'replace' | 'either'

/** A place in an open file, bytes from its start. */
export interface FilePosition {
  readonly fh: Fh
  readonly offset: number
}

/** lseek(2) beyond the ordinary: SEEK_DATA and SEEK_HOLE. */
export type SeekTarget = 'data' | 'hole'

/**
 * What fallocate(2) is to do with a range: make sure that the file reaches its end, or show zeros in it (`zero`; what a hole
 * shows is the same). With `keepSize` the file grows by neither.
 */
export interface Allocation {
  readonly offset: number
  readonly length: number
  readonly zero: boolean
  readonly keepSize: boolean
}

/** Bytes of a content that lie, just now, in a local file. */
export interface FileSpan {
  /** Open descriptor; the owner may close it in any later turn of the event loop. */
  readonly fd: number
  readonly offset: number
  readonly length: number
}
