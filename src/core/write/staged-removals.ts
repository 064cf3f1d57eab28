import { join } from 'node:path'
import type { SharedWork } from '../../base/shared-work.ts'
import type { WaitingCopy } from './keep-uploaded.ts'
import { parseSideCar, type SideCar } from './side-car.ts'
import type { StagedFile } from './staged-file.ts'
import type { StagingStoreOptions } from './staging-store.ts'

/** So many share one sync of their folder. */
const batch = 32

interface RemovalOptions extends Pick<StagingStoreOptions, 'log' | 'onRemoved'> {
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
 * power loss brings them back: so one that a process leaves behind is never taken for something that was lost.
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

/** Removes what an earlier process did not come to remove; answers the side-cars that are there and can be read. */
export async function removeGone({
  folder,
  layer,
  log,
  bootId,
  gone,
}: StagingStoreOptions): Promise<readonly SideCar[]> {
  const sideCars: SideCar[] = []
  for (const id of gone) {
    const path = join(folder, `${id}.side`)
    try {
      if (await layer.exists(path))
        sideCars.push(parseSideCar((await layer.readWhole(path)).toString(), bootId))
    } catch (error) {
      log.warn('a staged file that is not needed any more cannot be read; it is removed', { error })
    }
    await layer.remove(path)
    await layer.remove(join(folder, `${id}.data`))
  }
  return sideCars
}
