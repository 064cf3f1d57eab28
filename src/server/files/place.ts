import { ApiFailure } from '../failure.ts'
import type { LockPlace } from '../state/locks.ts'
import type { Share } from '../state/shares.ts'
import { pathOf, type FileNode } from '../state/tree.ts'
import type { User } from '../state/users.ts'
import type { Caller, World } from '../state/world.ts'
import { formatUri, parseUri, rootUri, type FileSystemKind, type FileUri } from '../uri.ts'

/** Who asks, and of what: the first argument of every file operation. */
export interface Op {
  world: World
  caller: Caller
}

/** A URI after the checks of its file system: whose drive it is in, and from where its elements count. */
export interface Place {
  fs: FileSystemKind
  owner: User
  /** Where the elements start: the drive's root, or the shared folder. In the trash it has no meaning. */
  base: FileNode
  /** The start of every URI that is returned. */
  uriRoot: string
  elements: string[]
  share: Share | undefined
  uri: FileUri
}

const canOpenShares = 7

/**
 * Parses a URI and checks that the caller may enter its file system.
 * @throws {ApiFailure} 401, 403, 404, 40001, 40016, 40069, 40088
 */
export function placeOf(op: Op, text: string): Place {
  const uri = parseUri(text)
  const common = { fs: uri.fs, uriRoot: rootUri(uri), elements: uri.elements, uri }
  if (uri.fs === 'share') return { ...common, ...shareBase(op, uri) }
  const user = op.caller.user
  if (!user) throw new ApiFailure(401)
  if (uri.fs === 'my' && uri.id !== '' && uri.id !== user.id) {
    throw new ApiFailure(op.world.users.byId(uri.id) ? 403 : 40016)
  }
  return { ...common, owner: user, base: op.world.tree.root(user.number), share: undefined }
}

function shareBase({ world, caller }: Op, uri: FileUri): Pick<Place, 'owner' | 'base' | 'share'> {
  const { user } = caller
  if (!user && !world.settings.guestsMayOpenShares) throw new ApiFailure(40088)
  const share = world.shares.find(uri.id)
  const owner = share && world.users.get(share.ownerNumber)
  if (!share || !owner || owner.status !== 'active' || world.shares.isOver(share)) throw new ApiFailure(404)
  if (share.node.gone || world.tree.isTrashed(share.node)) throw new ApiFailure(404)
  if (share.password !== '' && share.password !== uri.password) throw new ApiFailure(40069)
  if (user && user !== owner && !user.group.permission.includes(canOpenShares)) throw new ApiFailure(403)
  return { owner, share, base: share.node.isFolder ? share.node : share.node.parent! }
}

/** Whether the share is one of a single file, which appears as the only child of the share's root. */
export function isSingleFile({ share }: Place): boolean {
  return share !== undefined && !share.node.isFolder
}

/**
 * The object at a place.
 * @throws {ApiFailure} 40016 not there, 403 the path goes through a shortcut to a share
 */
export function find(op: Op, place: Place): FileNode {
  const node = findOrNothing(op, place)
  if (!node) throw missing(place)
  return node
}

export function missing(place: Place): ApiFailure {
  const name = place.elements.at(-1) ?? ''
  return new ApiFailure(40016, { msg: name === '' ? 'Path not exist' : `Path not exist: ${name}` })
}

export function findOrNothing({ world }: Op, place: Place): FileNode | undefined {
  const { fs, elements, owner } = place
  if (fs === 'trash') {
    if (elements.length !== 1) return undefined
    return world.tree.trash(owner.number).get(elements[0]!)
  }
  if (fs === 'shared_with_me') return elements.length === 0 ? place.base : undefined
  if (isSingleFile(place))
    return elements.length === 1 && elements[0] === place.share!.node.name ? place.share!.node : undefined
  let node: FileNode | undefined = place.base
  for (const [depth, element] of elements.entries()) {
    node = node.children.get(element)
    if (!node) return undefined
    if (depth < elements.length - 1) checkWalkable(node)
  }
  return node
}

/** @throws {ApiFailure} 403 */
export function checkWalkable(folder: FileNode): void {
  if (isShortcut(folder)) throw new ApiFailure(403, { msg: 'Symbolic folder cannot be walked into' })
}

export function isShortcut(node: FileNode): boolean {
  return node.metadata.has('sys:shared_redirect')
}

/**
 * A place whose owner may change things there.
 * @throws {ApiFailure} 403 a share, the trash or the root
 */
export function writablePlace(op: Op, text: string): Place {
  const place = placeOf(op, text)
  if (place.fs !== 'my' || place.elements.length === 0) throw new ApiFailure(403)
  return place
}

/**
 * A place in a drive that something may be made at. The root counts: it is there already.
 * @throws {ApiFailure} 403 a share or the trash
 */
export function uploadPlace(op: Op, text: string): Place {
  const place = placeOf(op, text)
  if (place.fs !== 'my') throw new ApiFailure(403)
  return place
}

/** Where an object is locked. */
export function lockPlace(op: Op, node: FileNode): LockPlace {
  const type = node.isFolder ? 1 : 0
  if (op.world.tree.isTrashed(node))
    return {
      ownerNumber: node.ownerNumber,
      fs: 'trash',
      elements: [trashName(node), ...pathOf(node)],
      type,
    }
  return { ownerNumber: node.ownerNumber, fs: 'my', elements: pathOf(node), type }
}

function trashName(node: FileNode): string {
  let top = node
  while (top.parent) top = top.parent
  return top.name
}

/** The URI of an object as its owner sees it. */
export function ownUri(node: FileNode): string {
  return formatUri('cloudreve://my', pathOf(node))
}

/** The name before the deletion: what lies in the trash has an internal one. */
export function originalName(node: FileNode): string {
  const restoreUri = node.metadata.get('sys:restore_uri')
  return restoreUri === undefined ? node.name : (parseUri(restoreUri).elements.at(-1) ?? node.name)
}
