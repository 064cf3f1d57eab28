import { RecentMap } from '../../base/recent-map.ts'
import { timespecFromMs, type Timespec } from '../../base/timespec.ts'
import type { FileId, RemoteEntry } from '../../remote/types.ts'

/** Where times survive the process; see `TimesFile`. */
export interface TimesStore {
  append(content: string, time: Timespec): void
}

const maxFiles = 100_000
/** Contents of one file at most: it may come back to an earlier one. */
const maxContents = 16

/**
 * mtimes by content, as this machine knows them: exact for what was written here, the server's for the rest as it was first
 * seen. The server sets `updated_at` on rename, move and tagging too; a content's time must not change by that.
 */
export class LocalTimes {
  readonly #store: TimesStore | undefined
  /** Written or renamed here: kept over a remount. */
  readonly #kept = new FileTimes()
  /** As first seen. */
  readonly #seen = new FileTimes()
  /** Earlier versions of the program told contents apart by their entity alone. */
  readonly #keptOfAll = new Map<string, Timespec>()

  constructor(known: Iterable<readonly [string, Timespec]> = [], store?: TimesStore) {
    for (const [content, time] of known) {
      const [entity = '', id] = content.split(' of ')
      if (id === undefined) this.#keptOfAll.set(entity, time)
      else this.#kept.set(id as FileId, entity, time)
    }
    this.#store = store
  }

  set(entry: RemoteEntry, time: Timespec): void {
    const entity = entityOf(entry)
    this.#kept.set(entry.id, entity, time)
    // What a time belongs to: copies made by the server share their content, and each has a time of its own.
    this.#store?.append(`${entity} of ${entry.id}`, time)
  }

  /** Before a change that moves the server's time but not the content's. */
  keep(entry: RemoteEntry): void {
    const isKept = this.#kept.get(entry.id, entityOf(entry)) !== undefined
    if (entry.kind === 'file' && !isKept) this.set(entry, this.of(entry))
  }

  of(entry: RemoteEntry): Timespec {
    if (entry.kind === 'folder') return timespecFromMs(entry.updatedAtMs)
    const { id } = entry
    const entity = entityOf(entry)
    const known = this.#kept.get(id, entity) ?? this.#keptOfAll.get(entity) ?? this.#seen.get(id, entity)
    if (known) return known
    const time = timespecFromMs(entry.updatedAtMs)
    this.#seen.set(id, entity, time)
    return time
  }
}

function entityOf({ entity }: RemoteEntry): string {
  return entity ?? 'none'
}

/** One content of a file. */
interface ContentTime {
  readonly entity: string
  readonly time: Timespec
  readonly older: ContentTime | undefined
}

/** Times of contents, found by their file: listings ask for each. */
class FileTimes {
  readonly #files = new RecentMap<FileId, ContentTime>(maxFiles)

  get(id: FileId, entity: string): Timespec | undefined {
    let found = this.#files.get(id)
    while (found && found.entity !== entity) found = found.older
    return found?.time
  }

  set(id: FileId, entity: string, time: Timespec): void {
    this.#files.set(id, { entity, time, older: without(this.#files.get(id), entity, maxContents - 1) })
  }
}

/** The first `count` of other contents. */
function without(first: ContentTime | undefined, entity: string, count: number): ContentTime | undefined {
  if (!first || count === 0) return undefined
  if (first.entity === entity) return without(first.older, entity, count)
  return { ...first, older: without(first.older, entity, count - 1) }
}
