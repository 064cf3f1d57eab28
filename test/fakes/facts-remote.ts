import type { CallOptions, RemoteFacts, RemoteProperties } from '../../src/remote/remote.ts'
import type {
  Activity,
  ActivityPage,
  ActivityQuery,
  Capacity,
  EntityId,
  RemoteDetails,
  RemotePath,
} from '../../src/remote/types.ts'
import { remoteEntry } from './remote-entry.ts'

/** An upload by Ann; `changes` make it another activity. */
export function activity(changes: Partial<Activity> = {}): Activity {
  return {
    id: 'a1',
    atMs: Date.UTC(2026, 1, 3, 16, 20, 5),
    category: 10,
    user: { id: 'lpua', nickname: 'Ann' },
    version: undefined,
    originalName: undefined,
    newName: undefined,
    from: undefined,
    to: undefined,
    entityCreatedAtMs: undefined,
    storagePolicy: undefined,
    ...changes,
  }
}

/** What a server says about files, with a record of what was asked. */
export class FactsRemote implements RemoteFacts {
  readonly facts: RemoteProperties = {
    origin: 'https://cloud.example.com',
    userId: 'lpua',
    userName: 'Ann',
    readOnly: false,
    maxFileNameBytes: 243,
    uriOf: (path) => `cloudreve://my/${path.map(encodeURIComponent).join('/')}`,
    pathOf: (uri) => uri.split('/').slice(3).map(decodeURIComponent),
  }
  /** `details`, or `activities <filter> <cursor>`. */
  readonly calls: string[] = []
  /** Newest first, whatever the filter. */
  history: readonly Activity[] = []
  derived = false
  /** The next calls fail. */
  readonly faults: Error[] = []
  detailsAnswer: RemoteDetails = {
    entry: remoteEntry(),
    policy: { id: 'p1', name: 'Default', type: 'local', maxSizeBytes: 0, relay: false },
    versions: [
      version('Yt5k', Date.UTC(2026, 1, 3, 16, 20, 5), { isCurrent: true, sizeBytes: 1204 }),
      version('zR7d', Date.UTC(2026, 1, 2), { createdBy: undefined }),
    ],
    shares: [
      {
        id: 'sh1',
        url: 'https://cloud.example.com/s/sh1',
        createdAtMs: Date.UTC(2026, 2, 1),
        expiresAtMs: Date.UTC(2026, 3, 1),
        expired: false,
        visited: 3,
        isPrivate: true,
      },
    ],
    directLinks: [
      { id: 'd1', url: 'https://cloud.example.com/f/d1/a', createdAtMs: Date.UTC(2026, 2, 2), downloaded: 1 },
    ],
    storageUsedBytes: 1205,
  }

  async details(_path: RemotePath, _options?: CallOptions): Promise<RemoteDetails> {
    this.calls.push('details')
    this.#maybeFail()
    return this.detailsAnswer
  }

  async activities(_path: RemotePath, query: ActivityQuery, _options?: CallOptions): Promise<ActivityPage> {
    const { filter, cursor, pageSize, direction } = query
    this.calls.push(`activities ${filter} ${cursor ?? 'first'}`)
    this.#maybeFail()
    const all = direction === 'desc' ? this.history : this.history.toReversed()
    const start = Number(cursor ?? 0)
    const end = start + pageSize
    return {
      activities: all.slice(start, end),
      nextCursor: end < all.length ? String(end) : undefined,
      derived: this.derived,
    }
  }

  async contentUrl(path: RemotePath): Promise<string> {
    this.calls.push('contentUrl')
    this.#maybeFail()
    return `https://cloud.example.com/content/${path.at(-1)}?sign=secret`
  }

  async thumbnailUrl(path: RemotePath): Promise<string | undefined> {
    this.calls.push('thumbnailUrl')
    this.#maybeFail()
    return path.at(-1)?.endsWith('.odt') ? 'https://cloud.example.com/thumb?sign=secret' : undefined
  }

  async capacity(): Promise<Capacity> {
    return { totalBytes: 100, usedBytes: 10 }
  }

  #maybeFail(): void {
    const fault = this.faults.shift()
    if (fault) throw fault
  }
}

function version(entity: string, createdAtMs: number, changes: Partial<RemoteDetails['versions'][number]>) {
  const base = { entity: entity as EntityId, createdAtMs, sizeBytes: 1, createdBy: 'Ann', isCurrent: false }
  return { ...base, ...changes }
}
