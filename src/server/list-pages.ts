import { assertNever } from '../base/assert.ts'
import type { WirePagination } from '../api/types.ts'
import { ApiFailure } from './failure.ts'
import type { Ids } from './ids.ts'
import { compareNames } from './names.ts'
import type { FileNode } from './state/tree.ts'
import { formatUs, parseUs } from './times.ts'

export type OrderBy = 'name' | 'size' | 'updated_at' | 'created_at' | 'id'

export interface Order {
  by: OrderBy
  isDescending: boolean
}

/** What a page token holds: the last item's id and sort key. Base64 of JSON, not signed, bound to no snapshot. */
interface PageToken {
  id: number
  string?: string
  int?: number
  time?: number
  startWithFile: boolean
}

export interface CursorQuery {
  /** Sorted by `order`. */
  folders: readonly FileNode[]
  files: readonly FileNode[]
  order: Order
  pageSize: number
  token: string | undefined
}

export interface Page {
  nodes: FileNode[]
  /** Undefined on the last page. */
  nextToken: string | undefined
}

export function orderOf(by: string, direction: string): Order {
  const known: readonly string[] = ['name', 'size', 'updated_at', 'created_at']
  return { by: known.includes(by) ? (by as OrderBy) : 'id', isDescending: direction === 'desc' }
}

export function sortNodes(nodes: FileNode[], order: Order): FileNode[] {
  const sign = order.isDescending ? -1 : 1
  return nodes.sort((a, b) => sign * (compareByKey(a, b, order.by) || a.number - b.number))
}

/**
 * One cursor page of "all folders, then all files", with the server's defect: when the folders that remain fill the page exactly, the
 * token is made from the last *folder* but says that files come next, so that all files which sort before that folder never come
 * (api/00-live §2.2).
 */
export function cursorPage(ids: Ids, { folders, files, order, pageSize, token }: CursorQuery): Page {
  const position = token === undefined ? undefined : decodeToken(ids, token)
  const onlyFiles = position?.startWithFile === true
  const firstGroup = onlyFiles ? files : folders
  const start = position ? firstAfter(firstGroup, order, position) : 0
  let nodes = firstGroup.slice(start, start + pageSize + 1)
  let startWithFile = onlyFiles
  if (nodes.length < pageSize + 1 && !onlyFiles) {
    nodes = nodes.concat(files.slice(0, pageSize + 1 - nodes.length))
    startWithFile = true
  }
  if (nodes.length <= pageSize) return { nodes, nextToken: undefined }
  const last = nodes[pageSize - 1]!
  return { nodes: nodes.slice(0, pageSize), nextToken: encodeToken(last, order, startWithFile) }
}

/** One cursor page of a mixed list, as searches have it. */
export function mixedPage(ids: Ids, query: Omit<CursorQuery, 'folders' | 'files'>, nodes: FileNode[]): Page {
  const { order, pageSize, token } = query
  const position = token === undefined || token === '' ? undefined : decodeToken(ids, token)
  const start = position ? firstAfter(nodes, order, position) : 0
  const page = nodes.slice(start, start + pageSize + 1)
  if (page.length <= pageSize) return { nodes: page, nextToken: undefined }
  return { nodes: page.slice(0, pageSize), nextToken: encodeToken(page[pageSize - 1]!, order, false) }
}

export interface OffsetQuery {
  folders: readonly FileNode[]
  files: readonly FileNode[]
  page: number
  pageSize: number
}

/** One numbered page; beyond the end it is empty. */
export function offsetPage({ folders, files, page, pageSize }: OffsetQuery): FileNode[] {
  const start = page * pageSize
  const end = start + pageSize
  const fileStart = Math.max(0, start - folders.length)
  const fileEnd = Math.max(0, end - folders.length)
  return [...folders.slice(start, end), ...files.slice(fileStart, fileEnd)]
}

export function cursorPagination(pageSize: number, nextToken: string | undefined): WirePagination {
  return {
    page: 0,
    page_size: pageSize,
    ...(nextToken === undefined ? {} : { next_token: nextToken }),
    is_cursor: true,
  }
}

function compareByKey(a: FileNode, b: FileNode, by: OrderBy): number {
  switch (by) {
    case 'name':
      return compareNames(a.name, b.name)
    case 'size':
      return sizeOf(a) - sizeOf(b)
    case 'updated_at':
      return a.updatedUs - b.updatedUs
    case 'created_at':
      return a.createdUs - b.createdUs
    case 'id':
      return 0
    default:
      return assertNever(by)
  }
}

function sizeOf(node: FileNode): number {
  return node.current?.sizeBytes ?? 0
}

/** Index of the first node that comes after the token's position; the nodes are sorted by `order`. */
function firstAfter(nodes: readonly FileNode[], order: Order, position: PageToken): number {
  let low = 0
  let high = nodes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isAfter(nodes[middle]!, order, position)) high = middle
    else low = middle + 1
  }
  return low
}

function isAfter(node: FileNode, { by, isDescending }: Order, position: PageToken): boolean {
  const sign = isDescending ? -1 : 1
  const order = sign * compareToToken(node, by, position)
  if (order !== 0) return order > 0
  // The stored time has more digits than the token's survive: the boundary item counts as later, so that ascending pages repeat it
  // (api/00-live §2.3). Whole seconds compare equal.
  if (position.time !== undefined && !isDescending && position.time % 1_000_000 !== 0) return true
  return sign * (node.number - position.id) > 0
}

function compareToToken(node: FileNode, by: OrderBy, position: PageToken): number {
  switch (by) {
    case 'name':
      return compareNames(node.name, position.string ?? '')
    case 'size':
      return sizeOf(node) - (position.int ?? 0)
    case 'updated_at':
      return node.updatedUs - (position.time ?? 0)
    case 'created_at':
      return node.createdUs - (position.time ?? 0)
    case 'id':
      return 0
    default:
      return assertNever(by)
  }
}

function encodeToken(last: FileNode, { by }: Order, startWithFile: boolean): string {
  const key = {
    ...(by === 'created_at' ? { time: formatUs(last.createdUs) } : {}),
    ...(by === 'updated_at' ? { time: formatUs(last.updatedUs) } : {}),
    id: last.id,
    ...(by === 'name' ? { string: last.name } : {}),
    ...(by === 'size' && sizeOf(last) > 0 ? { int: sizeOf(last) } : {}),
    ...(startWithFile ? { start_with_file: true } : {}),
  }
  return Buffer.from(JSON.stringify(key)).toString('base64')
}

/** @throws {ApiFailure} -1 */
function decodeToken(ids: Ids, token: string): PageToken {
  const value = parseJson(Buffer.from(token, 'base64').toString())
  if (typeof value !== 'object' || value === null || !('id' in value) || typeof value.id !== 'string')
    throw new ApiFailure(-1)
  const id = ids.decode('file', value.id)
  if (id === undefined) throw new ApiFailure(-1)
  const fields = value as { string?: string; int?: number; time?: string; start_with_file?: boolean }
  return {
    id,
    ...(fields.string === undefined ? {} : { string: fields.string }),
    ...(fields.int === undefined ? {} : { int: fields.int }),
    ...(fields.time === undefined ? {} : { time: parseUs(fields.time) }),
    startWithFile: fields.start_with_file === true,
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
