/** Sends attributes of files that the server has: at once when a program waits for it, later when the content went first. */
import { backoffMs } from '../../base/backoff.ts'
import { isRemoteError, RemoteError } from '../../remote/errors.ts'
import type { EntityId, MetadataPatch, RemoteEntry } from '../../remote/types.ts'
import { encodeMtime } from '../attributes/index.ts'
import type { Node } from '../inode/index.ts'
import { change, type Core } from './core.ts'
import { mtimeOf } from './node-view.ts'

export class AttributeSender {
  readonly #core: Core
  readonly #later = new Map<Node, Promise<void>>()
  #isClosed = false

  constructor(core: Core) {
    this.#core = core
  }

  /**
   * Applies `patches`: to the server at once when it has the file and nothing of it is unsent, else with or after the
   * content. @throws {RemoteError} what the server said.
   */
  async apply(node: Node, patches: readonly MetadataPatch[], signal?: AbortSignal): Promise<void> {
    const isSending = this.#later.has(node)
    if (node.entry === undefined || node.isLocal || node.isUnlinked || isSending) {
      for (const patch of patches) node.unsent.patches.set(patch.key, patch)
      this.#core.pending.touch(node)
      if (isSending) this.sendLater(node)
      return
    }
    const wanted = patches.filter(({ key, value }) => node.entry!.metadata[key] !== value)
    if (wanted.length === 0) return
    const { patience } = this.#core
    await this.#core.folderMoves.passed(node)
    const call = () => this.#patch(node, wanted)
    await patience.run(node.label, change(this.#core, node.remotePlace?.parent, signal, call), signal)
    this.#applied(node, wanted)
  }

  /** Harmless to repeat, so a lost answer is simply asked for again. */
  async #patch(node: Node, patches: readonly MetadataPatch[]): Promise<void> {
    const send = async () => {
      const path = node.remotePath
      if (!path) throw new RemoteError('not-found', `${node.label}: deleted by somebody else`)
      await this.#core.remote.patchMetadata([path], patches)
    }
    if (node.isFolder) this.#core.changes.keepMtime(node, mtimeOf(this.#core, node))
    await send().catch((error: unknown) => {
      if (isRemoteError(error, 'unknown-outcome')) return send()
      throw error
    })
  }

  /** After an upload: what did not travel with it. */
  sendLater(node: Node): void {
    if (this.#later.has(node) || (node.unsent.patches.size === 0 && !node.unsent.mtime)) return
    node.pins += 1
    const work = this.#send(node).finally(() => {
      this.#later.delete(node)
      node.pins -= 1
      this.#core.tree.table.release(node)
    })
    this.#later.set(node, work)
  }

  /** Waits for everything that is being sent. */
  async drain(): Promise<void> {
    await Promise.all(this.#later.values())
  }

  /** What is not stored yet is not stored any more. */
  close(): void {
    this.#isClosed = true
  }

  /** Until nothing is left: more may come while some is on its way. */
  async #send(node: Node): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      if (node.isUnlinked || node.isLocal) return // travels with the next upload
      const patches = this.#unsent(node)
      if (patches.length === 0) return
      try {
        await this.#core.folderMoves.passed(node)
        if (node.isUnlinked || node.isLocal) return
        await this.#patch(node, patches)
        this.#applied(node, patches)
      } catch (error) {
        if (this.#isClosed) return
        if (!isRemoteError(error) || !error.isTransient) return this.#giveUp(node, error)
        await this.#pause(attempt)
      }
    }
  }

  #pause(attempt: number): Promise<void> {
    const delayMs = backoffMs(attempt, { firstMs: 500, maxMs: 60_000 })
    return new Promise((resolve) => this.#core.clock.after(delayMs, resolve))
  }

  #giveUp(node: Node, error: unknown): void {
    this.#core.log.warn('attributes were not stored', { file: node.label, error: String(error) })
    node.unsent.patches.clear()
    node.unsent.mtime = undefined
    this.#core.pending.touch(node)
  }

  #unsent(node: Node): MetadataPatch[] {
    const { patches, mtime } = node.unsent
    const all = [...patches.values()].filter(({ key, value }) => node.entry!.metadata[key] !== value)
    if (mtime) all.push(encodeMtime(mtime, holderOf(node.entry!)))
    if (all.length === 0) {
      patches.clear()
      node.unsent.mtime = undefined
      this.#core.pending.touch(node)
    }
    return all
  }

  #applied(node: Node, patches: readonly MetadataPatch[]): void {
    this.#core.pending.touch(node)
    const metadata: Record<string, string> = { ...node.entry!.metadata }
    for (const { key, value } of patches) {
      if (value === undefined) delete metadata[key]
      else metadata[key] = value
      // Set to something else while this was on its way: that is still to be sent.
      if (node.unsent.patches.get(key)?.value === value) node.unsent.patches.delete(key)
    }
    if (node.unsent.mtime) {
      const { key, value } = encodeMtime(node.unsent.mtime, holderOf(node.entry!))
      if (metadata[key] === value) node.unsent.mtime = undefined
    }
    this.#record(node, { ...node.entry!, metadata })
  }

  #record(node: Node, entry: RemoteEntry): void {
    this.#core.tree.table.bind(node, entry)
    const folder = node.remotePlace?.parent
    if (folder && !folder.isUnlinked) this.#core.tree.placed(folder, entry)
  }
}

/** What a chosen time holds for. A file that never had content has no entity. */
export function holderOf({ entity, sizeBytes }: RemoteEntry): { entity: EntityId } | { sizeBytes: number } {
  return entity ? { entity } : { sizeBytes }
}
