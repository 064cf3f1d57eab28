import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { nodeFileLayer, type FileLayer } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import type { ContentAddress } from '../../remote/remote.ts'
import { CachedContent } from './cached-content.ts'
import { Fillings } from './fillings.ts'
import { contentHash } from './inspect.ts'
import { fits, formatVersion } from './segment-head.ts'
import { SegmentStore } from './segment-store.ts'

export interface DiskCacheOptions {
  /** For the contents of one account, used by no other process. Made with mode 0700. */
  readonly folder: string
  /** Server and user: what the folder is for. */
  readonly owner: readonly string[]
  readonly clock: Clock
  readonly log: Log
  /** Of the disk, with everything that it costs; undefined: 10 GiB, or a tenth of the disk where that is less. */
  readonly limitBytes?: number | undefined
  /** So many bytes of the disk are left to others, of a small one a tenth. */
  readonly reserveBytes: number
  /** Bytes that wait in memory for the disk, at most. */
  readonly waitingBytes: number
  readonly layer?: FileLayer | undefined
  /** Blocks in one file; 64 if left out: 4 MiB, a part of a sequential read, and what goes at once when room is made. */
  readonly blocksPerSegment?: number | undefined
}

export interface CacheUsage {
  readonly usedBytes: number
  readonly limitBytes: number
  /** Contents of which something is there: versions of files. */
  readonly contents: number
}

/** What is to stay. */
export interface Protection {
  /** `CachedContent.hash` of each. */
  readonly hashes: ReadonlySet<string>
  /** Something of one of them has gone all the same: it was damaged, or the disk was needed. */
  readonly onLost: (hash: string) => void
}

const mostBytes = 10 * 1024 ** 3
const diskPart = 10
const defaultBlocksPerSegment = 64

/** Contents of one account on the local disk, by entity. They outlive the process; any of them may go at any time. */
export class DiskCache {
  readonly #store: SegmentStore
  readonly #fillings = new Fillings()
  readonly #options: DiskCacheOptions
  readonly #limitBytes: number
  /** By the drive that has said so. */
  readonly #protected = new Map<string, Protection>()

  private constructor(options: DiskCacheOptions, store: SegmentStore, limitBytes: number) {
    this.#options = options
    this.#store = store
    this.#limitBytes = limitBytes
  }

  /** Does not wait until it is known what lies in the folder. @throws what the disk says, or a sentence: of a newer version */
  static async open(options: DiskCacheOptions): Promise<DiskCache> {
    const { folder, layer = nodeFileLayer } = options
    await layer.makeFolder(folder)
    await claimFormat(folder, layer)
    const { totalBytes } = await layer.space(folder)
    const limitBytes = options.limitBytes ?? Math.min(mostBytes, totalBytes / diskPart)
    return new DiskCache(options, new SegmentStore({ ...options, layer, limitBytes }), limitBytes)
  }

  /**
   * `drive` tells drives of the account apart, and a server from one that was set up anew in its place: only together
   * with it an entity id names one content for ever. undefined: such a content is not cached.
   */
  content(
    drive: string,
    { entity, sizeBytes: contentBytes }: Pick<ContentAddress, 'entity' | 'sizeBytes'>,
    blockBytes: number,
  ): CachedContent | undefined {
    const { owner, blocksPerSegment = defaultBlocksPerSegment } = this.#options
    const key = JSON.stringify([...owner, drive, entity])
    if (contentBytes === 0 || !fits(key)) return undefined
    const hash = contentHash(key, contentBytes)
    const [store, fillings] = [this.#store, this.#fillings]
    return new CachedContent({ store, fillings, key, hash, contentBytes, blockBytes, blocksPerSegment })
  }

  /** Of the disk, at most so many bytes. */
  get limitBytes(): number {
    return this.#limitBytes
  }

  /** Memory that contents on their way to the disk may take. */
  get waitingBytes(): number {
    return this.#options.waitingBytes
  }

  /** After the folder was looked through. */
  async usage(): Promise<CacheUsage> {
    await this.#store.scanned
    const { usedBytes, contents } = this.#store.usage
    return { usedBytes, contents, limitBytes: this.#limitBytes }
  }

  /** Makes room on the disk for what is worth more. Answers how many bytes went. */
  giveBack(bytes: number): Promise<number> {
    return this.#store.giveBack(bytes)
  }

  /** From now on these contents of a drive, by their hashes, stay as long as there is something else to remove. */
  protect(drive: string, protection: Protection): void {
    this.#protected.set(drive, protection)
    const all = [...this.#protected.values()]
    this.#store.protect(new Set(all.flatMap(({ hashes }) => [...hashes])))
    this.#store.onLost = (hash) => {
      for (const { hashes, onLost } of all) if (hashes.has(hash)) onLost(hash)
    }
  }

  isProtected(drive: string, hash: string): boolean {
    return this.#protected.get(drive)?.hashes.has(hash) === true
  }

  /** Removes what is not protected. Answers how many bytes of the disk that were. */
  clear(): Promise<number> {
    return this.#store.clear()
  }

  /** Resolves when nothing waits to be written. */
  async settled(): Promise<void> {
    await this.#store.scanned
    await this.#store.queue.idle()
  }

  /** What waits to be written is. */
  close(): Promise<void> {
    return this.#store.close()
  }
}

/** @throws a sentence when a newer version has made the folder */
async function claimFormat(folder: string, layer: FileLayer): Promise<void> {
  const path = join(folder, 'format')
  const text = (await layer.exists(path)) ? (await layer.readWhole(path)).toString() : ''
  const found = Number(text.trim())
  if (found === formatVersion) return
  if (found > formatVersion)
    throw new Error(
      `the cache in ${folder} was made by a newer version of cloudreve-mount: remove that folder, or use that version`,
    )
  await layer.replace(path, `${formatVersion}\n`, false)
}
