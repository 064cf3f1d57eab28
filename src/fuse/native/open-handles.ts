import type { Log } from '../../base/log.ts'
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
  async releaseFile(fh: Fh): Promise<void> {
    this.#files.delete(fh)
    await this.#logged('release', fh, this.#fileSystem.release(fh))
  }

  async releaseFolder(fh: Fh): Promise<void> {
    this.#folders.delete(fh)
    await this.#logged('releasedir', fh, this.#fileSystem.releasedir(fh))
  }

  async releaseAll(): Promise<void> {
    const files = [...this.#files].map((fh) => this.releaseFile(fh))
    const folders = [...this.#folders].map((fh) => this.releaseFolder(fh))
    await Promise.all([...files, ...folders])
  }

  async #logged(op: string, fh: Fh, work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.#log.error('a handle could not be released', { op, fh, reason: String(error) })
    }
  }
}
