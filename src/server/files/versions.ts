import { ApiFailure } from '../failure.ts'
import { extensionOf } from '../names.ts'
import { activityCategory } from '../state/activities.ts'
import type { Entity } from '../state/entities.ts'
import { pathOf, type FileNode } from '../state/tree.ts'
import type { World } from '../state/world.ts'
import { formatUs, type TimeUs } from '../times.ts'
import { find, lockPlace, placeOf, type Op } from './place.ts'

/** Metadata key of a running or abandoned upload. */
export const uploadMark = 'sys:upload_session_id'
/** On a file of which no thumbnail can be made. */
export const noThumbnailMark = 'thumb:disabled'
export const thumbnailType = 1

/**
 * Reserves quota for `sizeBytes` more.
 * @throws {ApiFailure} 40051 also for 0 bytes, when the drive is over its quota
 */
export function charge(world: World, ownerNumber: number, sizeBytes: number): void {
  const owner = world.users.get(ownerNumber)!
  const isFull = owner.totalBytes === 0 || owner.usedBytes > owner.totalBytes
  if (isFull || owner.usedBytes + sizeBytes > owner.totalBytes) throw new ApiFailure(40051)
  owner.usedBytes += sizeBytes
}

/** Takes an entity from a file: its quota is free at once, and its URLs are dead if no copy holds it. */
export function dropEntity(world: World, node: FileNode, entity: Entity): void {
  node.entities = node.entities.filter((other) => other !== entity)
  world.users.get(node.ownerNumber)!.usedBytes -= entity.sizeBytes
  world.entities.release(entity)
}

/** Makes a finished upload the current version and prunes what retention does not keep. */
export function completeVersion(
  world: World,
  node: FileNode,
  { entity, updatedUs }: { entity: Entity; updatedUs?: TimeUs | undefined },
): void {
  entity.uploadSessionId = undefined
  node.current = entity
  node.metadata.delete(uploadMark)
  forgetPicture(world, node)
  prune(world, node)
  if (updatedUs === undefined) world.tree.touch(node)
  else world.tree.touch(node, updatedUs)
}

/** A thumbnail, or the mark that there is none, is of the content before. */
function forgetPicture(world: World, node: FileNode): void {
  node.metadata.delete(noThumbnailMark)
  for (const entity of node.entities) if (entity.type === thumbnailType) dropEntity(world, node, entity)
}

/** Off, or another extension: only the current version stays; else the newest ones up to the maximum. */
function prune(world: World, node: FileNode): void {
  const { retention } = world.users.get(node.ownerNumber)!
  const isKept =
    retention.enabled &&
    (retention.extensions.length === 0 || retention.extensions.includes(extensionOf(node.name)))
  const most = isKept ? (retention.max === 0 ? Infinity : retention.max) : 1
  const versions = node.entities.filter(({ type, uploadSessionId }) => type === 0 && !uploadSessionId)
  let surplus = versions.length - most
  for (const entity of versions) {
    if (surplus <= 0) break
    if (entity === node.current) continue
    dropEntity(world, node, entity)
    surplus -= 1
  }
}

/** @throws {ApiFailure} 40076 the current version is another one, 40001 not an entity's id */
export function checkPrevious(world: World, node: FileNode | undefined, previous: string | undefined): void {
  if (previous === undefined || previous === '') return
  if (world.ids.decode('entity', previous) === undefined) throw new ApiFailure(40001)
  if (node && previous !== (node.current?.id ?? world.entities.noContentId)) throw new ApiFailure(40076)
}

/** @throws {ApiFailure} 40001 not an entity's id, 40077 not (any more) a finished version of this file */
export function versionOf(world: World, node: FileNode, version: string): Entity {
  if (world.ids.decode('entity', version) === undefined)
    throw new ApiFailure(40001, { msg: 'unknown version id' })
  const entity = node.entities.find(({ id }) => id === version)
  if (!entity) throw new ApiFailure(40077)
  return entity
}

/** `POST /file/version/current`. @throws {ApiFailure} */
export function setCurrentVersion(op: Op, uri: string, version: string): void {
  const { world, caller } = op
  checkVersionId(op, version)
  const node = versionedFile(op, uri)
  world.locks.during({ places: [lockPlace(op, node)], holder: 'versionControl', isDeep: false }, () => {
    const entity = versionOf(world, node, version)
    if (entity.type !== 0 || entity.uploadSessionId) throw new ApiFailure(40077)
    if (entity === node.current) return
    node.current = entity
    forgetPicture(world, node)
    world.tree.touch(node)
    recordVersion(op, node, { category: activityCategory.setVersion, entity })
    world.events.publish({ type: 'modify', node, from: pathOf(node) }, caller.clientId)
  })
}

/** `DELETE /file/version`. @throws {ApiFailure} 403 it is the current one */
export function deleteVersion(op: Op, uri: string, version: string): void {
  const { world, caller } = op
  checkVersionId(op, version)
  const node = versionedFile(op, uri)
  world.locks.during({ places: [lockPlace(op, node)], holder: 'versionControl', isDeep: false }, () => {
    const entity = versionOf(world, node, version)
    if (entity === node.current) throw new ApiFailure(403)
    recordVersion(op, node, { category: activityCategory.deleteVersion, entity })
    dropEntity(world, node, entity)
    world.tree.changed()
    world.events.publish({ type: 'modify', node, from: pathOf(node) }, caller.clientId)
  })
}

/** The id is looked at before anything else (api/00-live-account §2.1). */
function checkVersionId({ world }: Op, version: string): void {
  if (world.ids.decode('entity', version) === undefined)
    throw new ApiFailure(40001, { msg: 'unknown version id' })
}

function versionedFile(op: Op, uri: string): FileNode {
  const place = placeOf(op, uri)
  // The one write that passes through a share, and for its owner alone (api/00-live-account §21).
  if (place.share && place.owner !== op.caller.user) throw new ApiFailure(40082)
  if (place.fs === 'trash' || place.elements.length === 0) throw new ApiFailure(403)
  const node = find(op, place)
  if (node.isFolder) throw new ApiFailure(403)
  return node
}

function recordVersion(
  { world, caller }: Op,
  node: FileNode,
  { category, entity }: { category: number; entity: Entity },
): void {
  world.activities.record(node, {
    userNumber: caller.user?.number,
    content: { category, entity_create_time: formatUs(entity.createdUs) },
    versionId: entity.id,
  })
}
