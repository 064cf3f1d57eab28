import type { Node } from '../inode/index.ts'

/** Folders that are on their way to another name: what is sent below one waits, or its path would make the old name again. */
export class FolderMoves {
  readonly #moving = new Map<Node, Promise<unknown>>()

  async run<T>(folder: Node, work: () => Promise<T>): Promise<T> {
    const moving = work()
    this.#moving.set(
      folder,
      moving.catch(() => undefined),
    )
    try {
      return await moving
    } finally {
      this.#moving.delete(folder)
    }
  }

  /** Waits until no folder above `node`, nor itself, is being moved. */
  async passed(node: Node): Promise<void> {
    for (let moving = this.#above(node); moving; moving = this.#above(node)) await moving
  }

  #above(node: Node): Promise<unknown> | undefined {
    if (this.#moving.size === 0) return undefined
    for (let at: Node | undefined = node; at; at = (at.remotePlace ?? at.place)?.parent) {
      const moving = this.#moving.get(at)
      if (moving) return moving
    }
    return undefined
  }
}
