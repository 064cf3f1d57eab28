/** `fuse_statx_out` (linux/fuse.h of 7.39): the attributes, and when the object was made. Pure. */
import type { Timespec } from '../../base/timespec.ts'
import type { AttrReply } from '../../core/types.ts'
import { Size, StatxBit, TypeBits } from './abi.ts'
import { IO_SIZE_BYTES, putSeconds, putTtl, putUint64, STAT_BLOCK_BYTES, startMessage } from './encode.ts'

/** Bytes of `fuse_statx_out` in front of its `fuse_statx`. */
const STAT_OFFSET = 32

export function encodeStatx(unique: number, { attr, attrTtlMs }: AttrReply): Buffer {
  const message = startMessage(unique, Size.OUT_HEADER + Size.STATX_OUT)
  putTtl(message, Size.OUT_HEADER, Size.OUT_HEADER + 8, attrTtlMs)
  const at = Size.OUT_HEADER + STAT_OFFSET
  message.writeUInt32LE(StatxBit.BASIC_STATS | (attr.btime ? StatxBit.BTIME : 0), at)
  message.writeUInt32LE(IO_SIZE_BYTES, at + 4)
  message.writeUInt32LE(attr.nlink, at + 16)
  message.writeUInt32LE(attr.uid, at + 20)
  message.writeUInt32LE(attr.gid, at + 24)
  message.writeUInt16LE(TypeBits[attr.kind] | attr.mode, at + 28)
  putUint64(message, at + 32, attr.ino)
  putUint64(message, at + 40, attr.sizeBytes)
  putUint64(message, at + 48, Math.ceil(attr.sizeBytes / STAT_BLOCK_BYTES))
  putTime(message, at + 64, attr.atime)
  if (attr.btime) putTime(message, at + 80, attr.btime)
  putTime(message, at + 96, attr.ctime)
  putTime(message, at + 112, attr.mtime)
  return message
}

/** A `fuse_sx_time`. */
function putTime(target: Buffer, at: number, { seconds, nanoseconds }: Timespec): void {
  putSeconds(target, at, seconds)
  target.writeUInt32LE(nanoseconds, at + 8)
}
