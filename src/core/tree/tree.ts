/**
 * The view that programs see: what the server last told us, and over it what is only here. Owns the node table and the listings;
 * sends nothing but listings. After every `await` nodes are looked at anew.
 */
import { waitUnlessAborted } from '../../base/clock.ts'
import { andThen, type MaybePromise } from '../../base/maybe-promise.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import { kindOf } from './entry-attributes.ts'
import { samePlace, type Node, type NodeTable } from '../inode/index.ts'
import { toPosixName } from '../names/index.ts'
import type { KernelCache } from '../ports.ts'
import type { Reachability } from '../reachability.ts'
import { nameOfLive, type ChildName } from './child-name.ts'
import type { FolderCache, Listing, ListingArrival } from './folder-cache.ts'
import { isHidden, type HidingKnowledge } from './hidden.ts'
import { KernelNews } from './kernel-news.ts'
import { entryFinder, sameAttributes } from './listing-changes.ts'
import { idOf, newRecord, pathOf, samePath } from './places.ts'
import type { ReceivedPages } from './received-pages.ts'
import { Revalidations } from './revalidations.ts'
import type { Asker, TreeOptions } from './tree-options.ts'
import { Walks } from './walks.ts'

/** Nobody waits longer for the server to say anew what is known already, ms. */
const knownAfterMs = 5_000

export class Tree {
  readonly table: NodeTable
  readonly folders: FolderCache
  readonly news: KernelNews
  readonly #kernel: KernelCache
  readonly #walks: Walks
  readonly #revalidations: Revalidations
  readonly #server: Reachability
  /** A folder that existed only here stands for one of the server now. */
  onFolderBound: (folder: Node) => void = () => undefined
  /** The server has something else at a path, by a change of ours. */
  onOwnChange: ((path: RemotePath) => void) | undefined
  isArriving: HidingKnowledge['isArriving'] = () => false
  /** Waits until a folder is not just being renamed. */
  onceStill: (folder: Node) => Promise<void> = () => Promise.resolve()

  constructor(options: TreeOptions) {
    const { table, folders, kernel, clock, server } = options
    this.#server = server
    this.table = table
    this.folders = folders
    this.#kernel = kernel
    this.news = new KernelNews(kernel, clock)
    this.#walks = new Walks({
      ...options,
      arrived: (listing, before) => {
        const folder = table.byId(listing.folder.id)
        if (folder) this.#follows(folder, listing, before)
      },
    })
    const refresh = (folder: Node) => this.refresh(folder)
    const isCovered = (folder: Node) => this.#walks.isCovering(folder)
    this.#revalidations = new Revalidations({ table, folders, server, refresh, isCovered })
  }

  /** The node of an object that the server has in `parent`; undefined where nothing is to be seen of it. */
  nodeOf(parent: Node, entry: RemoteEntry): Node | undefined {
    const former = this.table.byId(entry.id)?.remotePlace?.parent
    const node = parent.children.get(entry.name) ?? this.#materialise(parent, entry)
    // Who looks at a listing that still has it there would take it back.
    if (node && former && former !== parent) this.folders.expire(idOf(former))
    // A listing from before it was made would take it away from others as soon as nobody here refers to it.
    const listing = this.folders.known(idOf(parent))
    if (node && listing && !listing.entries.has(entry.name)) this.folders.expire(idOf(parent))
    return node
  }

  /** The node of a name, made if need be; undefined when the folder has no such name. */
  child(folder: Node, name: string, asker?: Asker): MaybePromise<Node | undefined> {
    const live = folder.children.get(name)
    if (live?.isLocal) return live
    return andThen(this.listing(folder, asker), (listing) => this.childIn(folder, name, listing))
  }

  /** The same by a listing that is trusted now: nobody needs to be asked. */
  childIn(folder: Node, name: string, { entries }: Listing): Node | undefined {
    return folder.children.get(name) ?? this.#materialise(folder, entries.get(name))
  }

  /** The same by pages of a listing that goes on; undefined where they are not enough to tell. */
  childByPages(folder: Node, name: string, { entries }: ReceivedPages): Node | undefined {
    const live = folder.children.get(name)
    if (live?.isLocal) return live
    const entry = entries.get(name)
    const known = entry && this.table.byId(entry.id)
    // What else was moved or replaced meanwhile the whole listing tells.
    if (!entry || known !== live) return undefined
    if (!live) return this.#materialise(folder, entry)
    if (!samePlace(live.remotePlace, live.place) || kindOf(entry) !== live.kind) return undefined
    return this.#adopt(live, entry) ? live : this.#materialise(folder, entry)
  }

  /** A listing that need not be waited for: a trusted or a probable one. What is aging or probable is asked for behind the answer. */
  trusted(folder: Node): Listing | undefined {
    const id = idOf(folder)
    const fresh = this.folders.fresh(id)
    const listing = fresh ?? this.folders.probable(id)
    if (listing && (!fresh || this.folders.isAging(id, fresh))) this.#revalidations.add(folder)
    return listing
  }

  /** A trusted listing, or what is known while the server cannot be asked. Live nodes follow what it says. */
  listing(folder: Node, asker?: Asker): MaybePromise<Listing> {
    const trusted = this.trusted(folder)
    if (trusted) return trusted
    const walk = this.#server.isAway ? undefined : this.#walks.covering(folder)
    return walk ? this.#afterWalk(folder, walk, asker?.signal) : this.asked(folder, asker?.signal)
  }

  /** Asks the server; what is known, however old, is answered at once while that is away, and soon where it does not answer. */
  asked(folder: Node, signal?: AbortSignal): MaybePromise<Listing> {
    const known = this.folders.known(idOf(folder))
    if (!known || folder.isNew) return this.refresh(folder, signal)
    if (!this.#server.isAway) return this.#askedInTime(folder, signal)
    this.#revalidations.add(folder)
    return known
  }

  async #askedInTime(folder: Node, signal?: AbortSignal): Promise<Listing> {
    const asked = this.refresh(folder, signal)
    try {
      return await this.#server.wait(asked, knownAfterMs)
    } catch (error) {
      const known = folder.isUnlinked ? undefined : this.folders.known(idOf(folder))
      if (signal?.aborted || !known || !isRemoteError(error, 'offline')) return asked
      asked.catch(() => undefined) // whoever looks next hears of it
      return known
    }
  }

  /** A program lists the folder: others below the same one may follow, and are then asked for together. */
  opened(folder: Node): void {
    this.#walks.opened(folder, !folder.isUnlinked && this.folders.isRecent(folder.listingKey))
  }

  /** Asks for everything below `folder`, which is known then. @throws {RemoteError} */
  walkOver(folder: Node): Promise<readonly RemoteEntry[]> {
    return this.#walks.over(folder)
  }

  async #afterWalk(folder: Node, walk: Promise<void>, signal: AbortSignal | undefined): Promise<Listing> {
    await waitUnlessAborted(walk, signal).catch(() => undefined) // who is interrupted hears of it below
    return this.trusted(folder) ?? this.asked(folder, signal)
  }

  /** A folder that exists only here so far, under a name that is free. */
  addFolder(parent: Node, name: string): Node {
    const folder = this.table.addLocal(parent, name, 'folder')
    this.folders.begin(folder.listingKey, newRecord)
    return folder
  }

  /** A folder that existed only here stands for `entry` of the server from now on. `isOurs`: we made that, just now. */
  bindFolder(folder: Node, entry: RemoteEntry, isOurs = false): void {
    const other = this.table.byId(entry.id)
    this.folders.end(folder.listingKey, entry, isOurs)
    this.table.bind(folder, entry)
    folder.remotePlace = folder.place
    if (folder.place) this.folders.put(folder.place.parent.listingKey, entry)
    // Moved here by somebody else, onto ours: what is unsent in it stays where it was, and makes it again.
    if (other && other !== folder) {
      if (other.isNeeded) other.isMissing = true
      else this.vanish(other)
    }
    this.onFolderBound(folder)
  }

  /** Asks the server, whatever is known. */
  async refresh(folder: Node, signal?: AbortSignal): Promise<Listing> {
    const { id, remotePath: path } = folder
    try {
      return await this.#load(folder, signal)
    } catch (error) {
      const above = folder.remotePlace?.parent
      if (!isRemoteError(error, 'not-found')) throw error
      if (folder.isNew) return this.#nothing(folder, newRecord)
      await this.onceStill(folder)
      if (!folder.isUnlinked && !samePath(folder.remotePath, path)) return this.#load(folder, signal)
      if (!above) throw error
      // Somebody else moved or deleted it: the folder above knows.
      await this.refresh(above, signal)
      if (folder.isMissing) return this.#nothing(folder, folder.entry!)
      if (folder.isUnlinked || (folder.id === id && samePath(folder.remotePath, path))) throw error
      return this.#load(folder, signal)
    }
  }

  /** Names and attributes of the folder are known, and need not be asked for. */
  isTrusted(folder: Node): boolean {
    return !folder.isUnlinked && this.folders.fresh(folder.listingKey) !== undefined
  }

  /** Every name that programs see, once; in the same order as long as `namesVersion` is the same. */
  namesIn(folder: Node, { entries }: Listing): ChildName[] {
    const names: ChildName[] = []
    for (const entry of entries.values()) {
      const live = folder.children.get(entry.name)
      if (live) names.push(nameOfLive(live))
      else if (!isHidden(this, folder, entry, this.table.byId(entry.id)))
        names.push({ name: entry.name, kind: kindOf(entry), stableIno: 0 })
    }
    for (const node of folder.children.values())
      if (!entries.has(node.place!.name)) names.push(nameOfLive(node))
    return names
  }

  /** A folder was found not to have `name`: for how long the kernel may believe it, ms. It is told when somebody else makes one. */
  absent(folder: Node, name: string): number {
    return folder.isUnlinked ? 0 : this.news.noteAbsent(folder, name, this.folders.trustedMs(idOf(folder)))
  }

  /** The server object `entry` is under `folder` now, by a change of ours. `formerName` when it had another one there. */
  placed(folder: Node, entry: RemoteEntry, formerName?: string): void {
    this.folders.put(folder.listingKey, entry, formerName)
    folder.namesVersion += 1
    this.#tellOwnChange(folder, entry.name)
  }

  /** The server has no `name` in `folder` any more, by a change of ours. */
  removed(folder: Node, name: string): void {
    this.folders.remove(folder.listingKey, name)
    folder.namesVersion += 1
    this.#tellOwnChange(folder, name)
  }

  #tellOwnChange(folder: Node, name: string): void {
    const above = this.onOwnChange && folder.remotePath
    if (above) this.onOwnChange?.([...above, name])
  }

  /** An upload into `folder` was confirmed: folders on the way that were missing are there again, with ids to be learnt. */
  madeAgain(folder: Node): void {
    for (let at = folder; at.place; at = at.place.parent)
      if (at.isMissing && at.place.parent.id !== undefined) this.folders.expire(at.place.parent.id)
  }

  /** Another node that shows under the name has to go. */
  makeRoom(folder: Node, name: string, node: Node): void {
    const present = folder.children.get(name)
    if (present && present !== node) this.vanish(present)
  }

  /** The node is not what its name stands for any more; who has it open keeps it. */
  vanish(node: Node): void {
    const { place } = node
    node.detach()
    node.remotePlace = undefined
    node.isVanished = true
    if (place) this.#kernel.deleteEntry(place.parent.ino, node.ino, toPosixName(place.name))
    this.table.release(node)
  }

  /**
   * Takes over what the server says of a bound node. A foreign new version replaces clean content that nobody writes to; who
   * reads the old one keeps that, in a node without a name (`false`), so that two versions are never mixed. Under changes of
   * ours, or while somebody may make some, the old version goes on being shown (`catchUp` ends that).
   */
  #adopt(node: Node, entry: RemoteEntry): boolean {
    const isNewVersion = node.entry !== undefined && node.entry.entity !== entry.entity && !node.isFolder
    const isClean = !node.isLocal && node.writers === 0
    if (isNewVersion && isClean && node.handles > 0) {
      this.#supersede(node)
      return false
    }
    const before = node.entry
    this.table.bind(node, entry)
    if (isNewVersion && isClean) this.#showNew(node, entry)
    else if (before && !sameAttributes(before, entry)) this.news.tellAttributes(node)
    return true
  }

  /** Its last writer is gone, and has written nothing: a version that came from elsewhere meanwhile can be shown. */
  catchUp(node: Node): void {
    const { content, entry } = node
    if (node.isUnlinked || node.isLocal || node.writers > 0 || !content || !entry) return
    if (content.base === (entry.entity ?? 'absent')) return
    if (node.handles === 0) this.#showNew(node, entry)
    else this.#supersede(node)
  }

  /** Nobody has it open: pages of the version that it showed before are of no use. */
  #showNew(node: Node, entry: RemoteEntry): void {
    node.content?.adoptClean(entry)
    // It was chosen for the version before.
    if (node.hasUnsent) node.unsent.mtime = undefined
    node.pagesOf = undefined
    this.#kernel.invalidateInode(node.ino)
  }

  /** Its content stays readable as an older version of what the server has at `remotePlace`. */
  #supersede(node: Node): void {
    const { place } = node
    this.table.unbind(node)
    node.detach()
    node.isVanished = true
    if (place) this.#kernel.expireEntry(place.parent.ino, toPosixName(place.name))
  }

  #load(folder: Node, signal?: AbortSignal): Promise<Listing> {
    const id = idOf(folder)
    const { isNew } = folder
    const arrived: ListingArrival = (listing, before) => {
      if (isNew && !folder.isNew) return // known by another way, and perhaps changed since
      if (isNew) this.bindFolder(folder, { ...listing.folder, metadata: {} })
      this.#follows(this.table.byId(id) ?? folder, listing, before)
    }
    return this.folders.load({ id, label: folder.label, path: () => pathOf(folder) }, arrived, signal)
  }

  /** Nodes, and what the kernel knows, become what a new listing says. */
  #follows(folder: Node, listing: Listing, before: Listing | undefined): void {
    this.#reconcile(folder, listing)
    this.news.tellNames(folder, before, listing)
  }

  /** What is to be seen of a folder that the server does not have: only what is unsent. */
  #nothing(folder: Node, entry: RemoteEntry): Listing {
    const nothing = { entries: new Map(), folder: entry, policy: undefined, askedAt: -Infinity }
    this.#follows(folder, nothing, this.folders.known(folder.listingKey))
    if (!folder.isNew) return nothing
    this.folders.end(folder.listingKey)
    this.folders.begin(folder.listingKey, entry)
    return nothing
  }

  #materialise(folder: Node, entry: RemoteEntry | undefined): Node | undefined {
    if (!entry) return undefined
    const known = this.table.byId(entry.id)
    if (isHidden(this, folder, entry, known)) return undefined
    if (!known || known.kind !== kindOf(entry)) return this.table.addRemote(folder, entry, kindOf(entry))
    // Moved here by somebody else: the same node, so that open files and unsent work follow.
    const former = known.place
    known.moveTo(folder, entry.name)
    known.remotePlace = known.place
    if (former) this.#kernel.expireEntry(former.parent.ino, toPosixName(former.name))
    return this.#adopt(known, entry) ? known : this.table.addRemote(folder, entry, kindOf(entry))
  }

  #reconcile(folder: Node, listing: Listing): void {
    if (!folder.isUnlinked && folder.id === listing.folder.id)
      this.table.bind(folder, { ...folder.entry, ...listing.folder, metadata: folder.entry?.metadata ?? {} })
    const find = entryFinder(listing.entries)
    const moved: [Node, RemoteEntry][] = []
    for (const node of [...folder.children.values()]) {
      const at = node.remotePlace
      if (node.isNew && node.isFolder) this.#bindToPresent(node, listing)
      if (at?.parent !== folder) continue
      const same = listing.entries.get(at.name)
      const entry = find(node.id, at.name)
      // By our own doing: its answer says the same.
      if (entry && entry !== same && this.isArriving(node, { parent: folder, name: entry.name })) continue
      if (!entry && node.waits && this.isArriving(node)) continue
      if (!entry || kindOf(entry) !== node.kind) this.#missed(node, same)
      else if (this.#adopt(node, entry) && entry.name !== at.name) moved.push([node, entry])
    }
    this.#follow(folder, moved)
  }

  /** Made on the way by an upload, or by somebody else too: the same folder. */
  #bindToPresent(folder: Node, { entries }: Listing): void {
    const entry = entries.get(folder.place!.name)
    if (entry?.kind === 'folder' && this.table.byId(entry.id) === undefined) this.bindFolder(folder, entry)
  }

  /** Renames by somebody else, all at once: they may have taken each other's names. */
  #follow(folder: Node, moved: readonly (readonly [Node, RemoteEntry])[]): void {
    const former = new Map(moved.map(([node]) => [node, node.place?.name]))
    for (const [node] of moved) node.detach()
    for (const [node, entry] of moved) {
      const name = former.get(node)
      if (name !== undefined) this.#kernel.expireEntry(folder.ino, toPosixName(name))
      if (!folder.children.has(entry.name)) {
        node.moveTo(folder, entry.name)
        node.remotePlace = node.place
      } else if (node.isNeeded && name !== undefined && !folder.children.has(name)) {
        node.moveTo(folder, name) // a file of ours took the new name: what is unsent stays reachable
      } else {
        this.vanish(node)
      }
    }
  }

  /** Deleted, or moved to where we did not look yet: it keeps its id, so that it is found again there. */
  #missed(node: Node, same: RemoteEntry | undefined): void {
    if (!node.isNeeded && !node.isMissing) return this.vanish(node)
    if (!node.isFolder) return undefined
    const isAgain = same?.kind === 'folder' && this.table.byId(same.id) === undefined
    node.isMissing = !isAgain
    if (isAgain) this.table.bind(node, same)
    else if (!node.isNeeded) this.vanish(node)
    return undefined
  }
}
