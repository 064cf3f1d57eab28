/** From what the server tells of objects to the folders that have to be listed anew. */
import type { RemoteChange } from '../../remote/changes.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { toPosixName } from '../names/index.ts'
import type { KernelCache } from '../ports.ts'
import { isBelow, type Tree } from '../tree/index.ts'
import type { Behind } from './behind.ts'

export interface ChangedFoldersOptions {
  readonly tree: Tree
  readonly kernel: KernelCache
  readonly behind: Behind
  /** Of a `RemoteEntry.uri`. */
  readonly pathOf: (uri: string) => RemotePath | undefined
}

/** Who looked at a folder so recently may be about to do it again. */
const IN_USE_MS = 60_000
/** So many of the folders in use, the last ones first, are listed anew when nobody knows what was changed. */
const AT_ONCE = 16

/** Nothing here trusts a path: it is where an object was, by what somebody else believed, and only says where to look first. */
export class ChangedFolders {
  readonly #options: ChangedFoldersOptions

  constructor(options: ChangedFoldersOptions) {
    this.#options = options
  }

  /** One burst: each folder concerned is listed at most once for it. */
  told(changes: readonly RemoteChange[]): void {
    const { folders, table } = this.#options.tree
    const concerned = new Map<FileId, boolean>()
    for (const change of changes) {
      const node = table.byId(change.id)
      // Its path is another one by now, and somebody is in it.
      const isOpen = node !== undefined && (node.handles > 0 || node.children.size > 0)
      for (const folder of this.#foldersOf(change))
        concerned.set(folder, isOpen || concerned.get(folder) === true)
      // One that was restored: what it holds is not what was known of it.
      if (change.kind === 'created') folders.outdate(change.id)
      this.#tellKernel(change)
    }
    for (const folder of folders.holding(new Set(changes.map(({ id }) => id))))
      if (!concerned.has(folder)) concerned.set(folder, false)
    for (const folder of this.#misled(changes)) if (!concerned.has(folder)) concerned.set(folder, false)
    for (const [folder, isNeeded] of concerned) this.#outdate(folder, isNeeded)
  }

  /**
   * Objects that came somewhere by a path that cannot be: a folder on it had that name for a while, and the server tells neither of
   * two renames that undo each other (api/02 §9.5). Where folders are told to have moved, `told` knows enough.
   */
  lost(changes: readonly RemoteChange[]): FileId[] {
    if (changes.some((change) => this.#isWandering(change))) return []
    const arrived = changes.filter(({ kind }) => kind === 'created' || kind === 'moved')
    // What came in a folder that is new itself.
    const isInNew = ({ path }: RemoteChange) => arrived.some((other) => isBelow(path, other.path))
    return arrived
      .filter((change) => !isInNew(change) && this.#contradicts(change.path.slice(0, -1)))
      .map(({ id }) => id)
  }

  /** Known folders at and below those that moved, where something came by a path that may lead through one of them. */
  #misled(changes: readonly RemoteChange[]): Set<FileId> {
    const wandering = changes.filter((change) => this.#isWandering(change))
    const replaced = changes.filter(({ kind }) => kind !== 'changed')
    const mayLeadThrough = ({ id, kind, path }: RemoteChange) => {
      if ((kind !== 'created' && kind !== 'moved') || path.length < 2) return false
      if (this.#folderAt(path.slice(0, -1)) === undefined) return true
      return replaced.some((other) => other.id !== id && namesOf(other).some((name) => isBelow(path, name)))
    }
    const found = new Set<FileId>()
    if (wandering.length > 0 && changes.some(mayLeadThrough))
      for (const { id } of wandering) this.#addKnownBelow(id, found)
    return found
  }

  #addKnownBelow(folder: FileId, found: Set<FileId>): void {
    const listing = this.#options.tree.folders.peek(folder)
    if (!listing || found.has(folder)) return
    found.add(folder)
    for (const { id, kind } of listing.entries.values()) if (kind === 'folder') this.#addKnownBelow(id, found)
  }

  /** A folder of which something is known has another path, and what is told of later may have it too. */
  #isWandering({ id, kind }: RemoteChange): boolean {
    return (kind === 'moved' || kind === 'created') && this.#options.tree.folders.peek(id) !== undefined
  }

  /** A listing that is known has no such folder. */
  #contradicts(path: RemotePath): boolean {
    const { folders } = this.#options.tree
    return path.some((name, depth) => {
      const above = this.#folderAt(path.slice(0, depth))
      const listing = above === undefined ? undefined : folders.peek(above)
      return listing !== undefined && !listing.entries.has(name)
    })
  }

  /** Something in a folder was changed that was told of under a name of the server's own. */
  changedIn(path: RemotePath): void {
    const folder = this.#folderAt(path)
    if (folder !== undefined) this.#outdate(folder, false)
  }

  /** What was asked for instead. What is as it is known to be, own changes above all, costs nothing. */
  found(entries: readonly RemoteEntry[]): void {
    const { tree, pathOf } = this.#options
    const placed = entries.map((entry) => ({ entry, path: pathOf(entry.uri) ?? [] }))
    // A folder that came or moved too is not yet known by its path.
    const moved = new Map(placed.map(({ entry, path }) => [keyOf(path), entry.id]))
    const different = placed.flatMap(({ entry, path }) => {
      if (path.length === 0) return []
      const folder = this.#folderAt(path.slice(0, -1), moved)
      return folder !== undefined && tree.folders.isAsKnown(folder, entry) ? [] : [{ entry, folder }]
    })
    if (different.length === 0) return
    const concerned = new Set(tree.folders.holding(new Set(different.map(({ entry }) => entry.id))))
    for (const { folder } of different) if (folder !== undefined) concerned.add(folder)
    for (const folder of concerned) this.#outdate(folder, false)
  }

  /** Anything may have been changed: what programs look at is looked at anew, the rest when they do. */
  doubted(): void {
    const { tree, behind } = this.#options
    let left = AT_ONCE
    for (const folder of tree.folders.inUse(IN_USE_MS)) {
      if (left === 0) return
      if (!tree.table.byId(folder) || !tree.folders.isDoubtful(folder)) continue
      behind.add(folder)
      left -= 1
    }
  }

  #outdate(folder: FileId, isNeeded: boolean): void {
    const { tree, kernel, behind } = this.#options
    tree.folders.outdate(folder)
    const node = tree.table.byId(folder)
    if (!node) return
    if (isNeeded || node.handles > 0 || tree.folders.isInUse(folder, IN_USE_MS)) behind.add(folder)
    // Nobody will compare listings, so the kernel, which may trust for longer, is to ask by itself.
    else kernel.invalidateInode(node.ino)
  }

  /** What it may hold to be true for longer than anybody looks: it asks anew, and nobody who has the file open is disturbed. */
  #tellKernel(change: RemoteChange): void {
    const { tree, kernel } = this.#options
    const node = tree.table.byId(change.id)
    if (node?.place) kernel.expireEntry(node.place.parent.ino, toPosixName(node.place.name))
    for (const path of namesOf(change)) {
      const id = this.#folderAt(path.slice(0, -1))
      const folder = id === undefined ? undefined : tree.table.byId(id)
      const name = path.at(-1)
      if (folder && name !== undefined) kernel.expireEntry(folder.ino, toPosixName(name))
    }
  }

  #foldersOf(change: RemoteChange): FileId[] {
    const { table } = this.#options.tree
    const node = table.byId(change.id)
    return [
      node?.remotePlace?.parent.id,
      ...namesOf(change).map((path) => (path.length > 0 ? this.#folderAt(path.slice(0, -1)) : undefined)),
    ].filter((id) => id !== undefined)
  }

  /** The folder at a path as far as it is known here, without asking; `moved`: what is known better, by path. */
  #folderAt(path: RemotePath, moved?: ReadonlyMap<string, FileId>): FileId | undefined {
    const { tree } = this.#options
    let id = tree.table.root.id
    for (const [depth, name] of path.entries()) {
      const certain = moved?.get(keyOf(path.slice(0, depth + 1)))
      id = certain ?? (id === undefined ? undefined : this.#childOf(id, name))
    }
    return id
  }

  #childOf(folder: FileId, name: string): FileId | undefined {
    const { table, folders } = this.#options.tree
    const node = table.byId(folder)?.children.get(name)
    const child = node?.id === undefined ? folders.peek(folder)?.entries.get(name) : node
    return child?.kind === 'folder' ? child.id : undefined
  }
}

/** Names hold no slash. */
function keyOf(path: RemotePath): string {
  return path.join('/')
}

/** Where it was, or is said to be. */
export function namesOf(change: RemoteChange): readonly RemotePath[] {
  return change.kind === 'moved' ? [change.from, change.path] : [change.path]
}
