/**
 * The view that programs see: what the server last told us, and over it what exists or has changed only here. Owns the node
 * table and the listings; sends nothing but listings. After every `await` nodes are looked at anew.
 */
import { Errno } from '../../base/errno.ts'
import type { RemoteEntry } from '../../remote/types.ts'
import { kindOf } from './entry-attributes.ts'
import { FsError } from '../errors.ts'
import type { Node, NodeTable } from '../inode/index.ts'
import type { KernelCache } from '../ports.ts'
import type { FileKind } from '../types.ts'
import type { FolderCache, Listing } from './folder-cache.ts'

export interface TreeOptions {
  readonly table: NodeTable
  readonly folders: FolderCache
  readonly kernel: KernelCache
}

/** One name of a folder. */
export interface ChildName {
  /** The server's. */
  readonly name: string
  readonly kind: FileKind
  /** 0 when no node stands for it yet. */
  readonly stableIno: number
}

export class Tree {
  readonly table: NodeTable
  readonly folders: FolderCache
  readonly #kernel: KernelCache

  constructor({ table, folders, kernel }: TreeOptions) {
    this.table = table
    this.folders = folders
    this.#kernel = kernel
  }

  /** The node of a name, made if need be; undefined when the folder has no such name. */
  async child(folder: Node, name: string, signal?: AbortSignal): Promise<Node | undefined> {
    const live = folder.children.get(name)
    if (live?.isLocal) return live
    const listing = await this.listing(folder, signal)
    return folder.children.get(name) ?? this.#materialise(folder, listing.entries.get(name))
  }

  /** A trusted listing; the last known one when the server cannot be asked now. Live nodes follow what it says. */
  async listing(folder: Node, signal?: AbortSignal): Promise<Listing> {
    const fresh = this.folders.fresh(idOf(folder))
    return fresh ?? this.refresh(folder, signal)
  }

  /** Asks the server, whatever is known. */
  async refresh(folder: Node, signal?: AbortSignal): Promise<Listing> {
    const id = idOf(folder)
    const before = this.folders.known(id)
    const path = () => pathOf(folder)
    const listing = await this.folders.load({ id, label: folder.label, path }, signal)
    if (listing !== before) this.#reconcile(folder, listing)
    return listing
  }

  /** Every name that programs see, once. */
  async names(folder: Node, signal?: AbortSignal): Promise<ChildName[]> {
    const listing = await this.listing(folder, signal)
    const names = [...folder.children.values()].map((node) => nameOfLive(node))
    for (const entry of listing.entries.values()) {
      if (folder.children.has(entry.name) || this.#isHidden(folder, entry)) continue
      names.push({ name: entry.name, kind: kindOf(entry), stableIno: 0 })
    }
    return names
  }

  /** The server object `entry` is under `folder` now, by a change of ours. `formerName` when it had another one there. */
  placed(folder: Node, entry: RemoteEntry, formerName?: string): void {
    this.folders.put(idOf(folder), entry, formerName)
  }

  /** The server has no `name` in `folder` any more, by a change of ours. */
  removed(folder: Node, name: string): void {
    this.folders.remove(idOf(folder), name)
  }

  /** Takes over what the server says of a bound node. A foreign new version replaces clean content that nobody writes to. */
  adopt(node: Node, entry: RemoteEntry): void {
    const isNewVersion = node.entry !== undefined && node.entry.entity !== entry.entity
    this.table.bind(node, entry)
    if (!isNewVersion || node.isFolder) return
    if (node.content && !node.content.isDirty && node.writers === 0) node.content.adoptClean(entry)
    this.#kernel.invalidateInode(node.ino)
  }

  #materialise(folder: Node, entry: RemoteEntry | undefined): Node | undefined {
    if (!entry || this.#isHidden(folder, entry)) return undefined
    const known = this.table.byId(entry.id)
    if (!known || known.kind !== kindOf(entry)) return this.table.addRemote(folder, entry, kindOf(entry))
    // Moved here by somebody else: the same node, so that open files and unsent work follow.
    known.moveTo(folder, entry.name)
    known.remotePlace = known.place
    this.adopt(known, entry)
    return known
  }

  /**
   * Not to be shown under this name: a file whose first upload by somebody else has not ended (api/00-live-files §17.8), or one
   * that was renamed here a moment ago, which the server does not know yet.
   */
  #isHidden(folder: Node, entry: RemoteEntry): boolean {
    if (entry.uploadSessionId !== undefined && entry.entity === undefined && entry.kind === 'file')
      return true
    const node = this.table.byId(entry.id)
    return node !== undefined && node.remotePlace?.parent === folder && node.remotePlace.name === entry.name
      ? node.place?.parent !== folder || node.place.name !== entry.name
      : false
  }

  #reconcile(folder: Node, listing: Listing): void {
    if (!folder.isUnlinked)
      this.table.bind(folder, { ...folder.entry, ...listing.folder, metadata: folder.entry?.metadata ?? {} })
    let byId: Map<string, RemoteEntry> | undefined
    for (const node of [...folder.children.values()]) {
      if (node.remotePlace?.parent !== folder) continue
      const same = listing.entries.get(node.remotePlace.name)
      byId ??=
        same?.id === node.id ? byId : new Map([...listing.entries.values()].map((entry) => [entry.id, entry]))
      const entry = same?.id === node.id ? same : byId?.get(node.id!)
      if (entry) this.#follow(folder, node, entry)
      else if (!node.isLocal) this.#vanished(folder, node)
    }
  }

  #follow(folder: Node, node: Node, entry: RemoteEntry): void {
    this.adopt(node, entry)
    if (entry.name === node.remotePlace!.name) return
    const former = node.place?.name
    if (folder.children.has(entry.name)) return
    node.moveTo(folder, entry.name)
    node.remotePlace = node.place
    if (former !== undefined) this.#kernel.invalidateEntry(folder.ino, former)
  }

  /** Deleted, or moved to where we did not look yet: it keeps its id, so that it is found again there. */
  #vanished(folder: Node, node: Node): void {
    const name = node.place?.name
    node.detach()
    node.remotePlace = undefined
    if (name !== undefined) this.#kernel.deleteEntry(folder.ino, node.ino, name)
    this.table.release(node)
  }
}

function nameOfLive(node: Node): ChildName {
  return { name: node.place!.name, kind: node.kind, stableIno: node.stableIno }
}

function idOf(folder: Node) {
  if (!folder.isFolder) throw new FsError(Errno.ENOTDIR, `${folder.label} is not a folder`)
  if (folder.id === undefined || folder.isUnlinked)
    throw new FsError(Errno.ENOENT, `${folder.label} was deleted`)
  return folder.id
}

function pathOf(folder: Node) {
  const path = folder.remotePath
  if (!path) throw new FsError(Errno.ENOENT, `${folder.label} was deleted`)
  return path
}
