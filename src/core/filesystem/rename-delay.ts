/**
 * Renames and moves, and what was deleted: states that are sent later.
 *
 * Editors save by renaming the original away, writing a new file in its place and removing the original (vim, Office). Sent
 * one by one, the file would lose its id, history and shares. So a rename waits a moment:
 *
 *   renamed ──(a new file takes the old name, the original is unlinked)──▶ the new file becomes the next version of the original
 *      ├──(a new file takes the old name, time passes)──▶ the same, and what was renamed is a new file: see `KeptBackups`
 *      └────(time passes, or what depends on the name is to be sent)────▶ sent, in as many requests as it takes
 *
 * What was deleted waits too (`Removals`): most often its successor takes the name at once (libfuse 2 turns a rename over an open
 * file into an unlink before it).
 *
 * The order of sending follows from the states (`NameOrder`), not from the order in which programs did things. Each request leaves
 * the node where `remotePlace` says, which is on record: nothing is lost when the process dies in between.
 */
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import { pinned, type Core } from './core.ts'
import { holdFolder, isWanted, nextTryInMs, showReplaced, type Delayed } from './delayed-rename.ts'
import { NameOrder } from './name-order.ts'
import { whyNot } from './pending-change.ts'
import { isPassing, showDeleted, showRefused } from './refused-rename.ts'
import { Relocations } from './relocations.ts'
import type { RemovalFacts, Removals } from './removals.ts'
import { RenameSteps } from './rename-steps.ts'

export interface RenameParts {
  readonly core: Core
  readonly removals: Removals
  /** Makes a folder at the server that exists only here. */
  readonly makeFolder: (folder: Node) => Promise<void>
  /** Goes to where somebody else has moved it. False: it is nowhere. @throws {RemoteError} */
  readonly follow: (node: Node) => Promise<boolean>
  /** Where a new file has its old name, that gets its id instead. False: it is to be renamed. */
  readonly keepId: (node: Node, delayed: Delayed) => Promise<boolean>
}

export class RenameDelay {
  readonly #parts: RenameParts
  readonly #delayed = new Map<Node, Delayed>()
  readonly #order: NameOrder
  readonly #relocations: Relocations
  readonly #steps: RenameSteps
  #isClosed = false

  constructor(parts: RenameParts) {
    this.#parts = parts
    this.#order = new NameOrder({
      waiting: () => this.#delayed.keys(),
      formerOf: (folder, name) => this.formerOf(folder, name),
    })
    this.#relocations = new Relocations({
      core: parts.core,
      isWaiting: (node) => this.has(node),
      relocated: (node) => this.#relocated(node),
      follow: parts.follow,
      gone: (node) => this.#gone(node),
    })
    this.#steps = new RenameSteps({
      core: parts.core,
      relocations: this.#relocations,
      waiting: () => this.#delayed.keys(),
      isReady: (node) => this.#isReady(node),
    })
  }

  get #core(): Core {
    return this.#parts.core
  }

  get #removals(): Removals {
    return this.#parts.removals
  }

  get count(): number {
    return this.#delayed.size + this.#removals.count
  }

  has(node: Node): boolean {
    return this.#delayed.has(node) || this.#removals.has(node)
  }

  /** What waits to be renamed, and how. */
  waiting(): ReadonlyMap<Node, Pick<Delayed, 'origin' | 'replaced'>> {
    return this.#delayed
  }

  /** What waits is tried at once, whatever has failed before. */
  tryNow(isMeant: (node: Node) => boolean): void {
    for (const [node, delayed] of this.#delayed) if (isMeant(node)) this.#sendLater(node, delayed, 0)
  }

  /** What the server still has under `name` of `folder`, or may be giving it just now, although it was renamed or deleted here. */
  formerOf(folder: Node, name: string): Node | undefined {
    const place = { parent: folder, name }
    for (const node of this.#delayed.keys())
      if (samePlace(node.remotePlace, place) && isWanted(node)) return node
    return this.#removals.at(folder, name) ?? this.#arrivingAt(place)
  }

  /** As the tree wants to know. */
  isArriving(node: Node, at?: NodePlace): boolean {
    const arrival = this.#relocations.arrivalOf(node)
    return at ? samePlace(arrival, at) : arrival !== undefined
  }

  #arrivingAt(place: NodePlace): Node | undefined {
    const node = this.#relocations.arrivingAt(place)
    return samePlace(node?.place, place) ? undefined : node
  }

  /** What waits to be renamed or deleted and has, or had, its name in `folder`. */
  namesIn(folder: Node): Node[] {
    const renamed = [...this.#delayed.keys()].filter(
      ({ place, remotePlace }) => place?.parent === folder || remotePlace?.parent === folder,
    )
    return [...renamed, ...this.#removals.allIn(folder)]
  }

  /** The file that was deleted here and that the server still has under `name` of `folder`. */
  removedAt(folder: Node, name: string): Node | undefined {
    const former = this.#removals.at(folder, name)
    return former?.kind === 'file' && former.entry && !this.#removals.isSending(former) ? former : undefined
  }

  /** `node` has its new place already; the server hears of it later. `replaced`: what exists only here and had that before. */
  addRename(node: Node, replaced?: Delayed['replaced']): void {
    this.#core.refused.forget(node.id)
    const present = this.#delayed.get(node)
    if (present) {
      present.refusals = 0
      present.replaced?.letGo()
      present.replaced = replaced
      this.#sendLater(node, present, this.#core.options.renameDelayMs)
      return this.#core.pending.touch(node)
    }
    node.pins += 1
    const delayed: Delayed = {
      cancelTimer: () => undefined,
      held: undefined,
      origin: node.remotePlace,
      settling: undefined,
      failures: 0,
      refusals: 0,
      replaced,
    }
    this.#delayed.set(node, delayed)
    holdFolder(this.#core, node, delayed)
    node.waits = true
    this.#core.pending.touch(node)
    return this.#sendLater(node, delayed, this.#core.options.renameDelayMs)
  }

  /** The server has `node` at `at` by now, without our doing; where programs see it elsewhere, that is to be sent. */
  foundAt(node: Node, at: NodePlace): void {
    node.remotePlace = at
    const delayed = this.#delayed.get(node)
    if (delayed) delayed.origin = at
    this.#relocated(node)
    this.#core.pending.touch(node)
    if (isWanted(node) && !delayed) this.addRename(node)
  }

  /** `node` has no place any more; the server hears of it later. */
  addRemoval(node: Node, facts?: RemovalFacts): void {
    this.#removals.add(node, facts)
    this.#forget(node)
  }

  /** Nothing is sent any more: at the server everything stays under the names that it has there. */
  close(): void {
    this.#isClosed = true
    this.#removals.close()
    for (const { cancelTimer } of this.#delayed.values()) cancelTimer()
  }

  /** Forgets the rename without sending it: somebody else took over the file's id, or it is deleted under its old name. */
  drop(node: Node): void {
    this.#removals.drop(node)
    this.#forget(node)
  }

  /** Where it was deleted, that goes on waiting. */
  #forget(node: Node): void {
    const delayed = this.#delayed.get(node)
    if (!delayed || !this.#delayed.delete(node)) return
    delayed.cancelTimer()
    delayed.replaced?.letGo()
    this.#removals.lookAgain()
    node.waits = this.#removals.has(node)
    node.refusal = undefined
    this.#core.pending.touch(node)
    for (const held of [node, delayed.held]) {
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
    delayed.settling ??= pinned(this.#core, [node], () => this.#settle(node, delayed)).finally(() => {
      delayed.settling = undefined
    })
    await delayed.settling
    return undefined
  }

  /** The same where nobody asks for this rename itself: the id of a kept backup stays with the name. @throws {FsError} */
  async #send(node: Node): Promise<void> {
    const delayed = this.#delayed.get(node)
    if (delayed && (await this.#parts.keepId(node, delayed))) return
    await this.settle(node)
  }

  /** Waits for a removal of `node` that is on its way, and for a request that renames it. */
  async settleIfSending(node: Node): Promise<void> {
    await this.#core.folderMoves.passed(node)
    if (this.#removals.isSending(node)) await this.#removals.settle(node)
  }

  /** Frees the name of `node` at the server of what was renamed or deleted here: that is sent, or steps aside where it waits for `node`. */
  async freeNameOf(node: Node): Promise<void> {
    const former = this.#order.formerOf(node)
    if (!former) return
    if (!samePlace(former.remotePlace, node.place)) return this.#arrived(former)
    if (this.#order.waitsFor(former, node)) return this.#steps.aside(former, former.remotePlace!.parent)
    try {
      await this.#send(former)
    } catch (error) {
      // Refused, and so gone from the name in another way.
      if (this.#order.formerOf(node) === former) throw error
    }
    return undefined
  }

  /** The request that gives `node` a name that is not its own any more is answered, or the next one is. */
  async #arrived(node: Node): Promise<void> {
    await this.#core.folderMoves.passed(node)
    if (this.#relocations.arrivalOf(node)) await this.settle(node)
    this.#relocations.forget(node)
  }

  /** Nothing that was renamed or deleted here has the name of `node` at the server. */
  isNameFree(node: Node): boolean {
    return this.#order.formerOf(node) === undefined
  }

  /** Something waits to be renamed to the name that the server still has `node` under. */
  isAwaited({ remotePlace }: Node): boolean {
    for (const other of this.#delayed.keys())
      if (samePlace(other.place, remotePlace) && !samePlace(other.remotePlace, remotePlace)) return true
    return false
  }

  /** Sends everything that waits in or below `folder`; `withContents`: contents are sent as well. @throws {FsError} */
  async settleWithin(folder: Node, { withContents = false } = {}): Promise<void> {
    const below = [...this.#delayed.keys()].filter(
      (node) => node.remotePlace?.parent.isWithin(folder) || node.place?.parent.isWithin(folder),
    )
    const send = (node: Node) => (withContents ? this.#send(node) : this.settle(node))
    const renamed = await Promise.allSettled(below.map(send))
    const removed = await Promise.allSettled([this.#removals.settleWithin(folder)])
    for (const result of [...renamed, ...removed]) if (result.status === 'rejected') throw result.reason
  }

  /** Before folders are deleted at the server: what was moved out of them here goes out of them there. @throws {FsError} */
  async bringOut(folders: readonly Node[]): Promise<void> {
    for (const folder of folders) {
      if (!folder.isFolder) continue
      for (const node of this.#order.leaving(folder)) {
        if (this.#order.waitsFor(node, folder)) await this.#steps.aside(node, folder.remotePlace!.parent)
        else await this.settle(node)
      }
    }
  }

  #sendLater(node: Node, delayed: Delayed, delayMs: number): void {
    delayed.cancelTimer()
    if (this.#isClosed) return
    delayed.cancelTimer = this.#core.sending.after(delayMs, () =>
      this.#send(node).catch((error: unknown) => {
        const fields = { file: node.label, error: String(error) }
        this.#core.log.warn('a rename could not be sent', fields)
      }),
    )
  }

  #relocated(node: Node): void {
    const delayed = this.#delayed.get(node)
    if (delayed) holdFolder(this.#core, node, delayed)
    this.#removals.relocated(node)
  }

  /** Somebody else has deleted it. */
  #gone(node: Node): void {
    const delayed = this.#delayed.get(node)
    if (!delayed) return this.#removals.gone(node)
    if (!showDeleted(this.#core, node)) showReplaced(delayed)
    this.drop(node)
  }

  async #settle(node: Node, delayed: Delayed): Promise<void> {
    const { asked } = this.#core
    try {
      if (asked.isSettling) await asked.settled
      while (this.#delayed.get(node) === delayed) {
        if (!isWanted(node)) return this.#forget(node)
        await this.#prepare(node)
        if (this.#isReady(node)) await this.#steps.next(node)
      }
    } catch (error) {
      await this.#failed(node, delayed, error)
      throw error
    }
    return undefined
  }

  /** What its next request depends on is done first: its folder is there, not below itself, and the name is free. */
  async #prepare(node: Node): Promise<void> {
    const { parent } = node.place!
    await this.#parts.makeFolder(parent)
    const inner = this.#order.insideOf(node)
    if (inner && this.#order.waitsFor(inner, node)) await this.#steps.aside(inner, node.remotePlace!.parent)
    else if (inner) await this.settle(inner)
    if (node.place) await this.freeNameOf(node)
  }

  #isReady(node: Node): boolean {
    if (!isWanted(node)) return false
    return !node.place.parent.isNew && !this.#order.insideOf(node) && this.isNameFree(node)
  }

  async #failed(node: Node, delayed: Delayed, error: unknown): Promise<void> {
    if (this.#delayed.get(node) !== delayed) return
    if (!isWanted(node)) return this.#forget(node)
    // Programs were told that it is done: it is tried again until it is, or until the server refuses it.
    if (isPassing(error) || this.#isClosed) {
      const { isHeldUp } = this.#core.sending
      node.refusal = whyNot(error)
      return this.#sendLater(node, delayed, isHeldUp ? 0 : nextTryInMs(delayed))
    }
    await this.#refused(node, delayed, error)
  }

  async #refused(node: Node, delayed: Delayed, error: unknown): Promise<void> {
    const { tree } = this.#core
    delayed.refusals += 1
    for (const { parent } of [node.place!, node.remotePlace!]) tree.folders.expire(parent.listingKey)
    await this.#undo(node, delayed.origin)
    if (!isWanted(node)) return this.#forget(node)
    if (showRefused(this.#core, node, error, delayed.refusals)) this.#sendLater(node, delayed, 0)
    else {
      showReplaced(delayed)
      this.drop(node)
    }
    await node.content?.relabel()
    return undefined
  }

  /** Half of what takes two requests was done. */
  async #undo(node: Node, origin: NodePlace | undefined): Promise<void> {
    if (!origin || samePlace(node.remotePlace, origin) || origin.parent !== node.remotePlace?.parent) return
    try {
      await this.#relocations.run([node], () => origin)
    } catch (error) {
      this.#core.log.error('half a move could not be undone', { file: node.label, error: String(error) })
    }
  }
}
