import type { LocalFile } from '../../base/file-layer.ts'
import type { InlineFile } from './inline-file.ts'
import type { InlineLayer } from './inline-layer.ts'

/** An open file that lies in the log until it has become too large for that. */
export class InlineHandle implements LocalFile {
  readonly #layer: InlineLayer
  readonly #path: string
  readonly #how: 'use' | 'append'
  #own: Promise<LocalFile> | undefined
  #fd: number | undefined

  constructor(layer: InlineLayer, path: string, how: 'use' | 'append') {
    this.#layer = layer
    this.#path = path
    this.#how = how
  }

  get fd(): number | undefined {
    return this.#fd
  }

  isOrdered(moreBytes: number): boolean {
    const inline = this.#inline
    if (!inline || !this.#layer.fits(inline, moreBytes, moreBytes)) return false
    inline.grantedBytes = moreBytes
    return true
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const inline = this.#inline
    if (!inline) return (await this.#file()).read(into, position)
    return inline.bytes.subarray(position).copy(into)
  }

  async write(data: Uint8Array, position: number): Promise<number> {
    const inline = this.#withRoom(position + data.length, data.length)
    if (!inline) return (await this.#movedOut()).write(data, position)
    await this.#layer.change(inline, (atMs) => inline.write(data, position, atMs))
    return data.length
  }

  async append(data: Uint8Array): Promise<void> {
    const position = this.#inline?.sizeBytes ?? 0
    const inline = this.#withRoom(position + data.length, data.length)
    if (!inline) return (await this.#movedOut()).append(data)
    return this.#layer.change(inline, (atMs) => inline.write(data, position, atMs))
  }

  async truncate(sizeBytes: number): Promise<void> {
    const inline = this.#withRoom(sizeBytes, 0)
    if (!inline) return (await this.#movedOut()).truncate(sizeBytes)
    if (sizeBytes === inline.sizeBytes) return undefined
    const bytes = Buffer.alloc(sizeBytes)
    bytes.set(inline.bytes.subarray(0, sizeBytes))
    return this.#layer.change(inline, (atMs) => inline.become(bytes, atMs))
  }

  async sizeBytes(): Promise<number> {
    return this.#inline?.sizeBytes ?? (await this.#file()).sizeBytes()
  }

  async datasync(): Promise<void> {
    return this.#inline ? this.#layer.sync() : (await this.#file()).datasync()
  }

  async close(): Promise<void> {
    await (await this.#own)?.close()
  }

  get #inline(): InlineFile | undefined {
    return this.#layer.inline(this.#path)
  }

  /** The file, if it may have `sizeBytes` bytes where it is, of which `moreBytes` are to be put on record. */
  #withRoom(sizeBytes: number, moreBytes: number): InlineFile | undefined {
    const inline = this.#inline
    const growth = Math.max(0, sizeBytes - (inline?.sizeBytes ?? 0))
    return inline && this.#layer.fits(inline, growth, moreBytes) ? inline : undefined
  }

  async #movedOut(): Promise<LocalFile> {
    await this.#layer.moveOut(this.#path)
    return this.#file()
  }

  #file(): Promise<LocalFile> {
    this.#own ??= this.#open()
    return this.#own
  }

  async #open(): Promise<LocalFile> {
    try {
      const file = await this.#layer.openOwn(this.#path, this.#how)
      this.#fd = file.fd
      return file
    } catch (error) {
      this.#own = undefined
      throw error
    }
  }
}
