/**
 * Requests that change names and folders at the server. They name what they change by its path, where somebody else may have put
 * another object since:
 * - a rename is answered with an id. A foreign one gets its name again, and ours is looked for by its id
 * - a move is not: it goes out where the places are known to be right, or after the server was asked for them
 */
import { absentAsUndefined, isRemoteError, RemoteError } from '../../remote/errors.ts'
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import { samePath } from '../tree/index.ts'
import { mayHaveBeenDone } from '../write/index.ts'
import { misplaced } from './confirm-places.ts'
import type { Core } from './core.ts'
import { isRemotelyWithin } from './folder-moves.ts'
import {
  folderGone,
  keepTimes,
  recordStep,
  renameBack,
  stepsOf,
  warnOfStranger,
  type RenameStep,
} from './server-rename.ts'

export interface RelocationParts {
  readonly core: Core
  /** Its rename or removal is still to be done. */
  readonly isWaiting: (node: Node) => boolean
  /** The server has it somewhere else, perhaps. */
  readonly relocated: (node: Node) => void
  /** Where the server has it by now is found out by its id. False: nowhere. @throws {RemoteError} */
  readonly follow: (node: Node) => Promise<boolean>
  /** It is not there any more by somebody else's doing. */
  readonly gone: (node: Node) => void
}

export class Relocations {
  readonly #parts: RelocationParts
  /** They are not where they were, and it is not known yet where they are. */
  readonly #lost = new WeakSet<Node>()
  /** Where the server may have them already: a request that says so is on its way, or nobody knows what it has done. */
  readonly #arriving = new Map<Node, NodePlace>()

  constructor(parts: RelocationParts) {
    this.#parts = parts
  }

  get #core(): Core {
    return this.#parts.core
  }

  /** What the server may have at `place` by a request of ours, though nothing of it is known yet. */
  arrivingAt(place: NodePlace): Node | undefined {
    for (const [node, to] of this.#arriving) if (samePlace(to, place)) return node
    return undefined
  }

  /** Where the server may have `node` already, though nothing of that is known yet. */
  arrivalOf(node: Node): NodePlace | undefined {
    return this.#arriving.get(node)
  }

  /** Nobody waits any more for what has become of `node`. */
  forget(node: Node): void {
    this.#arriving.delete(node)
  }

  /**
   * Brings `nodes` by one request to where `next` says; more than one: to one folder, under the names that they have. Meanwhile
   * nothing else is sent to what moves, or below it. Does nothing where something else has happened until then; one that somebody else
   * has moved is where that is afterwards. @throws {RemoteError} where some of it failed
   */
  async run(nodes: readonly Node[], next: (node: Node) => NodePlace): Promise<void> {
    const { folderMoves } = this.#core
    const moves = nodes.map((node) => ({
      node,
      to: next(node),
      place: node.place,
      from: node.remotePlace,
    }))
    const isStill = ({ node, place, from }: (typeof moves)[number]) =>
      this.#parts.isWaiting(node) && node.place === place && node.remotePlace === from
    const ends = moves.flatMap(({ to, from }) => [to.parent, ...(from ? [from.parent] : [])])
    for (const node of nodes) await folderMoves.passed(node)
    await folderMoves.use([...new Set(ends)], async () => {
      if (nodes.some((node) => folderMoves.isMoving(node)) || !moves.every(isStill)) return
      await folderMoves.runAll(nodes, () => this.#runQuiet(nodes, () => moves.filter(isStill)))
    })
  }

  async #runQuiet(
    nodes: readonly Node[],
    wanted: () => readonly { readonly node: Node; readonly to: NodePlace }[],
  ): Promise<void> {
    for (const node of nodes) await this.#core.attributeCalls.passed(node)
    const isBelow = (each: Node) => nodes.some((node) => isRemotelyWithin(each, node))
    const all = [...this.#core.tree.table.nodes()]
    const below = all.filter((each) => each.content?.isDirty && isBelow(each))
    const releases = await Promise.all(below.map((each) => each.content!.pause()))
    try {
      const places = new Map(wanted().map(({ node, to }) => [node, to]))
      if (places.size > 0) await this.#send([...places.keys()], (node) => places.get(node)!)
    } catch (error) {
      if (isRemoteError(error, 'offline')) this.#core.server.missed()
      throw error
    } finally {
      for (const release of releases) release()
      for (const node of nodes) this.#parts.relocated(node)
    }
  }

  async #send(nodes: readonly Node[], next: (node: Node) => NodePlace): Promise<void> {
    const lost = nodes.filter((node) => this.#lost.has(node) || !node.remotePath)
    for (const node of lost) await this.#lookFor(node)
    const steps = stepsOf(
      nodes.filter((node) => !lost.includes(node)),
      next,
    )
    const [first] = steps
    if (!first) return
    const isRename = first.from.parent === first.to.parent
    const right = isRename ? steps : await this.#wellPlaced(steps)
    if (right.length === 0) return
    for (const step of right) {
      keepTimes(this.#core, step)
      this.#arriving.set(step.node, step.to)
    }
    await (isRename ? this.#rename(first) : this.#move(right))
    this.#heardOf(right)
  }

  /** The server has said what has become of them. */
  #heardOf(steps: readonly RenameStep[]): void {
    for (const { node } of steps) this.#arriving.delete(node)
  }

  /** Those of a move that need not be looked for; none while their folder had to be: where that is the next try names it. */
  async #wellPlaced(steps: readonly RenameStep[]): Promise<readonly RenameStep[]> {
    const [first] = steps
    const folder = first!.to.parent
    const wrong = await misplaced(this.#core, [...steps.map(({ node }) => node), folder])
    for (const node of wrong)
      await (node === folder ? this.#lookForFolder(folder, first!) : this.#lookElsewhere(node))
    return wrong.includes(folder) ? [] : steps.filter(({ node }) => !wrong.includes(node))
  }

  async #rename(step: RenameStep): Promise<void> {
    const { changing } = this.#core
    const answer = await changing.rename(step.path, step.to.name).catch((error: unknown) => ({ error }))
    if ('error' in answer) return this.#failed([step], answer.error)
    if (answer.id === step.id) return recordStep(this.#core, step)
    this.#lost.add(step.node)
    await renameBack(this.#core, step, answer)
    return this.#lookElsewhere(step.node)
  }

  async #move(steps: readonly RenameStep[]): Promise<void> {
    const { changing } = this.#core
    const folder = steps[0]!.expected.slice(0, -1)
    const paths = steps.map(({ path }) => path)
    try {
      await changing.move(paths, folder)
    } catch (error) {
      return this.#failed(steps, error)
    }
    for (const step of steps) recordStep(this.#core, step)
    return undefined
  }

  /** A repeated or unanswered request finds its source gone: it is done where the object is where it should be. */
  async #failed(steps: readonly RenameStep[], error: unknown): Promise<void> {
    if (isRemoteError(error, 'not-found', 'unknown-outcome', 'exists'))
      for (const step of steps) {
        const found = await absentAsUndefined(this.#core.remote.info(step.expected))
        if (found?.id === step.id) recordStep(this.#core, step)
        else if (found && isRemoteError(error, 'unknown-outcome')) await this.#suspect(step)
      }
    const [left] = steps.filter(({ node, path }) => samePath(node.remotePath, path))
    if (!left) return
    if (!mayHaveBeenDone(error)) this.#heardOf(steps)
    if (steps.length > 1 || !isRemoteError(error, 'not-found')) throw error
    await this.#lookElsewhere(left.node, left)
  }

  /** Nobody knows what an unanswered request has done, and another object has the new name. */
  async #suspect({ node, path, expected }: RenameStep): Promise<void> {
    await this.#lookFor(node)
    if (!samePath(node.remotePath, path)) warnOfStranger(this.#core, node.label, expected)
  }

  /** What was thought of the place of `node` is wrong; with a move, that of the folder may be. */
  async #lookElsewhere(node: Node, move?: RenameStep): Promise<void> {
    const former = node.remotePath
    await this.#lookFor(node)
    if (!samePath(node.remotePath, former)) return undefined
    if (move && move.from.parent !== move.to.parent) return this.#lookForFolder(move.to.parent, move)
    throw new RemoteError('conflict', `${node.label} is being moved at the server`)
  }

  async #lookFor(node: Node): Promise<void> {
    const { follow, gone } = this.#parts
    this.#lost.add(node)
    // What was deleted here as well is left alone where somebody else has put it.
    if (node.isUnlinked || !(await follow(node))) gone(node)
    this.#lost.delete(node)
    this.#arriving.delete(node)
  }

  async #lookForFolder(folder: Node, { node }: RenameStep): Promise<void> {
    const former = folder.remotePath
    if (folder.isRoot || !(await this.#parts.follow(folder))) throw folderGone(node)
    if (samePath(folder.remotePath, former))
      throw new RemoteError('conflict', `${folder.label} is being moved at the server`)
  }
}
