import { ApiFailure, BatchErrors } from '../failure.ts'
import { checkFileName, checkName } from '../names.ts'
import { activityCategory } from '../state/activities.ts'
import type { Entity } from '../state/entities.ts'
import type { LockPlace } from '../state/locks.ts'
import { pathBelow, pathOf, subtree, type FileNode } from '../state/tree.ts'
import { formatUri, normalUri } from '../uri.ts'
import { checkBatch } from './batch.ts'
import { suffixRules } from './create.ts'
import {
  find,
  lockPlace,
  originalName,
  ownUri,
  placeOf,
  writablePlace,
  type Op,
  type Place,
} from './place.ts'
import { charge } from './versions.ts'

/** `POST /file/rename`: in its folder, never over another object. @throws {ApiFailure} */
export function renameObject(op: Op, uri: string, newName: string): { place: Place; node: FileNode } {
  const { world, caller } = op
  const place = writablePlace(op, uri)
  const node = find(op, place)
  if (node.isFolder) checkName(newName)
  else checkFileName(newName, suffixRules(world))
  world.locks.during({ places: [lockPlace(op, node)], holder: 'rename' }, () => {
    const parent = node.parent!
    const other = parent.children.get(newName)
    if (other && other !== node) throw new ApiFailure(40004)
    const [from, oldName, fromUri] = [pathOf(node), node.name, ownUri(node)]
    world.tree.detach(node)
    world.tree.attach(node, parent, newName)
    world.tree.touch(node)
    if (newName === oldName) return
    world.activities.record(node, {
      userNumber: caller.user?.number,
      content: {
        category: activityCategory.rename,
        original_name: oldName,
        new_name: newName,
        from: fromUri,
      },
    })
    world.events.publish({ type: 'rename', node, from, to: pathOf(node) }, caller.clientId)
  })
  return { place, node }
}

export interface MoveArguments {
  uris: readonly string[]
  dst: string
  isCopy: boolean
}

/** `POST /file/move`: valid items are moved or copied, the others reported; a name or lock conflict refuses the whole call. */
export function moveObjects(op: Op, { uris, dst, isCopy }: MoveArguments): void {
  checkBatch(op, uris)
  const target = targetFolder(op, dst)
  const errors = new BatchErrors()
  const sources = uris.flatMap((uri) => {
    const node = errors.attempt(normalUri(uri), () => sourceOf(op, uri, { target, isCopy }))
    return node ? [node] : []
  })
  const targets = sources.map((node): LockPlace => {
    const elements = [...pathOf(target), originalName(node)]
    return { ownerNumber: target.ownerNumber, fs: 'my', elements, type: node.isFolder ? 1 : 0 }
  })
  const places = isCopy ? targets : [...sources.map((node) => lockPlace(op, node)), ...targets]
  op.world.locks.during({ places, holder: 'moveCopy' }, () => {
    if (sources.some((node) => target.children.has(originalName(node)))) throw new ApiFailure(40004)
    if (isCopy) copyAll(op, sources, target)
    else for (const node of sources) moveOne(op, node, target)
  })
  errors.throwIfAny()
}

/** @throws {ApiFailure} 40016 missing, 403 not a folder or not in the own drive */
function targetFolder(op: Op, dst: string): FileNode {
  const place = placeOf(op, dst)
  if (place.fs !== 'my') throw new ApiFailure(403)
  const target = find(op, place)
  if (!target.isFolder) throw new ApiFailure(403)
  return target
}

/** @throws {ApiFailure} 403 a share, the root, a copy out of the trash, or a folder into itself */
function sourceOf(op: Op, uri: string, { target, isCopy }: { target: FileNode; isCopy: boolean }): FileNode {
  const place = placeOf(op, uri)
  const isAllowed = place.fs === 'my' || (place.fs === 'trash' && !isCopy)
  if (!isAllowed || place.elements.length === 0) throw new ApiFailure(403)
  const node = find(op, place)
  if (pathBelow(target, node)) throw new ApiFailure(403, { msg: 'A folder cannot go into itself' })
  return node
}

/** Also out of the trash: the original name comes back, the marks of the trash go. */
export function moveOne(op: Op, node: FileNode, target: FileNode): void {
  const { world, caller } = op
  const isRestored = world.tree.isTrashed(node)
  const [from, fromUri] = [
    pathOf(node),
    isRestored ? formatUri('cloudreve://trash', [node.name]) : ownUri(node),
  ]
  const name = originalName(node)
  world.tree.detach(node)
  world.tree.attach(node, target, name)
  node.metadata.delete('sys:restore_uri')
  node.metadata.delete('sys:expected_collect_time')
  world.tree.touch(node)
  world.activities.record(node, {
    userNumber: caller.user?.number,
    content: { category: activityCategory.move, from: fromUri, to: ownUri(node) },
  })
  if (isRestored) world.events.publish({ type: 'create', node, from: pathOf(node) }, caller.clientId)
  else world.events.publish({ type: 'rename', node, from, to: pathOf(node) }, caller.clientId)
}

/** @throws {ApiFailure} 40051 all versions and thumbnails of all files are charged; nothing is copied */
function copyAll(op: Op, sources: readonly FileNode[], target: FileNode): void {
  const { world, caller } = op
  const entities = sources.flatMap((node) => [...subtree(node)].flatMap((each) => finished(each)))
  charge(
    world,
    target.ownerNumber,
    entities.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  )
  for (const node of sources) {
    const copy = copyTree(op, node, target)
    const [from, to] = [ownUri(node), ownUri(copy)]
    const userNumber = caller.user?.number
    world.activities.record(copy, {
      userNumber,
      content: { category: activityCategory.copyFrom, from, to },
    })
    world.activities.record(node, { userNumber, content: { category: activityCategory.copyTo, from, to } })
    world.events.publish({ type: 'create', node: copy, from: pathOf(copy) }, caller.clientId)
  }
}

/** Without placeholders of uploads under way. */
function finished({ entities }: FileNode): Entity[] {
  return entities.filter(({ uploadSessionId }) => uploadSessionId === undefined)
}

/** New ids, shared contents. The copy of a file that is being written keeps the mark but not the placeholder. */
function copyTree(op: Op, node: FileNode, target: FileNode): FileNode {
  const { tree } = op.world
  const { ownerNumber } = target
  const copy = tree.create({ ownerNumber, isFolder: node.isFolder, name: node.name, parent: target })
  for (const [key, value] of node.metadata) copy.metadata.set(key, value)
  copy.entities = finished(node)
  for (const entity of copy.entities) entity.references += 1
  copy.current = node.current
  for (const child of node.children.values()) copyTree(op, child, copy)
  return copy
}
