import { randomUUID } from 'node:crypto'
import { ApiFailure } from '../failure.ts'
import { isStorable } from '../names.ts'
import { activityCategory } from '../state/activities.ts'
import { pathOf, type FileNode } from '../state/tree.ts'
import type { Write } from '../state/uploads.ts'
import type { TimeUs } from '../times.ts'
import { checkedName, ensureFolder, makeNode } from './create.ts'
import { findOrNothing, lockPlace, type Op, type Place } from './place.ts'
import { charge, checkPrevious, completeVersion, dropEntity, uploadMark } from './versions.ts'

export interface WriteArguments {
  sizeBytes: number
  previous?: string | undefined
  /** The file must not exist yet. */
  mustBeNew?: boolean
  /** The code when the server's disk cannot hold the name (api/00-live-files §5). */
  unstorableCode: 50004 | -1
  /** ms since the epoch; absent: until the write ends. */
  lockExpiresAtMs?: number
}

/** Begins a write of a whole file; missing folders and the file are made. @throws {ApiFailure} and nothing is left but folders */
export function beginWrite(op: Op, place: Place, args: WriteArguments): Write {
  const { world, caller } = op
  const { sizeBytes, previous, mustBeNew = false, unstorableCode, lockExpiresAtMs } = args
  const { maxFileBytes } = world.settings
  if (place.elements.length === 0) throw new ApiFailure(40004)
  const name = checkedName(op, place, false)
  if (maxFileBytes > 0 && sizeBytes > maxFileBytes) throw new ApiFailure(40049)
  const existing = findOrNothing(op, place)
  if (existing?.isFolder || (existing && mustBeNew)) throw new ApiFailure(40004)
  const lockAt = existing
    ? lockPlace(op, existing)
    : { ownerNumber: place.owner.number, fs: 'my' as const, elements: place.elements, type: 0 as const }
  const [lockToken] = world.locks.acquire({
    places: [lockAt],
    holder: 'upload',
    ...(lockExpiresAtMs === undefined ? {} : { expiresAtMs: lockExpiresAtMs }),
  })
  let reserved = 0
  try {
    checkPrevious(world, existing, previous)
    charge(world, place.owner.number, sizeBytes)
    reserved = sizeBytes
    if (!isStorable(name, place.owner.number)) throw new ApiFailure(unstorableCode)
    const parent = existing?.parent ?? ensureFolder(op, place, place.elements.slice(0, -1))
    const node = existing ?? makeNode(op, parent, { name, isFolder: false })
    const sessionId = randomUUID()
    dropAbandoned(op, node)
    const entity = world.entities.create({
      type: 0,
      sizeBytes,
      createdUs: world.time.stampUs(),
      createdBy: caller.user!.number,
      uploadSessionId: sessionId,
    })
    node.entities.push(entity)
    node.metadata.set(uploadMark, sessionId)
    world.tree.changed()
    return { sessionId, node, entity, isNew: !existing, lockToken: lockToken! }
  } catch (error) {
    world.users.get(place.owner.number)!.usedBytes -= reserved
    world.locks.release([lockToken!])
    throw error
  }
}

/** Ends a write well: the placeholder becomes the current version. */
export function finishWrite(op: Op, write: Write, updatedUs?: TimeUs): void {
  const { world, caller } = op
  completeVersion(world, write.node, { entity: write.entity, updatedUs })
  world.locks.release([write.lockToken])
  world.activities.record(write.node, {
    userNumber: caller.user?.number,
    content: { category: activityCategory.upload },
    versionId: write.entity.id,
  })
  world.events.publish({ type: 'modify', node: write.node, from: pathOf(write.node) }, caller.clientId)
}

/** Ends a write that failed: the placeholder goes, and the file too if this write made it. */
export function undoWrite(op: Op, write: Write): void {
  const { world, caller } = op
  const { node, entity } = write
  if (node.entities.includes(entity)) dropEntity(world, node, entity)
  world.locks.release([write.lockToken])
  if (node.metadata.get(uploadMark) === write.sessionId) node.metadata.delete(uploadMark)
  const from = pathOf(node)
  if (write.isNew && !node.gone) removeNode(op, node)
  world.tree.changed()
  world.events.publish({ type: write.isNew ? 'delete' : 'modify', node, from }, caller.clientId)
}

/** Takes a file out of the world for good. */
export function removeNode({ world }: Op, node: FileNode): void {
  world.tree.detach(node)
  for (const entity of node.entities) dropEntity(world, node, entity)
  world.shares.forgetNode(node)
  world.tree.forget(node)
}

/** Placeholders of uploads that expired or were lost in a restart give way to the next write. */
function dropAbandoned({ world }: Op, node: FileNode): void {
  for (const entity of node.entities)
    if (entity.uploadSessionId !== undefined) dropEntity(world, node, entity)
}
