import { LRUCache } from 'lru-cache'
import type { FileId } from '../../remote/types.ts'
import type { BaseEntity } from '../write/index.ts'

const maxFiles = 10_000
const maxProcesses = 64
/** Versions of ours that somebody may still be opening. */
const maxReplaced = 64

interface SeenFile {
  /** What each process was given last. */
  readonly processes: Map<number, BaseEntity>
  /** Which version took the place of which a while ago, by programs of this machine. */
  readonly successors: Map<BaseEntity, BaseEntity>
}

/**
 * Which content of a file each process was given last. Who replaces a whole file replaces that one: an editor that loaded a
 * version an hour ago must not overwrite what somebody else has saved since. Process 0 stands for all that a driver cannot
 * tell apart.
 *
 * Between programs of one machine the last one wins, as on any disk: whoever read a version that was replaced from here,
 * before that or while it happened, replaces the one that took its place.
 */
export class SeenVersions {
  readonly #byFile = new LRUCache<FileId, SeenFile>({ max: maxFiles })

  /** A process opened the file for reading while it showed `entity`; `isCurrent`: as far as anybody here knows, it still does. */
  saw(pid: number, id: FileId, entity: BaseEntity, isCurrent: boolean): void {
    const { processes, successors } = this.#of(id)
    // Shown again after it was replaced: somebody else has brought it back.
    if (isCurrent) successors.delete(entity)
    putNewest(processes, pid, newest(successors, entity), maxProcesses)
  }

  /** Undefined: the process did not read the file. */
  lastSeen(pid: number, id: FileId): BaseEntity | undefined {
    return this.#byFile.get(id)?.processes.get(pid)
  }

  /** `former` was replaced from here. */
  replaced(id: FileId, former: BaseEntity, by: BaseEntity): void {
    if (former === by) return
    const { processes, successors } = this.#of(id)
    putNewest(successors, former, by, maxReplaced)
    for (const [pid, entity] of processes) if (entity === former) processes.set(pid, by)
  }

  /** A conflict was told: the next save is measured by what is shown then. */
  forget(id: FileId): void {
    this.#byFile.delete(id)
  }

  #of(id: FileId): SeenFile {
    let file = this.#byFile.get(id)
    if (!file) {
      file = { processes: new Map(), successors: new Map() }
      this.#byFile.set(id, file)
    }
    return file
  }
}

/** Bounded, should versions ever come round again. */
function newest(successors: ReadonlyMap<BaseEntity, BaseEntity>, entity: BaseEntity): BaseEntity {
  let found = entity
  for (let step = 0; step < maxReplaced; step += 1) found = successors.get(found) ?? found
  return found
}

/** As the newest of at most `max`: the oldest goes. */
function putNewest<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= max) return
  const [oldest] = map.keys()
  map.delete(oldest!)
}
