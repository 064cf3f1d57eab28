import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Log } from '../../base/log.ts'
import type { FileLayer } from '../../base/file-layer.ts'
import { Mutex } from '../../base/mutex.ts'
import { LostAndFound, type LostFile } from './lost-and-found.ts'
import { parseSideCar, type SideCar } from './side-car.ts'
import { StagedFile, type StagedFacts } from './staged-file.ts'

export interface StagingStoreOptions {
  /** Made with mode 0700. Its neighbour `lost+found` takes what a dead process left in it and `claimed` does not name. */
  readonly folder: string
  readonly layer: FileLayer
  readonly log: Log
  /** Wall clock, ms since the epoch. */
  readonly nowMs: number
  /** Of this start of the machine. */
  readonly bootId: string
  /** Ids of the staged files that are going to be taken up again. */
  readonly claimed: ReadonlySet<string>
}

/** A staged file of an earlier process, which is to be taken up again. */
export interface RecoveredFile {
  readonly id: string
  readonly sideCar: SideCar
}

/** The staging folder: one process's, with the staged files of one account. */
export class StagingStore {
  /** Everything in `lost+found`, of this start and earlier ones. */
  readonly lostFiles: readonly LostFile[]
  /** Side-cars of what this start moved to `lost+found`. */
  readonly leftovers: readonly SideCar[]
  /** Those that were claimed, by id, and are there. */
  readonly recovered: ReadonlyMap<string, RecoveredFile>
  readonly #options: StagingStoreOptions
  readonly #removals = new Set<Promise<void>>()

  private constructor(
    options: StagingStoreOptions,
    found: Pick<StagingStore, 'lostFiles' | 'leftovers' | 'recovered'>,
  ) {
    this.#options = options
    this.lostFiles = found.lostFiles
    this.leftovers = found.leftovers
    this.recovered = found.recovered
  }

  /** @requires that no other process uses the folder */
  static async open(options: StagingStoreOptions): Promise<StagingStore> {
    const { folder, layer, log, nowMs, bootId, claimed } = options
    await layer.makeFolder(folder)
    const lostAndFound = new LostAndFound(join(dirname(folder), 'lost+found'), layer, log)
    const leftovers = await lostAndFound.collect(folder, { atMs: nowMs, bootId }, claimed)
    const recovered = await recover(options)
    return new StagingStore(options, { leftovers, recovered, lostFiles: await lostAndFound.list() })
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

  /** One of an earlier process. `changes`: how many the content has seen with it. */
  reopen({ id, sideCar }: RecoveredFile, changes: number, mutex: Mutex): StagedFile {
    const { folder, layer, bootId } = this.#options
    return StagedFile.reopen({ folder, layer, bootId, id, changes }, sideCar, mutex)
  }

  /** Removes one of an earlier process that nobody takes up. */
  dropRecovered(id: string): void {
    const found = this.recovered.get(id)
    if (found) this.dispose(this.reopen(found, 0, new Mutex()), Promise.resolve())
  }

  /** Removes a staged file that nobody uses any more as soon as `unclaimed`: nothing on record names it. */
  dispose(staged: StagedFile, unclaimed: Promise<void>): void {
    const removal = unclaimed
      .then(() => staged.remove())
      .catch((error: unknown) => {
        this.#options.log.error('a staged file that is not needed any more could not be removed', { error })
      })
      .finally(() => this.#removals.delete(removal))
    this.#removals.add(removal)
  }

  async close(): Promise<void> {
    await Promise.all(this.#removals)
  }
}

async function recover({
  folder,
  layer,
  log,
  bootId,
  claimed,
}: StagingStoreOptions): Promise<ReadonlyMap<string, RecoveredFile>> {
  const recovered = new Map<string, RecoveredFile>()
  for (const id of claimed) {
    try {
      const sideCar = parseSideCar((await layer.readWhole(join(folder, `${id}.side`))).toString(), bootId)
      // Not every write is a record in the side-car.
      const writtenAtMs = Math.floor(await layer.modifiedAtMs(join(folder, `${id}.data`)))
      const modifiedAtMs = Math.max(sideCar.modifiedAtMs, writtenAtMs)
      recovered.set(id, { id, sideCar: { ...sideCar, modifiedAtMs } })
    } catch (error) {
      log.error('a staged file of an earlier run cannot be read', { file: join(folder, id), error })
    }
  }
  return recovered
}
