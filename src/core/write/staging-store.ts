import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Log } from '../../base/log.ts'
import type { Mutex } from '../../base/mutex.ts'
import type { FileLayer } from '../../base/file-layer.ts'
import { lockFolder } from './folder-lock.ts'
import { LostAndFound, type LostFile } from './lost-and-found.ts'
import type { SideCar } from './side-car.ts'
import { StagedFile, type StagedFacts } from './staged-file.ts'

export interface StagingStoreOptions {
  /** Made with mode 0700. Its neighbour `lost+found` takes what a dead process left in it. */
  readonly folder: string
  readonly layer: FileLayer
  readonly log: Log
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number
  /** Of this start of the machine. */
  readonly bootId: string
}

/** The staging folder: one process's, with the staged files of one account. */
export class StagingStore {
  /** Everything in `lost+found`, of this start and earlier ones. */
  readonly lostFiles: readonly LostFile[]
  /** Side-cars of what this start found. */
  readonly leftovers: readonly SideCar[]
  readonly #options: StagingStoreOptions
  readonly #unlock: () => Promise<void>
  readonly #removals = new Set<Promise<void>>()

  private constructor(
    options: StagingStoreOptions,
    unlock: () => Promise<void>,
    found: { lostFiles: readonly LostFile[]; leftovers: readonly SideCar[] },
  ) {
    this.#options = options
    this.#unlock = unlock
    this.lostFiles = found.lostFiles
    this.leftovers = found.leftovers
  }

  /** @throws {FolderInUseError} when another process uses the folder */
  static async open(options: StagingStoreOptions): Promise<StagingStore> {
    const { folder, layer, log, nowMs, bootId } = options
    await layer.makeFolder(folder)
    const unlock = await lockFolder(folder)
    try {
      const lostAndFound = new LostAndFound(join(dirname(folder), 'lost+found'), layer, log)
      const leftovers = await lostAndFound.collect(folder, { atMs: nowMs, bootId })
      return new StagingStore(options, unlock, { leftovers, lostFiles: await lostAndFound.list() })
    } catch (error) {
      await unlock()
      throw error
    }
  }

  /** A staged file of which nothing is here yet. */
  stage(
    facts: StagedFacts,
    before: { readonly sizeBytes: number; readonly changes: number },
    mutex: Mutex,
  ): Promise<StagedFile> {
    const { folder, layer, bootId } = this.#options
    const place = { folder, layer, bootId, id: randomUUID(), changes: before.changes }
    return StagedFile.create(place, facts, before.sizeBytes, mutex)
  }

  /** Removes a staged file that nobody uses any more, soon. */
  dispose(staged: StagedFile): void {
    const removal = staged
      .remove()
      .catch((error: unknown) => {
        this.#options.log.error('a staged file that is not needed any more could not be removed', { error })
      })
      .finally(() => this.#removals.delete(removal))
    this.#removals.add(removal)
  }

  async close(): Promise<void> {
    await Promise.all(this.#removals)
    await this.#unlock()
  }
}
