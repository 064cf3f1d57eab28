/**
 * Before something is sent that the server does by path and answers without an id: is the object that is meant still there? A
 * recent listing of its folder is enough; where there is none, the server is asked once.
 */
import PQueue from 'p-queue'
import { absentAsUndefined, isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import type { Core } from './core.ts'

/** What is known of a folder may be so old, ms, or older while the server tells of changes. Who changes something has mostly just looked at it. */
const recentMs = 60_000
/** From so many objects of one folder on, its listing costs less than asking for each. */
const listFrom = 3
const foldersAtATime = 6

/**
 * Afterwards nodes are where the server has them; what is gone from where it was is vanished. `since`: what was known earlier is
 * not enough, monotonic ms. Answers which could not be asked about, and why.
 */
export async function confirmPlaces(
  core: Core,
  nodes: readonly Node[],
  since: number,
): Promise<Map<Node, unknown>> {
  const byParent = new Map<Node, Node[]>()
  for (const node of nodes) {
    await core.folderMoves.passed(node)
    const parent = node.remotePlace?.parent
    if (!parent?.remotePath) continue
    const children = byParent.get(parent) ?? []
    children.push(node)
    byParent.set(parent, children)
  }
  const failures = new Map<Node, unknown>()
  const unknown = [...byParent].filter(([parent, children]) => !isKnown(core, parent, children, since))
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

function isKnown({ tree, clock }: Core, parent: Node, nodes: readonly Node[], since: number): boolean {
  const listing = parent.id === undefined ? undefined : tree.folders.peek(parent.id)
  if (!listing || listing.askedAt < since || tree.folders.isDoubtful(parent.id!)) return false
  if (listing.askedAt < clock.monotonic() - recentMs && tree.trusted(parent) !== listing) return false
  return nodes.every((node) => listing.entries.get(node.remotePlace!.name)?.id === node.id)
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
