import { Errno } from '../../src/base/errno.ts'
import type { Timespec } from '../../src/base/timespec.ts'
import { FsError } from '../../src/core/errors.ts'
import type { Allocation, Attr, FileKind, Ino } from '../../src/core/types.ts'

/** One file, folder or link of a `MemoryFileSystem`. */
export interface Node {
  readonly ino: Ino
  readonly kind: FileKind
  mode: number
  uid: number
  gid: number
  content: Buffer
  target: string
  mtime: Timespec
  readonly children: Map<string, Node>
  readonly xattrs: Map<string, Uint8Array>
  lookups: number
  handles: number
  /** Names that lead here: 0 when unlinked. */
  names: number
}

const LARGEST_BYTES = 2 ** 30

export function holds(node: Node, other: Node): boolean {
  return node === other || [...node.children.values()].some((child) => holds(child, other))
}

export function attrOf(node: Node): Attr {
  const { ino, kind, mode, names, uid, gid, mtime, content, target } = node
  const sizeBytes = kind === 'symlink' ? Buffer.byteLength(target) : content.length
  return { ino, kind, sizeBytes, mode, nlink: names, uid, gid, atime: mtime, mtime, ctime: mtime }
}

export function resized(content: Buffer, sizeBytes: number): Buffer {
  if (sizeBytes > LARGEST_BYTES) throw new FsError(Errno.EFBIG, 'too large to be kept in memory')
  if (content.length >= sizeBytes) return Buffer.from(content.subarray(0, sizeBytes))
  const larger = Buffer.alloc(sizeBytes)
  larger.set(content)
  return larger
}

export function allocated(content: Buffer, { offset, length, zero, keepSize }: Allocation): Buffer {
  const end = offset + length
  const next = keepSize || end <= content.length ? Buffer.from(content) : resized(content, end)
  return zero ? next.fill(0, Math.min(offset, next.length), Math.min(end, next.length)) : next
}
