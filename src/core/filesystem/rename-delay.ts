/**
 * Editors save by renaming the original away, writing a new file in its place and removing the original (vim, Office). Sent
 * one by one, the file would lose its id, history and shares. So the rename of a clean file waits a moment:
 *
 *   renamed ──(a new file takes the old name, the original is unlinked)──▶ the new file becomes the next version of the original
 *      └────(time passes, or anything needs the names at the server)─────▶ sent
 *
 * The same for a file that somebody has open and that is unlinked or renamed over: most often its successor takes the name
 * at once (libfuse 2 turns a rename over an open file into an unlink before it).
 *
 * Nothing is lost when the process dies in between: the server still has the file under its old name.
 */
import type { Node } from '../inode/index.ts'
import type { Core } from './core.ts'
import { renameOnServer } from './server-rename.ts'

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

  constructor(core: Core) {
    this.#core = core
  }

  has(node: Node): boolean {
    return this.#delayed.has(node)
  }

  /** The file that the server still has under `name` of `folder`, although it was renamed here. */
  formerOf(folder: Node, name: string): Node | undefined {
    for (const node of this.#delayed.keys()) {
      if (node.remotePlace?.parent === folder && node.remotePlace.name === name) return node
    }
    return undefined
  }

  /** The file that was unlinked here and that the server still has under `name` of `folder`. */
  removedAt(folder: Node, name: string): Node | undefined {
    const former = this.formerOf(folder, name)
    return former?.isUnlinked && !this.#delayed.get(former)?.sending ? former : undefined
  }

  /** `node` has its new place already; the server hears of it later. */
  addRename(node: Node): void {
    this.#add(node, () => this.#sendRename(node))
  }

  /** `node` has no place any more; `send` removes it at the server. */
  addRemoval(node: Node, send: () => Promise<void>): void {
    this.#add(node, async () => {
      const former = node.remotePlace
      try {
        await send()
      } catch (error) {
        if (former && node.isUnlinked) this.#takeBack(node, former)
        throw error
      }
    })
  }

  #add(node: Node, send: () => Promise<void>): void {
    const folder = node.remotePlace?.parent
    node.pins += 1
    if (folder) folder.pins += 1
    const { clock, options } = this.#core
    const cancelTimer = clock.after(options.renameDelayMs, () => {
      this.settle(node).catch((error: unknown) => {
        const fields = { file: node.label, error: String(error) }
        this.#core.log.warn('a rename or deletion was refused by the server and taken back', fields)
      })
    })
    this.#delayed.set(node, { cancelTimer, send, folder, sending: undefined })
  }

  /** Forgets the rename without sending it: somebody else took over the file's id, or it is deleted under its old name. */
  drop(node: Node): void {
    const delayed = this.#delayed.get(node)
    if (!delayed) return
    delayed.cancelTimer()
    this.#delayed.delete(node)
    for (const held of [node, delayed.folder]) {
      if (!held) continue
      held.pins -= 1
      this.#core.tree.table.release(held)
    }
  }

  /** Sends the rename or removal of `node` now, if it waits. @throws {FsError} when the server refuses: then it is taken back. */
  async settle(node: Node): Promise<void> {
    const delayed = this.#delayed.get(node)
    if (!delayed) return
    delayed.cancelTimer()
    delayed.sending ??= delayed.send().finally(() => this.drop(node))
    await delayed.sending
  }

  /** Waits for a rename that is on its way; one that still waits stays. */
  async settleIfSending(node: Node): Promise<void> {
    await this.#delayed.get(node)?.sending
  }

  /** Sends what stands in the way of an upload of `node` under its name. */
  async settleFor(node: Node): Promise<void> {
    await this.settle(node)
    const at = node.place
    const former = at && this.formerOf(at.parent, at.name)
    if (former && former !== node) await this.settle(former)
  }

  /** Sends everything that waits in or below `folder`. */
  async settleWithin(folder: Node): Promise<void> {
    const below = [...this.#delayed.keys()].filter(
      (node) => node.remotePlace?.parent.isWithin(folder) || node.place?.parent.isWithin(folder),
    )
    await Promise.all(below.map((node) => this.settle(node)))
  }

  async #sendRename(node: Node): Promise<void> {
    const { place, remotePlace } = node
    if (!place || !remotePlace) return
    try {
      await renameOnServer(this.#core, node, place)
    } catch (error) {
      if (node.place === place) this.#takeBack(node, remotePlace)
      throw error
    }
  }

  #takeBack(node: Node, former: NonNullable<Node['remotePlace']>): void {
    const shown = node.place
    if (former.parent.children.has(former.name)) node.detach()
    else node.moveTo(former.parent, former.name)
    if (shown) this.#core.kernel.invalidateEntry(shown.parent.ino, shown.name)
  }
}
