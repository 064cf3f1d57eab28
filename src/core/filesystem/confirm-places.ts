/**
 * Before something is sent that the server does by path and answers without an id: is the object that is meant still there? A
 * recent listing of its folder, newer than the last outage, is enough; where there is none, the server is asked once.
 */
import PQueue from 'p-queue'
import { absentAsUndefined, isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import type { Listing } from '../tree/index.ts'
import type { Core } from './core.ts'

/** What is known of a folder may be so old, ms, or older while the server tells of changes. Who changes something has mostly just looked at it. */
const recentMs = 60_000
/** From so many objects of one folder on, its listing costs less than asking for each. */
const listFrom = 3
const foldersAtATime = 6

/**
 * Afterwards nodes are where the server has them; what is gone from where it was is vanished. Answers which could not be asked
 * about, and why.
 */
export async function confirmPlaces(core: Core, nodes: readonly Node[]): Promise<Map<Node, unknown>> {
  for (const node of nodes) await core.folderMoves.passed(node)
  const byParent = childrenByParent(nodes.filter(({ remotePlace }) => remotePlace?.parent.remotePath))
  const failures = new Map<Node, unknown>()
  const unknown = [...byParent].filter(([parent, children]) => !isKnown(core, parent, children))
  const questions = new PQueue({ concurrency: foldersAtATime })
  await questions.addAll(
    unknown.map(([parent, children]) => async () => {
      await ask(core, parent, children).catch((error: unknown) => {
        // The folder itself is gone: what was in it is looked for by id.
        if (isRemoteError(error, 'not-found') || parent.isUnlinked) return
        for (const node of children) failures.set(node, error)
      })
    }),
  )
  return failures
}

/**
 * Those of `nodes` that are not where the server was thought to have them. Nothing becomes of them here, other than of what
 * `confirmPlaces` looks at. @throws {RemoteError} when the server cannot be asked
 */
export async function misplaced(core: Core, nodes: readonly Node[]): Promise<Node[]> {
  const unsure = nodes.filter((node) => !node.isRoot && !(node.isFolder && recentListing(core, node)))
  const groups = [...childrenByParent(unsure)].filter(
    ([parent, children]) => !isKnown(core, parent, children),
  )
  const found = await Promise.all(groups.map(([parent, children]) => misplacedIn(core, parent, children)))
  return found.flat()
}

async function misplacedIn(core: Core, parent: Node, nodes: readonly Node[]): Promise<Node[]> {
  if (nodes.length < listFrom) {
    const found = await Promise.all(nodes.map((node) => entryOf(core, node)))
    return nodes.filter((node, index) => found[index]?.id !== node.id)
  }
  const listing = parent.isUnlinked ? undefined : await absentAsUndefined(core.tree.refresh(parent))
  return nodes.filter(({ remotePlace, id }) => listing?.entries.get(remotePlace?.name ?? '')?.id !== id)
}

/** By the folder in which the server has them. @requires that each has a place there */
export function childrenByParent(nodes: readonly Node[]): Map<Node, Node[]> {
  const byParent = new Map<Node, Node[]>()
  for (const node of nodes) {
    const { parent } = node.remotePlace!
    const children = byParent.get(parent)
    if (children) children.push(node)
    else byParent.set(parent, [node])
  }
  return byParent
}

function isKnown(core: Core, parent: Node, nodes: readonly Node[]): boolean {
  const listing = recentListing(core, parent)
  return !!listing && nodes.every(({ remotePlace, id }) => listing.entries.get(remotePlace!.name)?.id === id)
}

/** What is known of a folder, if that is believed now: it has come from the folder's path, with the folder's id. */
function recentListing({ tree, clock, server }: Core, folder: Node): Listing | undefined {
  const listing = folder.id === undefined ? undefined : tree.folders.peek(folder.id)
  if (!listing || listing.askedAt < server.missedAt || tree.folders.isDoubtful(folder.id!)) return undefined
  if (listing.askedAt < clock.monotonic() - recentMs && tree.trusted(folder) !== listing) return undefined
  return listing
}

async function ask(core: Core, parent: Node, nodes: readonly Node[]): Promise<void> {
  if (nodes.length < listFrom) {
    const found = await core.folderMoves.use(nodes, () =>
      Promise.all(nodes.map((node) => entryOf(core, node))),
    )
    if (found.every((entry, index) => isSame(nodes[index]!, entry))) {
      for (const [index, node] of nodes.entries()) core.tree.table.bind(node, found[index]!)
      return
    }
  }
  await core.tree.refresh(parent)
}

async function entryOf({ remote }: Core, node: Node): Promise<RemoteEntry | undefined> {
  const path = node.remotePath
  return path && absentAsUndefined(remote.info(path))
}

function isSame({ entry }: Node, found: RemoteEntry | undefined): boolean {
  return found !== undefined && found.id === entry?.id && found.entity === entry.entity
}
