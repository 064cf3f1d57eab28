import type { FileNode } from '../state/tree.ts'
import { mixedPage, sortNodes, type Order } from '../list-pages.ts'
import { ApiFailure } from '../failure.ts'
import type { Ids } from '../ids.ts'

const textKeys = ['name', 'type', 'category']
const numberKeys = ['size_gte', 'size_lte', 'created_gte', 'created_lte', 'updated_gte', 'updated_lte']

/** Whether the query of a URI makes its listing a recursive one (api/03 §20). */
export function isSearch(query: URLSearchParams): boolean {
  return [...query.keys()].some(
    (key) =>
      textKeys.includes(key) ||
      (numberKeys.includes(key) && integerOf(query, key) !== undefined) ||
      key.startsWith('meta_') ||
      key.startsWith('exact_meta_'),
  )
}

/** Numbers that are none are passed over as if they were not there. */
function integerOf(query: URLSearchParams, key: string): number | undefined {
  const text = query.get(key) ?? ''
  return /^-?\d+$/.test(text) ? Number(text) : undefined
}

type Condition = (node: FileNode) => boolean

/** All conditions of a URI's query as one. @throws {ApiFailure} -1 unknown category */
export function conditionOf(query: URLSearchParams): Condition {
  const category = query.get('category')
  if (category !== null) return categoryCondition(category)
  const conditions = [
    nameCondition(query),
    typeCondition(query.get('type')),
    sizeCondition(query),
    timeCondition(query, 'created', (node) => node.createdUs),
    timeCondition(query, 'updated', (node) => node.updatedUs),
    ...metadataConditions(query),
  ].filter((condition) => condition !== undefined)
  return (node) => conditions.every((condition) => condition(node))
}

const categories: Record<string, readonly string[]> = {
  image: ['bmp', 'gif', 'heic', 'jpeg', 'jpg', 'png', 'svg', 'tif', 'tiff', 'webp'],
  video: ['avi', 'mkv', 'mov', 'mp4', 'mpg', 'webm'],
  audio: ['aac', 'flac', 'm4a', 'mp3', 'ogg', 'wav'],
  document: ['doc', 'docx', 'epub', 'md', 'odp', 'ods', 'odt', 'pdf', 'ppt', 'pptx', 'txt', 'xls', 'xlsx'],
}

function categoryCondition(category: string): Condition {
  const extensions = categories[category]
  if (!extensions) throw new ApiFailure(-1)
  return (node) =>
    !node.isFolder && extensions.some((extension) => node.name.toLowerCase().endsWith(`.${extension}`))
}

function nameCondition(query: URLSearchParams): Condition | undefined {
  const names = query.getAll('name')
  if (names.length === 0) return undefined
  const matchers = names.map((name) => nameMatcher(name, query.has('case_folding')))
  const isAny = query.has('name_op_or') || query.has('use_or')
  return (node) =>
    isAny ? matchers.some((matches) => matches(node.name)) : matchers.every((matches) => matches(node.name))
}

function nameMatcher(term: string, foldCase: boolean): (name: string) => boolean {
  if (term.length > 1 && term.startsWith('"') && term.endsWith('"')) {
    const literal = term.replace(/^"+|"+$/g, '')
    return (name) => name.includes(literal)
  }
  if (term.includes('*')) return wildcardMatcher(term)
  if (!foldCase) return (name) => name.includes(term)
  const folded = term.toLowerCase()
  return (name) => name.toLowerCase().includes(folded)
}

/** As the database's LIKE: a pattern with no wildcard at either end may match anywhere in the name; ASCII case is ignored. */
function wildcardMatcher(term: string): (name: string) => boolean {
  const isOpen = term.startsWith('*') || term.endsWith('*')
  const pattern = term
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  const expression = new RegExp(isOpen ? `^${pattern}$` : pattern, 'is')
  return (name) => expression.test(name)
}

function typeCondition(type: string | null): Condition | undefined {
  if (type === null) return undefined
  if (type !== 'file' && type !== 'folder') return () => false
  return (node) => node.isFolder === (type === 'folder')
}

/** With one bound alone the other one counts as 0, which finds nothing: the server's own defect. */
function sizeCondition(query: URLSearchParams): Condition | undefined {
  const least = integerOf(query, 'size_gte') ?? 0
  const most = integerOf(query, 'size_lte') ?? 0
  if (!(least > 0) && !(most > 0)) return undefined
  return (node) => {
    const size = node.current?.sizeBytes ?? 0
    return size >= least && size <= most
  }
}

function timeCondition(
  query: URLSearchParams,
  which: 'created' | 'updated',
  timeOf: (node: FileNode) => number,
): Condition | undefined {
  const from = integerOf(query, `${which}_gte`)
  const to = integerOf(query, `${which}_lte`)
  if (from === undefined && to === undefined) return undefined
  const fromUs = from === undefined ? -Infinity : from * 1_000_000
  const toUs = to === undefined ? Infinity : to * 1_000_000
  return (node) => timeOf(node) >= fromUs && timeOf(node) <= toUs
}

function metadataConditions(query: URLSearchParams): Condition[] {
  return [...query.entries()].flatMap(([key, value]) => {
    if (key.startsWith('exact_meta_'))
      return [(node: FileNode) => node.metadata.get(key.slice('exact_meta_'.length)) === value]
    if (!key.startsWith('meta_')) return []
    const name = key.slice('meta_'.length)
    const wanted = value.toLowerCase()
    return [(node: FileNode) => node.metadata.get(name)?.toLowerCase().includes(wanted) ?? false]
  })
}

export interface SearchQuery {
  folder: FileNode
  condition: Condition
  order: Order
  pageSize: number
  /** `<level>|<token>`; undefined for the first page. */
  token: string | undefined
  maxFolders: number
}

export interface SearchPage {
  nodes: FileNode[]
  /** Undefined on the last page. */
  nextToken: string | undefined
  /** The walk ended beyond its last level: the answer has no pagination at all. */
  isBeyondEnd: boolean
  limitReached: boolean
}

/** One page of a recursive search: breadth first, one level after the other, each level sorted, folders and files mixed. */
export function searchPage(ids: Ids, query: SearchQuery): SearchPage {
  let { level, inner } = parseSearchToken(query.token)
  let walked = 1
  let parents = [query.folder]
  const stepDown = (): boolean => {
    parents = parents.flatMap((parent) => [...parent.children.values()].filter((node) => node.isFolder))
    walked += parents.length
    return parents.length > 0
  }
  for (let i = 0; i < level; i += 1)
    if (!stepDown()) return { nodes: [], nextToken: undefined, isBeyondEnd: true, limitReached: false }

  const nodes: FileNode[] = []
  let isComplete = false
  while (nodes.length < query.pageSize && walked <= query.maxFolders) {
    const hits = parents.flatMap((parent) => [...parent.children.values()].filter(query.condition))
    const pageSize = query.pageSize - nodes.length
    const page = mixedPage(ids, { order: query.order, pageSize, token: inner }, sortNodes(hits, query.order))
    nodes.push(...page.nodes)
    inner = page.nextToken ?? ''
    if (inner !== '') continue
    if (nodes.length === query.pageSize) {
      level += 1
      break
    }
    if (!stepDown()) {
      isComplete = true
      break
    }
    level += 1
  }
  const limitReached = walked > query.maxFolders
  const nextToken = limitReached || isComplete ? undefined : `${level}|${inner}`
  return { nodes, nextToken, isBeyondEnd: false, limitReached }
}

/** @throws {ApiFailure} -1 */
function parseSearchToken(token: string | undefined): { level: number; inner: string } {
  if (token === undefined) return { level: 0, inner: '' }
  const match = /^(\d+)\|(.*)$/s.exec(token)
  if (!match) throw new ApiFailure(-1)
  return { level: Number(match[1]), inner: match[2]! }
}
