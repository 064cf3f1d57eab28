/** From what the server tells of objects to the folders that have to be listed anew. */
import type { RemoteChange } from '../../remote/changes.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { toPosixName } from '../names/index.ts'
import type { KernelCache } from '../ports.ts'
import type { Tree } from '../tree/index.ts'
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
    for (const [folder, isNeeded] of concerned) this.#outdate(folder, isNeeded)
  }

  /** Something in a folder was changed that was told of under a name of the server's own. */
  changedIn(path: RemotePath): void {
    const folder = this.#folderAt(path)
    if (folder !== undefined) this.#outdate(folder, false)
  }

  /** What was asked for instead. What is as it is known to be, own changes above all, costs nothing. */
  found(entries: readonly RemoteEntry[]): void {
    const { tree, pathOf } = this.#options
    const different = entries.flatMap((entry) => {
      const path = pathOf(entry.uri)
      if (!path || path.length === 0) return []
      const folder = this.#folderAt(path.slice(0, -1))
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
    const names = change.kind === 'moved' ? [change.from, change.path] : [change.path]
    for (const path of names) {
      const id = this.#folderAt(path.slice(0, -1))
      const folder = id === undefined ? undefined : tree.table.byId(id)
      const name = path.at(-1)
      if (folder && name !== undefined) kernel.expireEntry(folder.ino, toPosixName(name))
    }
  }

  #foldersOf(change: RemoteChange): FileId[] {
    const { table } = this.#options.tree
    const node = table.byId(change.id)
    const paths = change.kind === 'moved' ? [change.from, change.path] : [change.path]
    return [
      node?.remotePlace?.parent.id,
      ...paths.map((path) => (path.length > 0 ? this.#folderAt(path.slice(0, -1)) : undefined)),
    ].filter((id) => id !== undefined)
  }

  /** The folder at a path as far as it is known here, without asking. */
  #folderAt(path: RemotePath): FileId | undefined {
    const { tree } = this.#options
    let id = tree.table.root.id
    for (const name of path) {
      if (id === undefined) return undefined
      const above: FileId = id
      id = tree.table.byId(above)?.children.get(name)?.id ?? tree.folders.peek(above)?.entries.get(name)?.id
    }
    return id
  }
}
