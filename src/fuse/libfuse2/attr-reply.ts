import { timespecToMs } from '../../base/timespec.ts'
import type { Attr, FileKind, StatFs } from '../../core/types.ts'
import type { AddonStat, AddonStatfs } from './addon.ts'

/** `S_IFMT` bits of inode(7). */
const typeBits: Record<FileKind, number> = { file: 0o100000, folder: 0o040000, symlink: 0o120000 }
const UINT32 = 2 ** 32
/** What `st_blocks` counts in, whatever the block size. */
const STAT_BLOCK_BYTES = 512
/** Advice to programs about the size of one read or write. */
const IO_SIZE_BYTES = 131_072

export function toAddonStat(attr: Attr): AddonStat {
  return {
    mode: typeBits[attr.kind] | attr.mode,
    uid: attr.uid,
    gid: attr.gid,
    size: attr.sizeBytes,
    nlink: attr.nlink,
    ino: foldIno(attr.ino),
    blksize: IO_SIZE_BYTES,
    blocks: Math.ceil(attr.sizeBytes / STAT_BLOCK_BYTES),
    // The addon takes no instant before 1970.
    atime: Math.max(0, timespecToMs(attr.atime)),
    mtime: Math.max(0, timespecToMs(attr.mtime)),
    ctime: Math.max(0, timespecToMs(attr.ctime)),
  }
}

const noTimes = { atime: 0, mtime: 0, ctime: 0 }

/** Number and type are all that libfuse passes on with a name. */
export function toDirentStat(kind: FileKind, ino: number): AddonStat {
  const empty = { uid: 0, gid: 0, size: 0, nlink: 1, blksize: 0, blocks: 0, ...noTimes }
  return { ...empty, mode: typeBits[kind], ino: foldIno(ino) }
}

/** The addon cuts inode numbers to 32 bits: mix the upper half in, and never answer 0, which readers skip. */
function foldIno(ino: number): number {
  const folded = ((ino % UINT32) ^ Math.floor(ino / UINT32)) >>> 0
  return folded === 0 ? UINT32 - 1 : folded
}

/** Counts have 32 bits here, so the unit grows with the drive: `df` shows the same sizes. */
export function toAddonStatfs(statfs: StatFs): AddonStatfs {
  const factor = 2 ** Math.max(0, Math.ceil(Math.log2(Math.max(1, statfs.totalBlocks) / (UINT32 - 1))))
  const scaled = (blocks: number) => Math.floor(blocks / factor)
  const capped = (count: number) => Math.min(count, UINT32 - 1)
  return {
    bsize: statfs.blockSizeBytes,
    frsize: statfs.blockSizeBytes * factor,
    blocks: scaled(statfs.totalBlocks),
    bfree: scaled(statfs.freeBlocks),
    bavail: scaled(statfs.freeBlocks),
    files: capped(statfs.files),
    ffree: capped(statfs.freeFiles),
    favail: capped(statfs.freeFiles),
    namemax: statfs.maxNameBytes,
  }
}
