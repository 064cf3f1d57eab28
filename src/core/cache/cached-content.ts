import type { ByteRange } from '../../base/ranges.ts'
import type { FileSpan } from '../types.ts'
import type { Fillings } from './fillings.ts'
import type { SegmentShape } from './segment-head.ts'
import type { SegmentStore } from './segment-store.ts'
import type { Segment } from './segment.ts'

export interface CachedContentParts {
  readonly store: SegmentStore
  readonly fillings: Fillings
  readonly key: string
  /** Of the key and all else that a head repeats. */
  readonly hash: string
  readonly contentBytes: number
  readonly blockBytes: number
  readonly blocksPerSegment: number
}

/** Blocks that are read and compared in one go when somebody reads on. */
const verifiedAtOnce = 16
/** So many of these at the same time: while one is compared, the disk has the next. */
const verifiedInParallel = 3
/** Bytes that are copied from a staged file in one go. */
const copiedAtOnce = 1024 * 1024

/** Some blocks of one segment, counted from its start. */
interface Piece {
  readonly number: number
  readonly first: number
  readonly count: number
}

/**
 * What the disk cache has of one content. Blocks count from the start of the content. Nothing here fails: what the disk cannot
 * give is not there.
 */
export class CachedContent {
  readonly #parts: CachedContentParts
  readonly #names: string[] = []
  /** Blocks that are just being read and compared, and in how many pieces. */
  readonly #verifying = new Set<number>()
  #pieceCount = 0
  /** What somebody is going to read, as far as is known now. */
  #ahead = { first: 0, past: 0 }

  constructor(parts: CachedContentParts) {
    this.#parts = parts
  }

  /** Tells it from all other contents of the cache. */
  get hash(): string {
    return this.#parts.hash
  }

  get blocks(): number {
    return Math.ceil(this.#parts.contentBytes / this.#parts.blockBytes)
  }

  /** True when `has` can tell, without the disk, of the blocks from `first` to before `past`. */
  isReady(first: number, past: number): boolean {
    const { store, fillings, hash, blockBytes } = this.#parts
    if (fillings.waitsFor(hash, past * blockBytes)) return false
    return this.#pieces(first, past).every(({ number }) => store.peek(this.#nameOf(number)) !== undefined)
  }

  /** After it `has` can tell; also of what is being copied here. */
  async load(first: number, past: number): Promise<void> {
    const { store, fillings, hash, blockBytes } = this.#parts
    await fillings.wait(hash, past * blockBytes)
    await Promise.all(
      this.#pieces(first, past).map(({ number }) => store.load(this.#nameOf(number), this.#shapeOf(number))),
    )
  }

  has(index: number): boolean {
    const { blocksPerSegment } = this.#parts
    const number = Math.floor(index / blocksPerSegment)
    return this.#segment(number)?.has(index - number * blocksPerSegment) ?? false
  }

  /** The bytes of `count` blocks from `first` on; undefined: they are not all here, or one was damaged, which is gone now. */
  async read(first: number, count: number): Promise<Uint8Array | undefined> {
    const parts = await Promise.all(this.#pieces(first, first + count).map((piece) => this.#readPiece(piece)))
    const found = parts.filter((part) => part !== undefined)
    if (found.length < parts.length) return undefined
    return found.length === 1 ? found[0] : Buffer.concat(found)
  }

  /**
   * Keeps whole blocks from `first` on, behind the back of whoever waits for them. They must not be changed afterwards. False: too
   * much waits for the disk. Otherwise `onDone` is called later, when they are on the disk, or the disk has not taken them.
   */
  put(first: number, bytes: Uint8Array, onDone?: () => void): boolean {
    // All of it or nothing: it is one memory, which would be held for a part of it, too.
    return this.#parts.store.queue.add(bytes.length, async () => {
      await this.#writeAll(first, bytes)
      onDone?.()
    })
  }

  /** As `put`, once programs give the disk a rest: these bytes are in memory as well. */
  putAtRest(first: number, bytes: Uint8Array): boolean {
    return this.#parts.store.queue.addAtRest(bytes.length, () => this.#writeAll(first, bytes))
  }

  /** As `put`, for who waits: resolves when they are on the disk, or the disk does not take them. */
  async store(first: number, bytes: Uint8Array): Promise<void> {
    const { store } = this.#parts
    for (const { piece, part } of this.#cut(first, bytes))
      await store.queue.run(() => this.#write(piece, part))
  }

  /** Where `range` lies in a file, if its blocks were looked at before and the file is open. */
  spanOf({ start, end }: ByteRange): FileSpan | undefined {
    const { blockBytes, blocksPerSegment, contentBytes, store } = this.#parts
    const segmentBytes = blockBytes * blocksPerSegment
    const length = Math.min(end, contentBytes) - start
    const number = Math.floor(start / segmentBytes)
    if (length <= 0 || start + length > (number + 1) * segmentBytes) return undefined
    const span = this.#segment(number)?.spanOf(start - number * segmentBytes, length)
    if (span) store.use(this.#nameOf(number))
    return span
  }

  /** Somebody read blocks of it, which may have been in memory. */
  use(first: number, past: number): void {
    for (const { number } of this.#pieces(first, past)) this.#parts.store.use(this.#nameOf(number))
  }

  /** Looks at blocks that somebody is going to read, so that `spanOf` knows them then. */
  verifyAhead(first: number, past: number): void {
    this.#ahead = { first, past }
    this.#verifyOn()
  }

  #verifyOn(): void {
    while (this.#pieceCount < verifiedInParallel) {
      const piece = this.#firstUnverified(this.#ahead.first, this.#ahead.past)
      if (!piece) return
      const start = piece.number * this.#parts.blocksPerSegment + piece.first
      const blocks = Array.from({ length: piece.count }, (_, at) => start + at)
      for (const block of blocks) this.#verifying.add(block)
      this.#pieceCount += 1
      void this.#verifyPiece(piece).then(() => {
        for (const block of blocks) this.#verifying.delete(block)
        this.#pieceCount -= 1
        this.#verifyOn()
      })
    }
  }

  /** Bytes of the content that are here. */
  async presentBytes(): Promise<number> {
    await this.#parts.store.scanned
    await this.#parts.store.queue.run(() => Promise.resolve()) // what waits to be written is here as well
    let sum = 0
    for (const { number } of this.#pieces(0, this.blocks)) {
      const name = this.#nameOf(number)
      if (this.#parts.store.peek(name) === 'absent') continue
      sum += (await this.#parts.store.load(name, this.#shapeOf(number)))?.presentBytes ?? 0
    }
    return sum
  }

  async remove(): Promise<void> {
    await this.#parts.store.scanned
    for (const { number } of this.#pieces(0, this.blocks)) await this.#parts.store.drop(this.#nameOf(number))
  }

  /** Copies the content here from `read`, which answers undefined for what it does not have. */
  fill(read: (range: ByteRange) => Promise<Uint8Array | undefined>): Promise<void> {
    const { fillings, hash } = this.#parts
    return fillings.run(hash, async (reached) => {
      const { contentBytes, blockBytes, store } = this.#parts
      for (let start = 0; start < contentBytes; start += copiedAtOnce) {
        const bytes = await read({ start, end: Math.min(start + copiedAtOnce, contentBytes) })
        for (const { piece, part } of bytes ? this.#cut(start / blockBytes, bytes) : [])
          await store.queue.run(() => this.#write(piece, part))
        reached(start + copiedAtOnce)
      }
    })
  }

  async #writeAll(first: number, bytes: Uint8Array): Promise<void> {
    for (const { piece, part } of this.#cut(first, bytes)) await this.#write(piece, part)
  }

  #write({ number, first }: Piece, bytes: Uint8Array): Promise<void> {
    return this.#parts.store.write(this.#nameOf(number), this.#shapeOf(number), first, bytes)
  }

  #readPiece(piece: Piece): Promise<Uint8Array | undefined> {
    return this.#withSegment(piece, (segment) => segment.read(piece.first, piece.count))
  }

  async #verifyPiece(piece: Piece): Promise<void> {
    await this.#withSegment(
      piece,
      async (segment) => (await segment.verify(piece.first, piece.count)) || undefined,
    )
  }

  /** `work` answers undefined where the blocks are damaged. */
  async #withSegment<T>(
    { number, first, count }: Piece,
    work: (segment: Segment) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const { store } = this.#parts
    const name = this.#nameOf(number)
    const segment = await store.load(name, this.#shapeOf(number))
    try {
      if (!segment) return undefined
      for (let index = first; index < first + count; index += 1) if (!segment.has(index)) return undefined
      const found = await work(segment)
      if (found) store.use(name)
      else await store.dropBad(name, 'its bytes are not those that were written')
      return found
    } catch (error) {
      // Unless it was removed or let go meanwhile.
      if (store.peek(name) === segment) await store.dropBad(name, error)
      return undefined
    }
  }

  /** At most so many blocks as are looked at in one go. */
  #firstUnverified(first: number, past: number): Piece | undefined {
    for (const { number, first: start, count } of this.#pieces(first, past)) {
      const segment = this.#segment(number)
      const offset = number * this.#parts.blocksPerSegment
      const isNext = (index: number) => segment?.has(index) === true && !this.#verifying.has(offset + index)
      for (let index = start; index < start + count; index += 1) {
        if (!isNext(index) || segment!.isVerified(index, 1)) continue
        let end = index + 1
        while (end < start + count && end < index + verifiedAtOnce && isNext(end)) end += 1
        return { number, first: index, count: end - index }
      }
    }
    return undefined
  }

  #segment(number: number): Exclude<ReturnType<SegmentStore['peek']>, 'absent'> {
    const found = this.#parts.store.peek(this.#nameOf(number))
    return found === 'absent' ? undefined : found
  }

  /** `bytes`, whole blocks from `first` on, by the segments that they belong to. */
  #cut(first: number, bytes: Uint8Array): { piece: Piece; part: Uint8Array }[] {
    const { blockBytes, blocksPerSegment } = this.#parts
    const pieces = this.#pieces(first, first + Math.ceil(bytes.length / blockBytes))
    return pieces.map((piece) => {
      const start = (piece.number * blocksPerSegment + piece.first - first) * blockBytes
      return { piece, part: bytes.subarray(start, start + piece.count * blockBytes) }
    })
  }

  #pieces(first: number, past: number): Piece[] {
    const { blocksPerSegment } = this.#parts
    const pieces: Piece[] = []
    const end = Math.min(past, this.blocks)
    for (let at = first; at < end;) {
      const number = Math.floor(at / blocksPerSegment)
      const next = Math.min(end, (number + 1) * blocksPerSegment)
      pieces.push({ number, first: at - number * blocksPerSegment, count: next - at })
      at = next
    }
    return pieces
  }

  #nameOf(number: number): string {
    return (this.#names[number] ??= `${this.#parts.hash}.${number}`)
  }

  #shapeOf(number: number): SegmentShape {
    const { key, contentBytes, blockBytes, blocksPerSegment } = this.#parts
    return { key, contentBytes, blockBytes, blocksPerSegment, number }
  }
}
