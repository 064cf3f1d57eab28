/** What was found to be as programs here were shown it goes to the trash of the server, and from there when it is to go for good. */
import { isRemoteError } from '../../remote/errors.ts'
import type { RemotePath } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import type { Core } from './core.ts'
import { whyNot } from './pending-change.ts'
import { purgeTrashed, type Meant, type PutBack } from './purge-trashed.ts'
import { isPassing } from './refused-rename.ts'
import { withAllIn, type Found, type Verdict } from './removal-check.ts'
import { keyOf } from './remote-paths.ts'

/** What became of what was to be deleted. */
export interface Outcome {
  /** Gone; none of these lies in another one. */
  readonly remove: readonly Node[]
  /** They are to be seen again: somebody else has changed them in the last moment. */
  readonly shownAgain: readonly Node[]
  /** The server does not delete them, and why. */
  readonly refused: ReadonlyMap<Node, string>
  /** Gone, but something else may be there. */
  readonly gone: readonly Node[]
}

/** With more on one level the server does not come back from deleting it for good, nor from counting it (api/00-live-files §16). */
const mostOnLevel = 30_000

/**
 * In as few calls as can be.
 * @param wanted all that is being deleted
 * @throws {RemoteError} when it is to be tried again
 */
export async function removeAtServer(
  core: Core,
  { remove, gone, inside }: Pick<Verdict, 'remove' | 'gone' | 'inside'>,
  wanted: ReadonlySet<Node>,
): Promise<Outcome> {
  const { refused, putBack } = await new RemovalCalls(core, inside).run(remove)
  const again = new Set(putBack.flatMap((each) => shownAgain(core, each, wanted)))
  const changed = new Set(putBack.map(({ meant }) => core.tree.table.byId(meant.id)))
  const outcome = { remove: [] as Node[], shownAgain: [] as Node[], gone: [...gone], refused }
  for (const node of remove) {
    const all = withAllIn(node, wanted)
    if (refused.has(node)) continue
    if (!changed.has(node)) outcome.remove.push(node)
    else {
      outcome.shownAgain.push(...all.filter((each) => again.has(each)))
      outcome.gone.push(...all.filter((each) => !again.has(each)))
    }
  }
  return outcome
}

/** A folder is back with the folders in it. Of something else under its name our nodes know nothing. */
function shownAgain({ tree }: Core, { meant, id }: PutBack, wanted: ReadonlySet<Node>): Node[] {
  const node = id === meant.id ? tree.table.byId(id) : undefined
  if (!node) return []
  return withAllIn(node, wanted).filter((each) => each === node || each.isFolder)
}

interface Plan {
  readonly node: Node
  readonly path: RemotePath
  /** Deleted for good, it may hang the server. */
  readonly isTooLarge: boolean
  /** To be found in the trash. Of a folder: itself, and the files in it, which go on their own. */
  readonly meant: readonly Meant[]
}

type Refused = ReadonlyMap<Node, string>

class RemovalCalls {
  readonly #core: Core
  readonly #inside: Verdict['inside']
  /** What our calls have put into the trash. */
  readonly #trashed = new Set<string>()
  #sentAtMs = 0

  constructor(core: Core, inside: Verdict['inside']) {
    this.#core = core
    this.#inside = inside
  }

  async run(nodes: readonly Node[]): Promise<{ refused: Refused; putBack: readonly PutBack[] }> {
    const plans = nodes.flatMap((node) => this.#plan(node))
    let failure: unknown
    let refused: Refused = new Map()
    try {
      refused = await this.#toTrash(plans)
    } catch (error) {
      if (isServerLost(error)) throw error
      failure = error
    }
    const isTrashed = ({ path }: { path: RemotePath }) => this.#trashed.has(keyOf(path))
    for (const plan of plans) if (plan.isTooLarge && isTrashed(plan)) this.#warnOfSize(plan)
    const meant = plans.flatMap((plan) => plan.meant).filter(isTrashed)
    const putBack = await purgeTrashed(this.#core, meant, this.#sentAtMs)
    // The next try finds out what is done.
    if (failure !== undefined) throw failure
    return { refused, putBack }
  }

  #plan(node: Node): Plan[] {
    const path = node.remotePath
    if (!path) return []
    if (!this.#core.options.deletePermanently) return [{ node, path, isTooLarge: false, meant: [] }]
    const inside = this.#inside.get(node) ?? []
    if (largestLevel(inside) > mostOnLevel) return [{ node, path, isTooLarge: true, meant: [] }]
    const files = inside.filter(({ entry }) => entry.kind === 'file')
    const folders = node.isFolder ? inside.length - files.length : undefined
    const self = { path, id: node.id!, entity: node.isFolder ? undefined : node.entry?.entity, folders }
    return [{ node, path, isTooLarge: false, meant: [self, ...files.map(toMeant)] }]
  }

  /** Answers what the server refuses to delete. @throws {RemoteError} when it is to be tried again */
  async #toTrash(plans: readonly Plan[]): Promise<Refused> {
    try {
      for (const paths of stepsOf(plans)) await this.#call(paths)
      return new Map()
    } catch (error) {
      const [first] = plans as readonly [Plan]
      if (plans.length === 1 && !isPassing(error)) return new Map([[first.node, whyNot(error)]])
      // One that is locked or refused keeps all others of its call from being deleted.
      if (plans.length === 1 || isServerLost(error)) throw error
    }
    return this.#oneByOne(plans)
  }

  async #oneByOne(plans: readonly Plan[]): Promise<Refused> {
    const refused = new Map<Node, string>()
    let failure: unknown
    for (const plan of plans) {
      try {
        for (const [node, reason] of await this.#toTrash([plan])) refused.set(node, reason)
      } catch (error) {
        failure ??= error
      }
    }
    if (failure !== undefined) throw failure
    return refused
  }

  async #call(paths: readonly RemotePath[]): Promise<void> {
    const { changing, remote, patience } = this.#core
    const left = paths.filter((path) => !this.#trashed.has(keyOf(path)))
    if (left.length === 0) return
    let absent: readonly RemotePath[] = []
    this.#sentAtMs = remote.now()
    try {
      await patience.run(`/${keyOf(left[0]!)}`, () => changing.remove(left))
    } catch (error) {
      // Somebody else has deleted some of it in this moment; the rest is done (api/00-live-files §15).
      if (!isRemoteError(error, 'not-found')) throw error
      absent = error.absent.length > 0 ? error.absent : left
    }
    const missing = new Set(absent.map(keyOf))
    for (const path of left) if (!missing.has(keyOf(path))) this.#trashed.add(keyOf(path))
  }

  #warnOfSize({ path }: Plan): void {
    this.#core.log.warn(
      `more than ${mostOnLevel.toLocaleString('en')} files on one level of a folder can hang the server when they are deleted for good: it stays in ` +
        'the trash of the drive. To be rid of it, restore it there and delete what is in it bit by bit',
      { file: keyOf(path) },
    )
  }
}

/** What was there before goes before the folders that it is in. */
function stepsOf(plans: readonly Plan[]): RemotePath[][] {
  const inFolders = plans.flatMap(({ path, meant }) =>
    meant.filter((each) => each.path !== path).map((each) => each.path),
  )
  const tops = (isFolder: boolean) =>
    plans.filter(({ node }) => node.isFolder === isFolder).map(({ path }) => path)
  if (plans.every(({ meant }) => meant.length === 0)) return [plans.map(({ path }) => path)]
  return [[...inFolders, ...tops(false)], tops(true)]
}

function toMeant({ path, entry: { id, entity } }: Found): Meant {
  return { path, id, entity, folders: undefined }
}

function largestLevel(inside: readonly Found[]): number {
  const levels = new Map<number, number>()
  for (const { path } of inside) levels.set(path.length, (levels.get(path.length) ?? 0) + 1)
  return Math.max(0, ...levels.values())
}

function isServerLost(error: unknown): boolean {
  return isRemoteError(error, 'offline', 'server', 'unknown-outcome')
}
