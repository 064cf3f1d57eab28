import { ApiFailure } from '../failure.ts'
import { checkFileName, checkName } from '../names.ts'
import { activityCategory } from '../state/activities.ts'
import { pathOf, type FileNode } from '../state/tree.ts'
import type { World } from '../state/world.ts'
import { checkMetadata, type MetadataChange } from './metadata-rules.ts'
import { findOrNothing, isShortcut, uploadPlace, type Op, type Place } from './place.ts'

export interface CreateArguments {
  uri: string
  isFolder: boolean
  metadata?: Record<string, string> | undefined
  errorOnConflict?: boolean | undefined
}

export interface Created {
  place: Place
  node: FileNode
}

/** `POST /file/create`: missing parents are made too; an object that is there already is returned as it is. @throws {ApiFailure} */
export function createObject(op: Op, args: CreateArguments): Created {
  const { world } = op
  const place = uploadPlace(op, args.uri)
  const changes: MetadataChange[] = Object.entries(args.metadata ?? {}).map(([key, value]) => ({
    key,
    value,
  }))
  checkMetadata(world.ids, changes)
  const existing = findOrNothing(op, place)
  if (existing) {
    if (existing.isFolder !== args.isFolder || args.errorOnConflict) throw new ApiFailure(40004)
    return { place, node: existing }
  }
  const name = checkedName(op, place, args.isFolder)
  const lock = {
    ownerNumber: place.owner.number,
    fs: 'my' as const,
    elements: place.elements,
    type: args.isFolder ? (1 as const) : (0 as const),
  }
  const node = world.locks.during({ places: [lock], holder: 'create' }, () => {
    const parent = ensureFolder(op, place, place.elements.slice(0, -1))
    return makeNode(op, parent, { name, isFolder: args.isFolder })
  })
  for (const { key, value } of changes) node.metadata.set(key, value ?? '')
  return { place, node }
}

/** The last element, checked as a name of a new object. @throws {ApiFailure} 40052, 40004 */
export function checkedName({ world }: Op, place: Place, isFolder: boolean): string {
  const name = place.elements.at(-1)!
  if (isFolder) checkName(name)
  else checkFileName(name, suffixRules(world))
  return name
}

export function suffixRules({ settings }: World): { allowedSuffixes: string[]; deniedSuffixes: string[] } {
  return { allowedSuffixes: settings.allowedSuffixes, deniedSuffixes: settings.deniedSuffixes }
}

/** The folder at these elements; what is missing is made. @throws {ApiFailure} 403 a file or shortcut is in the way, 40052 */
export function ensureFolder(op: Op, place: Place, elements: readonly string[]): FileNode {
  let folder = place.base
  for (const element of elements) {
    const next = folder.children.get(element)
    if (next && (!next.isFolder || isShortcut(next))) throw new ApiFailure(403)
    if (!next) checkName(element)
    folder = next ?? makeNode(op, folder, { name: element, isFolder: true })
  }
  return folder
}

export function makeNode(
  { world, caller }: Op,
  parent: FileNode,
  { name, isFolder }: { name: string; isFolder: boolean },
): FileNode {
  const node = world.tree.create({ ownerNumber: parent.ownerNumber, isFolder, name, parent })
  world.activities.record(node, {
    userNumber: caller.user?.number,
    content: { category: activityCategory.create },
  })
  world.events.publish({ type: 'create', node, from: pathOf(node) }, caller.clientId)
  return node
}
