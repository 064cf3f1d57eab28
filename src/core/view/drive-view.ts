import { constants } from 'node:fs'
import { Errno } from '../../base/errno.ts'
import { andThen, type MaybePromise } from '../../base/maybe-promise.ts'
import { NumberMap } from '../../base/number-map.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import type { FileSystem, KernelCache, Place } from '../ports.ts'
import {
  ROOT_INO,
  type Allocation,
  type Attr,
  type AttrChanges,
  type AttrReply,
  type Entry,
  type Fh,
  type FilePosition,
  type FileSpan,
  type Ino,
  type OpContext,
  type Opened,
  type RenameFlags,
  type SeekTarget,
  type XattrMode,
} from '../types.ts'

/** What one mount shows in its own way. */
export interface ViewOptions {
  /** Owner of everything. */
  readonly uid: number
  readonly gid: number
  /** The kernel's trust in names and attributes, ms. */
  readonly entryTtlMs: number
  readonly attrTtlMs: number
  /** Every change is refused, whatever the drive allows. */
  readonly readOnly: boolean
}

export interface DriveViewParts {
  /** Of the whole drive. */
  readonly fileSystem: FileSystem
  /** A pinned folder: what the view shows as its root, wherever it is moved to. */
  readonly root: Node
  /** Owner as the drive itself says it. */
  readonly owner: Pick<ViewOptions, 'uid' | 'gid'>
  readonly options: ViewOptions
  /** Kernels of the drive's other mounts, which hear from us alone what is done here. */
  readonly others: KernelCache
}

/**
 * A folder of a drive as the filesystem of one mount. Mounts of the same drive share all of its state, so that what one
 * writes the others show at once; a view keeps what is the mount's alone: which node is its root, what the kernel refers to
 * through it, and who owns what it shows.
 */
export class DriveView implements FileSystem {
  readonly root: Node
  readonly #inner: FileSystem
  readonly #others: KernelCache
  readonly #options: ViewOptions
  readonly #owner: Pick<ViewOptions, 'uid' | 'gid'>
  /** Look-ups that this mount's kernel holds: it takes none of them back when the mount ends. */
  readonly #lookups = new NumberMap<Ino, number>()
  /** Nodes whose pages or names its kernel was given since something of them changed. Others may have been given them later. */
  readonly #given = new Set<Ino>()
  /** What its files that are open for writing stand for. */
  readonly #writing = new Map<Fh, Ino>()

  constructor({ fileSystem, root, owner, options, others }: DriveViewParts) {
    this.#inner = fileSystem
    this.#others = others
    this.root = root
    this.#owner = owner
    this.#options = options
  }

  /** Passes on what the drive knows to have changed, as far as the view's kernel knows of it. */
  kernelCache(kernel: KernelCache): KernelCache {
    const number = (ino: Ino) => (ino === this.root.ino ? ROOT_INO : this.#lookups.has(ino) ? ino : undefined)
    const about = (ino: Ino, tell: (ino: Ino) => void) => {
      const known = number(ino)
      if (known !== undefined) tell(known)
    }
    const changed = (ino: Ino, tell: (ino: Ino) => void) => {
      this.#given.delete(ino)
      about(ino, tell)
    }
    return {
      invalidateInode: (ino) => changed(ino, (known) => kernel.invalidateInode(known)),
      invalidateAttributes: (ino) => about(ino, (known) => kernel.invalidateAttributes(known)),
      expireEntry: (parent, name, isMereDoubt) =>
        changed(parent, (known) => kernel.expireEntry(known, name, isMereDoubt)),
      deleteEntry: (parent, child, name) =>
        changed(parent, (known) => kernel.deleteEntry(known, number(child) ?? child, name)),
    }
  }

  /** The mount is over: what its kernel referred to is let go. Handles were released before. */
  close(): void {
    for (const [ino, count] of this.#lookups.entries()) this.#inner.forget(ino, count)
    this.#lookups.clear()
  }

  lookup(parent: Ino, name: string, context: OpContext): MaybePromise<Entry> {
    return andThen(this.#inner.lookup(this.#in(parent), name, context), (entry) => this.#entry(entry))
  }

  forget(ino: Ino, count: number): void {
    const held = this.#lookups.get(ino)
    // The root, which the kernel refers to without a look-up.
    if (held === undefined) return
    if (held > count) this.#lookups.set(ino, held - count)
    else {
      this.#lookups.delete(ino)
      this.#given.delete(ino)
    }
    this.#inner.forget(ino, Math.min(held, count))
  }

  getattr(ino: Ino, fh: Fh | undefined, context: OpContext): MaybePromise<AttrReply> {
    return andThen(this.#inner.getattr(this.#in(ino), fh, context), (reply) => this.#attrReply(reply))
  }

  async setattr(ino: Ino, changes: AttrChanges, fh: Fh | undefined, context: OpContext): Promise<AttrReply> {
    this.#assertWritable()
    const reply = await this.#inner.setattr(this.#in(ino), this.#ownerIn(changes), fh, context)
    if (changes.sizeBytes === undefined) this.#others.invalidateAttributes(this.#in(ino))
    else this.#others.invalidateInode(this.#in(ino))
    return this.#attrReply(reply)
  }

  readlink(ino: Ino, context: OpContext): Promise<string> {
    return this.#inner.readlink(this.#in(ino), context)
  }

  async mknod(parent: Ino, name: string, mode: number, context: OpContext): Promise<Entry> {
    this.#assertWritable()
    return this.#made({ parent, name }, await this.#inner.mknod(this.#in(parent), name, mode, context))
  }

  async mkdir(parent: Ino, name: string, mode: number, context: OpContext): Promise<Entry> {
    this.#assertWritable()
    return this.#made({ parent, name }, await this.#inner.mkdir(this.#in(parent), name, mode, context))
  }

  async symlink(parent: Ino, name: string, target: string, context: OpContext): Promise<Entry> {
    this.#assertWritable()
    return this.#made({ parent, name }, await this.#inner.symlink(this.#in(parent), name, target, context))
  }

  async link(ino: Ino, newParent: Ino, newName: string, context: OpContext): Promise<Entry> {
    this.#assertWritable()
    const entry = await this.#inner.link(this.#in(ino), this.#in(newParent), newName, context)
    return this.#made({ parent: newParent, name: newName }, entry)
  }

  async unlink(parent: Ino, name: string, context: OpContext): Promise<void> {
    this.#assertWritable()
    await this.#inner.unlink(this.#in(parent), name, context)
    this.#changed({ parent, name })
  }

  async rmdir(parent: Ino, name: string, context: OpContext): Promise<void> {
    this.#assertWritable()
    await this.#inner.rmdir(this.#in(parent), name, context)
    this.#changed({ parent, name })
  }

  async rename(from: Place, to: Place, flags: RenameFlags, context: OpContext): Promise<void> {
    this.#assertWritable()
    await this.#inner.rename(this.#at(from), this.#at(to), flags, context)
    this.#changed(from)
    this.#changed(to)
  }

  async create(at: Place, mode: number, flags: number, context: OpContext) {
    this.#assertWritable()
    const { entry, opened } = await this.#inner.create(this.#at(at), mode, flags, context)
    return { entry: this.#made(at, entry), opened: this.#opened(entry.ino, opened, flags) }
  }

  open(ino: Ino, flags: number, context: OpContext): MaybePromise<Opened> {
    if ((flags & (ACCESS_MODE | constants.O_TRUNC)) !== 0) this.#assertWritable()
    const node = this.#in(ino)
    return andThen(this.#inner.open(node, flags, context), (opened) => this.#opened(node, opened, flags))
  }

  read(fh: Fh, offset: number, length: number, context: OpContext) {
    return this.#inner.read(fh, offset, length, context)
  }

  write(fh: Fh, offset: number, data: Uint8Array, context: OpContext): Promise<number> {
    return this.#written(fh, this.#inner.write(fh, offset, data, context))
  }

  spanOf(fh: Fh, offset: number, length: number): FileSpan | undefined {
    return this.#inner.spanOf?.(fh, offset, length)
  }

  viewOf(fh: Fh, offset: number, length: number): Uint8Array | undefined {
    return this.#inner.viewOf?.(fh, offset, length)
  }

  copyRange(from: FilePosition, to: FilePosition, length: number, context: OpContext): Promise<number> {
    return this.#written(to.fh, this.#inner.copyRange(from, to, length, context))
  }

  seek(fh: Fh, offset: number, target: SeekTarget, context: OpContext): Promise<number> {
    return this.#inner.seek(fh, offset, target, context)
  }

  allocate(fh: Fh, allocation: Allocation, context: OpContext): Promise<void> {
    return this.#written(fh, this.#inner.allocate(fh, allocation, context))
  }

  flush(fh: Fh, context: OpContext): MaybePromise<void> {
    return this.#inner.flush(fh, context)
  }

  fsync(fh: Fh, dataOnly: boolean, context: OpContext): Promise<void> {
    return this.#inner.fsync(fh, dataOnly, context)
  }

  release(fh: Fh): MaybePromise<void> {
    this.#writing.delete(fh)
    return this.#inner.release(fh)
  }

  opendir(ino: Ino, context: OpContext): MaybePromise<Opened> {
    const node = this.#in(ino)
    return andThen(this.#inner.opendir(node, context), (opened) => this.#kept(node, opened))
  }

  readdir(fh: Fh, cookie: number, context: OpContext, maxEntries?: number) {
    return this.#inner.readdir(fh, cookie, context, maxEntries)
  }

  readdirPlus(fh: Fh, cookie: number, context: OpContext, maxEntries?: number) {
    return andThen(this.#inner.readdirPlus(fh, cookie, context, maxEntries), (found) =>
      found.map((dirent) => {
        const entry = this.#entry(dirent.entry)
        return entry === dirent.entry ? dirent : { ...dirent, entry }
      }),
    )
  }

  releasedir(fh: Fh): MaybePromise<void> {
    return this.#inner.releasedir(fh)
  }

  fsyncdir(fh: Fh, context: OpContext): Promise<void> {
    return this.#inner.fsyncdir(fh, context)
  }

  statfs(context: OpContext) {
    return this.#inner.statfs(context)
  }

  getxattr(ino: Ino, name: string, context: OpContext): Promise<Uint8Array> {
    // Who shows as the owner here is the drive's owner.
    const asker = context.uid === this.#options.uid ? { ...context, uid: this.#owner.uid } : context
    return this.#inner.getxattr(this.#in(ino), name, asker)
  }

  async setxattr(
    ...[ino, name, value, mode, context]: [Ino, string, Uint8Array, XattrMode, OpContext]
  ): Promise<void> {
    this.#assertWritable()
    await this.#inner.setxattr(this.#in(ino), name, value, mode, context)
    this.#others.invalidateAttributes(this.#in(ino))
  }

  listxattr(ino: Ino, context: OpContext): Promise<readonly string[]> {
    return this.#inner.listxattr(this.#in(ino), context)
  }

  async removexattr(ino: Ino, name: string, context: OpContext): Promise<void> {
    this.#assertWritable()
    await this.#inner.removexattr(this.#in(ino), name, context)
    this.#others.invalidateAttributes(this.#in(ino))
  }

  #in(ino: Ino): Ino {
    return ino === ROOT_INO ? this.root.ino : ino
  }

  #at({ parent, name }: Place): Place {
    return { parent: this.#in(parent), name }
  }

  #assertWritable(): void {
    if (this.#options.readOnly) throw new FsError(Errno.EROFS, `${this.root.label}: mounted read-only`)
  }

  #made(at: Place, entry: Entry): Entry {
    this.#changed(at)
    return this.#entry(entry)
  }

  /** What a name stands for is another thing for all mounts. */
  #changed({ parent, name }: Place): void {
    this.#others.expireEntry(this.#in(parent), name)
    this.#others.invalidateInode(this.#in(parent))
  }

  #opened(ino: Ino, opened: Opened, flags: number): Opened {
    if ((flags & ACCESS_MODE) !== 0) this.#writing.set(opened.fh, ino)
    if (flags & constants.O_TRUNC) this.#others.invalidateInode(ino)
    return this.#kept(ino, opened)
  }

  /** The drive knows what it gave last, to whichever mount. */
  #kept(ino: Ino, opened: Opened): Opened {
    const isOurs = this.#given.has(ino)
    this.#given.add(ino)
    return opened.keepCache && !isOurs ? { ...opened, keepCache: false } : opened
  }

  /** What was written before something went wrong counts too. */
  async #written<T>(fh: Fh, work: Promise<T>): Promise<T> {
    try {
      return await work
    } finally {
      const ino = this.#writing.get(fh)
      if (ino !== undefined) this.#others.invalidateInode(ino)
    }
  }

  /** Counted, because the kernel refers to the node from now on. */
  #entry(entry: Entry): Entry {
    this.#lookups.set(entry.ino, (this.#lookups.get(entry.ino) ?? 0) + 1)
    const { entryTtlMs, attrTtlMs } = this.#options
    const attr = this.#owned(entry.attr)
    if (attr === entry.attr && entryTtlMs === entry.entryTtlMs && attrTtlMs === entry.attrTtlMs) return entry
    return { ...entry, attr, entryTtlMs, attrTtlMs }
  }

  #attrReply(reply: AttrReply): AttrReply {
    const { attrTtlMs } = this.#options
    const attr = this.#owned(reply.attr)
    return attr === reply.attr && attrTtlMs === reply.attrTtlMs ? reply : { attr, attrTtlMs }
  }

  #owned(attr: Attr): Attr {
    const { uid, gid } = this.#options
    return attr.uid === uid && attr.gid === gid ? attr : { ...attr, uid, gid }
  }

  /** To give a file to whom it shows as its owner changes nothing, whoever the drive itself says that is. */
  #ownerIn(changes: AttrChanges): AttrChanges {
    const { uid, gid } = this.#options
    return {
      ...changes,
      ...(changes.uid === uid ? { uid: this.#owner.uid } : {}),
      ...(changes.gid === gid ? { gid: this.#owner.gid } : {}),
    }
  }
}

/** O_ACCMODE: what is left is 0 for a handle that only reads. */
const ACCESS_MODE = 3
