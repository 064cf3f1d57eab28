/**
 * The blocks of one content while somebody has it open: those in the cache and those on their way. Owns the downloads, so
 * that all readers of a content share them; every download is tried once, trying again is for whoever waits for it.
 *
 * Memory for a download is reserved before it starts and handed to the cache when it ends, so the budget holds at any time.
 */
import type { ByteRange } from '../../base/ranges.ts'
import type { Log } from '../../base/log.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import type { ContentAddress, RangeOptions, RemoteContent } from '../../remote/remote.ts'
import { RemoteError } from '../../remote/errors.ts'
import type { CachedContent } from '../cache/index.ts'
import type { FileSpan } from '../types.ts'
import { ArrivingPart } from './arriving-part.ts'
import type { BlockCache } from './block-cache.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { inOnePiece, own } from './memory-pieces.ts'
import type { ReadOptions } from './read-options.ts'
import type { Presence } from './read-windows.ts'

export interface EntityBlocksDeps {
  readonly remote: Pick<RemoteContent, 'readRange'>
  readonly budget: MemoryBudget
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
  /** Blocks on their way: number → the part that brings it. */
  readonly #arriving = new Map<number, ArrivingPart>()
  /** Reads past the cache, by their range. */
  readonly #plain = new SingleFlight<string, Uint8Array>()
  readonly #stop = new AbortController()

  constructor(content: ContentAddress, deps: EntityBlocksDeps) {
    this.#content = content
    this.#deps = deps
    this.#disk = deps.onDisk(content)
  }

  /** Nobody reads this content any more: content streams may be cut, and what arrives late is dropped. */
  close(): void {
    this.#stop.abort(new RemoteError('aborted', 'nobody reads this content any more'))
  }

  /** As far as that is known without the disk. */
  presence(range: ByteRange): Presence {
    if (!this.#isReady(range)) return 'here'
    let found: Presence = 'here'
    for (const index of this.#numbers(range)) {
      if (!this.#has(index)) return 'missing'
      if (this.#arriving.get(index)?.has(this.#bytesOf(index)) === false) found = 'coming'
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
    for (const index of this.#numbers(range)) await this.#arriving.get(index)?.whole
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
    const numbers = this.#numbers(needed)
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
    const { first, past } = this.#bounds(range)
    return this.#disk?.isReady(first, past) ?? true
  }

  async #load(range: ByteRange): Promise<void> {
    const { first, past } = this.#bounds(range)
    await this.#disk?.load(first, past)
  }

  #verifyAhead(range: ByteRange): void {
    const { first, past } = this.#bounds(range)
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
    // Asked for only when all can be had: what nobody waits for must not fail.
    const isMissing = (index: number) => !held.get(index) && !this.#arriving.has(index)
    if (numbers.some(isMissing)) return undefined
    const sources = numbers.map(
      (index) => held.get(index) ?? this.#arriving.get(index)!.bytesOf(this.#bytesOf(index)),
    )
    const blocks = await Promise.all(sources)
    return blocks.every((block) => block !== undefined) ? blocks : undefined
  }

  #readPlain(from: ContentAddress, range: ByteRange): Promise<Uint8Array> {
    return this.#plain.run(`${range.start}-${range.end}`, () => this.#request(from, range))
  }

  #has(index: number): boolean {
    if (this.#disk?.has(index) || this.#arriving.has(index)) return true
    return this.#deps.cache.has(this.#content.entity, index)
  }

  #numbers(range: ByteRange): number[] {
    const { first, past } = this.#bounds(range)
    return Array.from({ length: Math.max(0, past - first) }, (_, i) => first + i)
  }

  /** Numbers of the blocks that hold bytes of a range. */
  #bounds({ start, end }: ByteRange): { first: number; past: number } {
    const { blockBytes } = this.#deps.options
    const past = Math.ceil(Math.min(end, this.#content.sizeBytes) / blockBytes)
    return { first: Math.floor(start / blockBytes), past }
  }

  /** Missing stretches of `range`, none longer than a part. */
  #missingRuns(range: ByteRange): ByteRange[] {
    const { blockBytes, partBytes } = this.#deps.options
    const runs: { start: number; end: number }[] = []
    for (const index of this.#numbers(range)) {
      if (this.#has(index)) continue
      const { start, end } = this.#bytesOf(index)
      const last = runs.at(-1)
      if (last && last.end === start && last.end - last.start + blockBytes <= partBytes) last.end = end
      else runs.push({ start, end })
    }
    return runs
  }

  /** The whole blocks of `run` that hold bytes of `needed`; undefined when that is nothing, or all of it. */
  #intersection(run: ByteRange, needed: ByteRange): ByteRange | undefined {
    const numbers = this.#numbers({
      start: Math.max(run.start, needed.start),
      end: Math.min(run.end, needed.end),
    })
    if (numbers.length === 0) return undefined
    const trimmed = { start: this.#bytesOf(numbers[0]!).start, end: this.#bytesOf(numbers.at(-1)!).end }
    return trimmed.end - trimmed.start < run.end - run.start ? trimmed : undefined
  }

  #bytesOf(index: number): ByteRange {
    const { blockBytes } = this.#deps.options
    return { start: index * blockBytes, end: Math.min((index + 1) * blockBytes, this.#content.sizeBytes) }
  }

  /** False when there is no memory for it. */
  #fetchPart(from: ContentAddress, range: ByteRange, isAhead = false): boolean {
    const sizeBytes = range.end - range.start
    if (!this.#deps.budget.reserve(sizeBytes)) return false
    const numbers = this.#numbers(range)
    const part = new ArrivingPart(range, async (onProgress) => {
      try {
        return await this.#request(from, range, { isAhead, onProgress })
      } finally {
        this.#deps.budget.release(sizeBytes)
      }
    })
    for (const index of numbers) this.#arriving.set(index, part)
    void this.#keepWhenHere(part, range, numbers)
    return true
  }

  async #keepWhenHere(part: ArrivingPart, range: ByteRange, numbers: readonly number[]): Promise<void> {
    try {
      this.#keep(range, await part.whole, numbers)
    } catch (error) {
      // Whoever waits for these blocks gets the error too; what nobody waits for is asked for again when it is needed.
      this.#deps.log.debug('a part of a content did not arrive', { entity: this.#content.entity, error })
    }
    for (const index of numbers) this.#arriving.delete(index)
  }

  /**
   * In memory what waits for the disk is a view of the part, which goes when it is there. What stays in memory is copied: a view
   * would keep the whole part.
   */
  #keep(range: ByteRange, bytes: Uint8Array, numbers: readonly number[]): void {
    const disk = this.#disk
    const views = numbers.map((index) => {
      const { start, end } = this.#bytesOf(index)
      return bytes.subarray(start - range.start, end - range.start)
    })
    const isOnItsWay = disk?.put(numbers[0]!, bytes, () => this.#letGo(disk, numbers)) === true
    if (this.#stop.signal.aborted) return
    for (const [at, index] of numbers.entries())
      this.#deps.cache.put(this.#content.entity, index, isOnItsWay ? views[at]! : own(views[at]!))
  }

  /** The disk has had its turn with these. */
  #letGo(disk: CachedContent, numbers: readonly number[]): void {
    const { cache } = this.#deps
    const { entity } = this.#content
    for (const index of numbers) {
      const block = cache.get(entity, index)
      cache.drop(entity, index)
      if (block instanceof Uint8Array && !disk.has(index)) cache.put(entity, index, own(block))
    }
  }

  async #request(
    from: ContentAddress,
    range: ByteRange,
    how: Pick<RangeOptions, 'isAhead' | 'onProgress'> = {},
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
