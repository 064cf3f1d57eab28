import { randomUUID } from 'node:crypto'
import type { WireExplorerView, WireFile, WireListing } from '../../api/types.ts'
import { capabilities } from '../bitset.ts'
import { ApiFailure } from '../failure.ts'
import {
  cursorPage,
  cursorPagination,
  mixedPage,
  offsetPage,
  orderOf,
  sortNodes,
  type Order,
} from '../list-pages.ts'
import type { FileNode } from '../state/tree.ts'
import { zeroTime } from '../times.ts'
import { checkWalkable, find, isSingleFile, missing, placeOf, type Op, type Place } from './place.ts'
import { presentFile, presentPolicy } from './present.ts'
import { conditionOf, isSearch, searchPage } from './search.ts'

/** The query of a listing; absent members are taken from the view that the folder or an ancestor has saved. */
export interface ListArguments {
  uri: string
  page: number
  pageSize: number | undefined
  orderBy: string | undefined
  orderDirection: string | undefined
  token: string | undefined
}

interface Effective {
  order: Order
  pageSize: number
  view: WireExplorerView
}

const defaultPageSize = 100

/** @throws {ApiFailure} */
export function listFolder(op: Op, args: ListArguments): WireListing {
  const place = placeOf(op, args.uri)
  const folder = folderAt(op, place)
  const effective = effectiveView(op, place, args, folder)
  const found = isSearch(place.uri.query)
    ? searchIn(op, place, { folder, effective, args })
    : pageOf(op, place, { folder, effective, args })
  const isSearching = isSearch(place.uri.query)
  return {
    files: found.nodes.map((node) =>
      presentFile(op, place, node, { withMetadata: true, withShared: place.fs === 'my' }),
    ),
    parent: parentOf(op, place, folder),
    pagination: found.pagination,
    props: {
      capability: capabilities[place.fs],
      max_page_size: op.world.settings.maxPageSize,
      ...orderOptions(place, isSearching),
    },
    context_hint: randomUUID(),
    ...(found.limitReached ? { recursion_limit_reached: true } : {}),
    mixed_type: isSearching && found.pagination !== null,
    ...(isSingleFile(place) ? { single_file_view: true } : {}),
    ...(place.fs === 'trash' ? {} : { storage_policy: presentPolicy(op.world) }),
    view: effective.view,
  }
}

/** By what it can be sorted (api/03 §2.6). */
function orderOptions(
  { fs }: Place,
  isSearching: boolean,
): Pick<NonNullable<WireListing['props']>, 'order_by_options' | 'order_direction_options'> {
  const directions = ['asc', 'desc']
  if (!isSearching)
    return {
      order_by_options: ['name', 'size', 'updated_at', 'created_at'],
      order_direction_options: directions,
    }
  if (fs !== 'trash') return { order_by_options: null, order_direction_options: null }
  return { order_by_options: ['created_at'], order_direction_options: directions }
}

interface Found {
  nodes: FileNode[]
  pagination: WireListing['pagination']
  limitReached?: boolean
}

interface Wanted {
  folder: FileNode
  effective: Effective
  args: ListArguments
}

function searchIn(op: Op, place: Place, { folder, effective, args }: Wanted): Found {
  if (place.fs === 'trash') return searchTrash(op, place, { folder, effective, args })
  const { nodes, nextToken, isBeyondEnd, limitReached } = searchPage(op.world.ids, {
    folder,
    condition: conditionOf(place.uri.query),
    order: effective.order,
    pageSize: effective.pageSize,
    token: args.token,
    maxFolders: op.world.settings.maxRecursiveFolders,
  })
  return { nodes, pagination: isBeyondEnd ? null : cursorPagination(0, nextToken), limitReached }
}

/** The trash is flat: one level, without the level that tokens of other searches begin with (api/03 §8.4). */
function searchTrash(op: Op, place: Place, { effective, args }: Wanted): Found {
  const { order, pageSize } = effective
  const hits = [...op.world.tree.trash(place.owner.number).values()].filter(conditionOf(place.uri.query))
  const page = mixedPage(op.world.ids, { order, pageSize, token: args.token }, sortNodes(hits, order))
  return { nodes: page.nodes, pagination: cursorPagination(pageSize, page.nextToken) }
}

function pageOf(op: Op, place: Place, { folder, effective, args }: Wanted): Found {
  const { order, pageSize } = effective
  const { folders, files } = sortedChildren(op, place, folder, order)
  if (op.world.settings.offsetPaging && place.fs !== 'shared_with_me') {
    const nodes = offsetPage({ folders, files, page: args.page, pageSize })
    const total = folders.length + files.length
    return { nodes, pagination: { page: args.page, page_size: pageSize, total_items: total } }
  }
  const page = cursorPage(op.world.ids, { folders, files, order, pageSize, token: args.token })
  return { nodes: page.nodes, pagination: cursorPagination(pageSize, page.nextToken) }
}

interface SortedChildren {
  version: number
  key: string
  folders: FileNode[]
  files: FileNode[]
}

const sorted = new WeakMap<FileNode, SortedChildren>()

/** The children of a folder in order; kept until anything changes, so that a walk by pages sorts once. */
function sortedChildren(op: Op, place: Place, folder: FileNode, order: Order): SortedChildren {
  const { tree } = op.world
  if (place.fs === 'trash') return split([...tree.trash(place.owner.number).values()], order)
  if (place.fs === 'shared_with_me') return split([], order)
  if (isSingleFile(place)) return split([place.share!.node], order)
  const key = `${order.by}:${order.isDescending}`
  const known = sorted.get(folder)
  if (known && known.version === tree.version && known.key === key) return known
  const children = { ...split([...folder.children.values()], order), version: tree.version, key }
  sorted.set(folder, children)
  return children
}

function split(nodes: FileNode[], order: Order): SortedChildren {
  const ordered = sortNodes(nodes, order)
  return {
    version: 0,
    key: '',
    folders: ordered.filter((node) => node.isFolder),
    files: ordered.filter((node) => !node.isFolder),
  }
}

/** @throws {ApiFailure} 40016, 403 */
function folderAt(op: Op, place: Place): FileNode {
  if (place.fs === 'trash' || place.fs === 'shared_with_me') {
    if (place.elements.length > 0) throw missing(place)
    return place.base
  }
  if (isSingleFile(place)) {
    if (place.elements.length > 0) throw missing(place)
    return place.base
  }
  const folder = find(op, place)
  if (!folder.isFolder) throw missing(place)
  checkWalkable(folder)
  return folder
}

function parentOf(op: Op, place: Place, folder: FileNode): WireFile {
  if (place.fs !== 'trash') return presentFile(op, place, folder)
  return { type: 0, id: '', name: '', created_at: zeroTime, updated_at: zeroTime, size: 0, metadata: null }
}

/** What is not asked for comes from the saved view of the folder or its nearest ancestor that has one (api/00-live-account §43). */
function effectiveView(op: Op, place: Place, args: ListArguments, folder: FileNode): Effective {
  const { maxPageSize } = op.world.settings
  const saved = op.caller.user === place.owner || place.share?.showView ? savedView(folder) : undefined
  if (args.page < 0) throw new ApiFailure(40001, { validation: true })
  const asked = args.pageSize !== undefined && args.pageSize > 0 ? args.pageSize : undefined
  const pageSize = Math.min(asked ?? saved?.page_size ?? defaultPageSize, maxPageSize)
  const by = args.orderBy ?? saved?.order ?? ''
  const direction = args.orderDirection ?? saved?.order_direction ?? ''
  return {
    order: orderOf(by, direction),
    pageSize,
    view: {
      ...(saved ?? defaultView(place)),
      page_size: pageSize,
      ...(by === '' ? {} : { order: by }),
      ...(direction === '' ? {} : { order_direction: direction }),
    },
  }
}

function defaultView(place: Place): Partial<WireExplorerView> {
  if (place.fs === 'trash')
    return { view: 'list', columns: [{ type: 0 }, { type: 2 }, { type: 8 }, { type: 7 }] }
  return { view: 'grid', thumbnail: true }
}

function savedView(folder: FileNode): WireExplorerView | undefined {
  for (let at: FileNode | undefined = folder; at; at = at.parent) if (at.view) return at.view
  return undefined
}
