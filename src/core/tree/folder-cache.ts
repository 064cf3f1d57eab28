/**
 * Complete listings of folders, in a bounded LRU (entries, not folders, are counted). A listing is trusted for `ttlMs`. Own
 * changes are applied to it, and also to a listing that is on its way: what the server says never undoes what was done here
 * after it was asked.
 */
import { LRUCache } from 'lru-cache'
import { waitUnlessAborted, type Clock } from '../../base/clock.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import { RemoteError } from '../../remote/errors.ts'
import type { RemoteTree } from '../../remote/remote.ts'
import type { FileId, RemoteEntry, RemotePath, StoragePolicy } from '../../remote/types.ts'
import type { Patience } from '../patience.ts'
import { ChangeLog } from './change-log.ts'

export interface Listing {
  /** By server name. */
  readonly entries: Map<string, RemoteEntry>
  readonly folder: RemoteEntry
  readonly policy: StoragePolicy | undefined
  /** When the server was asked, monotonic ms. */
  readonly askedAt: number
}

export interface ListedFolder {
  /** Undefined for the top folder, whose id nobody knows before it was listed. */
  readonly id: FileId | undefined
  readonly label: string
  /** Where it is now. */
  readonly path: () => RemotePath
}

/** A listing has come, and what was known before it: once for each, whether or not anybody still waits for it. */
export type ListingArrival = (listing: Listing, before: Listing | undefined) => void

export interface FolderCacheOptions {
  readonly remote: Pick<RemoteTree, 'list'>
  readonly clock: Clock
  readonly patience: Patience
  readonly ttlMs: number
  readonly maxEntries: number
}

type Mutation = (entries: Map<string, RemoteEntry>) => void

export class FolderCache {
  readonly #options: FolderCacheOptions
  readonly #listings: LRUCache<FileId, Listing>
  readonly #flights = new SingleFlight<FileId, Listing>()
  /** Listings on their way: own changes since they were asked for, and whether they are out of date on arrival. */
  readonly #since = new Map<FileId, { readonly mutations: Mutation[]; isExpired: boolean }>()
  readonly #logs = new Set<ChangeLog>()

  constructor(options: FolderCacheOptions) {
    this.#options = options
    this.#listings = new LRUCache({
      maxSize: options.maxEntries,
      // A folder larger than the whole cache takes all of it rather than being asked for at each look-up.
      sizeCalculation: (listing) => Math.min(listing.entries.size + 1, options.maxEntries),
    })
  }

  /** Cached and still trusted, or not older than `maxAgeMs`. */
  fresh(id: FileId, maxAgeMs = this.#options.ttlMs): Listing | undefined {
    const listing = this.#listings.get(id)
    const oldestMs = Math.min(maxAgeMs, this.#options.ttlMs)
    return listing && this.#options.clock.monotonic() - listing.askedAt <= oldestMs ? listing : undefined
  }

  /** For how long what is cached will still be trusted, ms; 0 when it is not. */
  trustedMs(id: FileId): number {
    const listing = this.fresh(id)
    return listing ? listing.askedAt + this.#options.ttlMs - this.#options.clock.monotonic() : 0
  }

  /** Cached, however old. */
  known(id: FileId): Listing | undefined {
    return this.#listings.get(id)
  }

  /**
   * Asks the server; callers at the same time share the answer. @throws {RemoteError} `not-found` also when another folder is
   * at the path by now; `aborted` when the caller stopped waiting
   */
  async load(
    folder: ListedFolder & { readonly id: FileId },
    arrived: ListingArrival,
    signal?: AbortSignal,
  ): Promise<Listing> {
    const flight = this.#flights.run(folder.id, () => this.#load(folder, arrived))
    return waitUnlessAborted(flight, signal).catch((error: unknown) => {
      if (signal?.aborted) throw new RemoteError('aborted', `${folder.label}: interrupted`, { cause: error })
      throw error
    })
  }

  /** The first question to a server: the top folder, whose id nobody knows yet. */
  async loadRoot(label: string, signal?: AbortSignal): Promise<Listing> {
    const asked = this.#options.patience.run(
      label,
      (progress) => this.#ask({ id: undefined, label, path: () => [] }, [], progress),
      signal,
    )
    const listing = await asked
    this.#listings.set(listing.folder.id, listing)
    return listing
  }

  /** A folder that was made here just now: it is known to be empty without asking. */
  knowEmpty(folder: RemoteEntry): void {
    const askedAt = this.#options.clock.monotonic()
    this.#listings.set(folder.id, { entries: new Map(), folder, policy: undefined, askedAt })
  }

  /** Notes own changes of all folders until `unlog`. */
  log(): ChangeLog {
    const log = new ChangeLog()
    this.#logs.add(log)
    return log
  }

  unlog(log: ChangeLog): void {
    this.#logs.delete(log)
  }

  /** Takes a listing that came by another way, and answers what was known before; false when something newer is known. */
  offer(listing: Listing): { readonly before: Listing | undefined } | false {
    const before = this.#listings.peek(listing.folder.id)
    if (before && before.askedAt > listing.askedAt) return false
    this.#listings.set(listing.folder.id, listing)
    return { before }
  }

  put(folder: FileId, entry: RemoteEntry, formerName?: string): void {
    for (const log of this.#logs) log.notePlaced(entry)
    this.#mutate(folder, (entries) => {
      if (formerName !== undefined) entries.delete(formerName)
      entries.set(entry.name, entry)
    })
  }

  remove(folder: FileId, name: string): void {
    this.#mutate(folder, (entries) => entries.delete(name))
  }

  /** The next use asks the server. */
  expire(folder: FileId): void {
    this.#listings.delete(folder)
    const flight = this.#since.get(folder)
    if (flight) flight.isExpired = true
    for (const log of this.#logs) log.noteExpired(folder)
  }

  #mutate(folder: FileId, mutation: Mutation): void {
    const listing = this.#listings.peek(folder)
    if (listing) mutation(listing.entries)
    this.#since.get(folder)?.mutations.push(mutation)
    for (const log of this.#logs) log.noteMutation(folder, mutation)
  }

  async #load(folder: ListedFolder & { readonly id: FileId }, arrived: ListingArrival): Promise<Listing> {
    const flight = { mutations: [] as Mutation[], isExpired: false }
    const { mutations } = flight
    this.#since.set(folder.id, flight)
    try {
      const listing = await this.#options.patience.run(folder.label, (progress) =>
        this.#ask(folder, mutations, progress),
      )
      for (const mutation of mutations) mutation(listing.entries)
      const before = this.#listings.peek(folder.id)
      if (!flight.isExpired) this.#listings.set(folder.id, listing)
      arrived(listing, before)
      return listing
    } finally {
      this.#since.delete(folder.id)
    }
  }

  async #ask(folder: ListedFolder, mutations: Mutation[], progress: () => void): Promise<Listing> {
    mutations.length = 0
    const askedAt = this.#options.clock.monotonic()
    const entries = new Map<string, RemoteEntry>()
    let last: { folder: RemoteEntry; policy: StoragePolicy | undefined } | undefined
    const path = folder.path()
    for await (const page of this.#options.remote.list(path)) {
      for (const entry of page.entries) entries.set(entry.name, entry)
      last = page
      progress()
    }
    if (!last) throw new Error(`${folder.label}: the server sent no page`)
    if (folder.id !== undefined && path.length > 0 && last.folder.id !== folder.id)
      throw new RemoteError('not-found', `${folder.label}: another folder has this name at the server by now`)
    return { entries, folder: last.folder, policy: last.policy, askedAt }
  }
}
