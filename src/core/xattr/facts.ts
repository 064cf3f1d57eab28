/**
 * Read-only extended attributes `user.cloudreve.*`: what the server knows about an object. Owns the short memory of what was
 * asked (details and histories). Facts of the record cost no request; the four of the details share one; an address costs one; a
 * history costs one a page, and all its forms share the pages.
 */
import { waitAtMost, waitUnlessAborted, type Clock } from '../../base/clock.ts'
import { Errno } from '../../base/errno.ts'
import { RemoteError } from '../../remote/errors.ts'
import type { RemoteFacts, RemoteProperties } from '../../remote/remote.ts'
import type { ActivityFilter, EntityId, RemoteDetails, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { FsError, toFsError } from '../errors.ts'
import { ActivityFeed } from './activity-feed.ts'
import { activitiesJson, activityLines } from './activity-text.ts'
import { capabilityWords } from './capability-words.ts'
import { directLinkLines, policyText, shareLines, versionLines } from './details-text.ts'
import { FactListing, type ListFacts } from './fact-listing.ts'
import { answered, RecentAnswers } from './recent.ts'
import { SignedUrls } from './signed-urls.ts'
import { localTime, oneLine, type TimeFormat } from './words.ts'

/** An object as the mount shows it now. */
export interface FileView {
  /** undefined: exists only here. */
  readonly entry: RemoteEntry | undefined
  readonly path: RemotePath
  /** State of its pending changes, in words. */
  readonly sync: string
}

export interface FactsDeps {
  readonly remote: RemoteFacts & { readonly facts: RemoteProperties }
  readonly clock: Clock
  /** Bytes of a content on the local disk; undefined: no contents are kept. */
  /** Whether it is to stay there. */
  readonly isPinned?: ((entity: EntityId, sizeBytes: number) => boolean) | undefined
  readonly cachedBytes?: ((entity: EntityId, sizeBytes: number) => Promise<number>) | undefined
  /** `auto` unless said. */
  readonly listFacts?: ListFacts
  /** IANA name; that of this machine unless said. */
  readonly timeZone?: string
}

const PREFIX = 'user.cloudreve.'
const ACTIVITY_PAGE_SIZE = 100
/** A program is kept waiting for facts at most so long, ms. */
const DEADLINE_MS = 60_000

type FromRecord = (entry: RemoteEntry, format: TimeFormat) => string | undefined
type FromDetails = (details: RemoteDetails, format: TimeFormat) => string

const fromRecord: Readonly<Record<string, FromRecord>> = {
  id: (entry) => entry.id,
  entity: (entry) => entry.entity,
  created: (entry, format) => localTime(entry.createdAtMs, format),
  capability: (entry) => capabilityWords(entry.capability),
  shared: (entry) => (entry.shared ? 'yes' : 'no'),
}

const fromDetails: Readonly<Record<string, FromDetails>> = {
  policy: policyText,
  versions: versionLines,
  shares: shareLines,
  directlinks: directLinkLines,
}

const filters: Readonly<Record<string, ActivityFilter>> = {
  activities: 'all',
  'activities.my': 'my',
  'activities.updates': 'updates',
  'activities.reads': 'reads',
}

/** What is listed; addresses, which are secret, and the other histories are read by name only, or `getfattr -d` would show the same history eight times. */
const LISTED = ['id', 'owner', ...Object.keys(fromRecord).slice(1), ...Object.keys(fromDetails), 'activities']
const FILES_ONLY: ReadonlySet<string> = new Set(['entity', 'versions', 'directlinks'])

export class Facts {
  /** Whether a listing should name facts at all. */
  readonly listPolicy: FactListing
  readonly #remote: FactsDeps['remote']
  readonly #clock: Clock
  readonly #format: TimeFormat
  readonly #cachedBytes: FactsDeps['cachedBytes']
  readonly #isPinned: FactsDeps['isPinned']
  readonly #details: RecentAnswers<Promise<RemoteDetails>>
  readonly #urls: SignedUrls
  readonly #feeds: RecentAnswers<ActivityFeed>

  constructor({ remote, clock, listFacts = 'auto', timeZone, cachedBytes, isPinned }: FactsDeps) {
    this.#cachedBytes = cachedBytes
    this.#isPinned = isPinned
    this.#remote = remote
    this.#clock = clock
    this.#format = { timeZone }
    this.listPolicy = new FactListing(listFacts, clock)
    this.#details = new RecentAnswers(clock)
    this.#urls = new SignedUrls(remote, clock)
    this.#feeds = new RecentAnswers(clock)
  }

  /** True for every name that is answered here, also for those that do not exist: the name space is ours. */
  isFact(name: string): boolean {
    return name.startsWith(PREFIX)
  }

  /** Who knows its value can read the file without a sign-in. */
  isSecret(name: string): boolean {
    return this.isFact(name) && SignedUrls.has(name.slice(PREFIX.length))
  }

  /** Full names of what an object has, but for those that are secret and other histories. Costs no request. */
  names({ entry }: FileView): readonly string[] {
    const listed = entry ? LISTED.filter((name) => this.#exists(name, entry)) : []
    const isKept = this.#cachedBytes && entry?.kind === 'file'
    return ['uri', 'sync', ...(isKept ? ['cached'] : []), ...listed].map((name) => PREFIX + name)
  }

  /** @throws {FsError} ENODATA no such fact; EINTR; what the server refused */
  async get(name: string, view: FileView, signal?: AbortSignal): Promise<Uint8Array> {
    const short = name.slice(PREFIX.length)
    try {
      const text = this.isFact(name)
        ? await waitUnlessAborted(this.#inTime(this.#text(short, view)), signal)
        : undefined
      if (text !== undefined) return Buffer.from(text)
    } catch (error) {
      if (signal?.aborted)
        throw new FsError(Errno.EINTR, `${name}: nobody waits for it any more`, { cause: error })
      throw toFsError(error, `${name} of ${JSON.stringify(view.path.at(-1) ?? '/')}`)
    }
    throw new FsError(Errno.ENODATA, `${JSON.stringify(view.path.at(-1) ?? '/')} has no attribute ${name}`)
  }

  /** What is on its way goes on, and is there for who asks next. */
  #inTime<T>(asked: Promise<T>): Promise<T> {
    const late = () => new RemoteError('offline', `no answer of the server for ${DEADLINE_MS / 1000} s`)
    return waitAtMost(asked, { clock: this.#clock, deadlineMs: DEADLINE_MS, late })
  }

  #exists(name: string, entry: RemoteEntry): boolean {
    if (name === 'entity' && entry.entity === undefined) return false
    return entry.kind === 'file' || !FILES_ONLY.has(name)
  }

  async #text(name: string, { entry, path, sync }: FileView): Promise<string | undefined> {
    if (name === 'sync') return sync
    if (name === 'uri') return this.#remote.facts.uriOf(path)
    if (!entry) return undefined
    if (name === 'cached') return entry.kind === 'file' ? this.#cachedText(entry) : undefined
    if (name === 'owner') return entry.owned ? oneLine(this.#remote.facts.userName) : 'another user'
    if (Object.hasOwn(fromRecord, name)) return fromRecord[name]?.(entry, this.#format)
    if (!this.#exists(name, entry)) return undefined
    if (SignedUrls.has(name)) return this.#urls.get(name, entry, path)
    if (Object.hasOwn(fromDetails, name))
      return fromDetails[name]?.(await this.#detailsOf(entry, path), this.#format)
    return this.#history(name, entry, path)
  }

  /** Of what the server has; changes that it does not have are here anyway. */
  async #cachedText({ entity, sizeBytes }: RemoteEntry): Promise<string> {
    if (entity === undefined || sizeBytes === 0) return 'full'
    const bytes = (await this.#cachedBytes?.(entity, sizeBytes)) ?? 0
    if (bytes === sizeBytes) return this.#isPinned?.(entity, sizeBytes) === true ? 'pinned' : 'full'
    if (bytes === 0) return 'none'
    return `partial ${Math.max(1, Math.floor((100 * bytes) / sizeBytes))}%`
  }

  #detailsOf(entry: RemoteEntry, path: RemotePath): Promise<RemoteDetails> {
    return answered(this.#details, entry, 'details', () => this.#remote.details(path))
  }

  async #history(name: string, entry: RemoteEntry, path: RemotePath): Promise<string | undefined> {
    const isJson = name.endsWith('.json')
    const base = isJson ? name.slice(0, -'.json'.length) : name
    const filter = Object.hasOwn(filters, base) ? filters[base] : undefined
    if (filter === undefined) return undefined
    const query = { filter, direction: 'desc', pageSize: ACTIVITY_PAGE_SIZE } as const
    const feed = this.#feeds.get(entry, filter, () => new ActivityFeed(this.#remote, path, query))
    return isJson ? activitiesJson(feed) : activityLines(feed, this.#format)
  }
}
