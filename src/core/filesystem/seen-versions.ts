import { LRUCache } from 'lru-cache'
import type { FileId, RemotePath } from '../../remote/types.ts'
import type { BaseEntity } from '../write/index.ts'

const maxFiles = 10_000
const maxProcesses = 64
const maxNames = 10_000
/** Versions of ours that somebody may still be opening. */
const maxReplaced = 64

interface SeenFile {
  /** What each process was given last. */
  readonly processes: Newest<number, BaseEntity>
  /** Which version took the place of which a while ago, by programs of this machine. */
  readonly successors: Newest<BaseEntity, BaseEntity>
}

/** A content that was read under some name. */
interface SeenContent {
  readonly id: FileId
  readonly entity: BaseEntity
}

/** A file: where the server has it, and where programs see it. */
export interface SeenFilePlace {
  /** Undefined: it exists only here. */
  readonly id: FileId | undefined
  readonly remotePath: RemotePath | undefined
  readonly label: string
}

/**
 * Which content of a file each process was given last. Who replaces a whole file replaces that one: an editor that loaded a
 * version an hour ago must not overwrite what somebody else has saved since. Process 0 stands for all that a driver cannot
 * tell apart.
 *
 * Between programs of one machine the last one wins, as on any disk: whoever read a version that was replaced from here,
 * before that or while it happened, replaces the one that took its place.
 *
 * What somebody else has put under a name is another file to whoever has read under that name, and only there.
 */
export class SeenVersions {
  readonly #byFile = new LRUCache<FileId, SeenFile>({ max: maxFiles })
  /** What each process was given last under a name, by path. */
  readonly #byName = new LRUCache<string, Newest<number, SeenContent>>({ max: maxNames })
  /** Which processes have read, under a name, a file that existed only here; by label. */
  readonly #local = new LRUCache<string, Newest<number, true>>({ max: maxNames })

  /** A process opened the file for reading while it showed `entity`; `isCurrent`: as far as anybody here knows, it still does. */
  saw(pid: number, file: SeenFilePlace, entity: BaseEntity, isCurrent: boolean): void {
    const { id } = file
    if (id === undefined) return noteReader(this.#local, file.label, pid, true)
    this.#sawVersion(pid, id, entity, isCurrent)
    const { remotePath } = file
    if (remotePath) noteReader(this.#byName, remotePath.join('/'), pid, { id, entity })
  }

  #sawVersion(pid: number, id: FileId, entity: BaseEntity, isCurrent: boolean): void {
    const { processes, successors } = this.#of(id)
    // Shown again after it was replaced: somebody else has brought it back.
    if (isCurrent) successors.delete(entity)
    processes.put(pid, latest(successors, entity))
  }

  /** What the process replaces at the name of the file. Undefined: it did not read the file. */
  lastSeen(pid: number, { id, remotePath, label }: SeenFilePlace): BaseEntity | undefined {
    const read = remotePath && this.#byName.get(remotePath.join('/'))?.get(pid)
    if (read && read.id !== id) return read.entity
    const known = id === undefined ? undefined : this.#byFile.get(id)?.processes.get(pid)
    return known ?? (this.#local.get(label)?.has(pid) ? 'absent' : undefined)
  }

  /** A program of this machine has put the file there that the name means now: whoever read under it before may replace that. */
  nameTaken({ remotePath, label }: Pick<SeenFilePlace, 'remotePath' | 'label'>): void {
    if (remotePath) this.#byName.delete(remotePath.join('/'))
    this.#local.delete(label)
  }

  /** The same for a folder, and everything in it. */
  folderTaken(path: RemotePath): void {
    const above = `${path.join('/')}/`
    for (const key of [...this.#byName.keys()]) if (key.startsWith(above)) this.#byName.delete(key)
  }

  /** `former` was replaced from here. */
  replaced(id: FileId, former: BaseEntity, by: BaseEntity): void {
    if (former === by) return
    const { processes, successors } = this.#of(id)
    successors.put(former, by)
    for (const [pid, entity] of processes) if (entity === former) processes.set(pid, by)
  }

  #of(id: FileId): SeenFile {
    let file = this.#byFile.get(id)
    if (!file) {
      file = { processes: new Newest(maxProcesses), successors: new Newest(maxReplaced) }
      this.#byFile.set(id, file)
    }
    return file
  }
}

function noteReader<V extends object | true>(
  names: LRUCache<string, Newest<number, V>>,
  name: string,
  pid: number,
  value: V,
): void {
  let readers = names.get(name)
  if (!readers) {
    readers = new Newest(maxProcesses)
    names.set(name, readers)
  }
  readers.put(pid, value)
}

/** Bounded, should versions ever come round again. */
function latest(successors: ReadonlyMap<BaseEntity, BaseEntity>, entity: BaseEntity): BaseEntity {
  let found = entity
  for (let step = 0; step < maxReplaced; step += 1) {
    const next = successors.get(found)
    if (next === undefined) break
    found = next
  }
  return found
}

/** The newest of all that were put there, at most `max`: the oldest goes. */
class Newest<K, V> extends Map<K, V> {
  readonly #max: number
  #last: K | undefined

  constructor(max: number) {
    super()
    this.#max = max
  }

  put(key: K, value: V): void {
    // To take it away first would cost more than all else; who opens a file mostly did so before, as the last one.
    if (key !== this.#last) this.delete(key)
    this.set(key, value)
    this.#last = key
    if (this.size <= this.#max) return
    const [oldest] = this.keys()
    this.delete(oldest!)
  }
}
