import type { MaybePromise } from '../base/maybe-promise.ts'
import type {
  Allocation,
  AttrChanges,
  AttrReply,
  Dirent,
  Entry,
  Fh,
  FilePosition,
  FileSpan,
  Ino,
  OpContext,
  Opened,
  RenameFlags,
  SeekTarget,
  StatFs,
  XattrMode,
} from './types.ts'

/**
 * The filesystem as the kernel asks for it: inode-based, plain results, `FsError` with an errno when it says no. Names are
 * one path element, valid UTF-8 (a driver answers EILSEQ otherwise), never `.` or `..` unless said. What answers a
 * `MaybePromise` may also throw at once.
 */
export interface FileSystem {
  /**
   * Adds one to the look-up count of the answered node. ENOENT: no such name; as a `NoSuchNameError` it may be believed for a
   * while.
   */
  lookup(parent: Ino, name: string, context: OpContext): MaybePromise<Entry>
  /** Takes `count` look-ups back; a node with none and no handle may go. */
  forget(ino: Ino, count: number): void
  getattr(ino: Ino, fh: Fh | undefined, context: OpContext): MaybePromise<AttrReply>
  setattr(ino: Ino, changes: AttrChanges, fh: Fh | undefined, context: OpContext): Promise<AttrReply>
  readlink(ino: Ino, context: OpContext): Promise<string>

  mknod(parent: Ino, name: string, mode: number, context: OpContext): Promise<Entry>
  mkdir(parent: Ino, name: string, mode: number, context: OpContext): Promise<Entry>
  symlink(parent: Ino, name: string, target: string, context: OpContext): Promise<Entry>
  link(ino: Ino, newParent: Ino, newName: string, context: OpContext): Promise<Entry>
  unlink(parent: Ino, name: string, context: OpContext): Promise<void>
  rmdir(parent: Ino, name: string, context: OpContext): Promise<void>
  rename(from: Place, to: Place, flags: RenameFlags, context: OpContext): Promise<void>

  /** Creates and opens in one step; `flags` as open(2). Counts as a look-up. */
  create(
    at: Place,
    mode: number,
    flags: number,
    context: OpContext,
  ): Promise<{ entry: Entry; opened: Opened }>
  open(ino: Ino, flags: number, context: OpContext): MaybePromise<Opened>
  /** At most `length` bytes; fewer only at the end of the file. The buffer is the caller's until its next call. */
  read(fh: Fh, offset: number, length: number, context: OpContext): MaybePromise<Uint8Array>
  /** `data` belongs to the caller again once the promise is settled. Answers the bytes taken. */
  write(fh: Fh, offset: number, data: Uint8Array, context: OpContext): Promise<number>
  /**
   * Where the bytes that `read` would answer lie in a local file; undefined when they do not, or not all of them: then `read`
   * has them. Asks nobody, waits for nothing. The answer holds until the caller gives the event loop back.
   */
  spanOf?(fh: Fh, offset: number, length: number): FileSpan | undefined
  /** As `spanOf`: the bytes themselves, where they are in memory. */
  viewOf?(fh: Fh, offset: number, length: number): Uint8Array | undefined
  /**
   * copy_file_range(2): answers the bytes copied, which may be fewer than `length`; 0 at the end of the source. EBADF: wrong way
   * round, or the target is open for appending. EINVAL: the ranges overlap in one file.
   */
  copyRange(from: FilePosition, to: FilePosition, length: number, context: OpContext): Promise<number>
  /** The first data, or the first hole, at `offset` or after it. The end of a file counts as a hole. ENXIO: beyond the end. */
  seek(fh: Fh, offset: number, target: SeekTarget, context: OpContext): Promise<number>
  /** fallocate(2). EDQUOT: no room on the drive. */
  allocate(fh: Fh, allocation: Allocation, context: OpContext): Promise<void>
  /** Each close(2) of a descriptor, also of duplicates. */
  flush(fh: Fh, context: OpContext): MaybePromise<void>
  fsync(fh: Fh, dataOnly: boolean, context: OpContext): Promise<void>
  /** The last reference is gone. Cannot fail: nobody would hear it. */
  release(fh: Fh): MaybePromise<void>

  opendir(ino: Ino, context: OpContext): MaybePromise<Opened>
  /**
   * Entries after `cookie` (0 = from the start), of one stable snapshot a handle; without `.` and `..`. Empty = end.
   * `maxEntries`: the caller has no room for more.
   */
  readdir(fh: Fh, cookie: number, context: OpContext, maxEntries?: number): MaybePromise<readonly Dirent[]>
  /** As `readdir`, with the entry of each name, each of which counts as a look-up. */
  readdirPlus(
    fh: Fh,
    cookie: number,
    context: OpContext,
    maxEntries?: number,
  ): MaybePromise<readonly (Dirent & { entry: Entry })[]>
  releasedir(fh: Fh): MaybePromise<void>
  fsyncdir(fh: Fh, context: OpContext): Promise<void>

  statfs(context: OpContext): Promise<StatFs>
  getxattr(ino: Ino, name: string, context: OpContext): Promise<Uint8Array>
  setxattr(ino: Ino, name: string, value: Uint8Array, mode: XattrMode, context: OpContext): Promise<void>
  listxattr(ino: Ino, context: OpContext): Promise<readonly string[]>
  removexattr(ino: Ino, name: string, context: OpContext): Promise<void>
}

/** A name in a folder. */
export interface Place {
  readonly parent: Ino
  readonly name: string
}

/** What the core may ask of the kernel's caches; a driver without notifications does nothing. */
export interface KernelCache {
  /** Attributes and pages of a node (names, if it is a folder) are not to be trusted any more. */
  invalidateInode(ino: Ino): void
  /** Attributes of a node are not to be trusted any more; its pages are as they were. */
  invalidateAttributes(ino: Ino): void
  /**
   * A name is not to be trusted any more, nor that there is none. Who uses what it led to is not disturbed. `isMereDoubt`: it is
   * probably what it was, and nobody who is below it may notice anything.
   */
  expireEntry(parent: Ino, name: string, isMereDoubt?: boolean): void
  /** A name is gone. */
  deleteEntry(parent: Ino, child: Ino, name: string): void
}

export const noKernelCache: KernelCache = {
  invalidateInode() {},
  invalidateAttributes() {},
  expireEntry() {},
  deleteEntry() {},
}
