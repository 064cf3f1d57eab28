/**
 * Editors save by renaming the original away, writing a new file in its place and removing the original (vim, Office). Sent
 * one by one, the file would lose its id, history and shares. So the rename of a clean file waits a moment:
 *
 *   renamed ──(a new file takes the old name, the original is unlinked)──▶ the new file becomes the next version of the original
 *      └────(time passes, or anything needs the names at the server)─────▶ sent
 *
 * What was deleted waits too (`Removals`): most often its successor takes the name at once (libfuse 2 turns a rename over an open
 * file into an unlink before it).
 *
 * Nothing is lost when the process dies in between: the server still has the file under its old name.
 */
import { isRemoteError } from '../../remote/errors.ts'
import { FsError } from '../errors.ts'
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import { toPosixName } from '../names/index.ts'
import { pinned, type Core } from './core.ts'
import { freeConflictName } from './free-conflict-name.ts'
import type { Removals } from './removals.ts'
import { renameOnServer } from './server-rename.ts'

/** Before what could not be sent is sent again, ms. */
const retryMs = 10_000

interface Delayed {
  readonly cancelTimer: () => void
  readonly send: () => Promise<void>
  /** Where the server has it: nothing else may hold that folder. */
  readonly folder: Node | undefined
  sending: Promise<void> | undefined
}

export class RenameDelay {
  readonly #core: Core
  readonly #delayed = new Map<Node, Delayed>()
  readonly #removals: Removals
  #isClosed = false

  constructor(core: Core, removals: Removals) {
    this.#core = core
    this.#removals = removals
  }

  get count(): number {
    return this.#delayed.size + this.#removals.count
  }

  has(node: Node): boolean {
    return this.#delayed.has(node) || this.#removals.has(node)
  }

  /** What the server still has under `name` of `folder`, although it was renamed or deleted here. */
  formerOf(folder: Node, name: string): Node | undefined {
    for (const node of this.#delayed.keys()) {
      if (node.remotePlace?.parent === folder && node.remotePlace.name === name) return node
    }
    return this.#removals.at(folder, name)
  }

  /** The file that was deleted here and that the server still has under `name` of `folder`. */
  removedAt(folder: Node, name: string): Node | undefined {
    const former = this.#removals.at(folder, name)
    return former?.kind === 'file' && !this.#removals.isSending(former) ? former : undefined
  }

  /** `node` has its new place already; the server hears of it later. */
  addRename(node: Node): void {
    this.#add(node, () => this.#sendRename(node))
  }

  /** `node` has no place any more; the server hears of it later. */
  addRemoval(node: Node): void {
    this.#removals.add(node)
  }

  /** Nothing is sent any more: at the server everything stays under the names that it has there. */
  close(): void {
    this.#isClosed = true
    this.#removals.close()
    for (const { cancelTimer } of this.#delayed.values()) cancelTimer()
  }

  #add(node: Node, send: () => Promise<void>, delayMs = this.#core.options.renameDelayMs): void {
    const folder = node.remotePlace?.parent
    node.pins += 1
    if (folder) folder.pins += 1
    const cancelTimer = this.#core.clock.after(delayMs, () => {
      this.settle(node).catch((error: unknown) => {
        const fields = { file: node.label, error: String(error) }
        this.#core.log.warn('a rename or deletion could not be sent', fields)
      })
    })
    this.#delayed.set(node, { cancelTimer, send, folder, sending: undefined })
    node.waits = true
    this.#core.pending.touch(node)
  }

  /** Forgets the rename without sending it: somebody else took over the file's id, or it is deleted under its old name. */
  drop(node: Node): void {
    this.#removals.drop(node)
    const delayed = this.#delayed.get(node)
    if (!delayed) return
    delayed.cancelTimer()
    this.#delayed.delete(node)
    node.waits = false
    this.#core.pending.touch(node)
    for (const held of [node, delayed.folder]) {
      if (!held) continue
      held.pins -= 1
      this.#core.tree.table.release(held)
    }
  }

  /** Sends the rename or removal of `node` now, if it waits. @throws {FsError} when the server refuses: then it is taken back. */
  async settle(node: Node): Promise<void> {
    const delayed = this.#delayed.get(node)
    if (!delayed) return this.#removals.settle(node)
    delayed.cancelTimer()
    delayed.sending ??= pinned(this.#core, [node, delayed.folder], () => this.#send(node, delayed))
    await delayed.sending
    return undefined
  }

  async #send(node: Node, delayed: Delayed): Promise<void> {
    try {
      await delayed.send()
      this.drop(node)
    } catch (error) {
      this.drop(node)
      // Programs were told that it is done: it is tried again until it is, or until the server refuses it.
      const isWanted = node.remotePlace !== undefined && !samePlace(node.place, node.remotePlace)
      if (isPassing(error) && isWanted && !this.#isClosed) this.#add(node, delayed.send, retryMs)
      throw error
    }
  }

  /** Waits for a rename that is on its way; one that still waits stays. */
  async settleIfSending(node: Node): Promise<void> {
    await this.#delayed.get(node)?.sending
    if (this.#removals.isSending(node)) await this.#removals.settle(node)
  }

  /** Sends what stands in the way of an upload of `node` under its name. */
  async settleFor(node: Node): Promise<void> {
    await this.settle(node)
    const at = node.place
    const former = at && this.formerOf(at.parent, at.name)
    if (former && former !== node) await this.settle(former)
  }

  /** Deletes at the server, now, what was deleted here and was compared with what the server has only just now. */
  removeCompared(node: Node): Promise<void> {
    return this.#removals.removeCompared(node)
  }

  /** Sends everything that waits in or below `folder`. @throws {FsError} */
  async settleWithin(folder: Node): Promise<void> {
    await this.settleRenamesWithin(folder)
    await this.#removals.settleWithin(folder)
  }

  /** Sends the renames that wait in or below `folder`. @throws {FsError} */
  async settleRenamesWithin(folder: Node): Promise<void> {
    const below = [...this.#delayed.keys()].filter(
      (node) => node.remotePlace?.parent.isWithin(folder) || node.place?.parent.isWithin(folder),
    )
    const results = await Promise.allSettled(below.map((node) => this.settle(node)))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  async #sendRename(node: Node): Promise<void> {
    await this.#core.folderMoves.passed(node)
    const { place, remotePlace } = node
    if (!place || !remotePlace || samePlace(place, remotePlace)) return
    try {
      await renameOnServer(this.#core, node, place)
    } catch (error) {
      if (node.place !== place || isPassing(error)) throw error
      if (node.id !== undefined) this.#core.tree.folders.expire(remotePlace.parent.id!)
      if (remotePlace.parent.children.has(remotePlace.name)) return this.#moveAside(node, place)
      this.#takeBack(node, remotePlace)
      throw error
    }
  }

  /** Somebody else took the new name, and a new file of ours the old one: both keep theirs. */
  async #moveAside(node: Node, { parent, name }: NodePlace): Promise<void> {
    const { log, kernel } = this.#core
    const free = freeConflictName(this.#core, { parent, name })
    log.warn('the new name of a file was taken by somebody else', { file: node.label, instead: free })
    node.moveTo(parent, free)
    this.#core.pending.touch(node)
    kernel.expireEntry(parent.ino, toPosixName(name))
    await renameOnServer(this.#core, node, node.place!)
    await node.content?.relabel()
  }

  #takeBack(node: Node, former: NonNullable<Node['remotePlace']>): void {
    const shown = node.place
    if (former.parent.children.has(former.name)) node.detach()
    else node.moveTo(former.parent, former.name)
    for (const at of [shown, former])
      if (at) this.#core.kernel.expireEntry(at.parent.ino, toPosixName(at.name))
  }
}

function isPassing(error: unknown): boolean {
  const cause = error instanceof FsError ? error.cause : error
  return isRemoteError(cause) && cause.isTransient
}
