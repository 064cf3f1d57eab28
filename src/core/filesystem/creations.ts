import { backoffMs } from '../../base/backoff.ts'
import { Errno } from '../../base/errno.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { RemotePath } from '../../remote/types.ts'
import { FsError, toFsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import type { AttributeSender } from './attribute-sender.ts'
import { pinned, type Core } from './core.ts'
import type { FolderChecks } from './folder-checks.ts'
import { findLink, isFinal, makeAtServer, type MadeEntry } from './make-at-server.ts'
import { whyNot } from './pending-change.ts'
import type { RenameDelay } from './rename-delay.ts'

/** An upload that is about to make a folder on its way is waited for so long, ms; then the folder is made by itself. */
const longestWaitMs = 60_000
/** Before what met a change that is under way is tried again, ms. */
const retryMs = 1_000
/** From so many folders of one folder on, its listing costs less than one of each. */
const listFrom = 3

export interface CreationParts {
  readonly core: Core
  readonly renames: RenameDelay
  readonly attributes: AttributeSender
  readonly folderChecks: FolderChecks
}

interface Creation {
  dueAtMs: number
  readonly sinceMs: number
  /** The server may have it: something was sent that makes it. */
  maybeSent: boolean
  /** An upload has made it on its way: only its id is to be learnt. */
  isMade: boolean
  settling: Promise<void> | undefined
  refused: FsError | undefined
  /** Why the last try has failed, while it is tried again. */
  trouble: string | undefined
}

/**
 * Folders and symbolic links that were made here and that the server does not have yet:
 *
 *   made here ──(quiet time; nothing in it is about to be uploaded)──▶ made by one call ──▶ bound to its id
 *       ├──(something in it was uploaded, and nothing more is)──▶ listed, for the id ─────────────┘
 *       └──(removed again)──▶ nothing was sent
 *
 * One after the other from the top: a folder is made when the one above it has its id. They are on record (`PendingStates`), so a
 * crash in between changes nothing. A folder of the name that somebody else has made is the same folder.
 */
export class Creations {
  readonly #parts: CreationParts
  readonly #new = new Map<Node, Creation>()
  #failures = 0
  #cancelTimer: (() => void) | undefined
  #isSweeping = false
  #isClosed = false

  constructor(parts: CreationParts) {
    this.#parts = parts
    parts.core.tree.onFolderBound = (folder) => this.#bound(folder)
  }

  get #core(): Core {
    return this.#parts.core
  }

  get count(): number {
    return this.#new.size
  }

  has(node: Node): boolean {
    return this.#new.has(node)
  }

  /** The server may have it, or its name, although nobody knows its id. */
  maybeSent(node: Node): boolean {
    return this.#new.get(node)?.maybeSent === true
  }

  /** Finds out whether the server has `node` by now; it has its id then. @requires that it moves (`FolderMoves`): nothing of it is on its way */
  async look(node: Node): Promise<void> {
    const creation = this.#new.get(node)
    if (!creation?.maybeSent) return
    const { asked } = this.#core
    if (asked.isSettling) await asked.settled
    await this.#parts.renames.freeNameOf(node)
    if (node.isFolder) await this.#core.tree.refresh(node)
    else {
      const found = await findLink(this.#core, node)
      if (found) this.#made(node, found)
    }
    creation.maybeSent = false
    creation.isMade = false
  }

  /** `node` was made here; the server hears of it later. @requires a node without an entry that has its place */
  add(node: Node, { maybeSent = false } = {}): void {
    const { clock, options, pending } = this.#core
    const sinceMs = clock.monotonic()
    node.pins += 1
    this.#new.set(node, {
      dueAtMs: sinceMs + options.quietMs,
      sinceMs,
      maybeSent,
      isMade: false,
      settling: undefined,
      refused: undefined,
      trouble: undefined,
    })
    pending.touch(node)
    this.#plan()
  }

  /** It is not to be made any more. @requires that nothing of it was sent, or is on its way */
  drop(node: Node): void {
    if (!this.#new.delete(node)) return
    if (node.isFolder) this.#core.tree.folders.end(node.listingKey)
    node.pins -= 1
    this.#core.tree.table.release(node)
  }

  /** It has another name: one that the server refused may be taken now. */
  renamed(node: Node): void {
    const creation = this.#new.get(node)
    if (!creation) return
    creation.refused = undefined
    node.refusal = undefined
    creation.dueAtMs = this.#core.clock.monotonic() + this.#core.options.quietMs
    this.#plan()
  }

  /** An upload of `node` is about to make the folders above it that the server lacks: their names must be free. */
  async beforeUpload(node: Node): Promise<void> {
    if (this.#new.size === 0) return
    for (const folder of this.#newAbove(node)) {
      await this.#parts.renames.freeNameOf(folder)
      const creation = this.#new.get(folder)
      if (creation) creation.maybeSent = true
    }
  }

  /** The server has taken something in `folder`, by its path `at`: it has the folders above it as well. */
  uploadedInto(folder: Node, at: RemotePath): void {
    if (this.#new.size === 0) return
    const { clock, options } = this.#core
    const made = [...this.#newAbove(folder), folder].filter((above) => this.#new.has(above))
    const [top] = made
    if (top) this.#parts.folderChecks.madeIn(top.place!.parent, top, at.slice(0, -made.length))
    for (const above of made) {
      const creation = this.#new.get(above)!
      creation.isMade = true
      creation.refused = undefined
      creation.dueAtMs = clock.monotonic() + options.quietMs
    }
    this.#plan()
  }

  /** Makes `node` now, and what above it is missing too. @throws {FsError} when that failed */
  async settle(node: Node): Promise<void> {
    const creation = this.#new.get(node)
    if (!creation) return
    creation.settling ??= pinned(this.#core, [node], () => this.#settle(node, creation)).finally(() => {
      creation.settling = undefined
    })
    await creation.settling
  }

  /** Makes everything in and below `folder` that is to be made. @throws {FsError} when some of that failed */
  async settleWithin(folder: Node, { mayWait = false } = {}): Promise<void> {
    const within = [...this.#new.keys()].filter(
      (node) => node.isWithin(folder) && !(mayWait && this.#isComing(node)),
    )
    const results = await Promise.allSettled(within.map((node) => this.settle(node)))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** What waits to be made, or was refused (`refused`). */
  waiting(): ReadonlyMap<Node, Pick<Creation, 'refused' | 'trouble'>> {
    return this.#new
  }

  /** What was refused, or waits, is tried again at once. */
  tryNow(isMeant: (node: Node) => boolean): void {
    for (const [node, creation] of this.#new) {
      if (!isMeant(node)) continue
      creation.refused = undefined
      creation.dueAtMs = 0
      node.refusal = undefined
    }
    this.#failures = 0
    this.#plan()
  }

  /** Nothing is begun any more: the next process goes on. */
  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
  }

  #plan(): void {
    if (this.#isClosed || this.#isSweeping) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    let dueAtMs = Infinity
    for (const creation of this.#new.values())
      if (!creation.refused) dueAtMs = Math.min(dueAtMs, creation.dueAtMs)
    if (dueAtMs === Infinity) return
    const waitMs = dueAtMs - this.#core.clock.monotonic()
    const { sending } = this.#core
    const hasNoRest = this.#failures === 0 || sending.isHeldUp
    const leastMs = hasNoRest ? 0 : backoffMs(this.#failures - 1, { firstMs: 1_000, maxMs: 60_000 })
    this.#cancelTimer = sending.after(Math.max(waitMs, leastMs), () => this.#sweep())
  }

  async #sweep(): Promise<void> {
    this.#isSweeping = true
    const now = this.#core.clock.monotonic()
    for (const [node, creation] of [...this.#new]) {
      if (creation.refused || creation.dueAtMs > now || this.#isClosed) continue
      if (this.#mayWait(node, creation, now)) creation.dueAtMs = now + this.#core.options.quietMs
      else if (!(await this.#try(node, creation))) break
    }
    this.#isSweeping = false
    this.#plan()
  }

  /** False: the server can do nothing now. */
  async #try(node: Node, creation: Creation): Promise<boolean> {
    try {
      await this.settle(node)
      this.#failures = 0
      return true
    } catch (error) {
      this.#core.log.info('a new folder or link is made at the server later', {
        path: node.label,
        reason: String(error),
      })
      const cause = error instanceof FsError ? error.cause : error
      creation.dueAtMs = this.#core.clock.monotonic() + retryMs
      if (!isRemoteError(cause, 'offline', 'server', 'unauthenticated', 'unknown-outcome')) return true
      creation.dueAtMs = 0
      this.#failures += 1
      return false
    }
  }

  /** An upload that is about to begin makes it on its way, and spares the call. */
  #mayWait(node: Node, { sinceMs }: Creation, now: number): boolean {
    if (now - sinceMs >= longestWaitMs) return false
    const [top = node] = this.#newAbove(node)
    return this.#isComing(top)
  }

  #isComing(node: Node): boolean {
    if (!node.remotePlace && node.content?.canBeSent && !node.content.hasWriters) return true
    for (const child of node.children.values()) if (this.#isComing(child)) return true
    return false
  }

  /** Folders above `node` that the server lacks, the topmost first. */
  #newAbove(node: Node): Node[] {
    const above: Node[] = []
    for (let at = node.remoteParent; at; at = at.remoteParent) if (this.#new.has(at)) above.unshift(at)
    return above
  }

  async #settle(node: Node, creation: Creation): Promise<void> {
    const { asked } = this.#core
    try {
      if (asked.isSettling) await asked.settled
      while (this.#new.get(node) === creation && !node.isUnlinked) {
        if (creation.refused) throw creation.refused
        await this.#prepare(node)
        await this.#core.folderMoves.use([node], async () => {
          // In one step with the check: nothing may begin to move in between.
          if (this.#new.get(node) === creation && this.#isReady(node)) await this.#send(node, creation)
        })
      }
    } catch (error) {
      if (isFinal(error)) throw this.#refuse(node, creation, error)
      creation.trouble = whyNot(error)
      throw toFsError(error, node.label)
    }
  }

  /** What the call depends on: the folder above, and a free name. */
  async #prepare(node: Node): Promise<void> {
    const { parent } = node.place!
    await this.settle(parent)
    if (this.#new.get(node)?.isMade) {
      const { folderChecks } = this.#parts
      await folderChecks.settle(parent, { byListing: this.#madeIn(parent) >= listFrom })
    }
    if (parent.isNew) throw new FsError(Errno.ENOENT, `${parent.label} is not at the server`)
    await this.#parts.renames.freeNameOf(node)
  }

  #isReady(node: Node): boolean {
    return node.place !== undefined && !node.place.parent.isNew && this.#parts.renames.isNameFree(node)
  }

  async #send(node: Node, creation: Creation): Promise<void> {
    if (creation.isMade) {
      await this.#learnId(node)
      creation.isMade = false
      return
    }
    creation.maybeSent = true
    const made = await makeAtServer(this.#core, node)
    if (made) this.#made(node, made)
  }

  async #learnId(folder: Node): Promise<void> {
    const { tree } = this.#core
    const { parent } = folder.place!
    if (this.#madeIn(parent) >= listFrom) await tree.refresh(parent)
    if (folder.isNew) await tree.refresh(folder)
  }

  /** How many folders uploads have made in `parent` whose ids are not known. */
  #madeIn(parent: Node): number {
    const isIn = ([node, { isMade }]: [Node, Creation]) => isMade && node.place?.parent === parent
    return [...this.#new].filter(isIn).length
  }

  #made(node: Node, { entry, isOurs }: MadeEntry): void {
    const { tree } = this.#core
    const { parent } = node.place!
    tree.placed(parent, entry)
    tree.madeAgain(parent)
    if (node.isFolder) return tree.bindFolder(node, entry, isOurs)
    tree.table.bind(node, entry)
    node.remotePlace = node.place
    return this.#bound(node)
  }

  /** The server has it, and its id is known. */
  #bound(node: Node): void {
    if (!this.#new.delete(node)) return
    const { pending, tree } = this.#core
    const { patches } = node.unsent
    for (const { key, value } of patches.values())
      if (value === node.entry!.metadata[key]) patches.delete(key)
    node.refusal = undefined
    // On record they name the folder by its own record until now, which ends: at the same time.
    for (const each of [node, ...node.children.values(), ...this.#parts.renames.namesIn(node)])
      pending.touch(each)
    this.#parts.attributes.sendLater(node)
    node.pins -= 1
    tree.table.release(node)
  }

  #refuse(node: Node, creation: Creation, error: unknown): FsError {
    creation.refused = toFsError(error, node.label)
    node.refusal = whyNot(error)
    this.#core.log.error('the server does not take a new folder or link; it is kept here', {
      path: node.label,
      reason: node.refusal,
    })
    const kind = node.isFolder ? 'new folder' : 'new link'
    this.#core.refused.tell({ label: node.label, kind, reason: node.refusal })
    return creation.refused
  }
}
