import type { Activity } from '../../remote/types.ts'
import { activityCategories, systemCategories, UPDATE_METADATA } from './activity-categories.ts'
import { localTime, oneLine, uriAsPath, type TimeFormat } from './words.ts'

export interface ActivityFormat extends TimeFormat {
  /** The history was put together from what the server does have: some entries mean less than they would in a real one. */
  readonly derived?: boolean | undefined
}

/** An activity as a row of a table; nothing in it breaks a line. */
export interface ActivityRow {
  /** Local time, `2026-01-02 03:04:05`. */
  readonly time: string
  readonly who: string
  readonly what: string
}

/** One line for people: local time, who, what in words. */
export function formatActivity(activity: Activity, format: ActivityFormat = {}): string {
  const { time, who, what } = describeActivity(activity, format)
  return `${time}  ${who}  ${what}`
}

export function describeActivity(activity: Activity, format: ActivityFormat = {}): ActivityRow {
  return {
    time: localTime(activity.atMs, format),
    who: whoDid(activity, format),
    what: [whatWasDone(activity, format), ...details(activity, format)].join(', '),
  }
}

function whoDid({ user, category }: Activity, { derived }: ActivityFormat): string {
  if (user) return oneLine(user.nickname || user.id)
  if (systemCategories.has(category)) return 'the server'
  return derived === true ? 'unknown' : 'a visitor or the server'
}

/** The names and places belong to what was done, whatever that was: which category carries which is not documented. */
function whatWasDone(activity: Activity, { derived }: ActivityFormat): string {
  const { category, originalName, newName, from, to } = activity
  let text = activityCategories[category]?.words ?? `activity ${category}`
  if (derived === true && category === UPDATE_METADATA) text = 'changed (renamed, moved, restored or tagged)'
  if (originalName !== undefined) text += ` ${oneLine(originalName)}`
  if (newName !== undefined) text += ` -> ${oneLine(newName)}`
  if (from !== undefined) text += ` from ${uriAsPath(from)}`
  if (to !== undefined) text += ` to ${uriAsPath(to)}`
  return text
}

function details({ version, entityCreatedAtMs, storagePolicy }: Activity, format: ActivityFormat): string[] {
  const parts: string[] = []
  if (version !== undefined) parts.push(`version ${oneLine(version)}`)
  if (entityCreatedAtMs !== undefined) parts.push(`content of ${localTime(entityCreatedAtMs, format)}`)
  if (storagePolicy !== undefined) parts.push(`storage policy ${oneLine(storagePolicy)}`)
  return parts
}

/** An activity for programs: times in ISO 8601 UTC, what is not known is null. */
export interface ActivityJson {
  readonly id: string
  readonly at: string | null
  readonly category: number
  /** The server's name of the category; null for one that this program does not know. */
  readonly name: string | null
  readonly user: { readonly id: string; readonly nickname: string } | null
  readonly version: string | null
  readonly originalName: string | null
  readonly newName: string | null
  readonly from: string | null
  readonly to: string | null
  readonly contentCreatedAt: string | null
  readonly storagePolicy: string | null
}

export function activityJson(activity: Activity): ActivityJson {
  return {
    id: activity.id,
    at: isoTime(activity.atMs),
    category: activity.category,
    name: activityCategories[activity.category]?.name ?? null,
    user: activity.user ?? null,
    version: activity.version ?? null,
    originalName: activity.originalName ?? null,
    newName: activity.newName ?? null,
    from: activity.from ?? null,
    to: activity.to ?? null,
    contentCreatedAt: isoTime(activity.entityCreatedAtMs),
    storagePolicy: activity.storagePolicy ?? null,
  }
}

function isoTime(atMs: number | undefined): string | null {
  if (atMs === undefined || !Number.isFinite(atMs) || Math.abs(atMs) > 8.64e15) return null
  return new Date(atMs).toISOString()
}
