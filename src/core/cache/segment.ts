import { crc32 } from 'node:zlib'
import type { FileLayer, LocalFile } from '../../base/file-layer.ts'
import type { FileSpan } from '../types.ts'
import { headBytes, SegmentHead, type SegmentShape } from './segment-head.ts'

/** What is verified at a time of the default blocks, bytes. */
const scratchBytes = 1024 * 1024
/** Not in use; as many as contents were verified at the same time. */
const scratch: Buffer[] = []

/** A page of the local disk: what a file takes is counted in these, bytes. */
const pageBytes = 4096

function inPages(bytes: number): number {
  return Math.ceil(bytes / pageBytes) * pageBytes
}

/**
 * One file of the cache: some blocks that follow each other in one content. Blocks count from the start of the segment. Whoever
 * finds a block damaged removes the file.
 */
export class Segment {
  readonly path: string
  readonly #layer: FileLayer
  readonly #head: SegmentHead
  /** Blocks that were compared with their checksums, or written, by this process. */
  readonly #verified = new Set<number>()
  #file: LocalFile | undefined
  #users = 0
  #isClosed = false

  private constructor(layer: FileLayer, path: string, head: SegmentHead, file?: LocalFile) {
    this.#layer = layer
    this.path = path
    this.#head = head
    this.#file = file
  }

  /** One of which nothing is on the disk yet: its first write makes the file, in the place of any other. */
  static blank(layer: FileLayer, path: string, shape: SegmentShape): Segment {
    return new Segment(layer, path, new SegmentHead(shape))
  }

  /** `damaged` also when the file is of another content. @throws what the disk says else */
  static async load(
    layer: FileLayer,
    path: string,
    shape: SegmentShape,
  ): Promise<Segment | 'absent' | 'damaged'> {
    let file: LocalFile
    try {
      file = await layer.open(path, 'use')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'absent'
      throw error
    }
    let head: SegmentHead | undefined
    try {
      const bytes = Buffer.alloc(headBytes)
      if ((await file.read(bytes, 0)) === headBytes) head = SegmentHead.decode(bytes, shape)
    } finally {
      if (!head) await file.close()
    }
    return head ? new Segment(layer, path, head, file) : 'damaged'
  }

  get blocks(): number {
    return this.#head.blocks
  }

  get presentBytes(): number {
    return this.#head.presentBytes
  }

  has(index: number): boolean {
    return this.#head.has(index)
  }

  /** True if `count` blocks from `first` on are here and may be read from the file without looking at them. */
  isVerified(first: number, count: number): boolean {
    for (let index = first; index < first + count; index += 1) if (!this.#verified.has(index)) return false
    return true
  }

  /** The bytes of `count` blocks that are here, from `first` on; undefined: one is damaged, or the file is. */
  async read(first: number, count: number): Promise<Uint8Array | undefined> {
    const bytes = Buffer.allocUnsafe(this.#place(first, count).bytes)
    return (await this.#fill(bytes, first, count)) ? bytes : undefined
  }

  /** Compares `count` blocks that are here, from `first` on, with their checksums. False: one is damaged, or the file is. */
  async verify(first: number, count: number): Promise<boolean> {
    // Memory that is new for each piece costs as much as reading into it does.
    const room = scratch.pop() ?? Buffer.allocUnsafeSlow(scratchBytes)
    try {
      const { bytes } = this.#place(first, count)
      return await this.#fill(
        bytes <= scratchBytes ? room.subarray(0, bytes) : Buffer.alloc(bytes),
        first,
        count,
      )
    } finally {
      scratch.push(room)
    }
  }

  async #fill(bytes: Buffer, first: number, count: number): Promise<boolean> {
    const { start } = this.#place(first, count)
    const filled = await this.#use((file) => file.read(bytes, start))
    if (filled !== bytes.length) return false
    let at = 0
    for (let index = first; index < first + count; index += 1) {
      const block = bytes.subarray(at, at + this.#head.lengthOf(index))
      if (!this.#verified.has(index) && !this.#head.matches(index, block)) return false
      this.#verified.add(index)
      at += block.length
    }
    return true
  }

  /** Where bytes of verified blocks lie, if the file is open: `offset` and `length` in bytes from the start of the segment. */
  spanOf(offset: number, length: number): FileSpan | undefined {
    const fd = this.#isClosed ? undefined : this.#file?.fd
    if (fd === undefined) return undefined
    const { blockBytes } = this.#head.shape
    const first = Math.floor(offset / blockBytes)
    const past = Math.ceil((offset + length) / blockBytes)
    if (!this.isVerified(first, past - first)) return undefined
    return { fd, offset: headBytes + offset, length }
  }

  /** How many blocks `bytes` bytes from block `first` on are. */
  countOf(first: number, bytes: number): number {
    return Math.min(Math.ceil(bytes / this.#head.shape.blockBytes), this.blocks - first)
  }

  /** What writing these blocks would add to the disk, bytes. */
  growth(first: number, count: number): number {
    let sum = this.#file ? 0 : headBytes
    for (let index = first; index < first + count; index += 1)
      if (!this.#head.has(index)) sum += inPages(this.#head.lengthOf(index))
    return sum
  }

  /** `bytes` are whole blocks. They count once the head is written, after them. */
  async write(first: number, bytes: Uint8Array): Promise<void> {
    const checksums: number[] = []
    for (let at = 0, index = first; at < bytes.length; index += 1) {
      const length = this.#head.lengthOf(index)
      checksums.push(crc32(bytes.subarray(at, at + length)))
      at += length
    }
    const { start } = this.#place(first, checksums.length)
    await this.#use((file) => writeAll(file, bytes, start))
    for (const [at, checksum] of checksums.entries()) {
      this.#head.set(first + at, checksum)
      this.#verified.add(first + at)
    }
    await this.writeHead()
  }

  /** Also tells the disk that the file is in use: its time of modification is that of its last use. */
  writeHead(): Promise<void> {
    return this.#use((file) => writeAll(file, this.#head.encode(), 0))
  }

  /** Lets the file go as soon as no read and no write uses it; new ones fail. It stays on the disk. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#users === 0) await this.#closeFile()
  }

  #place(first: number, count: number): { start: number; bytes: number } {
    const { blockBytes } = this.#head.shape
    const last = first + count - 1
    return {
      start: headBytes + first * blockBytes,
      bytes: (last - first) * blockBytes + this.#head.lengthOf(last),
    }
  }

  async #use<T>(work: (file: LocalFile) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new Error('a segment was used after it was closed')
    this.#users += 1
    try {
      this.#file ??= await this.#create()
      return await work(this.#file)
    } finally {
      this.#users -= 1
      if (this.#users === 0 && this.#isClosed) await this.#closeFile()
    }
  }

  async #create(): Promise<LocalFile> {
    try {
      return await this.#layer.open(this.path, 'create')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    // One that could not be removed when it was due.
    await this.#layer.remove(this.path)
    return this.#layer.open(this.path, 'create')
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}

async function writeAll(file: LocalFile, data: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < data.length;) done += await file.write(data.subarray(done), position + done)
}
