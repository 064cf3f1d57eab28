/**
 * Uploads of which nobody knows, nor can ask, whether they have arrived, of files that are renamed, replaced or deleted meanwhile. Later
 * what the server has is told by its bytes: it is ours, and nobody else's change.
 */
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Node, NodePlace } from '../inode/index.ts'
import { wasSent } from '../write/index.ts'
import type { Core } from './core.ts'
import type { RenameDelay } from './rename-delay.ts'

/** As `FileContent.settleSent`, where the file is at the server. What stays open is kept with the node. */
export async function settleSent({ folderMoves }: Core, node: Node): Promise<void> {
  const { content } = node
  const unheard = content?.isDirty ? await folderMoves.use([node], () => content.settleSent()) : []
  node.sentUnheard = unheard.length > 0 ? unheard : undefined
}

export interface LeavingParts {
  readonly core: Core
  readonly renames: RenameDelay
}

/** The new file `node` has `place` no more: what the server may have of it there is deleted. */
export function leaveUnheard({ core, renames }: LeavingParts, node: Node, place: NodePlace): void {
  const { sentUnheard } = node
  if (!sentUnheard || node.entry) return
  node.sentUnheard = undefined
  removeUnheard({ core, renames }, place, sentUnheard)
}

/** Answers what stands for it. */
export function removeUnheard(
  { core, renames }: LeavingParts,
  place: NodePlace,
  sent: Node['sentUnheard'],
): Node {
  const left = core.tree.table.addUnheard(place)
  left.sentUnheard = sent
  renames.addRemoval(left)
  return left
}

/** If the server's `entry` is what was sent of `node`, which was deleted here, the node stands for that from now on. @throws {RemoteError} */
export async function recognise(
  { remote, patience, tree }: Core,
  node: Node,
  { entry, path }: { readonly entry: RemoteEntry; readonly path: RemotePath },
): Promise<void> {
  const { sentUnheard, id } = node
  if (!sentUnheard || (id !== undefined && id !== entry.id) || node.entry?.entity === entry.entity) return
  if (entry.uploadSessionId !== undefined || tree.table.byId(entry.id)?.place) return
  const comparison = { remote, transfer: { checkCut: () => undefined } }
  const isOurs = await patience.run(node.label, () => wasSent(path, entry, sentUnheard, comparison))
  if (isOurs && node.isUnlinked) tree.table.bind(node, entry)
}
