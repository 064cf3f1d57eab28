import { BatchErrors, ApiFailure } from '../failure.ts'
import { activityCategory } from '../state/activities.ts'
import type { FileNode } from '../state/tree.ts'
import { normalUri } from '../uri.ts'
import { checkBatch } from './batch.ts'
import { checkMetadata, movesUpdatedAt, type MetadataChange } from './metadata-rules.ts'
import { find, lockPlace, placeOf, type Op } from './place.ts'

/** `PATCH /file/metadata`: all changes on all items; one bad change refuses the call, a bad item only itself. No events. */
export function patchMetadata(op: Op, uris: readonly string[], changes: readonly MetadataChange[]): void {
  checkBatch(op, uris)
  checkMetadata(op.world.ids, changes)
  const errors = new BatchErrors()
  const nodes = uris.flatMap((uri) => {
    const node = errors.attempt(normalUri(uri), () => target(op, uri))
    return node ? [node] : []
  })
  const places = nodes.map((node) => lockPlace(op, node))
  op.world.locks.during({ places, holder: 'updateMetadata', isDeep: false }, () => {
    for (const node of nodes) apply(op, node, changes)
  })
  errors.throwIfAny()
}

/** @throws {ApiFailure} 403 a root, a share or the trash */
function target(op: Op, uri: string): FileNode {
  const place = placeOf(op, uri)
  if (place.fs !== 'my' || place.elements.length === 0) throw new ApiFailure(403)
  return find(op, place)
}

function apply({ world, caller }: Op, node: FileNode, changes: readonly MetadataChange[]): void {
  for (const { key, value } of changes) {
    if (value === undefined) node.metadata.delete(key)
    else node.metadata.set(key, value)
  }
  if (changes.some(({ key, value }) => value !== undefined && movesUpdatedAt(key))) world.tree.touch(node)
  else world.tree.changed()
  const content = {
    category: activityCategory.metadata,
    exts: { keys: changes.map(({ key }) => key) },
  }
  world.activities.record(node, { userNumber: caller.user?.number, content })
}
