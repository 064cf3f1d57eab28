/** rename(2): what it means for unsent bytes, for the server's objects and for who has the target open. */
import { Errno } from '../../base/errno.ts'
import { timespecToMs } from '../../base/timespec.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { EntityId, RemoteEntry, UploadRequest } from '../../remote/types.ts'
import { encodeMtime, isOwnKey, MTIME_KEY } from '../attributes/index.ts'
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
  requireRecentChild,
  tellKernels,
  type Core,
} from './core.ts'
import { type OwnerParts } from './file-owner.ts'
import type { Files } from './files.ts'
import type { Namespace } from './namespace.ts'
import { mtimeOf } from './node-view.ts'
import { takeOver, versionFor } from './take-over.ts'
import { uploadVersion } from './upload-version.ts'

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

  /** What the new name stands for. Where it is to be replaced by what the server has, both were seen only just now. */
  async #targetOf(source: Node, to: NodePlace, signal: AbortSignal): Promise<Node | undefined> {
    const { tree } = this.#core
    const from = source.place
    let target = await tree.child(to.parent, to.name, { signal })
    if (target && target !== source && source.entry && from) {
      await requireRecentChild(this.#core, from.parent, from.name, signal)
      target = await requireRecentChild(this.#core, to.parent, to.name, signal)
    }
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
    const release = await source.content?.pause()
    const releaseTarget = await target?.content?.pause()
    try {
      for (const node of [source, target]) await node?.content?.settleSent()
      if (source.entry === undefined) await this.#moveUnsent(move)
      else if (target) await this.#moveSent(move, target)
      else await this.#later(move)
      if (source.isLocal) await source.content?.relabel()
    } finally {
      release?.()
      releaseTarget?.()
    }
    return undefined
  }

  /** Programs see it there at once; the server hears of it later. */
  async #later({ source, to }: Move): Promise<void> {
    this.#take(source, to)
    this.#parts.renames.addRename(source)
    this.#notePlace(source, to)
    await Promise.all(dirtyWithin(this.#core, source).map((node) => node.content!.relabel()))
  }

  /** What was read there before is not what is there by others' doing. */
  #notePlace(source: Node, { parent, name }: NodePlace): void {
    const { seen } = this.#core
    const above = parent.remotePath
    if (!above) return
    if (source.isFolder) seen.folderTaken([...above, name])
    else seen.nameTaken([...above, name])
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
        await Promise.all([creations.look(source), target?.content?.settleSent()])
        if (!creations.has(source)) return false
        if (target?.remotePlace && target.place) renames.addRemoval(target)
        target?.detach()
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
    if (target && isReplaceable(target) && source.kind === 'file')
      takeOver(this.#parts, source, target, by.pid)
    else if (target?.remotePlace) renames.addRemoval(target)
    // Nothing is waited for in between: what is on record of the two files is the whole of it, or nothing.
    target?.detach()
    this.#take(source, to)
    this.#namespace.succeed(source, by.pid)
    if (samePlace(source.remotePlace, source.place)) source.remotePlace = source.place
    else if (source.remotePlace) renames.addRename(source)
    if (target && !target.waits) await this.#letGo(target, source)
  }

  async #moveSent(move: Move, target: Node): Promise<void> {
    const { source, by } = move
    if (target.entry === undefined) return this.#overUnsent(move, target)
    for (const node of [source, target]) await this.#settle(node)
    if (isReplaceable(target) && isSmallAndClean(source)) return this.#asVersion(move, target)
    await this.#assertUnchanged(target, by)
    await this.#namespace.removeFile(target, by.pid)
    await this.#parts.renames.removeCompared(target)
    await this.#later(move)
    // At once: while neither has the name at the server, somebody else finds nothing under it.
    return this.#settle(source)
  }

  #settle(node: Node): Promise<void> {
    return this.#core.patience.run(node.label, () => this.#parts.renames.settle(node))
  }

  /** What is only here goes when the server has done it: where that fails, nothing of it is lost. */
  async #overUnsent({ source, to }: Move, target: Node): Promise<void> {
    const from = source.place!
    target.detach()
    this.#take(source, to)
    this.#parts.renames.addRename(source)
    try {
      await this.#settle(source)
    } catch (error) {
      this.#takeBack({ source, from, target, to })
      throw error
    }
    await this.#letGo(target, source)
  }

  #takeBack({ source, from, target, to }: Omit<Move, 'by'> & { from: NodePlace; target: Node }): void {
    const { renames } = this.#parts
    if (samePlace(source.place, to)) {
      this.#take(source, from)
      if (samePlace(source.remotePlace, from)) renames.drop(source)
    }
    if (to.parent.children.has(to.name)) return
    target.moveTo(to.parent, to.name)
    this.#core.pending.touch(target)
    for (const at of [from, to]) tellKernels(this.#core, at)
  }

  /** The source's bytes become the target's next version; then the source goes. */
  async #asVersion({ source, to, by }: Move, target: Node): Promise<void> {
    const { patience, tree, times, seen, folderMoves, attributeCalls } = this.#core
    for (const node of [source, target]) await patience.run(node.label, () => attributeCalls.passed(node))
    const time = mtimeOf(this.#core, source)
    const bytes = await this.#bytesOf(source, by.signal)
    const facts = travellingFacts(source)
    const previous = versionFor(this.#core, target, by.pid)
    const upload = () => {
      const path = target.remotePath
      if (!path) throw new FsError(Errno.ESTALE, `${target.label} was deleted by somebody else just now`)
      return uploadVersion(this.#core, { path, previous, bytes, ...facts })
    }
    const answer = await patience.run(target.label, () => folderMoves.use([target], async () => upload()))
    // A one-request save answers without metadata: what the target had still holds.
    const metadata = facts.metadata ? answer.metadata : { ...target.entry!.metadata, ...answer.metadata }
    const shared = answer.shared || target.entry!.shared
    const entry = { ...answer, metadata, shared }
    times.set(entry, time)
    seen.replaced(entry.id, previous, entry.entity ?? 'absent')
    const former = { at: source.remotePlace, entry: source.entry! }
    const formerKeys = Object.keys(source.entry!.metadata)
    const isTimeOfTarget = !source.unsent.mtime && attributesOf(entry).mtime !== undefined
    await this.#letGo(target, source)
    tree.table.bind(source, entry)
    tree.placed(to.parent, entry)
    this.#take(source, to)
    source.remotePlace = source.place
    this.#becomes(source, entry)
    for (const key of Object.keys(metadata).filter((own) => isOwnKey(own) && !formerKeys.includes(own))) {
      if (key === MTIME_KEY && !isTimeOfTarget) continue
      if (!source.unsent.patches.has(key)) source.unsent.patches.set(key, { key, value: undefined })
    }
    this.#parts.attributes.sendLater(source)
    if (former.at) await this.#removeFormer(former.at, former.entry)
  }

  /** The same bytes under another entity. */
  #becomes(source: Node, entry: RemoteEntry): void {
    const { content } = source
    if (content?.isDirty) content.rebase(entry.entity ?? 'absent')
    else content?.adoptClean(entry)
    this.#files.reopenReaders(source)
  }

  /** The rename is done; what is left of the source at the server goes, at the latest when that can be asked again. */
  async #removeFormer({ parent, name }: NodePlace, entry: RemoteEntry): Promise<void> {
    const { renames } = this.#parts
    const former = this.#core.tree.table.addRemote(parent, { ...entry, name }, kindOf(entry))
    renames.addRemoval(former)
    former.detach()
    try {
      await renames.removeCompared(former)
    } catch (error) {
      const file = former.remotePath?.join('/') ?? name
      this.#core.log.warn('the source of a rename over another file could not be deleted at once', {
        file,
        error: String(error),
      })
    }
  }

  async #bytesOf(node: Node, signal: AbortSignal): Promise<Uint8Array> {
    const { entity, sizeBytes } = node.entry! as RemoteEntry & { entity: EntityId }
    const reader = this.#core.readers.open({ path: () => node.remotePath, entity, sizeBytes })
    try {
      return await reader.read(0, sizeBytes, signal)
    } finally {
      reader.close()
    }
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

  /** Nothing unseen is replaced. @throws {FsError} ESTALE */
  async #assertUnchanged(target: Node, { signal, pid }: OpContext): Promise<void> {
    const { remote, patience } = this.#core
    const path = target.remotePath
    if (!target.entry || !path || !target.remotePlace) return
    const found = await patience.run(target.label, () => remote.info(path), signal)
    const known = versionFor(this.#core, target, pid)
    if (found.id === target.id && (found.entity ?? 'absent') === known) return
    this.#core.tree.placed(target.remotePlace.parent, found)
    throw new FsError(Errno.ESTALE, `${target.label} was changed by somebody else just now`, {
      level: 'warn',
    })
  }
}

/** What a clean file takes along when its bytes become another file's version. */
function travellingFacts({ entry }: Node): Pick<UploadRequest, 'metadata' | 'modifiedAtMs'> {
  const { metadata, sizeBytes } = entry!
  const own = Object.fromEntries(Object.entries(metadata).filter(([key]) => isOwnKey(key)))
  const { mtime } = attributesOf(entry!)
  if (mtime) {
    const { key, value } = encodeMtime(mtime, { sizeBytes })
    own[key] = value!
  }
  if (Object.keys(own).length === 0) return {}
  return { metadata: own, ...(mtime && { modifiedAtMs: timespecToMs(mtime) }) }
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
