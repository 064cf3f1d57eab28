/**
 * Programs that walk a tree (`find`, `ls -R`, `du`, `rm -r`) list one folder after the other. Once that is noticed, everything below
 * where they began is asked for at once: 2,000 objects a request instead of a request a folder. Where that is too much it is cut, and
 * what is below each lower folder is asked for when the program gets there. Requests in vain are then at most those for all objects,
 * once for each level on which folders are too large.
 */
import { LRUCache } from 'lru-cache'
import { delay, type Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Remote } from '../../remote/remote.ts'
import { isRemoteError, RemoteError } from '../../remote/errors.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import type { Patience } from '../patience.ts'
import type { FolderCache, Listing, ListingArrival } from './folder-cache.ts'
import { WalkedSubtree } from './walked-subtree.ts'

/** Folders that are opened within this time of each other belong to one walk, ms. */
const togetherMs = 2_000
/** Whoever wants a folder that is being walked over waits so long, ms; then it is asked for by itself. */
const waitMs = 3_000
/** A walk that failed is not tried again for so long, ms. */
const pauseMs = 60_000
/** What was too much for one walk still is after so long, ms: it would be fetched in vain. */
const tooMuchMs = 24 * 3_600_000
/** So many folders that were listed, or walked over, are remembered. */
const maxOpened = 10_000

export interface WalksOptions {
  readonly remote: Pick<Remote, 'listSubtree' | 'changesSince' | 'now' | 'facts'>
  readonly folders: FolderCache
  readonly patience: Patience
  readonly clock: Clock
  readonly log: Log
  /** More is not walked over at once. */
  readonly walkObjects: number
  readonly arrived: ListingArrival
}

/** Where a walk began. */
interface Top {
  readonly path: RemotePath
  readonly entry: RemoteEntry
  readonly label: string
}

interface Asking {
  readonly path: RemotePath
  readonly isWhole: boolean
  readonly progress: () => void
}

interface Seen {
  readonly walked: WalkedSubtree
  readonly entries: readonly RemoteEntry[]
  readonly isTooMuch: boolean
}

interface Walked {
  /** All of what there is, where that was wanted. */
  readonly entries: readonly RemoteEntry[]
  /** At least half of the folders that were seen are known now. */
  readonly isHalf: boolean
  /** The walk did not get to its end. */
  readonly isTooMuch: boolean
}

/** What is remembered of a folder that a program has listed. Nodes come and go, with some drivers between two operations. */
interface Opened {
  /** When it was, or one in it, monotonic ms. */
  atMs: number
  /** Where the walk began that this folder belongs to: itself, or one above. */
  readonly top: FileId
  lastChild: FileId | undefined
}

export class Walks {
  readonly #options: WalksOptions
  readonly #opened = new LRUCache<FileId, Opened>({ max: maxOpened })
  readonly #running = new Map<FileId, Promise<void>>()
  readonly #failedAt = new LRUCache<FileId, number>({ max: maxOpened })
  /** When the walk over a folder was cut, monotonic ms. */
  readonly #cutAt = new LRUCache<FileId, number>({ max: maxOpened })

  constructor(options: WalksOptions) {
    this.#options = options
  }

  /** A program is about to list `folder`. */
  opened(folder: Node, isKnown: boolean): void {
    const now = this.#options.clock.monotonic()
    const { entry, remotePlace } = folder
    const above = remotePlace?.parent
    if (!entry || !folder.remotePath) return
    const before = above?.id === undefined ? undefined : this.#opened.get(above.id)
    const follows = before !== undefined && now - before.atMs <= togetherMs
    this.#opened.set(entry.id, { atMs: now, top: follows ? before.top : entry.id, lastChild: undefined })
    if (!before || !above?.id || !(follows || this.#isBelowTooMuch(above))) return
    const isSecond = before.lastChild !== undefined && before.lastChild !== entry.id
    const isGrandchild = before.top !== above.id
    // Who comes back to it, from a deep tree or from waiting for a walk in vain, goes on in it: those after this one follow.
    const top = follows ? before.top : above.id
    this.#opened.set(above.id, { atMs: now, top, lastChild: entry.id })
    if (!follows || isKnown || !(isSecond || isGrandchild) || this.isCovering(folder)) return
    const from = this.#beginning(above, top)
    if (from) this.#start(from)
  }

  /** Where a walk for what is in `parent` begins: at `top`, or at the highest below it and below all that are too large. */
  #beginning(parent: Node, top: FileId): Node | undefined {
    let lowest: Node | undefined
    for (let at: Node | undefined = parent; at?.id !== undefined; at = at.remotePlace?.parent) {
      if (this.#isRecent(this.#cutAt, at.id, tooMuchMs)) return lowest
      if (at.id === top) return at
      lowest = at
    }
    return undefined // what the program walks over was moved meanwhile
  }

  #isBelowTooMuch(folder: Node): boolean {
    for (let at: Node | undefined = folder; at?.id !== undefined; at = at.remotePlace?.parent)
      if (this.#isRecent(this.#cutAt, at.id, tooMuchMs)) return true
    return false
  }

  #isRecent(at: LRUCache<FileId, number>, id: FileId, ms: number): boolean {
    const when = at.get(id)
    return when !== undefined && this.#options.clock.monotonic() - when < ms
  }

  /** Asks for everything below `folder` now, so that its folders are known. Answers all of that. @throws {RemoteError} */
  async over({ remotePath: path, entry, label }: Node): Promise<readonly RemoteEntry[]> {
    if (!path || !entry) throw new RemoteError('not-found', `${label} is not at the server`)
    return (await this.#walk({ path, entry, label }, true)).entries
  }

  /** Resolves when a walk may have brought the listing of `folder`; undefined when none is on its way. */
  covering(folder: Node): Promise<void> | undefined {
    const walk = this.#walkOver(folder)
    return walk && Promise.race([walk, delay(this.#options.clock, waitMs)])
  }

  isCovering(folder: Node): boolean {
    return this.#walkOver(folder) !== undefined
  }

  #walkOver(folder: Node): Promise<void> | undefined {
    if (this.#running.size === 0) return undefined
    for (let at: Node | undefined = folder; at; at = at.remotePlace?.parent) {
      const walk = at.id === undefined ? undefined : this.#running.get(at.id)
      if (walk) return walk
    }
    return undefined
  }

  #start({ remotePath: path, entry, label }: Node): void {
    if (!path || !entry || this.#isRecent(this.#failedAt, entry.id, pauseMs)) return
    const { clock, log } = this.#options
    const { id } = entry
    const done = this.#walk({ path, entry, label }, false)
      .then(({ isHalf, isTooMuch }) => {
        if (isTooMuch) log.info('more than one walk brings: lower folders are walked over', { folder: label })
        else if (!isHalf) throw new Error('most of it is just being changed')
      })
      .catch((error: unknown) => {
        this.#failedAt.set(id, clock.monotonic())
        log.info('folders are listed one by one', { folder: label, reason: String(error) })
      })
      .finally(() => this.#running.delete(id))
    this.#running.set(id, done)
  }

  /** `isWhole`: what is too much to be kept is asked for as well. */
  async #walk({ path, entry, label }: Top, isWhole: boolean): Promise<Walked> {
    const { folders, clock, patience } = this.#options
    const changes = folders.log()
    try {
      const askedAt = clock.monotonic()
      const seen = await patience.run(label, (progress) =>
        this.#seen(new WalkedSubtree(path, entry), { path, isWhole, progress }),
      )
      const { walked, isTooMuch } = seen
      if (isTooMuch) this.#cutAt.set(entry.id, clock.monotonic())
      else this.#cutAt.delete(entry.id)
      const brought: [Listing, Listing | undefined][] = []
      for (const { folder, entries } of walked.complete((id) => changes.wasPlaced(id))) {
        const listing = { entries, folder, policy: undefined, askedAt }
        if (!changes.applyTo(folder.id, entries)) continue
        const taken = folders.offer(listing)
        if (taken) brought.push([listing, taken.before])
      }
      for (const { id } of walked.doubtful()) folders.expire(id)
      for (const [listing, before] of brought) this.#options.arrived(listing, before)
      return { entries: seen.entries, isHalf: brought.length * 2 >= walked.folders, isTooMuch }
    } finally {
      folders.unlog(changes)
    }
  }

  async #seen(walked: WalkedSubtree, { path, isWhole, progress }: Asking): Promise<Seen> {
    const { remote, walkObjects } = this.#options
    const beganAt = remote.now()
    const entries: RemoteEntry[] = []
    let [pages, isTooMuch] = [0, false]
    try {
      for await (const { entries: found } of remote.listSubtree(path)) {
        if (isWhole) entries.push(...found)
        if (!isTooMuch) this.#add(found, walked)
        progress()
        pages += 1
        isTooMuch ||= walked.count >= walkObjects
        if (isTooMuch && !isWhole) break
      }
    } catch (error) {
      // A server that walks at all stops at so many folders, and says so on the last page (api/00-live-files §11).
      if (isWhole || pages === 0 || !isRemoteError(error, 'unsupported')) throw error
      isTooMuch = true
    }
    if (!isTooMuch) walked.end()
    if (pages > 1 || isTooMuch) await this.#doubt(walked, beganAt, progress)
    return { walked, entries, isTooMuch }
  }

  /** What is in one folder comes in a row: its address is looked at once. */
  #add(page: readonly RemoteEntry[], walked: WalkedSubtree): void {
    let [folder, path]: [string | undefined, RemotePath | undefined] = [undefined, undefined]
    for (const entry of page) {
      const at = entry.uri.slice(0, entry.uri.lastIndexOf('/'))
      if (at !== folder) [folder, path] = [at, this.#options.remote.facts.pathOf(at)]
      if (path) walked.add(path, entry)
    }
  }

  /** Pages are not of one moment: what changed since the first is not believed (api/00-live-files §11). */
  async #doubt(walked: WalkedSubtree, beganAt: number, progress: () => void): Promise<void> {
    for await (const { entries } of this.#options.remote.changesSince(beganAt)) {
      for (const found of entries) {
        const path = this.#options.remote.facts.pathOf(found.uri)
        if (path && path.length > 0) walked.doubt(path, found)
      }
      progress()
    }
  }
}
