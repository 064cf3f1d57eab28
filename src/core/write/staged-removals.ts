import { join } from 'node:path'
import type { SharedWork } from '../../base/shared-work.ts'
import type { WaitingCopy } from './keep-uploaded.ts'
import { parseSideCar, type SideCar } from './side-car.ts'
import type { StagedFile } from './staged-file.ts'
import type { StagingStoreOptions } from './staging-store.ts'

/** So many share one sync of their folder. */
const batch = 32

interface RemovalOptions extends Pick<StagingStoreOptions, 'log' | 'onRemoved' | 'recordEnding'> {
  readonly names: SharedWork
}

interface Removal {
  /** Nothing on record names the file. */
  readonly unclaimed: Promise<void>
  readonly onGone?: (() => void) | undefined
  readonly copy?: WaitingCopy | undefined
}

/**
 * Staged files that nobody needs any more. What is on record says so before they are removed, and goes on saying so until not even
 * power loss brings them back: so one that a process leaves behind is never taken for something that was lost. A session that its
 * side-car names is on record elsewhere before that goes, as it locks its file at the server.
 */
export class StagedRemovals {
  readonly #options: RemovalOptions
  readonly #running = new Set<Promise<void>>()
  /** Their names may come back with power loss. */
  #removed: string[] = []

  constructor(options: RemovalOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#running.size > 0
  }

  /** Removes a file, `copy` aside, as soon as `unclaimed`. */
  add(staged: StagedFile, { unclaimed, onGone, copy }: Removal): void {
    const removal = unclaimed
      .then(() => staged.session && this.#options.recordEnding(staged.session, staged.facts.label))
      .then(() => staged.remove(copy && (() => copy.run())))
      .then(() => this.#gone(staged.id))
      .catch((error: unknown) => {
        this.#options.log.error('a staged file that is not needed any more could not be removed', { error })
      })
      .finally(() => {
        this.#running.delete(removal)
        copy?.end()
        onGone?.()
      })
    this.#running.add(removal)
  }

  /** This start has removed what an earlier process had not. */
  removedAtStart(ids: Iterable<string>): void {
    this.#removed.push(...ids)
  }

  async close(): Promise<void> {
    await Promise.all(this.#running)
    await this.#tell().catch((error: unknown) => {
      this.#options.log.warn('the next start looks once more for staged files that were removed', { error })
    })
  }

  async #gone(id: string): Promise<void> {
    this.#removed.push(id)
    if (this.#removed.length >= batch) await this.#tell()
  }

  async #tell(): Promise<void> {
    const ids = this.#removed
    if (ids.length === 0) return
    this.#removed = []
    await this.#options.names.run()
    await this.#options.onRemoved(ids)
  }
}

/** Removes what an earlier process did not come to remove; answers the ids of which nothing is left. */
export async function removeGone(options: StagingStoreOptions): Promise<readonly string[]> {
  const removed: string[] = []
  const locking: Promise<unknown>[] = []
  const remove = async (id: string, sideCar?: SideCar) => {
    if (await isRemoved(id, sideCar, options)) removed.push(id)
  }
  for (const id of options.gone) {
    const sideCar = await readGone(id, options)
    // Those that are on record at a time share its sync.
    if (sideCar?.session) locking.push(remove(id, sideCar))
    else await remove(id)
  }
  await Promise.all(locking)
  return removed
}

async function isRemoved(
  id: string,
  { session, label }: Partial<SideCar> = {},
  { folder, layer, log, recordEnding }: StagingStoreOptions,
): Promise<boolean> {
  try {
    if (session) await recordEnding(session, label ?? id)
    await layer.remove(join(folder, `${id}.side`))
    await layer.remove(join(folder, `${id}.data`))
    return true
  } catch (error) {
    log.error('a staged file that is not needed any more could not be removed; the next start does it', {
      error,
    })
    return false
  }
}

async function readGone(
  id: string,
  { folder, layer, log, bootId }: StagingStoreOptions,
): Promise<SideCar | undefined> {
  const path = join(folder, `${id}.side`)
  try {
    return (await layer.exists(path))
      ? parseSideCar((await layer.readWhole(path)).toString(), bootId)
      : undefined
  } catch (error) {
    log.warn('a staged file that is not needed any more cannot be read; it is removed', { error })
    return undefined
  }
}
