import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { ByteRange } from '../../base/ranges.ts'
import type { ContentAddress, RangeProgress, RemoteContent } from '../../remote/remote.ts'
import type { EntityId } from '../../remote/types.ts'
import type { CachedContent, DiskCache, Protection } from '../cache/index.ts'
import { AheadFetches, type HeldBlocks } from './ahead-fetches.ts'
import { BlockCache } from './block-cache.ts'
import { EntityBlocks, type EntityBlocksDeps } from './entity-blocks.ts'
import { FlowMeter } from './flow-meter.ts'
import { keepOnDisk, type KeepOptions } from './keep-on-disk.ts'
import type { MemoryBudget } from './memory-budget.ts'
import { PartMemories } from './part-memories.ts'
import { defaultReadOptions, type ReadOptions } from './read-options.ts'
import type { WindowBounds } from './read-windows.ts'
import { WindowedReader, type ContentReader } from './windowed-reader.ts'

export interface ContentReadersDeps {
  readonly remote: Pick<RemoteContent, 'readRange' | 'prepareReads'>
  /** Shared by everything in the process that holds content in memory. */
  readonly budget: MemoryBudget
  readonly clock: Clock
  readonly log: Log
  /** Where contents stay on the local disk, and what tells this drive from others there; by default nowhere. */
  readonly disk?: { readonly cache: DiskCache; readonly drive: string } | undefined
  readonly options?: Partial<ReadOptions>
  /** Bytes a second that all downloads together get, at the moment; 0 = as many as they can. */
  readonly bytesPerSecond?: () => number
}

/** No reader fetches ahead what would not be there within this time under the limit, s: who reads waits for what it asked for itself. */
const aheadAtMostS = 10
/**
 * As long as that for what the line was seen to do, s: ranges side by side share it, and who reads waits for all of them. A
 * window is never smaller than the first one for it.
 */
const aheadOfFlowS = 2
/**
 * Where that is more than this, bytes, as many times what comes from a request to its first bytes suffice to keep the line busy: memory that is
 * used again soon is still near the processor.
 */
const enoughAheadBytes = 24 * 1024 ** 2
const aheadOfLatency = 3
/** Of the memory, what was fetched ahead of small files and not read so far may take: the rest keeps it from being pushed out. */
const aheadPart = 8
/** On their way at a time of small files, bytes: less than one part of a sequential read, so that what is asked for meanwhile comes soon. */
const aheadFlowBytes = 2 * 1024 ** 2

/**
 * Readers of clean contents. Owns what is shared by all handles of one content (blocks on their way) for as long as one of
 * them is open, and how far all readers together may fetch ahead.
 */
export class ContentReaders {
  /** Contents that nobody has asked for yet. */
  readonly ahead: AheadFetches
  readonly #deps: EntityBlocksDeps
  readonly #budget: MemoryBudget
  readonly #clock: Clock
  readonly #disk: ContentReadersDeps['disk']
  readonly #open = new Map<EntityId, { readonly blocks: EntityBlocks; readers: number }>()
  readonly #streaming = new Set<WindowedReader>()
  readonly #bytesPerSecond: () => number
  readonly #flow: FlowMeter
  /** Ranges on their way, without what is fetched ahead of any read. */
  #reads = 0

  constructor({ remote, budget, clock, log, disk, options, bytesPerSecond }: ContentReadersDeps) {
    const readOptions = { ...defaultReadOptions, ...options }
    this.#budget = budget
    this.#clock = clock
    this.#flow = new FlowMeter(clock)
    this.#disk = disk
    this.#bytesPerSecond = bytesPerSecond ?? (() => 0)
    this.#deps = {
      remote: { readRange: (...call) => this.#metered(remote, call) },
      memories: new PartMemories(budget, readOptions.partBytes),
      log,
      cache: new BlockCache(budget),
      onDisk: (content) => disk?.cache.content(disk.drive, content, readOptions.blockBytes),
      options: readOptions,
    }
    this.ahead = new AheadFetches({
      remote,
      log,
      hold: (content) => this.#hold(content),
      limitBytes: () => Math.min(budget.limitBytes / aheadPart, aheadAtMostS * this.#bytesPerSecondOrAll),
      flowBytes: () => Math.min(aheadFlowBytes, this.#bytesPerSecondOrAll),
    })
  }

  /** A reader of its own for each file handle. To be closed. */
  open(content: ContentAddress): ContentReader {
    const { blocks, release } = this.#hold(content)
    return new WindowedReader(content, {
      blocks,
      clock: this.#clock,
      log: this.#deps.log,
      options: this.#deps.options,
      bounds: (reader) => this.#bounds(reader),
      onClose: (reader) => {
        this.#streaming.delete(reader)
        release()
      },
    })
  }

  /** The whole content of `entity`, known without asking. Blocks are copies: each can be dropped by itself. */
  remember(entity: EntityId, bytes: Uint8Array): void {
    const { cache, options } = this.#deps
    this.onDisk({ entity, sizeBytes: bytes.length })?.putAtRest(0, bytes)
    for (let start = 0, index = 0; start < bytes.length; start += options.blockBytes, index += 1) {
      const block = bytes.slice(start, start + options.blockBytes)
      cache.put({ entity, first: index, bytes: block, blockBytes: block.length })
    }
  }

  /** All of a content, if it is here: nobody is asked for it. */
  cached(content: Pick<ContentAddress, 'entity' | 'sizeBytes'>): Promise<Uint8Array | undefined> {
    return this.cachedPart(content, { start: 0, end: content.sizeBytes })
  }

  /** All of a part of a content, if it is here. */
  async cachedPart(
    content: Pick<ContentAddress, 'entity' | 'sizeBytes'>,
    { start, end }: ByteRange,
  ): Promise<Uint8Array | undefined> {
    const { cache, options } = this.#deps
    const disk = this.onDisk(content)
    const first = Math.floor(start / options.blockBytes)
    const past = Math.ceil(end / options.blockBytes)
    await disk?.load(first, past)
    const bytes = Buffer.allocUnsafe((past - first) * options.blockBytes)
    for (let index = first; index < past; index += 1) {
      const known = cache.get(content.entity, index) ?? this.#open.get(content.entity)?.blocks.blockOf(index)
      const block = known ?? (disk?.has(index) ? await disk.read(index, 1) : undefined)
      if (!block) return undefined
      // At once: views are good until the event loop turns.
      bytes.set(block, (index - first) * options.blockBytes)
    }
    const skip = first * options.blockBytes
    return bytes.subarray(start - skip, end - skip)
  }

  /** Something is on its way that programs wait for, or are going to. */
  get isReading(): boolean {
    return this.#reads > 0
  }

  /** Of the disk cache, bytes; 0: there is none. */
  get diskLimitBytes(): number {
    return this.#disk?.cache.limitBytes ?? 0
  }

  /** As `keepOnDisk`; false also where there is no disk cache. */
  async keep(content: ContentAddress, options: KeepOptions): Promise<boolean> {
    const disk = this.onDisk(content)
    const { blockBytes } = this.#deps.options
    const open = () => this.open(content)
    return disk !== undefined && keepOnDisk({ content, disk, blockBytes, open }, options)
  }

  /** What stays in the disk cache, from now on, as long as it has something else to remove. */
  protect(protection: Protection): void {
    this.#disk?.cache.protect(this.#disk.drive, protection)
  }

  isProtected(content: Pick<ContentAddress, 'entity' | 'sizeBytes'>): boolean {
    const hash = this.onDisk(content)?.hash
    return hash !== undefined && this.#disk?.cache.isProtected(this.#disk.drive, hash) === true
  }

  /** What the disk cache has of a content; undefined: there is no disk cache. */
  onDisk(content: Pick<ContentAddress, 'entity' | 'sizeBytes'>): CachedContent | undefined {
    return this.#deps.onDisk(content)
  }

  #bounds(reader: WindowedReader): WindowBounds {
    if (reader.isStreaming) this.#streaming.add(reader)
    else this.#streaming.delete(reader)
    const { options } = this.#deps
    const { bytesPerSecond = Infinity, bytesPerSecondAtAGlance = 0 } = this.#flow
    const comesInTime = Math.min(
      aheadAtMostS * this.#bytesPerSecondOrAll,
      Math.max(options.firstWindowBytes, aheadOfFlowS * bytesPerSecond),
      Math.max(enoughAheadBytes, this.#keepsBusy(bytesPerSecond)),
    )
    const readers = Math.max(1, this.#streaming.size)
    return {
      capBytes: Math.min(this.#memoryForWindows(readers), comesInTime) / readers,
      busyBytes: this.#keepsBusy(bytesPerSecondAtAGlance),
    }
  }

  /**
   * All windows together: at most half of the memory, or they would push each other out. Few may take more: beside its window each
   * reader holds the part that it reads.
   */
  #memoryForWindows(readers: number): number {
    const { limitBytes } = this.#budget
    return Math.max(limitBytes / 2, limitBytes - 2 * readers * this.#deps.options.partBytes)
  }

  /** So much has to be on its way at such a line, bytes. */
  #keepsBusy(bytesPerSecond: number): number {
    return (aheadOfLatency * bytesPerSecond * Math.max(1, this.#flow.latencyMs)) / 1000
  }

  get #bytesPerSecondOrAll(): number {
    return this.#bytesPerSecond() || Infinity
  }

  async #metered(
    remote: Pick<RemoteContent, 'readRange'>,
    [content, range, options]: Parameters<RemoteContent['readRange']>,
  ): Promise<Uint8Array> {
    const weight = options?.isAhead ? 0 : 1
    const flow = this.#flow.start()
    const onProgress: RangeProgress = (bytes, filledBytes) => {
      flow.note(filledBytes)
      options?.onProgress?.(bytes, filledBytes)
    }
    this.#reads += weight
    try {
      return await remote.readRange(content, range, { ...options, onProgress })
    } finally {
      flow.end()
      this.#reads -= weight
    }
  }

  /** What is shared of a content, until it is released. */
  #hold(content: ContentAddress): HeldBlocks {
    const { entity } = content
    const shared = this.#open.get(entity) ?? { blocks: new EntityBlocks(content, this.#deps), readers: 0 }
    this.#open.set(entity, shared)
    shared.readers += 1
    const release = () => {
      shared.readers -= 1
      if (shared.readers > 0) return
      this.#open.delete(entity)
      shared.blocks.close()
      if (this.#open.size === 0) this.#deps.memories.clear()
    }
    return { blocks: shared.blocks, release }
  }
}
