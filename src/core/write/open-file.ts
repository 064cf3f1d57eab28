import type { FileLayer, LocalFile } from './file-layer.ts'

/**
 * A local file that is open only while somebody uses or retains it: thousands of files may wait for their upload, and none
 * of them needs a descriptor for that.
 */
export class OpenFile {
  readonly path: string
  readonly #layer: FileLayer
  readonly #how: 'use' | 'append'
  #opened: Promise<LocalFile> | undefined
  #users = 0

  constructor(layer: FileLayer, path: string, how: 'use' | 'append') {
    this.#layer = layer
    this.path = path
    this.#how = how
  }

  /** Creates the file, which must not exist. */
  async create(): Promise<void> {
    const file = await this.#layer.open(this.path, 'create')
    await file.close()
  }

  /** Keeps the file open between uses until `release`. */
  retain(): void {
    this.#users += 1
  }

  async release(): Promise<void> {
    this.#users -= 1
    if (this.#users > 0) return
    const opened = this.#opened
    this.#opened = undefined
    await (await opened)?.close()
  }

  async use<T>(work: (file: LocalFile) => Promise<T>): Promise<T> {
    this.retain()
    try {
      return await work(await this.#open())
    } finally {
      await this.release()
    }
  }

  /** The name stands for another file now (it was replaced): the next use opens that one. */
  async reopen(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await (await opened)?.close()
  }

  #open(): Promise<LocalFile> {
    this.#opened ??= this.#layer.open(this.path, this.#how).catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }
}
