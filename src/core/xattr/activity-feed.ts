import type { RemoteFacts } from '../../remote/remote.ts'
import type { Activity, ActivityFilter, ActivityPage, RemotePath } from '../../remote/types.ts'

export type ActivitySource = Pick<RemoteFacts, 'activities'>

export interface FeedQuery {
  readonly filter: ActivityFilter
  /** `desc` = newest first. */
  readonly direction: 'asc' | 'desc'
  /** ≥ 10 (api/05 §1). */
  readonly pageSize: number
}

/** One history, page by page as they are needed; a page that was loaded is not asked for again. */
export class ActivityFeed {
  readonly #load: (cursor: string | undefined) => Promise<ActivityPage>
  /** By the cursor that leads to them; undefined for the first. */
  readonly #pages = new Map<string | undefined, Promise<ActivityPage>>()

  constructor(source: ActivitySource, path: RemotePath, query: FeedQuery) {
    this.#load = (cursor) => source.activities(path, { ...query, cursor })
  }

  /** All entries in the order of the query. Ends early only where a server's cursors go in circles. */
  async *entries(): AsyncGenerator<Activity> {
    const visited = new Set<string>()
    let page = await this.#page(undefined)
    for (;;) {
      yield* page.activities
      const { nextCursor } = page
      if (nextCursor === undefined || visited.has(nextCursor)) return
      visited.add(nextCursor)
      page = await this.#page(nextCursor)
    }
  }

  /** True where the server has no activity log; the first page tells. */
  async isDerived(): Promise<boolean> {
    return (await this.#page(undefined)).derived
  }

  /** A page that could not be loaded is asked for again the next time. */
  #page(cursor: string | undefined): Promise<ActivityPage> {
    const known = this.#pages.get(cursor)
    if (known) return known
    const loading = this.#load(cursor)
    this.#pages.set(cursor, loading)
    loading.catch(() => this.#pages.delete(cursor))
    return loading
  }
}

export interface CollectOptions {
  readonly filter?: ActivityFilter
  /** `desc` (newest first) unless said. */
  readonly direction?: 'asc' | 'desc'
  /** At most so many entries; all of them unless said. */
  readonly limit?: number
  /** 100 unless said. */
  readonly pageSize?: number
  /** Ends the walk before its next page. */
  readonly signal?: AbortSignal | undefined
}

export interface CollectedActivities {
  readonly activities: readonly Activity[]
  readonly derived: boolean
  /** There are more than `limit`. */
  readonly truncated: boolean
}

/** A whole history, for the command line. @throws {RemoteError} */
export async function collectActivities(
  source: ActivitySource,
  path: RemotePath,
  options: CollectOptions = {},
): Promise<CollectedActivities> {
  const { filter = 'all', direction = 'desc', limit = Infinity, pageSize = 100, signal } = options
  const feed = new ActivityFeed(source, path, { filter, direction, pageSize })
  const activities: Activity[] = []
  for await (const activity of feed.entries()) {
    signal?.throwIfAborted()
    if (activities.length >= limit) {
      return { activities, derived: await feed.isDerived(), truncated: true }
    }
    activities.push(activity)
  }
  return { activities, derived: await feed.isDerived(), truncated: false }
}
