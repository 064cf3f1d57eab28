import { LRUCache } from 'lru-cache'
import type { FileId } from '../../remote/types.ts'
import type { BaseEntity } from '../write/index.ts'

const maxFiles = 10_000
const maxProcesses = 64

/**
 * Which content of a file each process was given last. Who replaces a whole file replaces that one: an editor that loaded a
 * version an hour ago must not overwrite what somebody else has saved since. Process 0 stands for all that a driver cannot
 * tell apart.
 */
export class SeenVersions {
  readonly #byFile = new LRUCache<FileId, LRUCache<number, { entity: BaseEntity }>>({ max: maxFiles })

  /** A process opened the file for reading while it showed `entity`. */
  saw(pid: number, id: FileId, entity: BaseEntity): void {
    let processes = this.#byFile.get(id)
    if (!processes) {
      processes = new LRUCache({ max: maxProcesses })
      this.#byFile.set(id, processes)
    }
    processes.set(pid, { entity })
  }

  /** Undefined: the process did not read the file. */
  lastSeen(pid: number, id: FileId): BaseEntity | undefined {
    return this.#byFile.get(id)?.get(pid)?.entity
  }

  /** `former` was replaced from here: between programs of one machine the last one wins, as on any disk. */
  replaced(id: FileId, former: BaseEntity, by: BaseEntity): void {
    for (const seen of this.#byFile.get(id)?.values() ?? []) if (seen.entity === former) seen.entity = by
  }

  /** A conflict was told: the next save is measured by what is shown then. */
  forget(id: FileId): void {
    this.#byFile.delete(id)
  }
}
