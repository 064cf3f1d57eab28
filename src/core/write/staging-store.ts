import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Log } from '../../base/log.ts'
import type { EndableSession } from '../../remote/remote.ts'
import type { FileLayer } from '../../base/file-layer.ts'
import { Mutex } from '../../base/mutex.ts'
import { SharedWork } from '../../base/shared-work.ts'
import type { Extents } from './extents.ts'
import type { WaitingCopy } from './keep-uploaded.ts'
import { LostAndFound, type LostFile } from './lost-and-found.ts'
import { parseSideCar, type SideCar } from './side-car.ts'
import { StagedFile, type StagedFacts } from './staged-file.ts'
import { removeGone, StagedRemovals } from './staged-removals.ts'
import type { StagedPlace } from './staged-place.ts'

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
  /** Ids of those that an earlier process would have removed, had it not ended. */
  readonly gone: ReadonlySet<string>
  /** Called with ids of removed ones, once not even power loss brings them back. */
  readonly onRemoved: (ids: readonly string[]) => Promise<void>
  /**
   * Called with the upload session that a side-car names before that goes. Resolves when the next process is told of it without the
   * side-car, or when it is over.
   */
  readonly recordEnding: (session: EndableSession, label: string) => Promise<void>
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
  /** Those that were claimed, by id, and are there. */
  readonly recovered: ReadonlyMap<string, RecoveredFile>
  readonly #options: StagingStoreOptions
  readonly #names: SharedWork
  readonly #removals: StagedRemovals

  private constructor(
    options: StagingStoreOptions,
    found: Pick<StagingStore, 'lostFiles' | 'recovered'> & { readonly removed: readonly string[] },
  ) {
    this.#options = options
    this.#names = new SharedWork(() => options.layer.syncFolder(options.folder))
    this.#removals = new StagedRemovals({ ...options, names: this.#names })
    this.#removals.removedAtStart(found.removed)
    this.lostFiles = found.lostFiles
    this.recovered = found.recovered
  }

  /** @requires that no other process uses the folder */
  static async open(options: StagingStoreOptions): Promise<StagingStore> {
    const { folder, layer, log, nowMs, bootId, recordEnding } = options
    await layer.makeFolder(folder)
    const lostAndFound = new LostAndFound(join(dirname(folder), 'lost+found'), layer, log)
    const recovered = await recover(options)
    const removed = await removeGone(options)
    await lostAndFound.collect(folder, {
      now: { atMs: nowMs, bootId },
      notLost: new Set([...recovered.keys(), ...options.gone]),
      recordEnding,
    })
    return new StagingStore(options, { removed, recovered, lostFiles: await lostAndFound.list() })
  }

  /** A staged file of which nothing is here yet. */
  stage(
    facts: StagedFacts,
    before: { readonly sizeBytes: number; readonly changes: number },
    mutex: Mutex,
  ): Promise<StagedFile> {
    const place = this.#placeOf(randomUUID(), before.changes)
    return StagedFile.create(place, facts, before.sizeBytes, mutex)
  }

  /** One of an earlier process. `changes`: how many the content has seen with it. */
  reopen({ id, sideCar }: RecoveredFile, changes: number, mutex: Mutex): StagedFile {
    return StagedFile.reopen(this.#placeOf(id, changes), sideCar, mutex)
  }

  #placeOf(id: string, changes: number): StagedPlace {
    const { folder, layer, log, bootId } = this.#options
    return { folder, layer, log, bootId, names: this.#names, id, changes }
  }

  /** Removes one of an earlier process that nobody takes up, as soon as `unclaimed`. */
  dropRecovered(id: string, unclaimed: Promise<void>): void {
    const found = this.recovered.get(id)
    if (found) this.dispose(this.reopen(found, 0, new Mutex()), unclaimed)
  }

  /** Removes a staged file that nobody uses any more, `copy` aside, as soon as `unclaimed`: nothing on record names it. */
  dispose(staged: StagedFile, unclaimed: Promise<void>, onGone?: () => void, copy?: WaitingCopy): void {
    this.#removals.add(staged, { unclaimed, onGone, copy })
  }

  get isRemoving(): boolean {
    return this.#removals.isRunning
  }

  close(): Promise<void> {
    return this.#removals.close()
  }
}

/** Those that can be taken up again. One that power loss may have torn is nobody's to show: it stays for `lost+found`. */
async function recover(options: StagingStoreOptions): Promise<ReadonlyMap<string, RecoveredFile>> {
  const { folder, claimed, log } = options
  const recovered = new Map<string, RecoveredFile>()
  for (const id of claimed) {
    const file = join(folder, id)
    try {
      const sideCar = await readStaged(options, id)
      if (sideCar) recovered.set(id, { id, sideCar })
    } catch (error) {
      log.error('a staged file of an earlier run cannot be read', { file, error })
    }
  }
  return recovered
}

/** The last change was when the data was written last: not every write is a record in the side-car. */
async function readStaged(options: StagingStoreOptions, id: string): Promise<SideCar | undefined> {
  const { folder, layer, bootId, log } = options
  const text = (await layer.readWhole(join(folder, `${id}.side`))).toString()
  const sideCar = parseSideCar(text, bootId)
  const { trusted, isCut, label } = sideCar
  if (!trusted || !(await isLongEnough(options, id, trusted))) {
    log.error('power was lost while a file was written: what can be found of it is in lost+found', { label })
    return undefined
  }
  if (isCut)
    log.warn('power was lost: what was written to a file after its last fsync or close is gone', { label })
  const written = await layer.stat(join(folder, `${id}.data`))
  const modifiedAtMs = Math.max(sideCar.modifiedAtMs, Math.floor(written.modifiedAtMs))
  return { ...sideCar, extents: trusted, modifiedAtMs }
}

/** Of what was cut off the bytes may have gone and the record not have come. */
async function isLongEnough(
  { folder, layer }: StagingStoreOptions,
  id: string,
  { localEnd }: Extents,
): Promise<boolean> {
  const file = await layer.open(join(folder, `${id}.data`), 'use')
  try {
    return (await file.sizeBytes()) >= localEnd
  } finally {
    await file.close()
  }
}
