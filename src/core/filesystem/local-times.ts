import { LRUCache } from 'lru-cache'
import { timespecFromMs, type Timespec } from '../../base/timespec.ts'
import type { RemoteEntry } from '../../remote/types.ts'

/** Where times survive the process; see `TimesFile`. */
export interface TimesStore {
  append(content: string, time: Timespec): void
}

/**
 * mtimes by content, as this machine knows them: exact for what was written here, the server's for the rest as it was first
 * seen. The server sets `updated_at` on rename, move and tagging too; a content's time must not change by that.
 */
export class LocalTimes {
  readonly #store: TimesStore | undefined
  /** Written or renamed here: kept over a remount. */
  readonly #kept = new LRUCache<string, Timespec>({ max: 100_000 })
  /** As first seen. */
  readonly #seen = new LRUCache<string, Timespec>({ max: 100_000 })

  constructor(known: Iterable<readonly [string, Timespec]> = [], store?: TimesStore) {
    for (const [content, time] of known) this.#kept.set(content, time)
    this.#store = store
  }

  set(entry: RemoteEntry, time: Timespec): void {
    const content = contentOf(entry)
    this.#kept.set(content, time)
    this.#store?.append(content, time)
  }

  /** Before a change that moves the server's time but not the content's. */
  keep(entry: RemoteEntry): void {
    if (entry.kind === 'file' && !this.#kept.has(contentOf(entry))) this.set(entry, this.of(entry))
  }

  of(entry: RemoteEntry): Timespec {
    if (entry.kind === 'folder') return timespecFromMs(entry.updatedAtMs)
    const content = contentOf(entry)
    const known = this.#kept.get(content) ?? this.#keptOfAll(entry) ?? this.#seen.get(content)
    if (known) return known
    const time = timespecFromMs(entry.updatedAtMs)
    this.#seen.set(content, time)
    return time
  }

  /** Earlier versions of the program told contents apart by their entity alone. */
  #keptOfAll({ entity }: RemoteEntry): Timespec | undefined {
    return entity && this.#kept.get(entity)
  }
}

/** What a time belongs to: copies made by the server share their content, and each has a time of its own. */
function contentOf({ entity, id }: RemoteEntry): string {
  return `${entity ?? 'none'} of ${id}`
}
