import { LRUCache } from 'lru-cache'
import type { Clock } from '../../base/clock.ts'
import type { Mirror } from '../mirror/index.ts'
import type { FileId, RemoteEntry, StoragePolicy } from '../../remote/types.ts'

export interface Listing {
  /** By server name. */
  readonly entries: Map<string, RemoteEntry>
  readonly folder: RemoteEntry
  readonly policy: StoragePolicy | undefined
  /** When the server was asked, monotonic ms. */
  readonly askedAt: number
}

export interface KeptListing extends Listing {
  isOutdated: boolean
  /** When somebody looked at it last, monotonic ms. */
  usedAt: number
  /** It comes from the local disk, and nobody has kept it true meanwhile. */
  readonly isRemembered: boolean
}

export interface ListingMemoryOptions {
  readonly clock: Clock
  /** In memory, folders counted too. */
  readonly maxEntries: number
  readonly mirror: Mirror | undefined
}

/** So many objects that were changed elsewhere are looked for in what comes from the local disk. */
const maxChanged = 10_000

/** Listings in a bounded LRU (entries, not folders, are counted), and behind it those on the local disk. */
export class ListingMemory {
  readonly #clock: Clock
  readonly #mirror: Mirror | undefined
  readonly #listings: LRUCache<FileId, KeptListing>
  /** Records that are in listings by changes of ours. */
  readonly #own = new WeakSet<RemoteEntry>()
  /** When it was learnt that they were changed elsewhere, monotonic ms. */
  readonly #changedAt = new LRUCache<FileId, number>({
    max: maxChanged,
    dispose: (at, _, reason) => {
      if (reason === 'evict') this.#unknownBefore = Math.max(this.#unknownBefore, at)
    },
  })
  /** What was changed before is not known any more, monotonic ms. */
  #unknownBefore = -Infinity

  constructor({ clock, maxEntries, mirror }: ListingMemoryOptions) {
    this.#clock = clock
    this.#mirror = mirror
    this.#listings = new LRUCache({
      maxSize: maxEntries,
      // A folder larger than the whole cache takes all of it rather than being asked for at each look-up.
      sizeCalculation: (listing) => Math.min(listing.entries.size + 1, maxEntries),
    })
  }

  get(id: FileId): KeptListing | undefined {
    return this.#listings.get(id) ?? this.#remembered(id)
  }

  /** Without counting as used. */
  peek(id: FileId): KeptListing | undefined {
    return this.#listings.peek(id) ?? this.#remembered(id)
  }

  /** Those in memory, the one that was used last first. */
  inMemory(): Iterable<[FileId, KeptListing]> {
    return this.#listings.entries()
  }

  set(id: FileId, listing: Omit<KeptListing, 'isRemembered'>): void {
    const kept = { ...listing, isRemembered: false }
    this.#listings.set(id, kept)
    this.#keep(id, kept)
  }

  /** Its entries are others now, by a change of ours. */
  changed(id: FileId, listing: KeptListing): void {
    this.#keep(id, listing)
    this.#mirror?.noteOwnChange(id)
  }

  outdate(id: FileId): void {
    const listing = this.#listings.peek(id)
    if (listing) listing.isOutdated = true
    this.#mirror?.outdate(id)
  }

  delete(id: FileId): void {
    this.#listings.delete(id)
    this.#mirror?.forget(id)
    this.#mirror?.noteOwnChange(id)
  }

  /** Objects that were changed elsewhere: a listing on the disk that has one of them is outdated. */
  noteChanged(ids: Iterable<FileId>): void {
    if (!this.#mirror) return
    for (const id of ids) this.#changedAt.set(id, this.#clock.monotonic())
  }

  own(entry: RemoteEntry): void {
    this.#own.add(entry)
  }

  isOwn(entry: RemoteEntry): boolean {
    return this.#own.has(entry)
  }

  #keep(id: FileId, kept: KeptListing): void {
    if (!this.#mirror) return
    const { entries, folder, policy, askedAt } = kept
    const askedAtMs = this.#clock.now() - (this.#clock.monotonic() - askedAt)
    this.#mirror.keep(id, {
      listing: { entries, folder, policy, askedAtMs, askedAt, run: this.#mirror.run },
      isOutdated: () => kept.isOutdated,
      isOwn: (entry) => this.#own.has(entry),
    })
  }

  #remembered(id: FileId): KeptListing | undefined {
    const mirror = this.#mirror
    const found = mirror?.listing(id, (entry) => this.#own.add(entry))
    if (!mirror || !found) return undefined
    const { entries, folder, policy, run } = found
    const isOurs = run === mirror.run
    const ageMs = Math.max(0, this.#clock.now() - found.askedAtMs)
    const askedAt = isOurs ? found.askedAt : this.#clock.monotonic() - ageMs
    const isRemembered = !isOurs || askedAt <= this.#unknownBefore
    const isOutdated =
      (!isOurs && mirror.isDoubtful) || mirror.isOutdated(id) || this.#wasChanged(found, askedAt)
    const kept = { entries, folder, policy, askedAt, isOutdated, usedAt: -Infinity, isRemembered }
    this.#listings.set(id, kept)
    return kept
  }

  #wasChanged({ entries }: Pick<Listing, 'entries'>, askedAt: number): boolean {
    if (this.#changedAt.size === 0) return false
    for (const { id } of entries.values()) if ((this.#changedAt.peek(id) ?? -Infinity) >= askedAt) return true
    return false
  }
}
