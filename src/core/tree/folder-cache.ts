/**
 * Complete listings of folders, in a bounded LRU (entries, not folders, are counted). Own changes are applied to them, and also
 * to a listing that is on its way: what the server says never undoes what was done here after it was asked.
 *
 * - *trusted*: asked for at most `ttlMs` ago, or, while the server tells of changes, at most `followedTtlMs` ago. In the second half of
 *   that time it is *aging*: believed as before, and worth being asked for where it is used
 * - *probable*: there is a reason to ask again, and none to believe that it is wrong: some changes may not have been told. So is what
 *   an earlier process has left on the local disk
 * - *outdated*: something in it was changed; so is all that was asked for before changes were *lost*
 */
import { waitUnlessAborted, type Clock } from '../../base/clock.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import { RemoteError } from '../../remote/errors.ts'
import type { RemoteTree } from '../../remote/remote.ts'
import type { FileId, RemoteEntry, RemotePath, StoragePolicy } from '../../remote/types.ts'
import type { Mirror } from '../mirror/index.ts'
import type { Patience } from '../patience.ts'
import { ChangeLog } from './change-log.ts'
import { ListingMemory, type KeptListing, type Listing } from './listing-memory.ts'
import { ReceivedPages } from './received-pages.ts'

export type { Listing }

export interface ListedFolder {
  /** Undefined where nobody knows the id before it was listed: of the top folder, and of one that was made on the way. */
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
  /** Not less than `ttlMs`. */
  readonly followedTtlMs: number
  readonly maxEntries: number
  /** What is known on the local disk; nothing if left out. */
  readonly mirror?: Mirror | undefined
}

type Mutation = (entries: Map<string, RemoteEntry>) => void

interface Flight {
  askedAt: number
  readonly mutations: Mutation[]
  readonly received: ReceivedPages
  isExpired: boolean
  isOutdated: boolean
}

export class FolderCache {
  readonly #options: FolderCacheOptions
  readonly #listings: ListingMemory
  /** What is known of folders that the server does not have, or whose ids are not known yet: kept until they are. */
  readonly #new = new Map<FileId, Listing>()
  readonly #flights = new SingleFlight<FileId, Listing>()
  /** Listings on their way: own changes since they were asked for, and whether they are out of date on arrival. */
  readonly #since = new Map<FileId, Flight>()
  readonly #logs = new Set<ChangeLog>()
  /** What was asked for from then on is kept true by what the server tells, monotonic ms. */
  #followedSince = Infinity
  /** What was asked for before is probable at best, monotonic ms. */
  #probableBefore = -Infinity
  /** What was asked for before is not answered any more while the server can be asked, monotonic ms. */
  #lostBefore = -Infinity
  #wasUsed = false

  constructor(options: FolderCacheOptions) {
    this.#options = options
    const { clock, maxEntries, mirror } = options
    this.#listings = new ListingMemory({ clock, maxEntries, mirror })
  }

  /** Cached and still trusted. */
  fresh(id: FileId): Listing | undefined {
    const own = this.#new.get(id)
    if (own) return own
    const listing = this.#listings.get(id)
    if (!listing) return undefined
    const now = this.#options.clock.monotonic()
    listing.usedAt = now
    this.#wasUsed = true
    if (this.#isDoubtful(listing)) return undefined
    return now - listing.askedAt <= this.#ttlOf(listing) ? listing : undefined
  }

  /** Half the time for which it is trusted is over: if it is asked for now, whoever uses it again need not wait for that. */
  isAging(id: FileId, listing: Listing): boolean {
    const ageMs = this.#options.clock.monotonic() - listing.askedAt
    return ageMs > this.#ttlOf(listing) / 2 && !this.#new.has(id)
  }

  /** Trusted, and not yet worth being asked for. */
  isRecent(id: FileId): boolean {
    const listing = this.fresh(id)
    return listing !== undefined && !this.isAging(id, listing)
  }

  /** For how long what is cached will still be trusted, ms; 0 when it is not. */
  trustedMs(id: FileId): number {
    const listing = this.fresh(id)
    if (this.#new.has(id)) return this.#options.ttlMs
    return listing ? listing.askedAt + this.#ttlOf(listing) - this.#options.clock.monotonic() : 0
  }

  /** Cached and not trusted, but probable: while the server tells of changes, and when it comes from the local disk. */
  probable(id: FileId): Listing | undefined {
    const listing = this.#listings.get(id)
    if (!listing || listing.isOutdated || listing.askedAt < this.#lostBefore) return undefined
    if (listing.isRemembered) return listing
    if (this.#followedSince === Infinity) return undefined
    if (listing.askedAt >= this.#probableBefore) return undefined
    return this.#options.clock.monotonic() - listing.askedAt <= this.#options.followedTtlMs
      ? listing
      : undefined
  }

  /** There is a reason to ask again besides its age. */
  isDoubtful(id: FileId): boolean {
    const listing = this.#listings.peek(id)
    return listing !== undefined && this.#isDoubtful(listing)
  }

  #isDoubtful({ isOutdated, isRemembered, askedAt }: KeptListing): boolean {
    return isOutdated || isRemembered || askedAt < this.#probableBefore
  }

  #ttlOf({ askedAt }: Listing): number {
    return askedAt >= this.#followedSince ? this.#options.followedTtlMs : this.#options.ttlMs
  }

  /** From now on changes are told: `outdate` is called for each. */
  follow(): void {
    this.#followedSince = this.#options.clock.monotonic()
  }

  unfollow(): void {
    this.#followedSince = Infinity
  }

  /** Changes were not told: everything that is known is probable. */
  doubtAll(): void {
    this.#probableBefore = this.#options.clock.monotonic()
  }

  /** Changes were lost just now: everything that is known is wrong as likely as not. */
  disbelieveAll(): void {
    this.doubtAll()
    this.#lostBefore = this.#probableBefore
  }

  /** Something in it was changed: it is kept for comparison, and the next use asks the server. */
  outdate(folder: FileId): void {
    this.#listings.outdate(folder)
    const flight = this.#since.get(folder)
    if (flight) flight.isOutdated = true
    for (const log of this.#logs) log.noteExpired(folder)
  }

  /** Somebody looked at any listing since this was asked last. */
  takeUsed(): boolean {
    const wasUsed = this.#wasUsed
    this.#wasUsed = false
    return wasUsed
  }

  /** Folders whose listing somebody looked at within `withinMs`, the last one first. */
  *inUse(withinMs: number): Iterable<FileId> {
    const from = this.#options.clock.monotonic() - withinMs
    for (const [id, { usedAt }] of this.#listings.inMemory()) if (usedAt >= from) yield id
  }

  isInUse(folder: FileId, withinMs: number): boolean {
    const listing = this.#listings.peek(folder)
    return listing !== undefined && this.#options.clock.monotonic() - listing.usedAt <= withinMs
  }

  /**
   * Folders in whose listings any of the objects, which were changed elsewhere, is. Looks at everything in memory; what comes from the
   * local disk later is compared then.
   */
  holding(ids: ReadonlySet<FileId>): FileId[] {
    const found: FileId[] = []
    this.#listings.noteChanged(ids)
    for (const [folder, { entries }] of this.#listings.inMemory())
      for (const { id } of entries.values())
        if (ids.has(id)) {
          found.push(folder)
          break
        }
    return found
  }

  /** A listing has the object as `entry` says it is, as far as the server's time for it can be known here. */
  isAsKnown(folder: FileId, entry: RemoteEntry): boolean {
    const known = this.#listings.peek(folder)?.entries.get(entry.name)
    if (known?.id !== entry.id || known.entity !== entry.entity || known.sizeBytes !== entry.sizeBytes)
      return false
    // Moves are answered without it, and a save may be answered before it is set.
    return known.updatedAtMs === entry.updatedAtMs || this.#listings.isOwn(known)
  }

  isLoading(folder: FileId): boolean {
    return this.#since.has(folder)
  }

  /** What has come of a listing that is on its way. */
  receiving(folder: FileId): ReceivedPages | undefined {
    const flight = this.#since.get(folder)
    if (!flight || this.#new.has(folder) || flight.askedAt < this.#lostBefore) return undefined
    return flight.received
  }

  /** Cached, however old. */
  known(id: FileId): Listing | undefined {
    return this.#new.get(id) ?? this.#listings.get(id)
  }

  /** A folder that exists only here so far, filed under a stand-in for its id: what is in it nobody has to be asked. */
  begin(key: FileId, folder: RemoteEntry): void {
    this.#new.set(key, { entries: new Map(), folder, policy: undefined, askedAt: -Infinity })
  }

  /**
   * The folder that began under `key` is gone, or the server has it as `made`. Where that is ours, made just now, nothing is in it but
   * what is known; else the server is asked from now on.
   */
  end(key: FileId, made?: RemoteEntry, isOurs = false): void {
    const own = this.#new.get(key)
    if (own && made && isOurs)
      this.#keep(made.id, { ...own, folder: made, askedAt: this.#options.clock.monotonic() })
    // What was changed in it was noted under the stand-in.
    if (made) for (const log of this.#logs) log.noteExpired(made.id)
    this.#new.delete(key)
    const flight = this.#since.get(key)
    if (flight) flight.isExpired = true
  }

  /** Cached, however old, without counting as used. */
  peek(id: FileId): Listing | undefined {
    return this.#listings.peek(id)
  }

  /**
   * Asks the server; callers at the same time share the answer, but not one to a question from before changes were lost. @throws {RemoteError} `not-found` also when another folder is
   * at the path by now; `aborted` when the caller stopped waiting
   */
  async load(
    folder: ListedFolder & { readonly id: FileId },
    arrived: ListingArrival,
    signal?: AbortSignal,
  ): Promise<Listing> {
    const lostBefore = this.#lostBefore
    const ask = () => this.#flights.run(folder.id, () => this.#load(folder, arrived))
    const flight = ask().then((listing) => (listing.askedAt < lostBefore ? ask() : listing))
    return waitUnlessAborted(flight, signal).catch((error: unknown) => {
      if (signal?.aborted) throw new RemoteError('aborted', `${folder.label}: interrupted`, { cause: error })
      throw error
    })
  }

  /** The first question to a server: the top folder, whose id nobody knows yet. */
  async loadRoot(label: string, signal?: AbortSignal): Promise<Listing> {
    const asked = this.#options.patience.run(
      label,
      (progress) => this.#ask({ id: undefined, label, path: () => [] }, newFlight(), progress),
      signal,
    )
    const listing = await asked
    this.#keep(listing.folder.id, listing)
    this.#options.mirror?.setTop(listing.folder)
    return listing
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
    // Nobody has looked at it.
    const usedAt = before?.usedAt ?? -Infinity
    this.#listings.set(listing.folder.id, { ...listing, isOutdated: false, usedAt })
    return { before }
  }

  put(folder: FileId, entry: RemoteEntry, formerName?: string): void {
    for (const log of this.#logs) log.notePlaced(entry)
    this.#listings.own(entry)
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
    const own = this.#new.get(folder)
    if (own) mutation(own.entries)
    else this.#mutateKept(folder, mutation)
    const flight = this.#since.get(folder)
    flight?.mutations.push(mutation)
    if (flight) mutation(flight.received.entries)
    for (const log of this.#logs) log.noteMutation(folder, mutation)
  }

  #mutateKept(folder: FileId, mutation: Mutation): void {
    const listing = this.#listings.peek(folder)
    if (!listing) return
    mutation(listing.entries)
    this.#listings.changed(folder, listing)
  }

  async #load(folder: ListedFolder & { readonly id: FileId }, arrived: ListingArrival): Promise<Listing> {
    const flight = newFlight()
    this.#since.set(folder.id, flight)
    try {
      const asked = this.#new.has(folder.id) ? { ...folder, id: undefined } : folder
      const listing = await this.#options.patience.run(folder.label, (progress) =>
        this.#ask(asked, flight, progress),
      )
      const before = this.#new.get(folder.id) ?? this.#listings.peek(folder.id)
      const id = asked.id ?? listing.folder.id
      if (!flight.isExpired) this.#keep(id, listing, flight.isOutdated)
      arrived(listing, before)
      return listing
    } finally {
      this.#since.delete(folder.id)
    }
  }

  #keep(id: FileId, listing: Listing, isOutdated = false): void {
    const usedAt = this.#listings.peek(id)?.usedAt ?? this.#options.clock.monotonic()
    this.#listings.set(id, { ...listing, isOutdated, usedAt })
  }

  async #ask(folder: ListedFolder, flight: Flight, progress: () => void): Promise<Listing> {
    flight.mutations.length = 0
    flight.isOutdated = false
    const askedAt = (flight.askedAt = this.#options.clock.monotonic())
    const { received, mutations } = flight
    received.restart()
    let last: { folder: RemoteEntry; policy: StoragePolicy | undefined } | undefined
    const path = folder.path()
    for await (const page of this.#options.remote.list(path)) {
      if (folder.id !== undefined && path.length > 0 && page.folder.id !== folder.id) {
        const found = 'another folder has this name at the server by now'
        throw new RemoteError('not-found', `${folder.label}: ${found}`)
      }
      received.add(page.entries, (entries) => mutations.forEach((mutation) => mutation(entries)))
      last = page
      progress()
      if (!page.isLast) received.announce()
    }
    if (!last) throw new Error(`${folder.label}: the server sent no page`)
    return { entries: received.entries, folder: last.folder, policy: last.policy, askedAt }
  }
}

function newFlight(): Flight {
  return {
    askedAt: -Infinity,
    mutations: [],
    received: new ReceivedPages(),
    isExpired: false,
    isOutdated: false,
  }
}
