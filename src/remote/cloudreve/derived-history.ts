/**
 * A history put together from what every server knows about a file, for servers without an activity log (api/05 §6.1), with the
 * same filters, directions and pages as the real one.
 */
import type { WireFile } from '../../api/schema.ts'
import type { Activity, ActivityPage, ActivityQuery, EntityId } from '../types.ts'
import { UPLOAD_MARK } from './map-entry.ts'

/** Numbers of the server's audit log (api/05 §3). */
const Category = {
  fileCreate: 7,
  entityUploaded: 10,
  copyFrom: 12,
  share: 17,
  setCurrentVersion: 19,
  updateMetadata: 23,
  livePhotoUploaded: 22,
  directLink: 43,
} as const

/** Those that only look (api/05 §3). */
const readCategories: ReadonlySet<number> = new Set([11, 18])
/** Made by the server itself: neither a change nor a read. */
const systemCategories: ReadonlySet<number> = new Set([21])

const VERSION = 0
const LIVE_PHOTO = 2
/** Times of one operation differ by this much at most. */
const SAME_OPERATION_MS = 2000

export function derivedPage(file: WireFile, query: ActivityQuery, userId: string): ActivityPage {
  const all = derive(file).filter((activity) => passes(activity, query, userId))
  all.sort(compare)
  if (query.direction === 'desc') all.reverse()
  const start = query.cursor === undefined ? 0 : indexAfter(all, query.cursor)
  const activities = all.slice(start, start + query.pageSize)
  const last = activities.at(-1)
  const more = start + activities.length < all.length
  return { activities, nextCursor: more && last ? cursorOf(last) : undefined, derived: true }
}

/** Oldest first within equal times by id. */
function compare(a: Activity, b: Activity): number {
  if (a.atMs !== b.atMs) return a.atMs - b.atMs
  return a.id < b.id ? -1 : Number(a.id > b.id)
}

function passes({ category, user }: Activity, { filter }: ActivityQuery, userId: string): boolean {
  if (filter === 'all') return true
  if (filter === 'my') return user?.id === userId
  if (filter === 'reads') return readCategories.has(category)
  return !readCategories.has(category) && !systemCategories.has(category)
}

function cursorOf({ atMs, id }: Activity): string {
  return Buffer.from(JSON.stringify([atMs, id])).toString('base64url')
}

function indexAfter(all: readonly Activity[], cursor: string): number {
  const index = all.findIndex((activity) => cursorOf(activity) === cursor)
  return index === -1 ? all.length : index + 1
}

function derive(file: WireFile): Activity[] {
  return [...creation(file), ...contents(file), ...links(file), ...laterChange(file)]
}

/** A copy shares its contents with the original: they are older than the file itself. */
function creation({ created_at: atMs, extended_info: info }: WireFile): Activity[] {
  const versions = (info?.entities ?? []).filter(({ type }) => type === VERSION)
  const isCopy =
    versions.length > 0 && versions.every((entity) => entity.created_at < atMs - SAME_OPERATION_MS)
  const category = isCopy ? Category.copyFrom : Category.fileCreate
  const oldest = versions.toSorted((a, b) => a.created_at - b.created_at)[0]
  return [activity({ id: 'created', atMs, category, user: isCopy ? undefined : userOf(oldest) })]
}

function contents(file: WireFile): Activity[] {
  const entities = file.extended_info?.entities ?? []
  const versions = entities.filter(({ type }) => type === VERSION)
  const unfinished = file.metadata[UPLOAD_MARK] === undefined ? undefined : placeholderOf(file)
  const uploads = versions
    .filter(({ id }) => id !== unfinished)
    .map((entity) =>
      activity({
        id: `version-${entity.id}`,
        atMs: entity.created_at,
        category: Category.entityUploaded,
        user: userOf(entity),
        version: entity.id,
      }),
    )
  const photos = entities
    .filter(({ type }) => type === LIVE_PHOTO)
    .map((entity) =>
      activity({
        id: `photo-${entity.id}`,
        atMs: entity.created_at,
        category: Category.livePhotoUploaded,
        user: userOf(entity),
        version: entity.id,
      }),
    )
  return [...uploads, ...photos, ...switchedVersion(file, unfinished)]
}

/** The newest content is not the current one: an older was made current, at the last change that is known. */
function switchedVersion(file: WireFile, unfinished: string | undefined): Activity[] {
  const versions = (file.extended_info?.entities ?? []).filter(
    ({ type, id }) => type === VERSION && id !== unfinished,
  )
  const newest = versions.toSorted((a, b) => b.created_at - a.created_at)[0]
  const current = versions.find(({ id }) => id === file.primary_entity)
  if (!newest || !current || newest.id === current.id || newest.created_at === current.created_at) return []
  return [
    activity({
      id: `current-${current.id}`,
      atMs: Math.max(file.updated_at, newest.created_at),
      category: Category.setCurrentVersion,
      version: current.id,
      entityCreatedAtMs: current.created_at,
    }),
  ]
}

function links({ extended_info: info }: WireFile): Activity[] {
  const shares = (info?.shares ?? []).map(({ id, created_at: atMs }) =>
    activity({ id: `share-${id}`, atMs, category: Category.share }),
  )
  const direct = (info?.direct_links ?? []).map(({ id, created_at: atMs }) =>
    activity({ id: `link-${id}`, atMs, category: Category.directLink }),
  )
  return [...shares, ...direct]
}

/** Renamed, moved, restored or tagged: the time alone tells that something happened. */
function laterChange(file: WireFile): Activity[] {
  const info = file.extended_info
  const known = [
    file.created_at,
    ...(info?.entities ?? []).map((entity) => entity.created_at),
    ...(info?.shares ?? []).map((share) => share.created_at),
    ...(info?.direct_links ?? []).map((link) => link.created_at),
  ]
  if (file.updated_at <= Math.max(...known) + SAME_OPERATION_MS) return []
  if (switchedVersion(file, placeholderOf(file)).length > 0) return []
  return [activity({ id: 'updated', atMs: file.updated_at, category: Category.updateMetadata })]
}

function placeholderOf(file: WireFile): string | undefined {
  if (file.metadata[UPLOAD_MARK] === undefined) return undefined
  const newest = file.extended_info?.entities.find(({ type }) => type === VERSION)
  return newest?.id === file.primary_entity ? undefined : newest?.id
}

type WireEntity = NonNullable<WireFile['extended_info']>['entities'][number]

function userOf(entity: WireEntity | undefined): Activity['user'] {
  const user = entity?.created_by
  return user ? { id: user.id, nickname: user.nickname } : undefined
}

interface DerivedFacts {
  readonly id: string
  readonly atMs: number
  readonly category: number
  readonly user?: Activity['user']
  readonly version?: string
  readonly entityCreatedAtMs?: number
}

/** Ids of our own cannot collide with those of the server: they hold a colon. */
function activity({ id, atMs, category, user, version, entityCreatedAtMs }: DerivedFacts): Activity {
  return {
    id: `derived:${id}`,
    atMs,
    category,
    user,
    version: version as EntityId | undefined,
    originalName: undefined,
    newName: undefined,
    from: undefined,
    to: undefined,
    entityCreatedAtMs,
    storagePolicy: undefined,
  }
}
