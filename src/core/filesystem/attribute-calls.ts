import type { Node } from '../inode/index.ts'
import { isRemotelyWithin } from './folder-moves.ts'

/**
 * Calls on their way that change attributes of what lies at certain paths. Whatever takes such a path away from its object (a
 * rename, a deletion, an upload that makes the object anew) waits for them, or they would meet another one.
 */
export class AttributeCalls {
  readonly #running = new Map<Promise<unknown>, readonly Node[]>()

  async run<T>(nodes: readonly Node[], call: () => Promise<T>): Promise<T> {
    const running = call()
    const ended = running.catch(() => undefined)
    this.#running.set(ended, nodes)
    try {
      return await running
    } finally {
      this.#running.delete(ended)
    }
  }

  /** Waits until no call is about the object that `node` stands for, or about anything that the server has in it. */
  async passed(node: Node): Promise<void> {
    for (let running = this.#within(node); running; running = this.#within(node)) await running
  }

  #within(folder: Node): Promise<unknown> | undefined {
    for (const [running, nodes] of this.#running)
      if (nodes.some((node) => node.id === folder.id || isRemotelyWithin(node, folder))) return running
    return undefined
  }
}
