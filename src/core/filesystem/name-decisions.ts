/** What people decide about names that the server does not have yet, or has refused. */
import { messageOf } from '../../base/error-message.ts'
import { Errno } from '../../base/errno.ts'
import type { FileId } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import type { Node, NodePlace } from '../inode/index.ts'
import { toPosixName, toServerName } from '../names/index.ts'
import type { Place } from '../ports.ts'
import type { OpContext } from '../types.ts'
import { pinned, requireChild, tellKernels } from './core.ts'
import type { Namespace } from './namespace.ts'
import type { PendingNamesParts } from './pending-names.ts'
import type { RefusedName } from './refused-names.ts'
import { withAllIn } from './removal-check.ts'
import type { Renames } from './rename.ts'

/** What became of a decision to throw something away: what that was, or why it stays. */
export type DiscardOutcome =
  | 'content'
  | 'refusal'
  | 'new name'
  | 'rename'
  | 'deletion'
  | 'nothing to discard'
  | 'still tried'
  | 'open'
  | 'not empty'
  | 'name taken'
  | 'has replaced'
  | 'folder deleted'
  | 'being deleted'
  | 'deleted'

export interface NameDecisionsParts extends PendingNamesParts {
  readonly namespace: Namespace
  readonly renaming: Renames
}

export class NameDecisions {
  readonly #parts: NameDecisionsParts

  constructor(parts: NameDecisionsParts) {
    this.#parts = parts
  }

  /**
   * Tries the name of `node`, or its deletion, again at once, also one that was refused; false when the server has it.
   * @throws {FsError} of a refused one that cannot be tried again, e.g. EEXIST: something else has the name by now
   */
  async retry(node: Node, context: OpContext): Promise<boolean> {
    const { core, renames, creations } = this.#parts
    const refused = core.refused.get(node.id)
    if (refused) await this.#again(node.id!, refused, context)
    const isWaiting = creations.has(node) || renames.has(node)
    if (isWaiting) this.#tryNow((each) => node.isWithin(each) || each.isWithin(node))
    return refused !== undefined || isWaiting
  }

  /** Tries everything again at once, also what was refused. What cannot be is in the log. */
  async retryAll(within: (label: string) => boolean, context: OpContext): Promise<void> {
    const { core } = this.#parts
    for (const [id, refused] of core.refused.all()) {
      if (!within(refused.label)) continue
      await this.#again(id, refused, context).catch((error: unknown) => {
        const fields = { file: refused.label, reason: messageOf(error) }
        core.log.warn('what the server has refused cannot be tried again', fields)
      })
    }
    this.#tryNow(({ label }) => within(label))
  }

  /** Undefined: there is nothing about the name of `node`. @throws {FsError} */
  async discard(node: Node, context: OpContext): Promise<DiscardOutcome | undefined> {
    const { core, creations, renames } = this.#parts
    if (core.refused.forget(node.id)) return 'refusal'
    const creation = creations.waiting().get(node)
    if (creation) return creation.refused ? this.#removeNew(node, context) : 'still tried'
    return renames.waiting().has(node) ? this.#takeBack(node, context) : undefined
  }

  /**
   * Shows `node`, which was deleted, again, with everything in it that was deleted with it. What is on its way is waited for: the server
   * may have done it then.
   */
  async showAgain(node: Node): Promise<DiscardOutcome> {
    const { core, removals } = this.#parts
    const at = node.remotePlace
    if (!at) return 'nothing to discard'
    await removals.passed(node)
    const outcome = await core.folderLocks.run(at.parent, async (): Promise<DiscardOutcome> => {
      if (!removals.has(node) || node.place) return node.place ? 'nothing to discard' : 'deleted'
      if (at.parent.isUnlinked) return 'folder deleted'
      if (at.parent.children.has(at.name)) return 'name taken'
      const all = withAllIn(node, new Set(removals.waiting()))
      if (all.some((each) => removals.isSending(each))) return 'being deleted'
      for (const each of all) removals.showAgain(each)
      return 'deletion'
    })
    await core.pending.written()
    return outcome
  }

  #tryNow(isMeant: (node: Node) => boolean): void {
    const { creations, renames, removals } = this.#parts
    creations.tryNow(isMeant)
    renames.tryNow(isMeant)
    removals.tryNow()
  }

  /** As a program would do it once more. */
  async #again(id: FileId, refused: RefusedName, context: OpContext): Promise<void> {
    const { core, renames, removals } = this.#parts
    if (refused.kind === 'rename') {
      const node = await this.#find(refused.label, context)
      if (node.id !== id || !node.place) throw gone(refused.label)
      const to = splitPath(refused.to!)
      await pinned(core, [node], async () => {
        const parent = await this.#find(to.folder, context)
        await this.#rename(node.place!, { parent, name: toServerName(to.name) }, context)
        renames.tryNow((each) => each === node)
      })
    } else {
      const deepestFirst = [...(refused.all ?? [refused.label])].sort((a, b) => depthOf(b) - depthOf(a))
      for (const label of deepestFirst) await this.#remove(await this.#find(label, context), context)
      removals.tryNow()
    }
    core.refused.forget(id)
    await core.pending.written()
  }

  /** Nobody asked a kernel for it: all of them have to hear of it. */
  async #rename(from: NodePlace, to: NodePlace, context: OpContext): Promise<void> {
    const { core, renaming } = this.#parts
    await renaming.rename(shown(from), shown(to), { noReplace: true }, context)
    for (const at of [from, to]) tellKernels(core, at)
  }

  /** The same. */
  async #remove(node: Node, context: OpContext): Promise<void> {
    const { core, namespace } = this.#parts
    if (!node.place) throw gone(node.label)
    const { parent, name } = shown(node.place)
    if (node.isFolder) await namespace.rmdir(parent, name, context)
    else await namespace.unlink(parent, name, context)
    core.kernel.deleteEntry(parent, node.ino, name)
  }

  async #removeNew(node: Node, context: OpContext): Promise<DiscardOutcome> {
    try {
      await this.#remove(node, context)
    } catch (error) {
      if (error instanceof FsError && error.errno === Errno.ENOTEMPTY) return 'not empty'
      throw error
    }
    await this.#parts.core.pending.written()
    return 'new name'
  }

  /** Programs see it under the name that the server has. Not where that would bring back something else too, or not bring it back. */
  async #takeBack(node: Node, context: OpContext): Promise<DiscardOutcome> {
    const { core, renames, removals } = this.#parts
    const { place } = node
    const { origin = node.remotePlace, replaced } = renames.waiting().get(node)!
    if (!place || !origin) return 'nothing to discard'
    if (replaced || removals.at(place.parent, place.name)) return 'has replaced'
    if (origin.parent.isUnlinked) return 'folder deleted'
    try {
      await this.#rename(place, origin, context)
    } catch (error) {
      if (error instanceof FsError && error.errno === Errno.EEXIST) return 'name taken'
      throw error
    }
    renames.tryNow((each) => each === node)
    await core.pending.written()
    return 'rename'
  }

  async #find(label: string, { signal }: OpContext): Promise<Node> {
    const { core } = this.#parts
    let node = core.tree.table.root
    for (const name of label.split('/').filter(Boolean))
      node = await requireChild(core, node, toServerName(name), signal)
    return node
  }
}

function shown({ parent, name }: NodePlace): Place {
  return { parent: parent.ino, name: toPosixName(name) }
}

function gone(label: string): FsError {
  return new FsError(Errno.ENOENT, `${label} is not what it was when the server refused it`)
}

function splitPath(label: string): { folder: string; name: string } {
  const slash = label.lastIndexOf('/')
  return { folder: label.slice(0, slash), name: label.slice(slash + 1) }
}

function depthOf(label: string): number {
  return label.split('/').length
}
