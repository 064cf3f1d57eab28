import { absentAsUndefined, RemoteError } from '../../remote/errors.ts'
import type { EntityId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import { reach } from '../tree/index.ts'
import { pinned, type Core } from './core.ts'
import type { PinRecord } from './pins-file.ts'
import { hasContent } from './warm.ts'

/** What the server has of something that is pinned. */
export interface FoundPin {
  readonly top: RemoteEntry
  readonly path: RemotePath
  /** Files with content, in or at it. */
  readonly entries: readonly RemoteEntry[]
  /** Of all of them. */
  readonly bytes: number
}

/**
 * By its id, wherever it is by now, else by its path. The folders that lead to it, and those in it, are known then: without the server
 * contents are of no use that have no names. undefined: it is nowhere.
 * @throws {RemoteError}
 */
export async function findPinned(
  core: Core,
  { id, path }: Pick<PinRecord, 'id' | 'path'>,
  signal: AbortSignal,
): Promise<FoundPin | undefined> {
  const { remote, tree } = core
  const byId = await absentAsUndefined(remote.infoById(id, { signal }))
  const found = byId && remote.facts.pathOf(byId.uri)
  const at = found ?? path
  const top = found ? byId : await absentAsUndefined(remote.info(at, { signal }))
  if (!top) return undefined
  const node = await nodeOf(core, at, top)
  return pinned(core, [node], async () => {
    // A walk brings the listings of all folders but its top.
    const folder = node.isFolder ? node : node.remotePlace?.parent
    if (folder) await tree.listing(folder)
    const all = node.isFolder ? await tree.walkOver(node) : [top]
    const entries = all.filter(hasContent)
    return { top, path: at, entries, bytes: entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }
  })
}

/** What is known of its folder may be old. */
async function nodeOf(core: Core, path: RemotePath, { id, name }: RemoteEntry): Promise<Node> {
  const node = await reach(core, path)
  if (node.id === id) return node
  if (node.remotePlace) await core.tree.refresh(node.remotePlace.parent)
  const again = await reach(core, path)
  if (again.id === id) return again
  throw new RemoteError('conflict', `${name} is just being moved or replaced`)
}

/** @requires that it has one */
export function contentIn({ entity, sizeBytes }: RemoteEntry): { entity: EntityId; sizeBytes: number } {
  return { entity: entity!, sizeBytes }
}
