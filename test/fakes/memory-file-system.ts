import { constants } from 'node:fs'
import { Errno, type ErrnoCode } from '../../src/base/errno.ts'
import { timespecFromMs } from '../../src/base/timespec.ts'
import { FsError, NoSuchNameError } from '../../src/core/errors.ts'
import type { FileSystem, Place } from '../../src/core/ports.ts'
import {
  ROOT_INO,
  type Allocation,
  type AttrChanges,
  type AttrReply,
  type Dirent,
  type Entry,
  type Fh,
  type FileKind,
  type FilePosition,
  type Ino,
  type OpContext,
  type Opened,
  type RenameFlags,
  type SeekTarget,
  type StatFs,
  type XattrMode,
} from '../../src/core/types.ts'
import { allocated, attrOf, holds, resized, type Node } from './memory-node.ts'

const PAGE = 500
const TTL_MS = 0
const TRUST_MS = 1_500

/**
 * A small filesystem in memory behind the real interface, which is strict about look-up counts: a node without a name,
 * look-ups and handles is dropped, and asking for a dropped one, or forgetting too much, is a bug that throws.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #nodes = new Map<Ino, Node>()
  readonly #handles = new Map<Fh, { node: Node; names: string[] }>()
  #nextIno = 1
  #nextFh = 1
  #writeCount = 0
  /** Every name that was ever given to something. */
  readonly namesSeen = new Set<string>()
  /** Errors to answer, by `op:name`. */
  readonly #failures = new Map<string, Error>()

  constructor() {
    this.#make('folder', 0o755).names = 1
  }

  /** Look-ups that nobody took back, of all nodes. */
  get lookups(): number {
    return [...this.#nodes.values()].reduce((sum, { lookups }) => sum + lookups, 0)
  }

  get openHandles(): number {
    return this.#handles.size
  }

  get writeCount(): number {
    return this.#writeCount
  }

  /** Nodes that are kept, with a name or without. */
  get nodeCount(): number {
    return this.#nodes.size
  }

  async lookup(parent: Ino, name: string, _context: OpContext): Promise<Entry> {
    this.#mayFail('lookup', name)
    return this.#entry(this.#child({ parent, name }))
  }

  forget(ino: Ino, count: number): void {
    const node = this.#node(ino)
    if (node.lookups < count) throw new Error(`forgot more of ${ino} than was looked up`)
    node.lookups -= count
    this.#dropIfUnused(node)
  }

  async getattr(ino: Ino, _fh: Fh | undefined, _context: OpContext): Promise<AttrReply> {
    return { attr: attrOf(this.#node(ino)), attrTtlMs: TTL_MS }
  }

  async setattr(ino: Ino, changes: AttrChanges): Promise<AttrReply> {
    const node = this.#node(ino)
    if (changes.sizeBytes !== undefined) node.content = resized(node.content, changes.sizeBytes)
    if (changes.mode !== undefined) node.mode = changes.mode
    if (changes.uid !== undefined && changes.uid !== node.uid) throw new FsError(Errno.EPERM, 'not the owner')
    if (changes.mtime === 'now') node.mtime = timespecFromMs(Date.now())
    else if (changes.mtime) node.mtime = changes.mtime
    return { attr: attrOf(node), attrTtlMs: TTL_MS }
  }

  async readlink(ino: Ino, _context: OpContext): Promise<string> {
    return this.#node(ino).target
  }

  async mknod(parent: Ino, name: string, mode: number, _context: OpContext): Promise<Entry> {
    if ((mode & 0o170000) !== 0o100000) throw new FsError(Errno.EPERM, 'no devices here')
    return this.#entry(this.#add({ parent, name }, 'file', mode & 0o7777))
  }

  async mkdir(parent: Ino, name: string, mode: number, _context: OpContext): Promise<Entry> {
    return this.#entry(this.#add({ parent, name }, 'folder', mode))
  }

  async symlink(parent: Ino, name: string, target: string, _context: OpContext): Promise<Entry> {
    const node = this.#add({ parent, name }, 'symlink', 0o777)
    node.target = target
    return this.#entry(node)
  }

  async link(_ino: Ino, _newParent: Ino, _newName: string, _context: OpContext): Promise<Entry> {
    throw new FsError(Errno.EPERM, 'no hard links here')
  }

  async unlink(parent: Ino, name: string, _context: OpContext): Promise<void> {
    this.#mayFail('unlink', name)
    const node = this.#child({ parent, name })
    if (node.kind === 'folder') throw new FsError(Errno.EISDIR, `${name} is a folder`)
    this.#removeName({ parent, name })
  }

  async rmdir(parent: Ino, name: string, _context: OpContext): Promise<void> {
    const node = this.#child({ parent, name })
    if (node.kind !== 'folder') throw new FsError(Errno.ENOTDIR, `${name} is no folder`)
    if (node.children.size > 0) throw new FsError(Errno.ENOTEMPTY, `${name} is not empty`)
    this.#removeName({ parent, name })
  }

  async rename(from: Place, to: Place, flags: RenameFlags, _context: OpContext): Promise<void> {
    const node = this.#child(from)
    const folder = this.#folder(to.parent)
    if (holds(node, folder)) throw new FsError(Errno.EINVAL, `${from.name} would be inside itself`)
    const target = folder.children.get(to.name)
    if (target === node) return
    if (target) {
      if (flags.noReplace) throw new FsError(Errno.EEXIST, `${to.name} is there`)
      if (target.kind === 'folder' && node.kind !== 'folder') throw new FsError(Errno.EISDIR, to.name)
      if (target.kind !== 'folder' && node.kind === 'folder') throw new FsError(Errno.ENOTDIR, to.name)
      if (target.children.size > 0) throw new FsError(Errno.ENOTEMPTY, to.name)
      this.#removeName(to)
    }
    this.#folder(from.parent).children.delete(from.name)
    folder.children.set(to.name, node)
    this.namesSeen.add(to.name)
  }

  async create(
    at: Place,
    mode: number,
    flags: number,
    context: OpContext,
  ): Promise<{ entry: Entry; opened: Opened }> {
    const existing = this.#folder(at.parent).children.get(at.name)
    const node = existing ?? this.#add(at, 'file', mode)
    return { entry: this.#entry(node), opened: await this.open(node.ino, flags, context) }
  }

  async open(ino: Ino, flags: number, _context: OpContext): Promise<Opened> {
    const node = this.#node(ino)
    if (flags & constants.O_TRUNC) node.content = Buffer.alloc(0)
    return this.#openHandle(node)
  }

  async read(fh: Fh, offset: number, length: number, _context: OpContext): Promise<Uint8Array> {
    return this.#handle(fh).node.content.subarray(offset, offset + length)
  }

  async write(fh: Fh, offset: number, data: Uint8Array, _context: OpContext): Promise<number> {
    const { node } = this.#handle(fh)
    this.#writeCount += 1
    if (node.content.length < offset + data.length) node.content = resized(node.content, offset + data.length)
    node.content.set(data, offset)
    node.mtime = timespecFromMs(Date.now())
    return data.length
  }

  async copyRange(from: FilePosition, to: FilePosition, length: number, context: OpContext): Promise<number> {
    const { content } = this.#handle(from.fh).node
    return this.write(
      to.fh,
      to.offset,
      Buffer.from(content.subarray(from.offset, from.offset + length)),
      context,
    )
  }

  async seek(fh: Fh, offset: number, target: SeekTarget, _context: OpContext): Promise<number> {
    const { content } = this.#handle(fh).node
    if (offset >= content.length) throw new FsError(Errno.ENXIO, 'beyond the end')
    return target === 'data' ? offset : content.length
  }

  async allocate(fh: Fh, allocation: Allocation, _context: OpContext): Promise<void> {
    const { node } = this.#handle(fh)
    node.content = allocated(node.content, allocation)
  }

  async flush(fh: Fh, _context: OpContext): Promise<void> {
    this.#handle(fh)
  }

  async fsync(fh: Fh, _dataOnly: boolean, _context: OpContext): Promise<void> {
    this.#handle(fh)
  }

  async release(fh: Fh): Promise<void> {
    const { node } = this.#handle(fh)
    this.#handles.delete(fh)
    node.handles -= 1
    this.#dropIfUnused(node)
  }

  async opendir(ino: Ino, _context: OpContext): Promise<Opened> {
    return this.#openHandle(this.#folder(ino))
  }

  async readdir(fh: Fh, cookie: number, _context: OpContext, maxEntries = PAGE): Promise<readonly Dirent[]> {
    const { node, names } = this.#handle(fh)
    return names.slice(cookie, cookie + Math.min(maxEntries, PAGE)).map((name, index) => {
      const child = node.children.get(name)
      return { name, ino: child?.ino ?? 0, kind: child?.kind ?? 'file', cookie: cookie + index + 1 }
    })
  }

  /** As a filesystem may that knows nothing of `maxEntries`, or that answers more. */
  async readdirPlus(
    fh: Fh,
    cookie: number,
    _context: OpContext,
  ): Promise<readonly (Dirent & { entry: Entry })[]> {
    const { node, names } = this.#handle(fh)
    const page: (Dirent & { entry: Entry })[] = []
    for (let i = cookie; i < names.length && page.length < PAGE; i += 1) {
      const child = node.children.get(names[i]!)
      if (!child) continue
      const { ino, kind } = child
      page.push({ name: names[i]!, ino, kind, cookie: i + 1, entry: this.#entry(child) })
    }
    return page
  }

  async releasedir(fh: Fh): Promise<void> {
    return this.release(fh)
  }

  async fsyncdir(fh: Fh, _context: OpContext): Promise<void> {
    this.#handle(fh)
  }

  async statfs(_context: OpContext): Promise<StatFs> {
    return {
      blockSizeBytes: 4096,
      totalBlocks: 2 ** 33,
      freeBlocks: 2 ** 32,
      files: 1e6,
      freeFiles: 1e6,
      maxNameBytes: 255,
    }
  }

  async getxattr(ino: Ino, name: string, _context: OpContext): Promise<Uint8Array> {
    const node = this.#node(ino)
    this.#checkNamespace(name)
    const value = node.xattrs.get(name)
    if (!value) throw new FsError(Errno.ENODATA, `no attribute ${name}`)
    return value
  }

  async setxattr(
    ino: Ino,
    name: string,
    value: Uint8Array,
    mode: XattrMode,
    _context: OpContext,
  ): Promise<void> {
    const { xattrs } = this.#node(ino)
    this.#checkNamespace(name)
    if (mode === 'create' && xattrs.has(name)) throw new FsError(Errno.EEXIST, `${name} is there`)
    if (mode === 'replace' && !xattrs.has(name)) throw new FsError(Errno.ENODATA, `no attribute ${name}`)
    xattrs.set(name, Uint8Array.from(value))
  }

  async listxattr(ino: Ino, _context: OpContext): Promise<readonly string[]> {
    return [...this.#node(ino).xattrs.keys()]
  }

  async removexattr(ino: Ino, name: string, _context: OpContext): Promise<void> {
    if (!this.#node(ino).xattrs.delete(name)) throw new FsError(Errno.ENODATA, `no attribute ${name}`)
  }

  /** Puts empty files into a folder of the root, as if they had been there for long. */
  addFiles(folder: string, names: readonly string[]): void {
    const parent = this.#nodes.get(ROOT_INO)!.children.get(folder)!
    for (const name of names) {
      const node = this.#make('file', 0o644)
      node.names = 1
      parent.children.set(name, node)
    }
  }

  /** Makes the next calls of `op` on `name` fail. */
  fail(op: string, name: string, errno: ErrnoCode): void {
    this.#failures.set(`${op}:${name}`, new FsError(errno, `${op} of ${name}`))
  }

  #mayFail(op: string, name: string): void {
    const failure = this.#failures.get(`${op}:${name}`)
    if (failure) throw failure
  }

  #checkNamespace(name: string): void {
    if (!name.startsWith('user.')) throw new FsError(Errno.EOPNOTSUPP, `${name} is of no use here`)
  }

  #make(kind: FileKind, mode: number): Node {
    const node: Node = {
      ino: this.#nextIno++ as Ino,
      kind,
      mode,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      content: Buffer.alloc(0),
      target: '',
      mtime: timespecFromMs(Date.now()),
      children: new Map(),
      xattrs: new Map(),
      lookups: 0,
      handles: 0,
      names: 0,
    }
    this.#nodes.set(node.ino, node)
    return node
  }

  #add({ parent, name }: Place, kind: FileKind, mode: number): Node {
    const { children } = this.#folder(parent)
    if (Buffer.byteLength(name) > 255) throw new FsError(Errno.ENAMETOOLONG, 'name too long')
    if (children.has(name)) throw new FsError(Errno.EEXIST, `${name} is there`)
    const node = this.#make(kind, mode)
    node.names = 1
    children.set(name, node)
    this.namesSeen.add(name)
    return node
  }

  #entry(node: Node): Entry {
    node.lookups += 1
    return { ino: node.ino, generation: 1, attr: attrOf(node), entryTtlMs: TTL_MS, attrTtlMs: TTL_MS }
  }

  #openHandle(node: Node): Opened {
    const fh = this.#nextFh++ as Fh
    node.handles += 1
    this.#handles.set(fh, { node, names: [...node.children.keys()] })
    return { fh, keepCache: false, directIo: false }
  }

  #handle(fh: Fh): { node: Node; names: string[] } {
    const handle = this.#handles.get(fh)
    if (!handle) throw new FsError(Errno.EBADF, `handle ${fh} is not open`)
    return handle
  }

  /** A node that may be asked for: the root, or one with a look-up or a handle. */
  #node(ino: Ino): Node {
    const node = this.#nodes.get(ino)
    if (!node) throw new Error(`node ${ino} is gone`)
    if (ino !== ROOT_INO && node.lookups === 0 && node.handles === 0) {
      throw new Error(`node ${ino} is used without a look-up`)
    }
    return node
  }

  #folder(ino: Ino): Node {
    const node = this.#node(ino)
    if (node.kind !== 'folder') throw new FsError(Errno.ENOTDIR, `${ino} is no folder`)
    return node
  }

  #child({ parent, name }: Place): Node {
    const node = this.#folder(parent).children.get(name)
    if (!node) throw new NoSuchNameError(`no such name: ${name}`, TRUST_MS)
    return node
  }

  #removeName({ parent, name }: Place): void {
    const node = this.#child({ parent, name })
    this.#folder(parent).children.delete(name)
    node.names -= 1
    this.#dropIfUnused(node)
  }

  #dropIfUnused(node: Node): void {
    if (node.names === 0 && node.lookups === 0 && node.handles === 0) this.#nodes.delete(node.ino)
  }
}
