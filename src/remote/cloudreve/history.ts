/** What is known about one object beyond its record: versions, links, activities. */
import { fileActivities, fileInfo, listFolder } from '../../api/endpoints/files.ts'
import { isApiError } from '../../api/errors.ts'
import type { WireActivities, WireFile } from '../../api/schema.ts'
import { withoutPassword } from '../../api/uri.ts'
import type { CallOptions } from '../remote.ts'
import type { Activity, ActivityPage, ActivityQuery, EntityId, RemoteDetails, RemotePath } from '../types.ts'
import { uriOf, type MountContext } from './context.ts'
import { derivedPage } from './derived-history.ts'
import { toDetails } from './map-entry.ts'
import { asRemote } from './map-error.ts'

/** Smaller pages are refused (api/05 §1). */
const SMALLEST_PAGE = 10

export class CloudreveHistory {
  readonly #context: MountContext
  /** Learned from the first answer: a community server has no activity log (api/05 §5). */
  #hasActivityLog = true

  constructor(context: MountContext) {
    this.#context = context
  }

  details(path: RemotePath, { signal }: CallOptions = {}): Promise<RemoteDetails> {
    return asRemote(
      async () => toDetails(await this.#extended(path, signal), this.#context.noContent),
      signal,
    )
  }

  activities(path: RemotePath, query: ActivityQuery, { signal }: CallOptions = {}): Promise<ActivityPage> {
    return asRemote(async () => {
      const page = this.#hasActivityLog ? await this.#logged(path, query, signal) : undefined
      return page ?? derivedPage(await this.#extended(path, signal), query, this.#context.userId)
    }, signal)
  }

  async #logged(
    path: RemotePath,
    { filter, direction, cursor, pageSize }: ActivityQuery,
    signal: AbortSignal | undefined,
  ): Promise<ActivityPage | undefined> {
    try {
      const answer = await fileActivities(this.#context.client, uriOf(this.#context, path), {
        pageSize: Math.max(SMALLEST_PAGE, pageSize),
        direction,
        filter: filter === 'all' ? undefined : filter,
        token: cursor,
        signal,
      })
      return {
        activities: answer.activities.map(toActivity),
        nextCursor: answer.pagination?.next_token || undefined,
        derived: false,
      }
    } catch (error) {
      if (!isApiError(error, 'no-route')) throw error
      this.#hasActivityLog = false
      this.#context.log.debug('this server has no activity log; histories are derived')
      return undefined
    }
  }

  /** A root has no information of its own: its record in a listing is all there is. */
  async #extended(path: RemotePath, signal: AbortSignal | undefined): Promise<WireFile> {
    const { client } = this.#context
    const uri = uriOf(this.#context, path)
    if (path.length > 0) return fileInfo(client, { uri }, { extended: true, signal })
    return (await listFolder(client, uri, { pageSize: 1, signal })).parent
  }
}

function toActivity(wire: WireActivities['activities'][number]): Activity {
  const { content, user } = wire
  return {
    id: wire.id,
    atMs: wire.created_at,
    category: content.category,
    user: user ? { id: user.id, nickname: user.nickname } : undefined,
    version: (wire.version_id || undefined) as EntityId | undefined,
    originalName: content.original_name || undefined,
    newName: content.new_name || undefined,
    from: shown(content.from),
    to: shown(content.to),
    entityCreatedAtMs: content.entity_create_time ?? undefined,
    storagePolicy: content.storage_policy || content.storage_policy_name || undefined,
  }
}

function shown(uri: string | null | undefined): string | undefined {
  return uri ? withoutPassword(uri) : undefined
}
