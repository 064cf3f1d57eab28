import type { Log } from '../../base/log.ts'
import type { MaybePromise } from '../../base/maybe-promise.ts'
import type { FileSystem } from '../../core/ports.ts'
import type { Fh } from '../../core/types.ts'

/**
 * The handles that the kernel holds: opened and not released. When a connection ends the kernel says nothing more about them, so
 * whatever is left then is released here.
 */
export class OpenHandles {
  readonly #fileSystem: FileSystem
  readonly #log: Log
  readonly #files = new Set<Fh>()
  readonly #folders = new Set<Fh>()
  #releasingCount = 0
  #whenReleased: (() => void) | undefined

  constructor(fileSystem: FileSystem, log: Log) {
    this.#fileSystem = fileSystem
    this.#log = log
  }

  get count(): number {
    return this.#files.size + this.#folders.size
  }

  addFile(fh: Fh): void {
    this.#files.add(fh)
  }

  addFolder(fh: Fh): void {
    this.#folders.add(fh)
  }

  /** Nobody would hear a failure: it is logged. */
  releaseFile(fh: Fh): MaybePromise<void> {
    this.#files.delete(fh)
    return this.#logged('release', fh, () => this.#fileSystem.release(fh))
  }

  releaseFolder(fh: Fh): MaybePromise<void> {
    this.#folders.delete(fh)
    return this.#logged('releasedir', fh, () => this.#fileSystem.releasedir(fh))
  }

  /** Resolves when nothing is open, and what was being released before is done too. */
  async releaseAll(): Promise<void> {
    for (const fh of this.#files) void this.releaseFile(fh)
    for (const fh of this.#folders) void this.releaseFolder(fh)
    if (this.#releasingCount === 0) return
    await new Promise<void>((resolve) => {
      this.#whenReleased = resolve
    })
  }

  #logged(op: string, fh: Fh, release: () => MaybePromise<void>): MaybePromise<void> {
    const failed = (error: unknown) =>
      this.#log.error('a handle could not be released', { op, fh, reason: String(error) })
    try {
      const work = release()
      return work instanceof Promise ? this.#counted(work.catch(failed)) : undefined
    } catch (error) {
      return failed(error)
    }
  }

  async #counted(work: Promise<void>): Promise<void> {
    this.#releasingCount += 1
    await work
    this.#releasingCount -= 1
    if (this.#releasingCount === 0) this.#whenReleased?.()
  }
}
