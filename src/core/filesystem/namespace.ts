/** Names come and go: mknod, create, mkdir, symlink, unlink, rmdir. */
import { constants } from 'node:fs'
import { Errno } from '../../base/errno.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import { encodeLinkTarget, encodeMode } from '../attributes/index.ts'
import { FsError, toFsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import { checkNewName, toServerName } from '../names/index.ts'
import type { Place } from '../ports.ts'
import { kindOf } from '../tree/index.ts'
import type { Entry, FileKind, Ino, OpContext, Opened } from '../types.ts'
import { assertFolder, assertWritable, pinned, requireChild, type Core } from './core.ts'
import { contentOf, type OwnerParts } from './file-owner.ts'
import type { Files } from './files.ts'
import { defaultMode, entryReply } from './node-view.ts'
import { takeOver } from './take-over.ts'

const typeMask = 0o170000
const regularFile = 0o100000

export class Namespace {
  readonly #core: Core
  readonly #parts: OwnerParts
  readonly #files: Files

  constructor(core: Core, parts: OwnerParts, files: Files) {
    this.#core = core
    this.#parts = parts
    this.#files = files
  }

  async mknod(parent: Ino, name: string, mode: number, { signal }: OpContext): Promise<Entry> {
    if ((mode & typeMask) !== regularFile && (mode & typeMask) !== 0) {
      throw new FsError(
        Errno.EPERM,
        `${name}: the server keeps files and folders only, no devices, pipes or sockets`,
      )
    }
    const node = await this.#newFile({ parent, name }, mode, signal)
    const content = contentOf(node, this.#parts)
    content.retainWriter()
    content.releaseWriter()
    return entryReply(this.#core, node)
  }

  async create(
    at: Place,
    mode: number,
    flags: number,
    { signal }: OpContext,
  ): Promise<{ entry: Entry; opened: Opened }> {
    const folder = this.#folder(at.parent)
    const present = await this.#core.tree.child(folder, toServerName(at.name), signal)
    if (present && !(flags & constants.O_EXCL)) {
      const opened = await pinned(this.#core, [present], () => this.#files.open(present.ino, flags))
      return { entry: entryReply(this.#core, present), opened }
    }
    const node = await this.#newFile(at, mode, signal)
    const opened = this.#files.openNode(node, flags)
    return { entry: entryReply(this.#core, node), opened }
  }

  async mkdir(parent: Ino, name: string, mode: number, { signal }: OpContext): Promise<Entry> {
    return this.#createOnServer({ parent, name }, 'folder', signal, async (path) => {
      const { remote, patience } = this.#core
      const entry = await patience.run(name, () => this.#newFolder(path), signal)
      const bits = mode & 0o7777
      if (bits === this.#core.options.folderMode || mode === 0) return entry
      const patch = encodeMode(bits)
      await patience.run(name, () => remote.patchMetadata([path], [patch]), signal)
      return { ...entry, metadata: { ...entry.metadata, [patch.key]: patch.value! } }
    })
  }

  async symlink(parent: Ino, name: string, target: string, { signal }: OpContext): Promise<Entry> {
    if (Buffer.byteLength(target) > 4095)
      throw new FsError(Errno.ENAMETOOLONG, `${name}: the link's target is too long`)
    const { key, value } = encodeLinkTarget(target)
    return this.#createOnServer({ parent, name }, 'symlink', signal, async (path) => {
      const { remote, patience } = this.#core
      const metadata = { [key]: value! }
      const entry = await patience.run(
        name,
        () => this.#createOrFind(path, () => remote.createFile(path, metadata)),
        signal,
      )
      return { ...entry, metadata }
    })
  }

  async unlink(parent: Ino, name: string, { signal }: OpContext): Promise<void> {
    const folder = this.#folder(parent)
    await this.#core.folderLocks.run(folder, async () => {
      const node = await requireChild(this.#core, folder, toServerName(name), signal)
      assertWritable(this.#core, node)
      if (node.isFolder) throw new FsError(Errno.EISDIR, `${node.label} is a folder`)
      await pinned(this.#core, [node], () => this.removeFile(node, signal))
    })
  }

  async rmdir(parent: Ino, name: string, { signal }: OpContext): Promise<void> {
    const folder = this.#folder(parent)
    await this.#core.folderLocks.run(folder, async () => {
      const node = await requireChild(this.#core, folder, toServerName(name), signal)
      assertWritable(this.#core, node)
      await pinned(this.#core, [node], () => this.removeFolder(node, signal))
    })
  }

  /** @requires lock of the file's folder */
  async removeFile(node: Node, signal?: AbortSignal): Promise<void> {
    const { renames } = this.#parts
    await renames.settleIfSending(node)
    const heir = renames.has(node) ? this.#heirOf(node) : undefined
    if (heir) takeOver(this.#core, this.#parts, heir, node)
    else if (node.handles > 0 && node.remotePlace && !renames.has(node)) this.#removeLater(node)
    else await this.#removeNow(node, signal)
    if (node.isUnlinked && node.handles === 0) await this.#files.discard(node)
    this.#core.tree.table.release(node)
  }

  /** A new file has got its place: where an unlinked one is still known to the server, it becomes its next version. */
  succeed(node: Node): void {
    const former = node.place && this.#parts.renames.removedAt(node.place.parent, node.place.name)
    if (former && node.entry === undefined) takeOver(this.#core, this.#parts, node, former)
  }

  #removeLater(node: Node): void {
    this.#parts.renames.addRemoval(node, () => this.#removeNow(node))
    node.detach()
  }

  async #removeNow(node: Node, signal?: AbortSignal): Promise<void> {
    const { tree } = this.#core
    await this.#files.preserve(node, signal)
    const release = await node.content?.pause()
    try {
      const at = node.remotePlace
      if (at) await this.#removeOnServer(node, node.remotePath, signal)
      if (at) tree.removed(at.parent, at.name)
      this.#parts.renames.drop(node)
      tree.table.unbind(node)
      node.detach()
      node.remotePlace = undefined
    } finally {
      release?.()
    }
  }

  /** Only what was seen to be empty a moment ago is removed. @requires lock of the folder above */
  async removeFolder(node: Node, signal?: AbortSignal): Promise<void> {
    assertFolder(node)
    const { tree } = this.#core
    await this.#parts.renames.settleWithin(node)
    const listing = await tree.refresh(node, signal)
    if (listing.entries.size > 0 || node.children.size > 0) {
      throw new FsError(Errno.ENOTEMPTY, `${node.label} is not empty`)
    }
    const at = node.remotePlace!
    await this.#removeOnServer(node, node.remotePath, signal)
    tree.folders.expire(node.id!)
    tree.table.unbind(node)
    tree.removed(at.parent, at.name)
    node.detach()
    node.remotePlace = undefined
    tree.table.release(node)
  }

  /** The new file that stands where the server still has `node` under its old name. */
  #heirOf(node: Node): Node | undefined {
    const { remotePlace } = node
    const heir = remotePlace?.parent.children.get(remotePlace.name)
    return heir && heir !== node && heir.kind === 'file' && heir.entry === undefined ? heir : undefined
  }

  async #removeOnServer(node: Node, path: RemotePath | undefined, signal?: AbortSignal): Promise<void> {
    if (!path) return
    const { remote, patience } = this.#core
    try {
      await patience.run(node.label, () => remote.remove([path]), signal)
    } catch (error) {
      if (isRemoteError(error, 'not-found')) return
      if (!isRemoteError(error, 'unknown-outcome')) throw toFsError(error, node.label)
      await this.#assertGone(node, path, error)
    }
  }

  async #assertGone(node: Node, path: RemotePath, cause: unknown): Promise<void> {
    const { remote, patience } = this.#core
    try {
      const found = await patience.run(node.label, () => remote.info(path))
      if (found.id === node.id) throw toFsError(cause, node.label)
    } catch (error) {
      if (!isRemoteError(error, 'not-found')) throw error
    }
  }

  #folder(ino: Ino): Node {
    const folder = this.#core.tree.table.get(ino)
    assertFolder(folder)
    return folder
  }

  /** A file that exists only here until its first upload. */
  async #newFile(at: Place, mode: number, signal?: AbortSignal): Promise<Node> {
    const folder = this.#folder(at.parent)
    assertWritable(this.#core, folder)
    const name = this.#checkedName(folder, at.name, 'file')
    return this.#core.folderLocks.run(folder, async () => {
      const { tree } = this.#core
      if (await tree.child(folder, name, signal)) throw new FsError(Errno.EEXIST, `${at.name} exists already`)
      const node = tree.table.addLocal(folder, name)
      node.pins += 1 // until the content holds it
      const bits = mode & 0o7777
      if (bits !== defaultMode(this.#core.options, node) && bits !== 0) {
        const patch = encodeMode(bits)
        node.unsent.patches.set(patch.key, patch)
      }
      try {
        await contentOf(node, this.#parts).createEmpty()
        this.succeed(node)
      } catch (error) {
        node.detach()
        throw toFsError(error, at.name)
      } finally {
        node.pins -= 1
        tree.table.release(node)
      }
      return node
    })
  }

  async #createOnServer(
    at: Place,
    kind: FileKind,
    signal: AbortSignal,
    send: (path: RemotePath) => Promise<RemoteEntry>,
  ): Promise<Entry> {
    const folder = this.#folder(at.parent)
    assertWritable(this.#core, folder)
    const name = this.#checkedName(folder, at.name, kind)
    return this.#core.folderLocks.run(folder, async () => {
      const { tree } = this.#core
      if (await tree.child(folder, name, signal)) throw new FsError(Errno.EEXIST, `${at.name} exists already`)
      const former = this.#parts.renames.formerOf(folder, name)
      if (former) await this.#parts.renames.settle(former)
      const entry = await this.#sent(folder, at.name, () => send([...folder.remotePath!, name]))
      tree.placed(folder, entry)
      const node = folder.children.get(name) ?? tree.table.addRemote(folder, entry, kindOf(entry))
      return entryReply(this.#core, node)
    })
  }

  async #sent<T>(folder: Node, name: string, send: () => Promise<T>): Promise<T> {
    try {
      return await send()
    } catch (error) {
      if (isRemoteError(error, 'exists') && folder.id !== undefined) this.#core.tree.folders.expire(folder.id)
      throw toFsError(error, name)
    }
  }

  async #newFolder(path: RemotePath): Promise<RemoteEntry> {
    const { remote, tree } = this.#core
    return this.#createOrFind(path, async () => {
      const entry = await remote.createFolder(path)
      tree.folders.knowEmpty(entry)
      return entry
    })
  }

  /** A creation whose answer was lost and which is tried again finds its own work: an empty object made just now. */
  async #createOrFind(path: RemotePath, create: () => Promise<RemoteEntry>): Promise<RemoteEntry> {
    try {
      return await create()
    } catch (error) {
      if (!isRemoteError(error, 'unknown-outcome')) throw error
      return this.#core.remote.info(path).catch((cause: unknown) => {
        if (isRemoteError(cause, 'not-found')) return create()
        throw cause
      })
    }
  }

  #checkedName(folder: Node, name: string, kind: FileKind): string {
    const { maxFileNameBytes } = this.#core.remote.facts
    checkNewName(name, kind, { maxFileNameBytes, maxFolderNameBytes: 255 })
    if (folder.isRoot && /^\.Trash(-\d+)?$/.test(name)) {
      throw new FsError(Errno.EACCES, `${name}: deleted files go to the server's own trash`)
    }
    return toServerName(name)
  }
}
