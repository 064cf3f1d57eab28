/** Names come and go: mknod, create, mkdir, symlink, unlink, rmdir. */
import { constants } from 'node:fs'
import { Errno } from '../../base/errno.ts'
import { encodeLinkTarget, encodeMode } from '../attributes/index.ts'
import { FsError, toFsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import { checkNewName, toServerName } from '../names/index.ts'
import type { Place } from '../ports.ts'
import type { Entry, FileKind, Ino, OpContext, Opened } from '../types.ts'
import { assertFolder, assertWritable, pinned, requireChild, assertFree, type Core } from './core.ts'
import { contentOf, type OwnerParts } from './file-owner.ts'
import type { Files } from './files.ts'
import { defaultMode, entryReply } from './node-view.ts'
import { inheritOfDeleted, inheritUnheard, keepingBase, takeOver, versionFor } from './take-over.ts'
import { leaveUnheard, settleSent } from './unheard-uploads.ts'

const typeMask = 0o170000
const regularFile = 0o100000

/** A new name, counted as a look-up of the kernel's. */
export interface Made {
  readonly entry: Entry
  readonly node: Node
}

export class Namespace {
  readonly #core: Core
  readonly #parts: OwnerParts
  readonly #files: Files

  constructor(core: Core, parts: OwnerParts, files: Files) {
    this.#core = core
    this.#parts = parts
    this.#files = files
  }

  async mknod(parent: Ino, name: string, mode: number, context: OpContext): Promise<Made> {
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

  async mkdir(parent: Ino, name: string, mode: number, { signal }: OpContext): Promise<Made> {
    return this.#newName({ parent, name }, 'folder', signal, (node) => {
      const bits = mode & 0o7777
      if (bits === this.#core.options.folderMode) return
      const patch = encodeMode(bits)
      node.unsent.patches.set(patch.key, patch)
    })
  }

  async symlink(parent: Ino, name: string, target: string, { signal }: OpContext): Promise<Made> {
    if (Buffer.byteLength(target) > 4095)
      throw new FsError(Errno.ENAMETOOLONG, `${name}: the link's target is too long`)
    return this.#newName({ parent, name }, 'symlink', signal, (node) => {
      const patch = encodeLinkTarget(target)
      node.unsent.patches.set(patch.key, patch)
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
    if (await this.#removeNew(node)) return
    await keepingBase(node, () =>
      this.#quiet(node, () => {
        const heir = this.#heirOf(node)
        if (heir) takeOver(this.#parts, heir, node, pid)
        else this.#removeLater(node)
      }),
    )
    if (node.isUnlinked && node.handles === 0) await this.#files.discard(node)
    this.#core.tree.table.release(node)
  }

  /** Deletes at the server, in a moment, what an earlier process told programs to be deleted. */
  async removeAgain(node: Node, sent: Node['sentUnheard']): Promise<void> {
    await this.#quiet(node, () => {
      node.sentUnheard = sent
      this.#removeLater(node)
    })
    this.#core.tree.table.release(node)
  }

  /**
   * A new file has got its place: where an unlinked one is still known to the server, it becomes its next version.
   * @requires `inheritOfDeleted`
   */
  succeed(node: Node, pid?: number): void {
    const former = node.place && this.#parts.renames.removedAt(node.place.parent, node.place.name)
    if (former && node.entry === undefined) takeOver(this.#parts, node, former, pid)
  }

  /** While nothing of it is on its way: that would change what its successor replaces, or what is compared before the server deletes it. */
  async #quiet(node: Node, change: () => void): Promise<void> {
    const release = await node.content?.pause()
    try {
      await settleSent(this.#core, node)
      await inheritUnheard(this.#heirOf(node), node)
      await this.#parts.renames.settleIfSending(node)
      change()
    } finally {
      release?.()
    }
  }

  #removeLater(node: Node): void {
    this.#rememberShown(node)
    const { place } = node
    if (node.remotePlace) this.#parts.renames.addRemoval(node)
    else this.#parts.renames.drop(node)
    node.detach()
    if (place) leaveUnheard(this.#parts, node, place)
    this.#core.pending.touch(node)
  }

  /** Who deletes unsent changes, or what somebody may change, has not seen what came from elsewhere since: that is not deleted. */
  #rememberShown(node: Node): void {
    const isUnsent = node.content?.isDirty === true || node.restedOn !== undefined
    if (!node.entry || (!isUnsent && node.writers === 0)) return
    const shown = versionFor(this.#core, node)
    this.#core.tree.table.bind(node, { ...node.entry, entity: shown === 'absent' ? undefined : shown })
  }

  /** Whether it is empty at the server too is looked at before that deletes it. @requires lock of the folder above */
  async removeFolder(node: Node, signal?: AbortSignal): Promise<void> {
    assertFolder(node)
    const { renames } = this.#parts
    if (await this.#removeNew(node)) return
    if (!(await this.#isEmpty(node, signal))) throw new FsError(Errno.ENOTEMPTY, `${node.label} is not empty`)
    if (!node.remotePlace) throw new FsError(Errno.ENOENT, `${node.label} was deleted by somebody else`)
    renames.addRemoval(node)
    node.detach()
    this.#core.tree.table.release(node)
  }

  /** The server hears nothing of what it never had. False: it has it, or it never was new. */
  async #removeNew(node: Node): Promise<boolean> {
    const { creations } = this.#parts
    const { tree, folderMoves, pending } = this.#core
    if (!creations.has(node)) return false
    return folderMoves.run(node, async () => {
      await creations.look(node)
      if (!creations.has(node)) return false
      if (node.isFolder && tree.namesIn(node, tree.trusted(node)!).length > 0)
        throw new FsError(Errno.ENOTEMPTY, `${node.label} is not empty`)
      node.detach()
      pending.touch(node)
      creations.drop(node)
      tree.table.release(node)
      return true
    })
  }

  /** What is not is asked about once more: somebody else may have emptied it. */
  async #isEmpty(folder: Node, signal?: AbortSignal): Promise<boolean> {
    const { tree } = this.#core
    const trusted = tree.trusted(folder)
    if (trusted && tree.namesIn(folder, trusted).length === 0) return true
    return tree.namesIn(folder, await tree.asked(folder, signal)).length === 0
  }

  /** The new file that stands where the server still has `node` under its old name. */
  #heirOf(node: Node): Node | undefined {
    const { remotePlace } = node
    if (!this.#parts.renames.has(node)) return undefined
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
        await inheritOfDeleted(this.#parts, node, { parent: folder, name })
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

  /** A folder or link that exists only here until the server hears of it; `prepare` gives it its attributes. */
  async #newName(
    at: Place,
    kind: 'folder' | 'symlink',
    signal: AbortSignal,
    prepare: (node: Node) => void,
  ): Promise<Made> {
    const folder = this.#folder(at.parent)
    assertWritable(this.#core, folder)
    const name = this.checkedName(folder, at.name, kind)
    return this.#core.folderLocks.run(folder, async () => {
      const { tree, changes } = this.#core
      await assertFree(this.#core, folder, name, signal)
      assertFolder(folder)
      const node = kind === 'folder' ? tree.addFolder(folder, name) : tree.table.addLocal(folder, name, kind)
      prepare(node)
      this.#parts.creations.add(node)
      changes.namesChanged(folder)
      if (node.isFolder) changes.namesChanged(node)
      return { entry: entryReply(this.#core, node), node }
    })
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
