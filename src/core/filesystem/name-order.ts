import type { Node } from '../inode/index.ts'
import { isRemotelyWithin } from './folder-moves.ts'

export interface NameStates {
  /** What was renamed or moved here and not at the server. */
  readonly waiting: () => Iterable<Node>
  /** What the server still has under `name` of `folder`, although it was renamed or deleted here. */
  readonly formerOf: (folder: Node, name: string) => Node | undefined
}

/**
 * In which order names can be changed at the server, read from where nodes are here and where they are there. A node waits for
 * - its folder, where that is to be made,
 * - what has its name at the server and is to go from there,
 * - a folder: what is between it and the folder that it is moved into, below itself as yet,
 * - one that is to be deleted: everything that was moved out of it.
 *
 * What waits for itself in a circle (two names that were swapped) is broken up: one of it steps aside.
 */
export class NameOrder {
  readonly #states: NameStates

  constructor(states: NameStates) {
    this.#states = states
  }

  /** What has the name of `node` at the server, and is to go from there. */
  formerOf(node: Node): Node | undefined {
    const { place } = node
    const former = place && this.#states.formerOf(place.parent, place.name)
    return former === node ? undefined : former
  }

  /** Of what is to be moved out of the folder `node` before that can be moved into it, or below it: the nearest to `node`. */
  insideOf(node: Node): Node | undefined {
    const { place, remotePlace } = node
    if (!node.isFolder || !place || !remotePlace) return undefined
    let inner: Node | undefined
    for (let at: Node | undefined = place.parent; at; at = at.remoteParent) {
      if (at === node) return inner
      inner = at.place && !at.isWithin(node) ? at : inner
    }
    return undefined
  }

  /** What is in `folder` at the server, and not here. */
  leaving(folder: Node): Node[] {
    return [...this.#states.waiting()].filter(
      (node) => node !== folder && isRemotelyWithin(node, folder) && node.place && !node.isWithin(folder),
    )
  }

  /** `node` cannot be sent before `other`. */
  waitsFor(node: Node, other: Node): boolean {
    const seen = new Set<Node>()
    const left = [node]
    for (let at = left.pop(); at; at = left.pop()) {
      if (seen.has(at)) continue
      seen.add(at)
      const before = this.#before(at)
      if (before.includes(other)) return true
      left.push(...before)
    }
    return false
  }

  #before(node: Node): Node[] {
    const { place } = node
    if (!place) return node.isFolder && node.remotePlace ? this.leaving(node) : []
    const former = this.formerOf(node)
    const inner = this.insideOf(node)
    return [
      ...(place.parent.isNew ? [place.parent] : []),
      ...(former ? [former] : []),
      ...(inner ? [inner] : []),
    ]
  }
}
