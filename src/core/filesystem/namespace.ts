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
import { assertFolder, assertWritable, change, pinned, requireChild, assertFree, type Core } from './core.ts'
import { createOrFind } from './create-or-find.ts'
import { contentOf, type OwnerParts } from './file-owner.ts'
import type { Files } from './files.ts'
import { defaultMode, entryReply } from './node-view.ts'
import { takeOver, versionFor } from './take-over.ts'

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

  async mknod(
    parent: Ino,
    name: string,
    mode: number,
    context: OpContext,
  ): Promise<{ entry: Entry; node: Node }> {
    if ((mode & typeMask) !== regularFile && (mode & typeMask) !== 0) {
      throw new FsError(
        Errno.EPERM,
        `${name}: the server keeps files and folders only, no devices, pipes or sockets`,
      )
    }
    return this.#newFile({ parent, name }, mode, context, (node) => {
      const content = contentOf(node, this.#parts)
      content.retainWriter()
      content.releaseWriter()
      return { entry: entryReply(this.#core, node), node }
    })
  }

  async create(
    at: Place,
    mode: number,
    flags: number,
    context: OpContext,
  ): Promise<{ entry: Entry; opened: Opened }> {
    const { signal, pid } = context
    const folder = this.#folder(at.parent)
    const present = await this.#core.tree.child(folder, toServerName(at.name), { signal })
    if (present && !(flags & constants.O_EXCL)) {
      const opened = await pinned(this.#core, [present], () => this.#files.open(present.ino, flags, pid))
      return { entry: entryReply(this.#core, present), opened }
    }
    return this.#newFile(at, mode, context, (node) => {
      const opened = this.#files.openNode(node, flags, true)
      return { entry: entryReply(this.#core, node), opened }
    })
  }

  async mkdir(parent: Ino, name: string, mode: number, { signal }: OpContext): Promise<Entry> {
    return this.#createOnServer({ parent, name }, 'folder', signal, async (path, changing) => {
      const { remote, patience } = this.#core
      const entry = await patience.run(
        name,
        changing(
          createOrFind(
            () => remote.info(path),
            () => this.#newFolder(path),
            ({ kind }) => kind === 'folder',
          ),
        ),
        signal,
      )
      const bits = mode & 0o7777
      if (bits === this.#core.options.folderMode) return entry
      const patch = encodeMode(bits)
      await patience.run(
        name,
        changing(() => remote.patchMetadata([path], [patch])),
        signal,
      )
      return { ...entry, metadata: { ...entry.metadata, [patch.key]: patch.value! } }
    })
  }

  async symlink(parent: Ino, name: string, target: string, { signal }: OpContext): Promise<Entry> {
    if (Buffer.byteLength(target) > 4095)
      throw new FsError(Errno.ENAMETOOLONG, `${name}: the link's target is too long`)
    const { key, value } = encodeLinkTarget(target)
    return this.#createOnServer({ parent, name }, 'symlink', signal, async (path, changing) => {
      const { remote, patience } = this.#core
      const metadata = { [key]: value! }
      const entry = await patience.run(
        name,
        changing(
          createOrFind(
            () => remote.info(path),
            () => remote.createFile(path, metadata),
            (found) => found.kind === 'file' && !found.entity && found.metadata[key] === value,
          ),
        ),
        signal,
      )
      return { ...entry, metadata }
    })
  }

  /** Answers what was deleted. */
  async unlink(parent: Ino, name: string, { signal, pid }: OpContext): Promise<Node> {
    const folder = this.#folder(parent)
    return this.#core.folderLocks.run(folder, async () => {
      const node = await requireChild(this.#core, folder, toServerName(name), signal)
      await pinned(this.#core, [node], async () => {
        assertWritable(this.#core, node)
        if (node.isFolder) throw new FsError(Errno.EISDIR, `${node.label} is a folder`)
        await this.removeFile(node, pid)
        this.#core.changes.changed(node)
        this.#core.changes.namesChanged(folder)
      })
      return node
    })
  }

  /** Answers what was deleted. */
  async rmdir(parent: Ino, name: string, context: OpContext): Promise<Node> {
    const { signal } = context
    const folder = this.#folder(parent)
    const found = await requireChild(this.#core, folder, toServerName(name), signal)
    const isDone = await pinned(this.#core, [found], () =>
      // Its own lock too: nothing may be made in it between the last look and its end.
      this.#core.folderLocks.runBoth(folder, found, async () => {
        assertWritable(this.#core, found)
        if ((await requireChild(this.#core, folder, toServerName(name), signal)) !== found) return false
        await this.removeFolder(found, signal)
        this.#core.changes.namesChanged(folder)
        return true
      }),
    )
    return isDone ? found : this.rmdir(parent, name, context)
  }

  /** Not to be seen from now on; the server hears of it in a moment. @requires lock of the file's folder */
  async removeFile(node: Node, pid?: number): Promise<void> {
    const { renames } = this.#parts
    await renames.settleIfSending(node)
    const heir = renames.has(node) ? this.#heirOf(node) : undefined
    if (heir) takeOver(this.#parts, heir, node, pid)
    else await this.#removeLater(node)
    if (node.isUnlinked && node.handles === 0) await this.#files.discard(node)
    this.#core.tree.table.release(node)
  }

  /** Deletes at the server, in a moment, what an earlier process told programs to be deleted. */
  async removeAgain(node: Node): Promise<void> {
    await this.#removeLater(node)
    this.#core.tree.table.release(node)
  }

  /** A new file has got its place: where an unlinked one is still known to the server, it becomes its next version. */
  succeed(node: Node, pid?: number): void {
    const former = node.place && this.#parts.renames.removedAt(node.place.parent, node.place.name)
    if (former && node.entry === undefined) takeOver(this.#parts, node, former, pid)
  }

  async #removeLater(node: Node): Promise<void> {
    // An upload on its way would change what is compared before the server deletes it.
    const release = await node.content?.pause()
    this.#rememberShown(node)
    this.#parts.renames.drop(node)
    if (node.remotePlace) this.#parts.renames.addRemoval(node)
    node.detach()
    this.#core.pending.touch(node)
    release?.()
  }

  /** Who deletes unsent changes has not seen what somebody else has put under them: that is not deleted. */
  #rememberShown(node: Node): void {
    if (!node.entry || !node.content?.isDirty) return
    const shown = versionFor(this.#core, node)
    this.#core.tree.table.bind(node, { ...node.entry, entity: shown === 'absent' ? undefined : shown })
  }

  /** Whether it is empty at the server too is looked at before that deletes it. @requires lock of the folder above */
  async removeFolder(node: Node, signal?: AbortSignal): Promise<void> {
    assertFolder(node)
    const { renames } = this.#parts
    await renames.settleRenamesWithin(node)
    if (!(await this.#isEmpty(node, signal))) throw new FsError(Errno.ENOTEMPTY, `${node.label} is not empty`)
    if (!node.remotePlace) throw new FsError(Errno.ENOENT, `${node.label} was deleted by somebody else`)
    renames.addRemoval(node)
    node.detach()
    this.#core.tree.table.release(node)
  }

  /** What is not is asked about once more: somebody else may have emptied it. */
  async #isEmpty(folder: Node, signal?: AbortSignal): Promise<boolean> {
    const { tree } = this.#core
    const trusted = tree.trusted(folder)
    if (trusted && tree.namesIn(folder, trusted).length === 0) return true
    return tree.namesIn(folder, await tree.refresh(folder, signal)).length === 0
  }

  /** The new file that stands where the server still has `node` under its old name. */
  #heirOf(node: Node): Node | undefined {
    const { remotePlace } = node
    const heir = remotePlace?.parent.children.get(remotePlace.name)
    return heir && heir !== node && heir.kind === 'file' && heir.entry === undefined ? heir : undefined
  }

  #folder(ino: Ino): Node {
    const folder = this.#core.tree.table.get(ino)
    assertFolder(folder)
    return folder
  }

  /** A file that exists only here until its first upload; `use` refers to it before anybody else can take it away. */
  async #newFile<T>(at: Place, mode: number, context: OpContext, use: (node: Node) => T): Promise<T> {
    const { signal, pid } = context
    const folder = this.#folder(at.parent)
    assertWritable(this.#core, folder)
    const name = this.checkedName(folder, at.name, 'file')
    return this.#core.folderLocks.run(folder, async () => {
      const { tree } = this.#core
      await assertFree(this.#core, folder, name, signal)
      assertFolder(folder)
      const node = tree.table.addLocal(folder, name)
      node.pins += 1 // until the content holds it
      const bits = mode & 0o7777
      if (bits !== defaultMode(this.#core.options, node)) {
        const patch = encodeMode(bits)
        node.unsent.patches.set(patch.key, patch)
      }
      try {
        await contentOf(node, this.#parts).createEmpty()
        this.succeed(node, pid)
        this.#core.changes.namesChanged(folder)
        return use(node)
      } catch (error) {
        node.detach()
        throw toFsError(error, at.name)
      } finally {
        node.pins -= 1
        tree.table.release(node)
      }
    })
  }

  async #createOnServer(
    at: Place,
    kind: FileKind,
    signal: AbortSignal,
    send: (
      path: RemotePath,
      changing: <T>(call: () => Promise<T>) => () => Promise<T>,
    ) => Promise<RemoteEntry>,
  ): Promise<Entry> {
    const folder = this.#folder(at.parent)
    assertWritable(this.#core, folder)
    const name = this.checkedName(folder, at.name, kind)
    return this.#core.folderLocks.run(folder, async () => {
      const { tree } = this.#core
      await assertFree(this.#core, folder, name, signal)
      const former = this.#parts.renames.formerOf(folder, name)
      if (former) await this.#parts.renames.settle(former)
      await this.#core.folderMoves.passed(folder)
      assertFolder(folder)
      const entry = await this.#sent(folder, at.name, () =>
        send([...folder.remotePath!, name], (call) => change(this.#core, folder, signal, call)),
      )
      tree.placed(folder, entry)
      tree.madeAgain(folder)
      this.#core.changes.namesChanged(folder)
      const node = folder.children.get(name) ?? tree.table.addRemote(folder, entry, kindOf(entry))
      return entryReply(this.#core, node)
    })
  }

  async #sent<T>(folder: Node, name: string, send: () => Promise<T>): Promise<T> {
    try {
      return await send()
    } catch (error) {
      if (isRemoteError(error) && folder.id !== undefined) this.#core.tree.folders.expire(folder.id)
      throw toFsError(error, name)
    }
  }

  async #newFolder(path: RemotePath): Promise<RemoteEntry> {
    const { remote, tree } = this.#core
    const entry = await remote.createFolder(path)
    tree.folders.knowEmpty(entry)
    return entry
  }

  /** The name that the server is to have. @throws {FsError} of one that cannot be */
  checkedName(folder: Node, name: string, kind: FileKind): string {
    const { maxFileNameBytes } = this.#core.remote.facts
    checkNewName(name, kind, { maxFileNameBytes, maxFolderNameBytes: 255 })
    if (folder.isRoot && /^\.Trash(-\d+)?$/.test(name)) {
      throw new FsError(Errno.EACCES, `${name}: deleted files go to the server's own trash`)
    }
    return toServerName(name)
  }
}
