import type { Node } from '../inode/index.ts'

/**
 * Files and folders that are on their way to another name, and requests that carry a path. What is sent to or below one that moves
 * waits, or its path would make the old name again; one moves when nothing is on its way below it.
 */
export class FolderMoves {
  readonly #moving = new Map<Node, Promise<unknown>>()
  /** Of them, those that do not wait any more for what is on its way below. */
  readonly #begun = new Set<Promise<unknown>>()
  readonly #used = new Map<Promise<unknown>, readonly Node[]>()

  /** `work` gives `folder` another name. */
  run<T>(folder: Node, work: () => Promise<T>): Promise<T> {
    return this.runAll([folder], work)
  }

  async runAll<T>(nodes: readonly Node[], work: () => Promise<T>): Promise<T> {
    const moving = this.#unused(nodes).then(() => {
      this.#begun.add(quiet)
      return work()
    })
    const quiet = moving.catch(() => undefined)
    for (const node of nodes) this.#moving.set(node, quiet)
    try {
      return await moving
    } finally {
      for (const node of nodes) if (this.#moving.get(node) === quiet) this.#moving.delete(node)
      this.#begun.delete(quiet)
    }
  }

  /** `work` sends something to the paths of `nodes`, which stay what they are until it ends. */
  async use<T>(nodes: readonly Node[], work: () => Promise<T>): Promise<T> {
    while (nodes.some((node) => this.isMoving(node))) for (const node of nodes) await this.passed(node)
    const using = work()
    const quiet = using.catch(() => undefined)
    this.#used.set(quiet, nodes)
    try {
      return await using
    } finally {
      this.#used.delete(quiet)
    }
  }

  /** Waits until no folder above `node`, nor itself, is being moved. */
  async passed(node: Node): Promise<void> {
    for (let moving = this.#above(node); moving; moving = this.#above(node)) await moving
  }

  /** The same without moves that wait themselves: who asks may be what they wait for. */
  async still(node: Node): Promise<void> {
    const isBegun = (moving: Promise<unknown>) => this.#begun.has(moving)
    for (let moving = this.#above(node, isBegun); moving; moving = this.#above(node, isBegun)) await moving
  }

  isMoving(node: Node): boolean {
    return this.#above(node) !== undefined
  }

  async #unused(nodes: readonly Node[]): Promise<void> {
    const isBelow = (used: Node) => nodes.some((node) => isRemotelyWithin(used, node))
    for (;;) {
      const uses = [...this.#used].filter(([, used]) => used.some(isBelow)).map(([quiet]) => quiet)
      if (uses.length === 0) return
      await Promise.all(uses)
    }
  }

  #above(node: Node, isMeant?: (moving: Promise<unknown>) => boolean): Promise<unknown> | undefined {
    if (this.#moving.size === 0) return undefined
    for (let at: Node | undefined = node; at; at = at.remoteParent) {
      const moving = this.#moving.get(at)
      if (moving && isMeant?.(moving) !== false) return moving
    }
    return undefined
  }
}

/** By where the server has them. */
export function isRemotelyWithin(node: Node, folder: Node): boolean {
  for (let at: Node | undefined = node; at; at = at.remoteParent) if (at === folder) return true
  return false
}

/** Those that lie in none of the others. */
export function disjoint(nodes: readonly Node[]): Node[] {
  return nodes.filter((node) => !nodes.some((other) => other !== node && isRemotelyWithin(node, other)))
}
