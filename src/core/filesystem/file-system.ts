/** The filesystem: one short method an operation. What each means lives in the files beside. */
import { Errno } from '../../base/errno.ts'
import { andThen, orElse, type MaybePromise } from '../../base/maybe-promise.ts'
import { isRemoteError } from '../../remote/errors.ts'
import { FsError, NoSuchNameError, saidOfFolder, toFsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import { toServerName } from '../names/index.ts'
import type { FileSystem, Place } from '../ports.ts'
import { lookUp } from '../tree/index.ts'
import type {
  Allocation,
  AttrChanges,
  Entry,
  Fh,
  FilePosition,
  Ino,
  OpContext,
  RenameFlags,
  SeekTarget,
} from '../types.ts'
import type { Facts } from '../xattr/index.ts'
import { Arrival } from './arrival.ts'
import { AttributeOps } from './attribute-ops.ts'
import { AttributeSender } from './attribute-sender.ts'
import { assertFolder, type Core } from './core.ts'
import { Creations } from './creations.ts'
import type { OwnerParts } from './file-owner.ts'
import { FolderChecks } from './folder-checks.ts'
import { FileRanges } from './file-ranges.ts'
import { Files } from './files.ts'
import { FilesAhead } from './files-ahead.ts'
import { Folders } from './folders.ts'
import { HandleNumbers } from './handle-numbers.ts'
import { KeptBackups } from './kept-backups.ts'
import { NameDecisions } from './name-decisions.ts'
import { Namespace } from './namespace.ts'
import { entryReply } from './node-view.ts'
import { PendingNames } from './pending-names.ts'
import type { PendingRecord } from './pending-states.ts'
import { OpenContents } from './open-contents.ts'
import { Removals } from './removals.ts'
import { RenameDelay, type RenameParts } from './rename-delay.ts'
import { Renames } from './rename.ts'
import { Restore } from './restore.ts'
import { StatFsReader } from './stat-fs.ts'
import { Strays } from './strays.ts'
import { XattrOps } from './xattr-ops.ts'

export class CloudreveFileSystem implements FileSystem {
  /** Names that the server has not heard of. */
  readonly names: PendingNames
  readonly decisions: NameDecisions
  readonly #core: Core
  readonly #files: Files
  readonly #ranges: FileRanges
  readonly #folders: Folders
  readonly #namespace: Namespace
  readonly #renames: Renames
  readonly #attributeOps: AttributeOps
  readonly #xattrs: XattrOps
  readonly #statFs: StatFsReader
  readonly #delay: RenameDelay
  readonly #backups: KeptBackups
  readonly #sender: AttributeSender
  readonly #creations: Creations
  readonly #folderChecks: FolderChecks
  readonly #arrival: Arrival
  readonly #owners: OwnerParts

  constructor(core: Core, facts: Facts) {
    const numbers = new HandleNumbers()
    const attributes = new AttributeSender(core)
    const removals = new Removals({
      core,
      preserve: (node) => openContents.beforeDeleting(node),
      discard: (node) => files.discard(node),
      bringOut: (folders) => renames.bringOut(folders),
      isAwaited: (node) => renames.isAwaited(node),
      onShownAgain: (node) => attributes.sendLater(node),
    })
    const makeFolder = (folder: Node) => creations.settle(folder)
    const follow = (node: Node) => strays.followRenamed(node)
    const backups = new KeptBackups(core, () => parts)
    const keepId: RenameParts['keepId'] = (node, delayed) => backups.keepId(node, delayed)
    const renames: RenameDelay = new RenameDelay({ core, removals, makeFolder, follow, keepId })
    const strays: Strays = new Strays(core, renames)
    const folderChecks = new FolderChecks(core, renames, strays)
    const creations: Creations = new Creations({ core, renames, attributes, folderChecks })
    const arrival = new Arrival(core, { renames, removals, attributes, creations })
    // Inside a share what is fetched counts as a download, and there may be only so many of them.
    const ahead = core.remote.facts.countsReads ? undefined : new FilesAhead(core)
    const files = new Files(core, { numbers, arrival, owners: () => parts, ahead })
    const openContents = new OpenContents(core, (isMeant) => files.openContents(isMeant))
    const onConfirmed = (node: Node) => files.reopenReaders(node)
    const parts: OwnerParts = {
      core,
      renames,
      removals,
      attributes,
      creations,
      strays,
      folderChecks,
      onConfirmed,
      openContents,
    }
    core.tree.isArriving = (node, at) => renames.isArriving(node, at)
    core.tree.onceStill = (folder) => core.folderMoves.still(folder)
    this.#core = core
    this.#owners = parts
    this.#delay = renames
    this.#backups = backups
    this.#sender = attributes
    this.#creations = creations
    this.#folderChecks = folderChecks
    this.#files = files
    this.#ranges = new FileRanges(files)
    this.#folders = new Folders(core, numbers)
    this.#namespace = new Namespace(core, parts, files)
    this.#renames = new Renames(core, parts, this.#namespace, files)
    this.names = new PendingNames(parts)
    this.decisions = new NameDecisions({ ...parts, namespace: this.#namespace, renaming: this.#renames })
    this.#arrival = arrival
    this.#attributeOps = new AttributeOps(core, files, { attributes, arrival })
    this.#xattrs = new XattrOps(core, facts, { attributes, renames, arrival })
    this.#statFs = new StatFsReader({ ...core, quota: core.writeBack.quota })
  }

  lookup(parent: Ino, name: string, context: OpContext): MaybePromise<Entry> {
    const { tree } = this.#core
    const folder = tree.table.get(parent)
    assertFolder(folder)
    if (Buffer.byteLength(name) > 255)
      throw new FsError(Errno.ENAMETOOLONG, `${name}: a name has at most 255 bytes`)
    const found = orElse(
      () =>
        andThen(lookUp(tree, folder, toServerName(name), context), (child) =>
          child ? entryReply(this.#core, child) : undefined,
        ),
      (error) => {
        throw toFsError(error, folder.label)
      },
    )
    return andThen(found, (entry) => {
      if (entry) return entry
      throw new NoSuchNameError(`${folder.label}: no such name: ${name}`, tree.absent(folder, name))
    })
  }

  forget(ino: Ino, count: number): void {
    this.#core.tree.table.forget(ino, count)
  }

  getattr(ino: Ino, _fh: Fh | undefined, context: OpContext) {
    return orElse(
      () => this.#attributeOps.getattr(ino, context),
      (error) => {
        throw toFsError(error, `node ${ino}`)
      },
    )
  }

  setattr(ino: Ino, changes: AttrChanges, fh: Fh | undefined, context: OpContext) {
    return this.#said(`node ${ino}`, () => this.#attributeOps.setattr(ino, changes, fh, context))
  }

  readlink(ino: Ino) {
    return this.#attributeOps.readlink(ino)
  }

  mknod(parent: Ino, name: string, mode: number, context: OpContext) {
    return this.#made(name, () => this.#namespace.mknod(parent, name, mode, context), context)
  }

  mkdir(parent: Ino, name: string, mode: number, context: OpContext) {
    return this.#made(name, () => this.#namespace.mkdir(parent, name, mode, context), context)
  }

  symlink(parent: Ino, name: string, target: string, context: OpContext) {
    return this.#made(name, () => this.#namespace.symlink(parent, name, target, context), context)
  }

  async link(_ino: Ino, _newParent: Ino, newName: string): Promise<Entry> {
    throw new FsError(Errno.EPERM, `${newName}: the server has no hard links`)
  }

  unlink(parent: Ino, name: string, context: OpContext) {
    return this.#said(name, async () => {
      const node = await this.#namespace.unlink(parent, name, context)
      await this.#arrival.afterChange(node, context.signal)
    })
  }

  rmdir(parent: Ino, name: string, context: OpContext) {
    return this.#said(name, async () => {
      const node = await this.#namespace.rmdir(parent, name, context)
      await this.#arrival.afterChange(node, context.signal)
    })
  }

  rename(from: Place, to: Place, flags: RenameFlags, context: OpContext) {
    return this.#said(from.name, async () => {
      const node = await this.#renames.rename(from, to, flags, context)
      await this.#arrival.afterChange(node, context.signal)
    })
  }

  create(at: Place, mode: number, flags: number, context: OpContext) {
    return this.#said(at.name, () => this.#namespace.create(at, mode, flags, context))
  }

  open(ino: Ino, flags: number, { pid }: OpContext) {
    return orElse(
      () => this.#files.open(ino, flags, pid),
      (error) => {
        throw toFsError(error, `node ${ino}`)
      },
    )
  }

  read(fh: Fh, offset: number, length: number, context: OpContext) {
    return this.#files.read(fh, offset, length, context)
  }

  write(fh: Fh, offset: number, data: Uint8Array, context: OpContext) {
    return this.#files.write(fh, offset, data, context)
  }

  spanOf(fh: Fh, offset: number, length: number) {
    return this.#files.spanOf(fh, offset, length)
  }

  viewOf(fh: Fh, offset: number, length: number) {
    return this.#files.viewOf(fh, offset, length)
  }

  copyRange(from: FilePosition, to: FilePosition, length: number, context: OpContext) {
    return this.#ranges.copy(from, to, length, context)
  }

  seek(fh: Fh, offset: number, target: SeekTarget) {
    return this.#ranges.seek(fh, offset, target)
  }

  allocate(fh: Fh, allocation: Allocation, context: OpContext) {
    return this.#ranges.allocate(fh, allocation, context)
  }

  flush(fh: Fh, context: OpContext) {
    return this.#files.flush(fh, context)
  }

  fsync(fh: Fh, _dataOnly: boolean, context: OpContext) {
    return this.#files.fsync(fh, context)
  }

  release(fh: Fh) {
    return this.#files.release(fh)
  }

  opendir(ino: Ino) {
    return this.#folders.opendir(ino)
  }

  readdir(fh: Fh, cookie: number, context: OpContext, maxEntries?: number) {
    return orElse(() => this.#folders.readdir(fh, cookie, context, maxEntries), saidOfFolder)
  }

  readdirPlus(fh: Fh, cookie: number, context: OpContext, maxEntries?: number) {
    return orElse(() => this.#folders.readdirPlus(fh, cookie, context, maxEntries), saidOfFolder)
  }

  releasedir(fh: Fh) {
    return this.#folders.releasedir(fh)
  }

  fsyncdir(fh: Fh, { signal }: OpContext): Promise<void> {
    return this.#said('folder', async () => {
      await this.#core.pending.synced()
      if (this.#core.options.sync !== 'journal')
        await this.#arrival.ofNamesIn(this.#folders.opened(fh), signal)
    })
  }

  statfs({ signal }: OpContext) {
    return this.#statFs.read(signal)
  }

  getxattr(ino: Ino, name: string, context: OpContext) {
    return this.#xattrs.get(ino, name, context)
  }

  setxattr(...[ino, name, value, mode, context]: Parameters<FileSystem['setxattr']>) {
    return this.#said(name, () => this.#xattrs.set(ino, name, { value, mode }, context))
  }

  listxattr(ino: Ino, context: OpContext) {
    return this.#xattrs.list(ino, context)
  }

  removexattr(ino: Ino, name: string, context: OpContext) {
    return this.#said(name, () => this.#xattrs.remove(ino, name, context))
  }

  /** What goes on with what an earlier process has left on record. */
  restoring(records: ReadonlyMap<string, PendingRecord>): Restore {
    const namespace = this.#namespace
    return new Restore({ core: this.#core, owners: this.#owners, records, namespace })
  }

  /** New folders and links, renames and deletions that the server has not heard of. */
  get unsentNames(): number {
    return this.#delay.count + this.#creations.count + this.#folderChecks.count
  }

  /** Attributes that wait to be sent, by the file or folder that they are of. */
  get attributes(): AttributeSender {
    return this.#sender
  }

  /**
   * Sends every name and attribute that waits, but for folders that an upload is about to make: part of a clean unmount. Names that
   * cannot be sent while patience lasts go on waiting (`names`).
   */
  async settle(onProgress: () => void = () => undefined): Promise<void> {
    const { root } = this.#core.tree.table
    const patiently = async (subject: string, work: () => Promise<void>) => {
      try {
        await this.#patiently(subject, work, onProgress)
      } catch (error) {
        // The rest of the work must not wait for it.
        this.#core.log.warn('a new name or a deletion could not be sent', { error: String(error) })
      }
    }
    await patiently('new folders', () => this.#creations.settleWithin(root, { mayWait: true }))
    await patiently('folders', () => this.#folderChecks.settleAll())
    await patiently('renames and deletions', () => this.#delay.settleWithin(root, { withContents: true }))
    await this.#sender.drain(onProgress)
  }

  /**
   * Sends what waits of the name and attributes of `node`, and of the names of everything in it.
   * @throws {FsError} when the server refuses a name: then it is taken back
   */
  settleNames(node: Node): Promise<void> {
    return this.#said(node.label, async () => {
      await this.#creations.settle(node)
      await this.#delay.settle(node)
      if (node.isFolder) {
        await this.#creations.settleWithin(node)
        await this.#delay.settleWithin(node)
      }
      await this.#sender.settleIfPossible(node)
    })
  }

  /** Nothing is sent from now on that still waits. */
  close(): void {
    this.#creations.close()
    this.#folderChecks.close()
    this.#backups.close()
    this.#delay.close()
    this.#sender.close()
  }

  /** Waits for a server that is away. `onFailure`: it is tried again, or given up. */
  #patiently(subject: string, work: () => Promise<void>, onFailure: () => void): Promise<void> {
    const unwrapped = () =>
      work().catch((error: unknown) => {
        onFailure()
        throw error instanceof FsError && isRemoteError(error.cause) ? error.cause : error
      })
    return this.#core.patience.run(subject, unwrapped)
  }

  #made(
    name: string,
    make: () => Promise<{ entry: Entry; node: Node }>,
    { signal }: OpContext,
  ): Promise<Entry> {
    return this.#said(name, async () => {
      const { entry, node } = await make()
      await this.#arrival.afterChange(node, signal)
      return entry
    })
  }

  /** What `work` promises is on record before its program hears of it. */
  async #said<T>(subject: string, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      await this.#core.pending.written()
      return result
    } catch (error) {
      throw toFsError(error, subject)
    }
  }
}
