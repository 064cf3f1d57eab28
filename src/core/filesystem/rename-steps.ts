/** The requests that bring what was renamed here to its new place at the server, one after the other. */
import { isRemoteError } from '../../remote/errors.ts'
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import type { Core } from './core.ts'
import { isWanted } from './delayed-rename.ts'
import { disjoint, isRemotelyWithin } from './folder-moves.ts'
import { isPassing } from './refused-rename.ts'
import type { Relocations } from './relocations.ts'
import { freeName, nextPlace } from './server-rename.ts'

/** At most so many files and folders are moved by one request; the server takes 3,000 (api/00-live-files §15). */
const mostAtOnce = 1_000

export interface RenameStepsParts {
  readonly core: Core
  readonly relocations: Relocations
  readonly waiting: () => Iterable<Node>
  /** It depends on nothing any more. */
  readonly isReady: (node: Node) => boolean
}

export class RenameSteps {
  readonly #parts: RenameStepsParts

  constructor(parts: RenameStepsParts) {
    this.#parts = parts
  }

  /**
   * The next request for `node`; what else moves to its folder under the name that it has goes with it. Refused for a place that
   * `node` has been taken from meanwhile, it says nothing about the one that it has now. @requires that it is ready
   */
  async next(node: Node): Promise<void> {
    const to = node.place!
    try {
      await this.#step(node, to)
    } catch (error) {
      if (isPassing(error) || !isWanted(node) || samePlace(node.place, to)) throw error
    }
  }

  /** Makes room for what it waits for itself: under a name that nobody uses, until it gets its own. */
  async aside(node: Node, folder: Node): Promise<void> {
    const { relocations } = this.#parts
    const from = node.remotePlace
    if (!from) return
    const name = freeName()
    await relocations.run([node], () => ({ parent: from.parent, name }))
    const at = node.remotePlace
    if (at?.name === name && at.parent !== folder)
      await relocations.run([node], () => ({ parent: folder, name }))
  }

  async #step(node: Node, to: NodePlace): Promise<void> {
    const { core, relocations } = this.#parts
    const next = nextPlace(core, node, to)
    if (next !== to) return this.#stepBetween(node, next)
    if (next.parent === node.remotePlace!.parent) return relocations.run([node], () => next)
    const together = [node, ...disjoint(this.#beside(node, to))].slice(0, mostAtOnce)
    try {
      return await relocations.run(together, (each) => each.place ?? to)
    } catch (error) {
      // One that is locked or refused keeps all others of its call from being moved.
      if (together.length === 1 || isRemoteError(error, 'offline', 'server', 'unauthenticated')) throw error
    }
    return node.remotePlace === to ? undefined : relocations.run([node], () => to)
  }

  /** What can be moved by the same request. */
  #beside(node: Node, to: NodePlace): Node[] {
    const { waiting, isReady } = this.#parts
    return [...waiting()].filter(
      (other) =>
        other !== node &&
        other.place?.parent === to.parent &&
        other.remotePlace?.name === other.place.name &&
        isReady(other) &&
        !isRemotelyWithin(other, node) &&
        !isRemotelyWithin(node, other),
    )
  }

  /** Half of a move: what somebody else has put under the name on the way is no reason to refuse the whole. */
  async #stepBetween(node: Node, next: NodePlace): Promise<void> {
    const { relocations } = this.#parts
    const from = node.remotePlace!
    try {
      await relocations.run([node], () => next)
    } catch (error) {
      if (!isRemoteError(error, 'exists') || node.remotePlace !== from) throw error
      await relocations.run([node], () => ({ parent: from.parent, name: freeName() }))
    }
  }
}
