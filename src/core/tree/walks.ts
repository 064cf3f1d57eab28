/**
 * Programs that walk a tree (`find`, `ls -R`, `du`, `rm -r`) list one folder after the other. Once that is noticed, everything below
 * where they began is asked for at once: 2,000 objects a request instead of a request a folder.
 */
import { LRUCache } from 'lru-cache'
import { delay, type Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Remote } from '../../remote/remote.ts'
import { RemoteError } from '../../remote/errors.ts'
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
/** So many folders that were listed are remembered. */
const maxOpened = 10_000
/** More is not walked over at once: the rest is listed folder by folder. */
const maxObjects = 100_000

export interface WalksOptions {
  readonly remote: Pick<Remote, 'listSubtree' | 'changesSince' | 'now' | 'facts'>
  readonly folders: FolderCache
  readonly patience: Patience
  readonly clock: Clock
  readonly log: Log
  /** At most so many objects are kept. */
  readonly maxEntries: number
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
}

interface Walked {
  /** All of what there is, where that was wanted. */
  readonly entries: readonly RemoteEntry[]
  /** At least half of the folders are known now. */
  readonly isHalf: boolean
}

/** What is remembered of a folder that a program has listed. Nodes come and go, with some drivers between two operations. */
interface Opened {
  /** When it was, or one in it, monotonic ms. */
  atMs: number
  /** Of the walk that this folder belongs to. */
  readonly top: Top
  lastChild: FileId | undefined
}

export class Walks {
  readonly #options: WalksOptions
  readonly #opened = new LRUCache<FileId, Opened>({ max: maxOpened })
  readonly #running = new Map<FileId, Promise<void>>()
  readonly #failedAt = new LRUCache<FileId, number>({ max: maxOpened })

  constructor(options: WalksOptions) {
    this.#options = options
  }

  /** A program is about to list `folder`. */
  opened(folder: Node, isKnown: boolean): void {
    const now = this.#options.clock.monotonic()
    const { entry, remotePath: path, label } = folder
    const parent = folder.remotePlace?.parent.id
    if (!entry || !path) return
    const above = parent === undefined ? undefined : this.#opened.get(parent)
    const follows = above !== undefined && now - above.atMs <= togetherMs
    const top = follows ? above.top : { path, entry, label }
    this.#opened.set(entry.id, { atMs: now, top, lastChild: undefined })
    if (!follows) return
    const isSecond = above.lastChild !== undefined && above.lastChild !== entry.id
    const isGrandchild = above.top.entry.id !== parent
    above.lastChild = entry.id
    above.atMs = now
    if (!isKnown && (isSecond || isGrandchild) && !this.isCovering(folder)) this.#start(above.top)
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

  #start(top: Top): void {
    const { clock, log } = this.#options
    const { id } = top.entry
    const failedAt = this.#failedAt.get(id)
    if (failedAt !== undefined && clock.monotonic() - failedAt < pauseMs) return
    const done = this.#walk(top, false)
      .then(({ isHalf }) => {
        if (!isHalf) throw new Error('most of it is just being changed')
      })
      .catch((error: unknown) => {
        this.#failedAt.set(id, clock.monotonic())
        log.info('folders are listed one by one', { folder: top.label, reason: String(error) })
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
      const { walked, entries: all } = await patience.run(label, (progress) =>
        this.#seen(new WalkedSubtree(path, entry), { path, isWhole, progress }),
      )
      const brought: [Listing, Listing | undefined][] = []
      for (const { folder, entries } of walked.complete((id) => changes.wasPlaced(id))) {
        const listing = { entries, folder, policy: undefined, askedAt }
        if (!changes.applyTo(folder.id, entries)) continue
        const taken = folders.offer(listing)
        if (taken) brought.push([listing, taken.before])
      }
      for (const { id } of walked.doubtful()) folders.expire(id)
      for (const [listing, before] of brought) this.#options.arrived(listing, before)
      return { entries: all, isHalf: brought.length * 2 >= walked.folders }
    } finally {
      folders.unlog(changes)
    }
  }

  async #seen(walked: WalkedSubtree, { path, isWhole, progress }: Asking): Promise<Seen> {
    const { remote } = this.#options
    const limit = Math.min(maxObjects, this.#options.maxEntries / 2)
    const beganAt = remote.now()
    const entries: RemoteEntry[] = []
    let [pages, isTooMuch] = [0, false]
    for await (const page of remote.listSubtree(path)) {
      if (isWhole) entries.push(...page)
      if (!isTooMuch) for (const found of page) this.#place(found, (at) => walked.add(at, found))
      progress()
      pages += 1
      isTooMuch ||= walked.count >= limit
      if (isTooMuch && !isWhole) break
    }
    if (!isTooMuch) walked.end()
    if (pages > 1 || isTooMuch) await this.#doubt(walked, beganAt, progress)
    return { walked, entries }
  }

  /** Pages are not of one moment: what changed since the first is not believed (api/00-live-files §11). */
  async #doubt(walked: WalkedSubtree, beganAt: number, progress: () => void): Promise<void> {
    for await (const { entries } of this.#options.remote.changesSince(beganAt)) {
      for (const found of entries) this.#place(found, (at) => walked.doubt(at, found))
      progress()
    }
  }

  #place({ uri }: RemoteEntry, place: (path: RemotePath) => void): void {
    const path = this.#options.remote.facts.pathOf(uri)
    if (path && path.length > 0) place(path)
  }
}
