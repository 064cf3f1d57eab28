/**
 * Before something is deleted at the server: is it still what programs here were shown? Whatever is not stays, with the folders
 * that lead to it.
 */
import { absentAsUndefined, isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath, SubtreePage } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import { isBelow, samePath } from '../tree/index.ts'
import { childrenByParent } from './confirm-places.ts'
import type { Core } from './core.ts'
import { isRemotelyWithin } from './folder-moves.ts'
import { keyOf } from './remote-paths.ts'
import { recognise } from './unheard-uploads.ts'

/** What to do about files and folders that were deleted here. */
export interface Verdict {
  /** Unchanged, and so is everything in them; none of these lies in another one. */
  readonly remove: Node[]
  /** Changed by somebody else, or a folder with something in it that nobody here has seen: they are to be seen again. */
  readonly keep: Node[]
  /** The server has them no more. */
  readonly gone: Node[]
  /** What the server has in the folders of `remove`, at any depth. */
  readonly inside: Map<Node, readonly Found[]>
}

/** From so many files of one folder on, its listing costs less than asking for each. */
const listFrom = 3

/** @throws {RemoteError} when the server cannot be asked */
export async function checkRemovals(core: Core, nodes: ReadonlySet<Node>): Promise<Verdict> {
  const verdict: Verdict = { remove: [], keep: [], gone: [], inside: new Map() }
  const tops: Node[] = []
  for (const node of nodes) {
    const parent = node.remotePlace?.parent
    if (!parent) verdict.gone.push(...withAllIn(node, nodes))
    else if (!nodes.has(parent)) tops.push(node)
  }
  for (const [parent, children] of childrenByParent(tops)) {
    const present = await presentIn(core, parent, children, nodes)
    for (const node of children) await judge(core, node, present.get(node), { nodes, verdict })
  }
  return verdict
}

interface Present {
  readonly entry: RemoteEntry
  /** What is in it, where that was asked for with it. */
  readonly inside?: readonly Found[] | undefined
}

/** What the server has under the names of `children` of `parent`. `nodes`: all that is to go. */
async function presentIn(
  core: Core,
  parent: Node,
  children: readonly Node[],
  nodes: ReadonlySet<Node>,
): Promise<Map<Node, Present>> {
  const present = new Map<Node, Present>()
  if (children.length >= listFrom && !parent.isUnlinked) {
    const { entries } = await core.tree.refresh(parent)
    for (const node of children) {
      const entry = entries.get(node.remotePlace?.name ?? '')
      if (entry) present.set(node, { entry })
    }
    return present
  }
  await Promise.all(
    children.map(async (node) => {
      const found = (await presentFolder(core, node, nodes)) ?? (await presentAlone(core, node))
      if (found) present.set(node, found)
    }),
  )
  return present
}

async function presentAlone({ remote, patience }: Core, node: Node): Promise<Present | undefined> {
  const path = node.remotePath
  const entry = path && (await absentAsUndefined(patience.run(node.label, () => remote.info(path))))
  return entry && { entry }
}

/** Of a folder the listing of what is in it tells what it is as well. undefined: more has to be asked for. */
async function presentFolder(
  core: Core,
  folder: Node,
  nodes: ReadonlySet<Node>,
): Promise<Present | undefined> {
  if (!folder.isFolder || !folder.remotePath) return undefined
  const goesAlone = withAllIn(folder, nodes).every((node) => node === folder || !node.isFolder)
  try {
    const flat = goesAlone ? await inFolder(core, folder, folder.remotePath) : undefined
    const isAll = flat !== undefined && flat.inside.every(({ entry }) => entry.kind !== 'folder')
    const { itself, inside } = isAll ? flat : await below(core, folder, nodes)
    return itself && { entry: itself, inside }
  } catch (error) {
    // Gone, or something else than a folder by now.
    if (isRemoteError(error) && !error.isTransient) return undefined
    throw error
  }
}

interface Judging {
  readonly nodes: ReadonlySet<Node>
  readonly verdict: Verdict
}

async function judge(
  core: Core,
  node: Node,
  present: Present | undefined,
  { nodes, verdict }: Judging,
): Promise<void> {
  const { entry, inside } = present ?? {}
  // Moved by somebody else, and found again there.
  if (node.place) return void verdict.keep.push(node)
  if (entry && node.remotePath) await recognise(core, node, { entry, path: node.remotePath })
  if (!entry || entry.id !== node.id) verdict.gone.push(...withAllIn(node, nodes))
  else if (node.isFolder) await judgeFolder(core, node, { nodes, verdict, inside })
  else if (isUnchanged(node, entry)) verdict.remove.push(node)
  else verdict.keep.push(node)
}

/** A folder goes in one call, if nothing is in it that nobody here has deleted. */
async function judgeFolder(
  core: Core,
  folder: Node,
  { nodes, verdict, inside: known }: Judging & Pick<Present, 'inside'>,
): Promise<void> {
  const found = known ?? (await below(core, folder, nodes)).inside
  const top = folder.remotePath ?? []
  await recogniseAll(core, found, withAllIn(folder, nodes))
  const strangers = found.filter(({ entry }) => !isDeletedHere(core, entry, nodes))
  const remove = (node: Node, inside: readonly Found[]) => {
    verdict.remove.push(node)
    if (node.isFolder) verdict.inside.set(node, inside)
  }
  if (strangers.length === 0) return remove(folder, found)
  const kept = new Set(strangers.flatMap(({ path }) => foldersOn(path, top.length)))
  verdict.keep.push(folder)
  const inPlace = found.flatMap(({ path, entry }) => {
    const node = core.tree.table.byId(entry.id)
    // What somebody else has moved here is judged by where it was.
    return node && nodes.has(node) && samePath(node.remotePath, path) ? [{ node, path, entry }] : []
  })
  for (const { node, path, entry } of inPlace) {
    if (kept.has(keyOf(path)) || !isUnchanged(node, entry)) verdict.keep.push(node)
    else if (kept.has(keyOf(path.slice(0, -1))))
      remove(
        node,
        found.filter((each) => isBelow(each.path, path)),
      )
  }
  const seen = new Set(inPlace.map(({ node }) => node))
  for (const node of withAllIn(folder, nodes)) if (node !== folder && !seen.has(node)) verdict.gone.push(node)
  return undefined
}

async function recogniseAll(core: Core, found: readonly Found[], nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) {
    const path = node.sentUnheard && node.remotePath
    const there = path && found.find((each) => samePath(each.path, path))
    if (there) await recognise(core, node, there)
  }
}

export interface Found {
  readonly path: RemotePath
  readonly entry: RemoteEntry
}

interface Below {
  readonly itself: RemoteEntry | undefined
  readonly inside: readonly Found[]
}

/** Everything below a folder. Where that is too much for one walk, what lies in the folders that were deleted here. */
async function below(core: Core, folder: Node, nodes: ReadonlySet<Node>): Promise<Below> {
  const { remote } = core
  const path = folder.remotePath
  if (!path) return { itself: undefined, inside: [] }
  try {
    const place = ({ uri }: RemoteEntry) => remote.facts.pathOf(uri) ?? path
    return await collected(core, folder.label, { pages: () => remote.listSubtree(path), place })
  } catch (error) {
    if (!isRemoteError(error, 'unsupported')) throw error
  }
  let itself: RemoteEntry | undefined
  const inside: Found[] = []
  for (const each of withAllIn(folder, nodes)) {
    const at = each.isFolder ? each.remotePath : undefined
    if (!at) continue
    const found = await inFolder(core, each, at)
    if (each === folder) itself = found.itself
    inside.push(...found.inside)
  }
  return { itself, inside }
}

/** A folder, and what is in it. */
function inFolder(core: Core, { label }: Node, path: RemotePath): Promise<Below> {
  const place = ({ name }: RemoteEntry) => [...path, name]
  return collected(core, label, { pages: () => core.remote.list(path), place })
}

interface Collecting {
  readonly pages: () => AsyncIterable<SubtreePage>
  readonly place: (entry: RemoteEntry) => RemotePath
}

function collected({ patience }: Core, label: string, { pages, place }: Collecting): Promise<Below> {
  return patience.run(label, async (progress) => {
    const inside: Found[] = []
    let itself: RemoteEntry | undefined
    for await (const { folder, entries } of pages()) {
      itself ??= folder
      inside.push(...entries.map((entry) => ({ entry, path: place(entry) })))
      progress()
    }
    return { itself, inside }
  })
}

function isDeletedHere({ tree }: Core, entry: RemoteEntry, nodes: ReadonlySet<Node>): boolean {
  // An upload that was begun and has stored nothing: either it is over, or its lock says so.
  if (entry.kind === 'file' && entry.entity === undefined && entry.uploadSessionId !== undefined) return true
  const node = tree.table.byId(entry.id)
  return node !== undefined && nodes.has(node) && isUnchanged(node, entry)
}

function isUnchanged(node: Node, entry: RemoteEntry): boolean {
  return node.isFolder ? entry.kind === 'folder' : node.entry?.entity === entry.entity
}

/** `node`, and what of `nodes` the server has in it. */
export function withAllIn(node: Node, nodes: ReadonlySet<Node>): Node[] {
  if (!node.isFolder) return nodes.has(node) ? [node] : []
  return [...nodes].filter((each) => isRemotelyWithin(each, node))
}

/** Keys of the folders that lead to `path`, from depth `from` on. */
function foldersOn(path: RemotePath, from: number): string[] {
  return path.slice(from).map((_, depth) => keyOf(path.slice(0, from + depth)))
}
