/**
 * The blocks of one content while somebody has it open: those in the cache, on the disk and on their way. All readers of a content
 * share them.
 */
import { setMaxListeners } from 'node:events'
import type { ByteRange } from '../../base/ranges.ts'
import type { Log } from '../../base/log.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import type { ContentAddress, RangeOptions, RemoteContent } from '../../remote/remote.ts'
import { RemoteError } from '../../remote/errors.ts'
import type { CachedContent } from '../cache/index.ts'
import type { FileSpan } from '../types.ts'
import { Arrivals } from './arrivals.ts'
import type { BlockCache } from './block-cache.ts'
import { BlockGrid } from './block-grid.ts'
import { inOnePiece } from './memory-pieces.ts'
import type { PartMemories } from './part-memories.ts'
import type { ReadOptions } from './read-options.ts'
import type { Presence } from './read-windows.ts'

export interface EntityBlocksDeps {
  readonly remote: Pick<RemoteContent, 'readRange'>
  readonly memories: PartMemories
  readonly cache: BlockCache
  /** The part of the disk cache that is for a content; undefined: there is none. */
  readonly onDisk: (content: Pick<ContentAddress, 'entity' | 'sizeBytes'>) => CachedContent | undefined
  readonly log: Log
  readonly options: ReadOptions
}

export class EntityBlocks {
  readonly #content: ContentAddress
  readonly #deps: EntityBlocksDeps
  readonly #disk: CachedContent | undefined
  readonly #grid: BlockGrid
  readonly #arrivals: Arrivals
  /** Reads past the cache, by their range. */
  readonly #plain = new SingleFlight<string, Uint8Array>()
  readonly #stop = new AbortController()

  constructor(content: ContentAddress, deps: EntityBlocksDeps) {
    this.#content = content
    this.#deps = deps
    this.#disk = deps.onDisk(content)
    this.#grid = new BlockGrid(content.sizeBytes, deps.options.blockBytes)
    const { memories, cache, log } = deps
    const { entity } = content
    // Each range on its way listens, and each of its steps.
    setMaxListeners(0, this.#stop.signal)
    this.#arrivals = new Arrivals({ entity, grid: this.#grid, memories, cache, disk: this.#disk, log })
  }

  /** Nobody reads this content any more: content streams may be cut, and what arrives late is dropped. */
  close(): void {
    this.#stop.abort(new RemoteError('aborted', 'nobody reads this content any more'))
    this.#arrivals.close()
  }

  /** The bytes of `range`, if they are in memory and were fetched together: a view, good until the event loop turns. */
  viewOf(range: ByteRange): Uint8Array | undefined {
    return this.#arrivals.viewOf(range) ?? this.#cachedView(range)
  }

  #cachedView(range: ByteRange): Uint8Array | undefined {
    const { first, past } = this.#grid.boundsOf(range)
    const blocks = this.#deps.cache.viewOf(this.#content.entity, first, past)
    const skip = range.start - first * this.#grid.blockBytes
    return blocks?.subarray(skip, skip + range.end - range.start)
  }

  /** As `viewOf`, a whole block. */
  blockOf(index: number): Uint8Array | undefined {
    return this.#arrivals.viewOf(this.#grid.bytesOf(index))
  }

  /** True while `bytes`, which were read here, may be gone in a later turn of the event loop. */
  isPassing(bytes: Uint8Array): boolean {
    return this.#deps.memories.isPassing(bytes)
  }

  /** As far as that is known without the disk. */
  presence(range: ByteRange): Presence {
    if (!this.#isReady(range)) return 'here'
    let found: Presence = 'here'
    for (const index of this.#grid.numbersOf(range)) {
      if (!this.#has(index)) return 'missing'
      if (this.#arrivals.partOf(index)?.has(this.#grid.bytesOf(index)) === false) found = 'coming'
    }
    return found
  }

  /** Whether some byte of `range` has to be fetched: neither memory nor the disk has it, and it is not on its way. */
  async isAbsent(range: ByteRange): Promise<boolean> {
    if (!this.#isReady(range)) await this.#load(range)
    return this.presence(range) === 'missing'
  }

  /**
   * Fetches what is missing of `range`, which nobody waits for. False: there is no memory for it.
   * @throws {RemoteError}
   */
  async fetchAhead(from: ContentAddress, range: ByteRange): Promise<boolean> {
    const runs = this.#missingRuns(range)
    if (!runs.every((run) => this.#fetchPart(from, run, true))) return false
    for (const index of this.#grid.numbersOf(range)) await this.#arrivals.partOf(index)?.whole
    return true
  }

  /**
   * The bytes of `needed`: from the caches, from what is on its way, else by a request for just these bytes. Starts to fetch what
   * is missing of `wanted` (it covers `needed` and begins at a block) before it waits.
   */
  async read(from: ContentAddress, needed: ByteRange, wanted: ByteRange): Promise<Uint8Array> {
    if (!this.#isReady(wanted)) await this.#load(wanted)
    const bytes = await this.#readOnce(from, needed, wanted)
    // What turned out to be damaged is gone from the disk by now, so that it is fetched like anything else.
    return bytes ?? (await this.#readOnce(from, needed, needed)) ?? this.#readPlain(from, needed)
  }

  /** Where `range` lies in a local file, if all of it is known to be there. */
  spanOf(range: ByteRange): FileSpan | undefined {
    return this.#disk?.spanOf(range)
  }

  /** Starts to fetch what is missing of `wanted`, from the server or the disk, for somebody who is going to read it. */
  prefetch(from: ContentAddress, wanted: ByteRange): void {
    if (this.#isReady(wanted)) this.#prefetchKnown(from, wanted)
    else
      void this.#load(wanted).then(() => {
        if (!this.#stop.signal.aborted) this.#prefetchKnown(from, wanted)
      })
  }

  #prefetchKnown(from: ContentAddress, wanted: ByteRange): void {
    this.#fetchMissing(from, wanted, { start: wanted.start, end: wanted.start })
    this.#verifyAhead(wanted)
  }

  async #readOnce(
    from: ContentAddress,
    needed: ByteRange,
    wanted: ByteRange,
  ): Promise<Uint8Array | undefined> {
    const numbers = this.#grid.numbersOf(needed)
    // Held before anything is fetched: making room for that may drop them from the cache.
    const run = this.#diskRun(numbers)
    const held = new Map(run ? [] : numbers.map((index) => [index, this.#cached(index)]))
    this.#fetchMissing(from, wanted, needed)
    if (run) {
      const bytes = await run
      this.#verifyAhead(wanted)
      return bytes && this.#assemble(needed, [bytes])
    }
    if (numbers.length > 0) this.#disk?.use(numbers[0]!, numbers.at(-1)! + 1)
    const blocks = await this.#collect(numbers, held)
    return blocks && this.#assemble(needed, blocks)
  }

  /** All of the blocks by one read of the disk, unless memory has them. */
  #diskRun(numbers: readonly number[]): Promise<Uint8Array | undefined> | undefined {
    const { cache } = this.#deps
    const disk = this.#disk
    if (!disk || !numbers.every((index) => disk.has(index))) return undefined
    if (numbers.every((index) => cache.has(this.#content.entity, index))) return undefined
    return disk.read(numbers[0]!, numbers.length)
  }

  #cached(index: number): Promise<Uint8Array | undefined> | undefined {
    const { cache } = this.#deps
    const { entity } = this.#content
    if (cache.has(entity, index)) return Promise.resolve(cache.get(entity, index))
    return this.#disk?.has(index) ? this.#disk.read(index, 1) : undefined
  }

  #isReady(range: ByteRange): boolean {
    const { first, past } = this.#grid.boundsOf(range)
    return this.#disk?.isReady(first, past) ?? true
  }

  async #load(range: ByteRange): Promise<void> {
    const { first, past } = this.#grid.boundsOf(range)
    await this.#disk?.load(first, past)
  }

  #verifyAhead(range: ByteRange): void {
    const { first, past } = this.#grid.boundsOf(range)
    this.#disk?.verifyAhead(first, past)
  }

  /** Without enough memory it fetches no more than the bytes that somebody waits for, or nothing. */
  #fetchMissing(from: ContentAddress, wanted: ByteRange, needed: ByteRange): void {
    for (const run of this.#missingRuns(wanted)) {
      if (this.#fetchPart(from, run)) continue
      const trimmed = this.#intersection(run, needed)
      if (trimmed) this.#fetchPart(from, trimmed)
      if (run.start >= needed.end) return
    }
  }

  /** The blocks in order; undefined if one is neither cached nor on its way, or turns out to be damaged. */
  async #collect(
    numbers: readonly number[],
    held: ReadonlyMap<number, Promise<Uint8Array | undefined> | undefined>,
  ): Promise<Uint8Array[] | undefined> {
    const parts = new Map(numbers.map((index) => [index, this.#arrivals.partOf(index)]))
    // Asked for only when all can be had: what nobody waits for must not fail.
    if (numbers.some((index) => !held.get(index) && !parts.get(index))) return undefined
    const filled = (index: number) => parts.get(index)!.filled(this.#grid.bytesOf(index))
    const cached = await Promise.all(numbers.map((index) => held.get(index) ?? filled(index)))
    // Looked at together: while the last one came, the first one may have gone to the disk.
    const blocks = numbers.map(
      (index, at) =>
        cached[at] ?? (held.get(index) ? undefined : parts.get(index)!.viewOf(this.#grid.bytesOf(index))),
    )
    const there = blocks.filter((block) => block !== undefined && block.length > 0) as Uint8Array[]
    return there.length === blocks.length ? there : undefined
  }

  #readPlain(from: ContentAddress, range: ByteRange): Promise<Uint8Array> {
    return this.#plain.run(`${range.start}-${range.end}`, () => this.#request(from, range))
  }

  #has(index: number): boolean {
    if (this.#disk?.has(index) || this.#arrivals.partOf(index)) return true
    return this.#deps.cache.has(this.#content.entity, index)
  }

  /** Missing stretches of `range`, none longer than a part. */
  #missingRuns(range: ByteRange): ByteRange[] {
    const missing = this.#grid.numbersOf(range).filter((index) => !this.#has(index))
    return this.#grid.runsOf(missing, this.#deps.options.partBytes)
  }

  /** The whole blocks of `run` that hold bytes of `needed`; undefined when that is nothing, or all of it. */
  #intersection(run: ByteRange, needed: ByteRange): ByteRange | undefined {
    const numbers = this.#grid.numbersOf({
      start: Math.max(run.start, needed.start),
      end: Math.min(run.end, needed.end),
    })
    if (numbers.length === 0) return undefined
    const trimmed = {
      start: this.#grid.bytesOf(numbers[0]!).start,
      end: this.#grid.bytesOf(numbers.at(-1)!).end,
    }
    return trimmed.end - trimmed.start < run.end - run.start ? trimmed : undefined
  }

  /** False when there is no memory for it. */
  #fetchPart(from: ContentAddress, range: ByteRange, isAhead = false): boolean {
    return this.#arrivals.fetch(range, (into, onProgress) =>
      this.#request(from, range, { isAhead, into, onProgress }),
    )
  }

  async #request(
    from: ContentAddress,
    range: ByteRange,
    how: Pick<RangeOptions, 'isAhead' | 'into' | 'onProgress'> = {},
  ): Promise<Uint8Array> {
    const bytes = await this.#deps.remote.readRange(from, range, { signal: this.#stop.signal, ...how })
    const expected = range.end - range.start
    if (bytes.length === expected) return bytes
    throw new RemoteError('protocol', `asked for ${expected} bytes of a content, ${bytes.length} came`)
  }

  #assemble({ start, end }: ByteRange, blocks: readonly Uint8Array[]): Uint8Array {
    const { blockBytes } = this.#deps.options
    const skip = start % blockBytes
    const whole = inOnePiece(blocks)
    if (whole) return whole.subarray(skip, skip + end - start)
    const bytes = Buffer.allocUnsafe(end - start)
    let at = -skip
    for (const block of blocks) {
      bytes.set(block.subarray(Math.max(0, -at), Math.min(block.length, bytes.length - at)), Math.max(0, at))
      at += block.length
    }
    return bytes
  }
}
