import { randomUUID } from 'node:crypto'
import { ApiFailure, BatchErrors } from '../failure.ts'
import { activityCategory } from '../state/activities.ts'
import type { LockPlace } from '../state/locks.ts'
import { pathOf, subtree, type FileNode } from '../state/tree.ts'
import { formatUri, normalUri, parseUri } from '../uri.ts'
import { checkBatch } from './batch.ts'
import { find, lockPlace, originalName, ownUri, placeOf, type Op, type Place } from './place.ts'
import { dropEntity } from './versions.ts'

export interface DeleteArguments {
  uris: readonly string[]
  isPermanent: boolean
  /** Forget the record, keep the blob: a right of its own. */
  unlink: boolean
}

const mayUnlink = 12

/** `DELETE /file`: into the trash, or for good. @throws {ApiFailure} 40081, 40073 nothing was deleted */
export function deleteObjects(op: Op, { uris, isPermanent, unlink }: DeleteArguments): void {
  checkBatch(op, uris)
  const user = op.caller.user
  if (isPermanent && unlink && user && !user.group.permission.includes(mayUnlink)) throw new ApiFailure(403)
  const errors = new BatchErrors()
  const nodes = uris.flatMap((uri) => {
    const node = errors.attempt(normalUri(uri), () => deletable(op, uri, isPermanent))
    return node ? [node] : []
  })
  const places = nodes.map((node) => lockPlace(op, node))
  op.world.locks.during({ places, holder: isPermanent ? 'delete' : 'softDelete' }, () => {
    for (const node of nodes) {
      if (isPermanent) purge(op, node)
      else moveToTrash(op, node)
    }
  })
  errors.throwIfAny()
}

/** @throws {ApiFailure} 403 a share, a root, or a soft deletion in the trash */
function deletable(op: Op, uri: string, isPermanent: boolean): FileNode {
  const place: Place = placeOf(op, uri)
  const isAllowed = place.fs === 'my' || (place.fs === 'trash' && isPermanent)
  if (!isAllowed || place.elements.length === 0) throw new ApiFailure(403)
  return find(op, place)
}

function moveToTrash({ world, caller }: Op, node: FileNode): void {
  const [from, fromUri] = [pathOf(node), ownUri(node)]
  const collectAt = world.time.nowSeconds() + Math.floor(world.settings.trashRetentionMs / 1000)
  world.tree.detach(node)
  world.tree.attachToTrash(node, randomUUID())
  node.metadata.set('sys:restore_uri', fromUri)
  node.metadata.set('sys:expected_collect_time', String(collectAt))
  const content = { category: activityCategory.trash, from: fromUri }
  world.activities.record(node, { userNumber: caller.user?.number, content })
  world.events.publish({ type: 'delete', node, from }, caller.clientId)
}

/** Deletes an object and all below it for good; quota is free at once, links to it are dead. */
export function purge({ world, caller }: Op, node: FileNode): void {
  const isTrashed = world.tree.isTrashed(node)
  const from = pathOf(node)
  for (const each of subtree(node)) {
    for (const entity of each.entities) dropEntity(world, each, entity)
    world.shares.forgetNode(each)
  }
  world.tree.detach(node)
  world.tree.forget(node)
  if (!isTrashed) world.events.publish({ type: 'delete', node, from }, caller.clientId)
}

/** `DELETE /file/trash`. */
export function emptyTrash(op: Op): void {
  const user = op.caller.user
  if (!user) throw new ApiFailure(401)
  for (const node of [...op.world.tree.trash(user.number).values()]) purge(op, node)
}

/** `POST /file/restore`: to the folder of its old path, which is not made again. @throws {ApiFailure} 40081 */
export function restoreObjects(op: Op, uris: readonly string[]): void {
  checkBatch(op, uris)
  const errors = new BatchErrors()
  for (const uri of uris) errors.attempt(normalUri(uri), () => restore(op, uri))
  errors.throwIfAny()
}

/** @throws {ApiFailure} 403 not in the trash, or its folder is a file now, 40016 unknown, or its folder is gone, 40004 the name is taken */
function restore(op: Op, uri: string): void {
  const { world, caller } = op
  const place = placeOf(op, uri)
  if (place.fs !== 'trash' || place.elements.length === 0) throw new ApiFailure(403)
  const node = find(op, place)
  const restoreUri = node.metadata.get('sys:restore_uri')
  if (restoreUri === undefined) throw new ApiFailure(403)
  const parentPath = parseUri(restoreUri).elements.slice(0, -1)
  const parent = find(op, placeOf(op, formatUri('cloudreve://my', parentPath)))
  if (!parent.isFolder) throw new ApiFailure(403)
  const [name, trashName] = [originalName(node), node.name]
  const target: LockPlace = {
    ownerNumber: parent.ownerNumber,
    fs: 'my',
    elements: [...parentPath, name],
    type: node.isFolder ? 1 : 0,
  }
  world.locks.during({ places: [lockPlace(op, node), target], holder: 'moveCopy' }, () => {
    if (parent.children.has(name)) throw new ApiFailure(40004)
    world.tree.detach(node)
    world.tree.attach(node, parent, name)
  })
  node.metadata.delete('sys:restore_uri')
  node.metadata.delete('sys:expected_collect_time')
  world.tree.touch(node)
  const content = { category: activityCategory.move, from: normalUri(uri), to: ownUri(node) }
  world.activities.record(node, { userNumber: caller.user?.number, content })
  // The real server names the internal trash name here; so do we (api/03 §8.3).
  world.events.publish({ type: 'create', node, from: [...parentPath, trashName] }, caller.clientId)
}
