import { LRUCache } from 'lru-cache'
import { timespecFromMs, type Timespec } from '../../base/timespec.ts'
import type { EntityId, RemoteEntry } from '../../remote/types.ts'

/** Where times survive the process; see `TimesFile`. */
export interface TimesStore {
  append(entity: EntityId, time: Timespec): void
}

/**
 * mtimes by content, as this machine knows them: exact for what was written here, the server's for the rest as it was first
 * seen. The server sets `updated_at` on rename, move and tagging too; a content's time must not change by that.
 */
export class LocalTimes {
  readonly #store: TimesStore | undefined
  /** Written or renamed here: kept over a remount. */
  readonly #kept = new LRUCache<EntityId, Timespec>({ max: 100_000 })
  /** As first seen. */
  readonly #seen = new LRUCache<EntityId, Timespec>({ max: 100_000 })

  constructor(known: Iterable<readonly [EntityId, Timespec]> = [], store?: TimesStore) {
    for (const [entity, time] of known) this.#kept.set(entity, time)
    this.#store = store
  }

  set(entity: EntityId, time: Timespec): void {
    this.#kept.set(entity, time)
    this.#store?.append(entity, time)
  }

  /** Before a change that moves the server's time but not the content's. */
  keep(entry: RemoteEntry): void {
    if (entry.entity !== undefined && !this.#kept.has(entry.entity)) this.set(entry.entity, this.of(entry))
  }

  of(entry: RemoteEntry): Timespec {
    if (entry.entity === undefined) return timespecFromMs(entry.updatedAtMs)
    const known = this.#kept.get(entry.entity) ?? this.#seen.get(entry.entity)
    if (known) return known
    const time = timespecFromMs(entry.updatedAtMs)
    this.#seen.set(entry.entity, time)
    return time
  }
}
