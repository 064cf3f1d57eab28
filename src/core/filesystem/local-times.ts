import { LRUCache } from 'lru-cache'
import { timespecFromMs, type Timespec } from '../../base/timespec.ts'
import type { EntityId, RemoteEntry } from '../../remote/types.ts'

/**
 * mtimes by content, as this machine knows them: exact for what was written here, the server's for the rest as it was first
 * seen. The server sets `updated_at` on rename, move and tagging too; a content's time must not change by that.
 */
export class LocalTimes {
  readonly #times = new LRUCache<EntityId, Timespec>({ max: 100_000 })

  set(entity: EntityId, time: Timespec): void {
    this.#times.set(entity, time)
  }

  of(entry: RemoteEntry): Timespec {
    if (entry.entity === undefined) return timespecFromMs(entry.updatedAtMs)
    let time = this.#times.get(entry.entity)
    if (!time) {
      time = timespecFromMs(entry.updatedAtMs)
      this.#times.set(entry.entity, time)
    }
    return time
  }

  /** For keeping: newest used first. */
  entries(): [EntityId, Timespec][] {
    return [...this.#times.entries()]
  }
}
