import { backoffMs } from '../../base/backoff.ts'
import { Errno } from '../../base/errno.ts'
import { FsError, toFsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import { tellKernels, type Core } from './core.ts'
import { isRemotelyWithin } from './folder-moves.ts'
import { NamesAtServer } from './names-at-server.ts'
import { labelOf, whyNot } from './pending-change.ts'
import { removeAtServer, type Outcome } from './removal-calls.ts'
import { checkRemovals, withAllIn, type Verdict } from './removal-check.ts'

/** While programs go on deleting, what they deleted first waits for the rest so long, ms. */
const longestWaitMs = 30_000

export interface RemovalParts {
  readonly core: Core
  /** Before a file that programs have open goes: what they may still read is brought here, as if they had written it. False: nothing was. */
  readonly preserve: (node: Node) => Promise<boolean>
  /** What was brought here is of no use. */
  readonly discard: (node: Node) => Promise<void>
  /** It is not deleted: what was to be sent of it is wanted again. */
  readonly onShownAgain: (node: Node) => void
  /** Something is to be renamed to its name: that deletes it first. */
  readonly isAwaited: (node: Node) => boolean
  /** What programs have moved out of folders goes out of them at the server. */
  readonly bringOut: (folders: readonly Node[]) => Promise<void>
}

/** What is known of something that was deleted here. */
export interface RemovalFacts {
  /** Its content is the next version of that file: while that is not sent, it stays. */
  readonly heir?: Node
}

type Finished = Pick<Outcome, 'remove' | 'gone'> & Pick<Verdict, 'keep'>

interface Waiting {
  /** Where the server has it; kept in memory with it. */
  readonly parent: Node
  readonly name: string
  readonly sinceMs: number
  readonly facts: RemovalFacts
}

/**
 * Files and folders that programs have deleted and the server still has:
 *
 *   deleted here ──(nothing more is deleted for a moment)──▶ checked ──▶ gone, a whole tree in one call
 *        └──(a new file takes the name: `drop`)──▶ its next version    └──(changed by somebody else)──▶ seen again
 *
 * They are on record (`PendingStates`), so a crash in between changes nothing.
 */
export class Removals {
  readonly #parts: RemovalParts
  /** The one that was deleted first is the first. */
  readonly #waiting = new Map<Node, Waiting>()
  readonly #names = new NamesAtServer()
  readonly #preserved = new Set<Node>()
  readonly #heirs = new Set<Node>()
  /** What is being checked or deleted just now. */
  #sent = new Set<Node>()
  #sending: Promise<void> = Promise.resolve()
  #failures = 0
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor(parts: RemovalParts) {
    this.#parts = parts
  }

  get #core(): Core {
    return this.#parts.core
  }

  get count(): number {
    return this.#waiting.size
  }

  has(node: Node): boolean {
    return this.#waiting.has(node)
  }

  /** Those that were deleted first are the first. */
  waiting(): Iterable<Node> {
    return this.#waiting.keys()
  }

  /** While what it was is not sent as the next version of another file it stays. */
  heirOf(node: Node): Node | undefined {
    return this.#waiting.get(node)?.facts.heir
  }

  isSending(node: Node): boolean {
    return this.#sent.has(node)
  }

  /** What the server still has under `name` of `folder`. */
  at(folder: Node, name: string): Node | undefined {
    return this.#names.at(folder, name)
  }

  /** What the server still has in `folder`. */
  allIn(folder: Node): Node[] {
    return this.#names.allIn(folder)
  }

  /** The server has `node` under another name now. */
  relocated(node: Node): void {
    const waiting = this.#waiting.get(node)
    const at = node.remotePlace
    if (!waiting || !at || (waiting.parent === at.parent && waiting.name === at.name)) return
    this.#names.remove(node, waiting)
    at.parent.pins += 1
    this.#waiting.set(node, { ...waiting, ...at })
    this.#names.add(node, at)
    waiting.parent.pins -= 1
    this.#core.tree.table.release(waiting.parent)
  }

  /** `node` is not to be seen any more; the server hears of it later. @requires that the server has it */
  add(node: Node, facts: RemovalFacts = {}): void {
    const { parent, name } = node.remotePlace!
    node.pins += 1
    parent.pins += 1
    this.#waiting.set(node, { parent, name, sinceMs: this.#core.clock.monotonic(), facts })
    this.#names.add(node, { parent, name })
    if (node.id === undefined) (parent.unheardNames ??= new Set()).add(name)
    node.waits = true
    if (facts.heir) this.#heirs.add(facts.heir)
    this.#core.refused.forget(node.id)
    if (node.id !== undefined) this.#core.writeBack.lendings.hurry(node.id)
    this.#core.pending.touch(node)
    this.#sendLater(this.#core.options.quietMs)
  }

  /** It is not to be deleted, or not by us. */
  drop(node: Node): void {
    const waiting = this.#waiting.get(node)
    if (!waiting) return
    this.#waiting.delete(node)
    this.#preserved.delete(node)
    this.#forgetHeir(waiting.facts)
    this.#names.remove(node, waiting)
    node.waits = false
    node.refusal = undefined
    node.sentUnheard = undefined
    if (waiting.parent.unheardNames?.delete(waiting.name)) tellKernels(this.#core, waiting)
    this.#core.pending.touch(node)
    for (const held of [node, waiting.parent]) {
      held.pins -= 1
      this.#core.tree.table.release(held)
    }
  }

  #forgetHeir({ heir }: RemovalFacts): void {
    if (heir && ![...this.#waiting.values()].some(({ facts }) => facts.heir === heir))
      this.#heirs.delete(heir)
  }

  /** Resolves when `node` is not being checked or deleted just now. */
  async passed(node: Node): Promise<void> {
    while (this.#sent.has(node)) await this.#sending
  }

  /** Deletes `node` now, with everything in it. @throws {FsError} when that failed */
  async settle(node: Node): Promise<void> {
    await this.passed(node)
    if (!this.#waiting.has(node)) return
    await this.#send(withAllIn(node, new Set(this.#waiting.keys())))
    if (node.place) throw new FsError(Errno.EBUSY, `${node.label} could not be deleted at the server`)
  }

  /** The content of `node` is not dirty any more: what waited for that goes. */
  contentSettled(node: Node): void {
    if (this.#heirs.has(node)) this.lookAgain()
  }

  /** Deletes what is left of files whose content is the next version of `heir`. @throws {FsError} when that failed */
  async settleLeftBy(heir: Node): Promise<void> {
    for (const [node, { facts }] of [...this.#waiting]) if (facts.heir === heir) await this.settle(node)
  }

  /** Files in or below `folder` that are to be sent before something in it is deleted. */
  heirsWithin(folder: Node): Node[] {
    return [...this.#waiting].flatMap(([node, { facts }]) =>
      facts.heir && isRemotelyWithin(node, folder) && this.#isHeldBack(node) ? [facts.heir] : [],
    )
  }

  /** Deletes now whatever waits in or below `folder`, and nothing else. @throws {FsError} when that failed */
  async settleWithin(folder: Node): Promise<void> {
    const within = () => {
      const held = this.#heldBack()
      return [...this.#waiting.keys()].filter((node) => isRemotelyWithin(node, folder) && !held.has(node))
    }
    while (within().some((node) => this.#sent.has(node))) await this.#sending
    const nodes = within()
    if (nodes.length > 0) await this.#send(nodes)
  }

  /** What waits is tried at once, whatever has failed before. */
  tryNow(): void {
    this.#failures = 0
    if (this.#waiting.size > 0) this.#sendLater(0)
  }

  /** Nothing is begun any more: the next process goes on. */
  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
  }

  #sendLater(delayMs: number): void {
    if (this.#isClosed) return
    this.#cancelTimer?.()
    const { clock, sending } = this.#core
    const [oldest] = this.#waiting.values()
    const longestMs = Math.max(0, (oldest?.sinceMs ?? 0) + longestWaitMs - clock.monotonic())
    const waitMs = this.#failures > 0 ? delayMs : Math.min(delayMs, longestMs)
    this.#cancelTimer = sending.after(waitMs, () => {
      const isOverdue = oldest !== undefined && clock.monotonic() >= oldest.sinceMs + longestWaitMs
      const lent: ReadonlySet<Node> = isOverdue ? new Set() : this.#lentForNow()
      const held = this.#heldBack()
      const due = [...this.#waiting.keys()].filter((node) => !lent.has(node) && !held.has(node))
      if (lent.size > 0) this.#sendLater(this.#core.options.quietMs)
      // Told where it failed; what may succeed later is tried again.
      return this.#send(due)
    })
  }

  /** What has held something back is over. */
  lookAgain(): void {
    if (this.#waiting.size > 0) this.#sendLater(this.#core.options.quietMs)
  }

  /** It goes when its name is needed, or when what takes its place is at the server. */
  #isHeldBack(node: Node): boolean {
    const { heir } = this.#waiting.get(node)?.facts ?? {}
    if (heir && !heir.isUnlinked && heir.content?.isDirty) return true
    return this.#parts.isAwaited(node)
  }

  /** What a file is a copy of, which the server is going to copy in a moment, and the folders that it is in. */
  #lentForNow(): ReadonlySet<Node> {
    const { lendings } = this.#core.writeBack
    if (lendings.isEmpty) return new Set()
    return this.#withFolders((node) => node.id !== undefined && lendings.endsSoon(node.id))
  }

  /** What stays for now, and the folders that it is in. */
  #heldBack(): ReadonlySet<Node> {
    return this.#withFolders((node) => this.#isHeldBack(node))
  }

  #withFolders(isMeant: (node: Node) => boolean): ReadonlySet<Node> {
    const all = new Set<Node>()
    for (const node of this.#waiting.keys())
      if (isMeant(node)) for (let at: Node | undefined = node; at; at = at.remoteParent) all.add(at)
    return all
  }

  /** What somebody else has moved meanwhile is seen again, where it is now. */
  #stillWanted(node: Node): boolean {
    if (node.place) this.drop(node)
    return this.#waiting.has(node)
  }

  /** One after the other, so that nothing is named twice. */
  async #send(nodes: readonly Node[]): Promise<void> {
    const { asked } = this.#core
    let failure: { readonly reason: unknown } | undefined
    if (asked.isSettling) await asked.settled
    // Not in the queue: what is moved may itself wait for something to be deleted.
    if (nodes.some(({ isFolder }) => isFolder))
      await this.#parts.bringOut(nodes).catch((reason: unknown) => {
        failure = { reason }
      })
    const sending = this.#sending.then(async () => {
      const wanted = new Set(nodes.filter((node) => this.#stillWanted(node)))
      if (wanted.size === 0) return
      this.#sent = wanted
      try {
        if (failure) throw failure.reason
        await this.#core.folderMoves.use([...wanted], () => this.#remove(wanted))
        this.#failures = 0
        // What has left its folder while that was looked at is looked at on its own.
        if ([...wanted].some((node) => this.#waiting.has(node))) this.lookAgain()
      } catch (error) {
        this.#tryAgain(wanted, error)
        throw toFsError(error, [...wanted][0]!.remotePath?.join('/') ?? 'a deleted file')
      } finally {
        this.#sent = new Set()
      }
    })
    this.#sending = sending.catch(() => undefined)
    return sending
  }

  async #remove(wanted: ReadonlySet<Node>): Promise<void> {
    await this.#endLending(wanted)
    const verdict = await checkRemovals(this.#core, wanted)
    const kept = new Set(verdict.keep)
    for (const node of wanted)
      if (node.handles > 0 && !kept.has(node) && (await this.#parts.preserve(node))) this.#preserved.add(node)
    const { shownAgain, refused, ...outcome } = await removeAtServer(this.#core, verdict, wanted)
    this.#finish(wanted, { ...outcome, keep: verdict.keep })
    for (const node of shownAgain) this.showAgain(node)
    for (const [node, reason] of refused) this.#refused(node, reason, withAllIn(node, wanted))
  }

  /** Files that show the content of what is to be deleted have its bytes here from now on. */
  async #endLending(wanted: ReadonlySet<Node>): Promise<void> {
    const { lendings } = this.#core.writeBack
    if (lendings.isEmpty) return
    for (const { id } of wanted) if (id !== undefined) await lendings.end(id, new AbortController().signal)
  }

  /** `all`: it, and everything in it that was deleted with it. */
  #refused(node: Node, reason: string, all: readonly Node[]): void {
    const { log, refused } = this.#core
    const file = node.remotePath?.join('/') ?? node.label
    log.error('the server refuses to delete what was deleted here; it is shown again', { file, reason })
    const labels = all.flatMap(({ remotePlace }) => (remotePlace ? [labelOf(remotePlace)] : []))
    const { id, remotePlace: at } = node
    const isSeen = at && !at.parent.children.has(at.name)
    for (const each of all) this.showAgain(each)
    if (id !== undefined && isSeen)
      refused.add(id, { label: labelOf(at), kind: 'deletion', reason, all: labels })
  }

  #finish(wanted: ReadonlySet<Node>, { remove, keep, gone }: Finished): void {
    const done = [...remove.flatMap((node) => withAllIn(node, wanted)), ...gone]
    for (const node of gone) if (!remove.includes(node)) this.#expireFolderOf(node)
    for (const node of keep) {
      this.#core.log.warn('changed by somebody else, so it is not deleted', {
        file: node.remotePath?.join('/') ?? node.label,
      })
      this.showAgain(node)
    }
    // Their folders may only now be there again.
    for (const node of remove) this.#core.tree.removed(node.remotePlace!.parent, node.remotePlace!.name)
    for (const node of done) this.gone(node)
  }

  /** The server has it no more. */
  gone(node: Node): void {
    const { tree } = this.#core
    if (node.isFolder && node.id !== undefined) tree.folders.expire(node.id)
    tree.table.unbind(node)
    node.remotePlace = undefined
    this.drop(node)
  }

  #tryAgain(wanted: ReadonlySet<Node>, error: unknown): void {
    this.#core.log.warn('deleted files could not be deleted at the server; it is tried again', {
      files: wanted.size,
      reason: String(error),
    })
    for (const node of wanted) node.refusal = whyNot(error)
    const delayMs = backoffMs(this.#failures, { firstMs: 2_000, maxMs: 60_000 })
    this.#failures += 1
    this.#sendLater(this.#core.sending.isHeldUp ? 0 : delayMs)
  }

  /** Programs see it as the server has it. */
  showAgain(node: Node): void {
    const at = node.remotePlace
    if (this.#preserved.has(node))
      this.#parts.discard(node).catch((error: unknown) => {
        this.#core.log.error('bytes that are not needed any more could not be dropped', { error })
      })
    if (at && !node.place) {
      this.#expireFolderOf(node)
      if (node.isFolder && node.id !== undefined) this.#core.tree.folders.expire(node.id)
      if (at.parent.children.has(at.name) || node.id === undefined) this.#letGo(node)
      else node.moveTo(at.parent, at.name)
      tellKernels(this.#core, at)
    }
    this.drop(node)
    this.#parts.onShownAgain(node)
  }

  /** Something of ours has taken its name: the upload of that finds out what the server has. */
  #letGo(node: Node): void {
    this.#core.tree.table.unbind(node)
    node.remotePlace = undefined
  }

  #expireFolderOf(node: Node): void {
    const id = node.remotePlace?.parent.id
    if (id !== undefined) this.#core.tree.folders.expire(id)
  }
}
