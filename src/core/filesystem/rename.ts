/** rename(2): what it means for unsent bytes, for the server's objects and for who has the target open. */
import { Errno } from '../../base/errno.ts'
import { messageOf } from '../../base/error-message.ts'
import { timespecToMs } from '../../base/timespec.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { EntityId, RemoteEntry } from '../../remote/types.ts'
import { FsError, toFsError } from '../errors.ts'
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import { toServerName } from '../names/index.ts'
import type { Place } from '../ports.ts'
import { attributesOf, kindOf } from '../tree/index.ts'
import type { OpContext, RenameFlags } from '../types.ts'
import {
  assertFolder,
  assertWritable,
  dirtyWithin,
  pinned,
  requireChild,
  tellKernels,
  type Core,
} from './core.ts'
import { contentOf, type OwnerParts } from './file-owner.ts'
import type { Files } from './files.ts'
import { freeConflictName } from './free-conflict-name.ts'
import type { Namespace } from './namespace.ts'
import { mtimeOf } from './node-view.ts'
import type { Replaced } from './delayed-rename.ts'
import { keepAttributes } from './replace-attributes.ts'
import { inheritOfDeleted, inheritUnheard, keepingBase, takeOver, versionFor } from './take-over.ts'
import { leaveUnheard, settleSent } from './unheard-uploads.ts'

/** A clean source up to this size replaces a file by becoming its next version: one request, and the target keeps its id. */
const versionLimitBytes = 4 * 1024 * 1024

interface Move {
  readonly source: Node
  readonly target: Node | undefined
  readonly to: NodePlace
  readonly by: OpContext
}

export class Renames {
  readonly #core: Core
  readonly #parts: OwnerParts
  readonly #namespace: Namespace
  readonly #files: Files

  constructor(core: Core, parts: OwnerParts, namespace: Namespace, files: Files) {
    this.#core = core
    this.#parts = parts
    this.#namespace = namespace
    this.#files = files
  }

  /** Answers what has the new name now. */
  async rename(from: Place, to: Place, flags: RenameFlags, by: OpContext): Promise<Node> {
    if (flags.exchange)
      throw new FsError(Errno.EINVAL, `${from.name}: the server cannot exchange two names at once`)
    const { table } = this.#core.tree
    const [fromFolder, toFolder] = [table.get(from.parent), table.get(to.parent)]
    assertFolder(fromFolder)
    assertFolder(toFolder)
    return this.#core.folderLocks.runBoth(fromFolder, toFolder, async () => {
      const source = await requireChild(this.#core, fromFolder, toServerName(from.name), by.signal)
      const place = { parent: toFolder, name: toServerName(to.name) }
      try {
        await pinned(this.#core, [source], async () => {
          assertWritable(this.#core, source)
          this.#namespace.checkedName(toFolder, to.name, source.kind)
          const target = await this.#targetOf(source, place, by.signal)
          if (target === source) return
          await pinned(this.#core, [target], async () => {
            if (target && flags.noReplace) throw new FsError(Errno.EEXIST, `${to.name} exists already`)
            checkKinds(source, target, toFolder)
            await this.#move({ source, target, to: place, by })
            this.#noteTimes(source, fromFolder, toFolder)
          })
        })
      } catch (error) {
        this.#lookAgain(error, fromFolder, toFolder)
        throw toFsError(error, `${from.name} → ${to.name}`)
      }
      return source
    })
  }

  #noteTimes(source: Node, ...folders: Node[]): void {
    const { changes } = this.#core
    changes.changed(source)
    for (const folder of folders) changes.namesChanged(folder)
  }

  async #targetOf(source: Node, to: NodePlace, signal: AbortSignal): Promise<Node | undefined> {
    const from = source.place
    const target = await this.#core.tree.child(to.parent, to.name, { signal })
    assertFolder(to.parent)
    if (from && source.place?.parent === from.parent && source.place.name === from.name) return target
    throw new FsError(Errno.ENOENT, `${source.label} was renamed or deleted by somebody else`)
  }

  /** What the server has is not what was thought: the next use asks it. */
  #lookAgain(error: unknown, ...folders: Node[]): void {
    if (!isRemoteError(error, 'exists', 'not-found', 'stale', 'server', 'unknown-outcome')) return
    for (const { id } of folders) if (id !== undefined) this.#core.tree.folders.expire(id)
  }

  async #move(move: Move): Promise<void> {
    const { source, target, by } = move
    const { creations } = this.#parts
    if (target && !target.isFolder) await this.#keepHere(target)
    if (creations.has(source) && (await this.#moveNew(move))) return undefined
    if (target?.isFolder && target.place) await this.#namespace.removeFolder(target, by.signal)
    if (source.entry && (source.isFolder || !target)) return this.#later(move)
    return keepingBase(target, () => this.#moveQuiet(move))
  }

  /** While nothing of both is on its way. */
  async #moveQuiet(move: Move): Promise<void> {
    const { source, target } = move
    const content = target && source.kind === 'file' ? contentOf(source, this.#parts) : source.content
    const release = await content?.pause()
    const releaseTarget = await target?.content?.pause()
    try {
      for (const node of [source, target]) if (node) await settleSent(this.#core, node)
      if (source.entry === undefined) await this.#moveUnsent(move)
      else if (target) await this.#moveSent(move, target)
      else await this.#later(move)
      if (source.isLocal) await source.content?.relabel()
    } finally {
      release?.()
      releaseTarget?.()
    }
  }

  /** Programs see it there at once; the server hears of it later. */
  async #later({ source, to }: Move, replaced?: Replaced): Promise<void> {
    this.#take(source, to)
    this.#parts.renames.addRename(source, replaced)
    this.#notePlace(source, to)
    await Promise.all(dirtyWithin(this.#core, source).map((node) => node.content!.relabel()))
  }

  /** What was read there before is not what is there by others' doing. */
  #notePlace(source: Node, { parent, name }: NodePlace): void {
    const { seen } = this.#core
    const above = parent.remotePath
    if (!above) return
    if (source.isFolder) seen.folderTaken([...above, name])
    else seen.nameTaken({ remotePath: [...above, name], label: source.label })
  }

  /** A link that the server does not have is not made there any more: something else takes its name. */
  async #keepHere(target: Node): Promise<void> {
    const { creations } = this.#parts
    if (!creations.has(target)) return
    await this.#core.folderMoves.run(target, async () => {
      await creations.look(target)
      creations.drop(target)
    })
  }

  /** A folder or link that the server does not have, nor hears of here. False: it has it by now. */
  async #moveNew({ source, target, to, by }: Move): Promise<boolean> {
    const { creations, renames } = this.#parts
    if (target?.isFolder) await this.#namespace.removeFolder(target, by.signal)
    const below = dirtyWithin(this.#core, source)
    const releases = await Promise.all(below.map((node) => node.content!.pause()))
    if (target?.content) releases.push(await target.content.pause())
    try {
      return await this.#core.folderMoves.run(source, async () => {
        await Promise.all([creations.look(source), target && settleSent(this.#core, target)])
        if (!creations.has(source)) return false
        if (target?.remotePlace && target.place) renames.addRemoval(target)
        target?.detach()
        if (target) leaveUnheard(this.#parts, target, to)
        this.#take(source, to)
        creations.renamed(source)
        if (target && !target.isFolder && !target.waits) await this.#letGo(target, source)
        await Promise.all(below.map((node) => node.content!.relabel()))
        return true
      })
    } finally {
      for (const release of releases) release()
    }
  }

  /** A file that the server never saw: at most its target changes there, and that only by the upload to come. */
  async #moveUnsent({ source, target, to, by }: Move): Promise<void> {
    const { renames } = this.#parts
    if (target) await renames.settleIfSending(target)
    await inheritUnheard(source, target)
    await inheritOfDeleted(this.#parts, source, to)
    if (target && isReplaceable(target) && source.kind === 'file')
      takeOver(this.#parts, source, target, by.pid)
    else if (target?.remotePlace) {
      this.#rememberSeen(target, by.pid)
      renames.addRemoval(target)
    }
    // Nothing is waited for in between: what is on record of the two files is the whole of it, or nothing.
    if (source.place) leaveUnheard(this.#parts, source, source.place)
    target?.detach()
    this.#take(source, to)
    this.#namespace.succeed(source, by.pid)
    if (samePlace(source.remotePlace, source.place)) source.remotePlace = source.place
    else if (source.remotePlace) renames.addRename(source)
    if (target && !target.waits) await this.#letGo(target, source)
  }

  /** What the server has of both is changed later: the target is compared with what was seen here before anything of it goes. */
  async #moveSent(move: Move, target: Node): Promise<void> {
    const { source, by } = move
    if (target.entry === undefined) return this.#overUnsent(move, target)
    const { renames } = this.#parts
    const entry = isReplaceable(target) && isSmallAndClean(source) ? await this.#taken(source) : undefined
    if (entry) await inheritUnheard(source, target)
    for (const node of [source, target]) await renames.settleIfSending(node)
    const at = source.remotePlace
    const isStill = target.entry !== undefined && target.remotePlace !== undefined
    // Attributes may have arrived meanwhile.
    const now = { ...source.entry!, entity: entry?.entity }
    if (entry && at && isStill && source.id === entry.id)
      return this.#asVersion(move, target, { at, entry: now })
    if (entry) await source.content?.discard()
    this.#rememberSeen(target, by.pid)
    await this.#namespace.removeFile(target, by.pid)
    return this.#later(move)
  }

  /** What is only here goes when the server has done it: where that refuses, nothing of it is lost. */
  async #overUnsent(move: Move, target: Node): Promise<void> {
    const { source, to } = move
    target.detach()
    leaveUnheard(this.#parts, target, to)
    this.#core.pending.touch(target)
    await this.#later(move, {
      letGo: () => {
        this.#letGo(target, source).catch((error: unknown) => {
          this.#core.log.error('a file that was renamed over could not be dropped', { error })
        })
      },
      showAgain: () => this.#showAgain(target, to),
    })
  }

  #showAgain(target: Node, { parent, name }: NodePlace): void {
    target.moveTo(parent, parent.children.has(name) ? freeConflictName(this.#core, { parent, name }) : name)
    this.#core.pending.touch(target)
    tellKernels(this.#core, target.place!)
    target.content?.relabel().catch((error: unknown) => {
      this.#core.log.error('a file that is shown again could not be labelled', { error })
    })
  }

  /** Who replaces it has not seen what others have put there since: that is not deleted. */
  #rememberSeen(target: Node, pid: number | undefined): void {
    const known = versionFor(this.#core, target, pid)
    const entity = known === 'absent' ? undefined : known
    if (target.entry && target.entry.entity !== entity)
      this.#core.tree.table.bind(target, { ...target.entry, entity })
  }

  /**
   * The content of a clean file is kept here, or by its file at the server, to become another file's: what that file is as yet.
   * Undefined where that cannot be.
   */
  async #taken(source: Node): Promise<RemoteEntry | undefined> {
    const { readers, log } = this.#core
    const entry = source.entry as RemoteEntry & { entity: EntityId }
    const path = source.remotePath
    if (!path) return undefined
    const content = contentOf(source, this.#parts)
    const modifiedAtMs = Math.floor(timespecToMs(mtimeOf(this.#core, source)))
    try {
      const bytes = await readers.cached({ entity: entry.entity, sizeBytes: entry.sizeBytes })
      if (source.entry?.entity !== entry.entity || content.isDirty) return undefined
      // Should the process end before the rest is on record, the next one finds bytes that were written just now.
      source.unsent.mtime ??= attributesOf(source.entry).mtime
      await content.detach({ of: entry.entity, lender: { id: entry.id, path }, bytes, modifiedAtMs })
      await content.fsync()
    } catch (error) {
      // The drive or the disk is full, say: that must not keep anybody from renaming.
      log.info('a file is renamed over another as it is', { file: source.label, reason: messageOf(error) })
      if (content.isDirty) await content.discard()
      return undefined
    }
    return entry
  }

  /** The source's bytes become the target's next version; then the source goes. In one step: all of it is on record, or nothing. */
  async #asVersion({ source, to, by }: Move, target: Node, { at, entry }: Taken): Promise<void> {
    const { tree } = this.#core
    const { renames } = this.#parts
    const own = { ...target.entry! }
    keepAttributes(source.entry!, source.unsent)
    source.unsent.mtime ??= attributesOf(source.entry!).mtime
    renames.drop(source)
    takeOver(this.#parts, source, target, by.pid)
    source.content!.belongTo(own)
    this.#take(source, to)
    if (samePlace(source.remotePlace, source.place)) source.remotePlace = source.place
    else renames.addRename(source)
    const former = tree.table.addUnlinked(at, entry, kindOf(entry))
    renames.addRemoval(former, { heir: source })
    await this.#letGo(target, source)
  }

  /** Shows the node under its new name, whatever a listing has put there meanwhile. */
  #take(node: Node, { parent, name }: NodePlace): void {
    this.#core.tree.makeRoom(parent, name, node)
    node.moveTo(parent, name)
    this.#core.pending.touch(node)
  }

  /** The target's name is taken by another node; who has it open keeps it. */
  async #letGo(target: Node, successor: Node): Promise<void> {
    target.successor = successor
    this.#core.pending.touch(target)
    this.#core.tree.table.unbind(target)
    target.detach()
    target.remotePlace = undefined
    if (target.handles === 0) await this.#files.discard(target)
    this.#core.tree.table.release(target)
  }
}

/** What the server has of a file whose content becomes another's. */
interface Taken {
  readonly at: NodePlace
  readonly entry: RemoteEntry
}

function isReplaceable(target: Node): boolean {
  return target.kind === 'file' && target.entry !== undefined
}

function isSmallAndClean(source: Node): boolean {
  const { entry } = source
  return (
    source.kind === 'file' &&
    !source.isLocal &&
    source.writers === 0 &&
    entry?.entity !== undefined &&
    entry.sizeBytes <= versionLimitBytes
  )
}

/** As rename(2) says. */
function checkKinds(source: Node, target: Node | undefined, toFolder: Node): void {
  if (source.isFolder && toFolder.isWithin(source)) {
    throw new FsError(Errno.EINVAL, `${source.label} cannot be moved into itself`)
  }
  if (!target) return
  if (target.isFolder && !source.isFolder) throw new FsError(Errno.EISDIR, `${target.label} is a folder`)
  if (!target.isFolder && source.isFolder) throw new FsError(Errno.ENOTDIR, `${target.label} is not a folder`)
}
