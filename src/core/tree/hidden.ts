import type { RemoteEntry } from '../../remote/types.ts'
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import type { FolderCache } from './folder-cache.ts'

export interface HidingKnowledge {
  readonly folders: FolderCache
  /** The server may have `node` at `at` already, or anywhere, by a request of ours that is not answered yet. */
  readonly isArriving: (node: Node, at?: NodePlace) => boolean
}

/**
 * Not to be shown under this name: a file whose first upload by somebody else has not ended (api/00-live-files §17.8), one
 * that was renamed here a moment ago, which the server does not know yet or has not said, one that a newer listing shows elsewhere, or one that was
 * deleted here before anybody heard of its id.
 * `node` stands for `entry`, if any does.
 */
export function isHidden(
  { folders, isArriving }: HidingKnowledge,
  folder: Node,
  entry: RemoteEntry,
  node: Node | undefined,
): boolean {
  if (entry.uploadSessionId !== undefined && entry.entity === undefined && entry.kind === 'file') return true
  if (!node) return folder.unheardNames?.has(entry.name) === true
  const at = { parent: folder, name: entry.name }
  if (samePlace(node.remotePlace, at) || isArriving(node, at)) return !samePlace(node.place, at)
  return folder.isWithin(node) || isNewerElsewhere(folders, folder, node)
}

function isNewerElsewhere(folders: FolderCache, folder: Node, { id, remotePlace }: Node): boolean {
  if (!remotePlace || remotePlace.parent === folder) return false
  const here = folders.known(folder.listingKey)
  const there = folders.known(remotePlace.parent.listingKey)
  if (!here || !there || there.askedAt <= here.askedAt) return false
  return there.entries.get(remotePlace.name)?.id === id
}
