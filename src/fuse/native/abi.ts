/**
 * The kernel's FUSE protocol as numbers: linux/fuse.h of 7.38, and what newer kernels added (52, 53). Constants only. All
 * integers are little-endian here; sizes are bytes.
 */

export const PROTOCOL_MAJOR = 7
/** Below 7.23 the reply to INIT is shorter; no kernel of a distribution that runs this Node.js is that old. */
export const MIN_MINOR = 23
/** What we answer at most. Features are agreed on by flags, so nothing newer needs to be promised. */
export const MAX_MINOR = 40

export const Opcode = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SETUPMAPPING: 48,
  REMOVEMAPPING: 49,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
  COPY_FILE_RANGE_64: 53,
} as const

/** Sizes of the structures in front of what has no fixed size. */
export const Size = {
  IN_HEADER: 40,
  OUT_HEADER: 16,
  ATTR: 88,
  ENTRY_OUT: 128,
  ATTR_OUT: 104,
  OPEN_OUT: 16,
  WRITE_OUT: 8,
  STATFS_OUT: 80,
  GETXATTR_OUT: 8,
  INIT_OUT: 64,
  DIRENT: 24,
  DIRENTPLUS: 152,
  FORGET_ONE: 16,
  LSEEK_OUT: 8,
  STATX_OUT: 288,
  INVAL_INODE: 24,
  INVAL_ENTRY: 16,
  DELETE: 24,
} as const

/** `flags` of INIT. */
export const InitFlag = {
  ASYNC_READ: 1 << 0,
  POSIX_LOCKS: 1 << 1,
  ATOMIC_O_TRUNC: 1 << 3,
  EXPORT_SUPPORT: 1 << 4,
  BIG_WRITES: 1 << 5,
  DONT_MASK: 1 << 6,
  FLOCK_LOCKS: 1 << 10,
  AUTO_INVAL_DATA: 1 << 12,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  ASYNC_DIO: 1 << 15,
  WRITEBACK_CACHE: 1 << 16,
  PARALLEL_DIROPS: 1 << 18,
  HANDLE_KILLPRIV: 1 << 19,
  POSIX_ACL: 1 << 20,
  MAX_PAGES: 1 << 22,
  CACHE_SYMLINKS: 1 << 23,
  HANDLE_KILLPRIV_V2: 1 << 28,
  SETXATTR_EXT: 1 << 29,
  INIT_EXT: 1 << 30,
} as const

/** `flags2` of INIT: bits 32 and up of the whole. */
export const InitFlag2 = {
  HAS_EXPIRE_ONLY: 1 << 3,
} as const

/** `valid` of SETATTR. */
export const SetattrValid = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  KILL_SUIDGID: 1 << 11,
} as const

/** `open_flags` of the reply to OPEN, OPENDIR and CREATE. */
export const OpenReplyFlag = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  CACHE_DIR: 1 << 3,
  NOFLUSH: 1 << 5,
} as const

export const GETATTR_FH = 1 << 0
export const FSYNC_FDATASYNC = 1 << 0
/** `open_flags` of OPEN and CREATE. */
export const OPEN_KILL_SUIDGID = 1 << 0
/** `write_flags` of WRITE. */
export const WRITE_KILL_SUIDGID = 1 << 2
/** `flags` of a notification about an entry. */
export const EXPIRE_ONLY = 1 << 0

/** renameat2(2) flags. */
export const RenameBit = { NOREPLACE: 1 << 0, EXCHANGE: 1 << 1 } as const
/** fallocate(2) modes (linux/falloc.h). */
export const FallocateBit = { KEEP_SIZE: 1 << 0, PUNCH_HOLE: 1 << 1, ZERO_RANGE: 1 << 4 } as const
/** lseek(2) beyond the kernel's own. */
export const Whence = { DATA: 3, HOLE: 4 } as const
/** What a `fuse_statx` holds (linux/stat.h). */
export const StatxBit = { BASIC_STATS: 0x7ff, BTIME: 0x800 } as const
/** setxattr(2) flags. */
export const XattrBit = { CREATE: 1 << 0, REPLACE: 1 << 1 } as const

/** `S_IFMT` bits of inode(7), and the types of names in a folder, which are the same four bits further down. */
export const TypeBits = { file: 0o100000, folder: 0o040000, symlink: 0o120000 } as const
export const DIRENT_TYPE_SHIFT = 12

/** `error` of a message that answers nothing. */
export const NotifyCode = {
  INVAL_INODE: 2,
  INVAL_ENTRY: 3,
  DELETE: 6,
} as const

/** The most that we take in one WRITE, and pages of 4 KiB in one request. */
export const MAX_WRITE_BYTES = 1 << 20
export const MAX_PAGES = 256
/** Where MAX_PAGES is not known (before 4.20) a request has at most 32 pages. */
export const OLD_MAX_WRITE_BYTES = 32 * 4096
/** read(2) on the device fails when its buffer is smaller than max_write and a header page. */
export const READ_BUFFER_BYTES = MAX_WRITE_BYTES + 4096
