import type { FileLayer, LocalFile } from '../../base/file-layer.ts'

/**
 * A local file that is open only while somebody uses or retains it: thousands of files may wait for their upload, and none
 * of them needs a descriptor for that.
 */
export class OpenFile {
  readonly path: string
  readonly #layer: FileLayer
  readonly #how: 'use' | 'append'
  #opened: Promise<LocalFile> | undefined
  /** What `#opened` has resolved to. */
  #file: LocalFile | undefined
  #users = 0

  constructor(layer: FileLayer, path: string, how: 'use' | 'append') {
    this.#layer = layer
    this.path = path
    this.#how = how
  }

  /** Its descriptor, if it is open just now. */
  get fd(): number | undefined {
    return this.#file?.fd
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
    if (this.#users === 0) await this.reopen()
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
    this.#file = undefined
    const file = await opened
    // It may only now have been opened.
    if (this.#file === file) this.#file = undefined
    await file?.close()
  }

  #open(): Promise<LocalFile> {
    this.#opened ??= this.#openFile()
    return this.#opened
  }

  async #openFile(): Promise<LocalFile> {
    try {
      const file = await this.#layer.open(this.path, this.#how)
      this.#file = file
      return file
    } catch (error) {
      this.#opened = undefined
      throw error
    }
  }
}
