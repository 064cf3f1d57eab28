import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFileLayer, type FileLayer } from '../../src/base/file-layer.ts'
import { DiskCache, type DiskCacheOptions } from '../../src/core/cache/index.ts'
import { ContentReaders, MemoryBudget, type ReadOptions } from '../../src/core/read/index.ts'
import type { ContentAddress } from '../../src/remote/remote.ts'
import { ContentRemote } from './content-remote.ts'
import { ManualClock } from './manual-clock.ts'
import { recordingLog } from './recording-log.ts'

const KIB = 1024

/** Sizes that make many blocks and files of few bytes. */
export const smallBlocks: Partial<ReadOptions> = {
  blockBytes: 4 * KIB,
  firstWindowBytes: 16 * KIB,
  maxWindowBytes: 64 * KIB,
  partBytes: 32 * KIB,
}

export interface DiskCachingOptions {
  readonly layer?: FileLayer
  readonly folder?: string
  readonly cache?: Partial<DiskCacheOptions>
  readonly read?: Partial<ReadOptions>
  /** Too little for a block: everything is read from the disk or the server. */
  readonly memoryBytes?: number
}

/** Of processes that may have been killed. Kept: their open files must not be closed by the collector, which complains. */
const earlier: DiskCache[] = []

/** Readers with a disk cache, and the processes that have it one after the other. */
export class DiskCaching {
  readonly remote = new ContentRemote()
  readonly clock = new ManualClock()
  readonly log = recordingLog()
  readonly folder: string
  layer: FileLayer
  cache!: DiskCache
  readers!: ContentReaders
  /** Memory of the present process. */
  budget!: MemoryBudget
  readonly #options: DiskCachingOptions
  private constructor(options: DiskCachingOptions, folder: string) {
    this.#options = options
    this.folder = folder
    this.layer = options.layer ?? nodeFileLayer
  }

  static async open(options: DiskCachingOptions = {}): Promise<DiskCaching> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'disk-cache-')))
    const caching = new DiskCaching(options, folder)
    await caching.start()
    return caching
  }

  async start(drive = 'drive'): Promise<void> {
    const { layer, folder, clock, log, remote } = this
    if (this.cache) earlier.push(this.cache)
    this.cache = await DiskCache.open({
      folder,
      layer,
      clock,
      log,
      owner: ['https://cloud.example.com', 'user'],
      limitBytes: 1024 ** 3,
      reserveBytes: 0,
      waitingBytes: 64 * 1024 * KIB,
      ...this.#options.cache,
    })
    this.budget = new MemoryBudget(this.#options.memoryBytes ?? 64 * 1024 * KIB)
    const options = { random: () => 0, ...this.#options.read }
    this.readers = new ContentReaders({
      remote,
      budget: this.budget,
      clock,
      log,
      options,
      disk: { cache: this.cache, drive },
    })
  }

  /** Another process has the folder after this one has ended in order. */
  async restart(drive?: string): Promise<void> {
    await this.cache.close()
    await this.start(drive)
  }

  /** Opens, reads, closes. */
  async read(content: ContentAddress, offset: number, length: number): Promise<Uint8Array> {
    const reader = this.readers.open(content)
    try {
      return await reader.read(offset, length)
    } finally {
      reader.close()
    }
  }

  /** From start to end, by one reader. */
  async readThrough(content: ContentAddress, stepBytes = 128 * KIB): Promise<Buffer> {
    const reader = this.readers.open(content)
    const parts: Uint8Array[] = []
    try {
      for (let at = 0; at < content.sizeBytes; at += stepBytes) {
        parts.push(await reader.read(at, stepBytes))
        // What the disk cannot keep up with is not cached: this server is faster than any.
        if (at % (1024 * KIB) === 0) await this.cache.settled()
      }
    } finally {
      reader.close()
    }
    return Buffer.concat(parts)
  }

  /** Requests that `work` costs. */
  async costOf(work: () => Promise<unknown>): Promise<number> {
    const before = this.remote.requests.length
    await work()
    return this.remote.requests.length - before
  }

  /** The segment files on the real disk. */
  async files(): Promise<string[]> {
    const names = await readdir(this.folder, { recursive: true })
    return names
      .filter((name) => name.includes('/'))
      .map((name) => join(this.folder, name))
      .sort()
  }

  /** What they take of it. */
  async allocatedBytes(): Promise<number> {
    let sum = 0
    for (const file of await this.files()) sum += await allocated(file)
    return sum
  }

  async close(): Promise<void> {
    await this.cache.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** 0 when it was removed just now. */
async function allocated(file: string): Promise<number> {
  try {
    return (await stat(file)).blocks * 512
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
