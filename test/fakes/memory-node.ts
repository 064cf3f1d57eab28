import type { Timespec } from '../../src/base/timespec.ts'
import type { Attr, FileKind, Ino } from '../../src/core/types.ts'

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

export function holds(node: Node, other: Node): boolean {
  return node === other || [...node.children.values()].some((child) => holds(child, other))
}

export function attrOf(node: Node): Attr {
  const { ino, kind, mode, names, uid, gid, mtime, content, target } = node
  const sizeBytes = kind === 'symlink' ? Buffer.byteLength(target) : content.length
  return { ino, kind, sizeBytes, mode, nlink: names, uid, gid, atime: mtime, mtime, ctime: mtime }
}

export function resized(content: Buffer, sizeBytes: number): Buffer {
  if (content.length >= sizeBytes) return Buffer.from(content.subarray(0, sizeBytes))
  const larger = Buffer.alloc(sizeBytes)
  larger.set(content)
  return larger
}
