/**
 * The segment files of one account: which there are, which were used last, and how much of the disk they take. What goes wrong
 * with the disk ends here: it makes something a miss, or keeps it from being cached, and is never an error to anybody.
 */
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { DiskSpace, FileLayer } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import type { SegmentShape } from './segment-head.ts'
import { contentOf, SegmentIndex, type Entry } from './segment-index.ts'
import { Segment } from './segment.ts'
import { WriteBehind } from './write-behind.ts'

export interface SegmentStoreOptions {
  /** The segment files lie in it, in one folder a first digit of their names. */
  readonly folder: string
  readonly layer: FileLayer
  readonly clock: Clock
  readonly log: Log
  /** All files together take at most so many bytes of the disk. */
  readonly limitBytes: number
  /** So many bytes of the disk are left to others, of a small one a tenth. */
  readonly reserveBytes: number
  /** Bytes that wait in memory for the disk, at most. */
  readonly waitingBytes: number
}

/** Segments of which the head is in memory and the file open, at most. */
const maxLoaded = 256
/** What is remembered of a file takes memory: there are at most so many. */
const maxFiles = 200_000
/** A file on the disk tells its last use as exactly as this, ms. */
const usedPrecisionMs = 3_600_000
/** After trouble with the disk nothing is written for so long, ms. */
const pauseMs = 30_000
/** The disk is asked again after so long: others write to it too, ms. */
const freeTtlMs = 1_000
/** The reserve is at most this part of a disk. */
const smallDiskPart = 10
/** Files that are looked at together when the folder is read. */
const scanAtOnce = 16

const namePattern = /^[0-9a-f]{32}\.\d+$/

export class SegmentStore {
  readonly queue: WriteBehind
  /** The whole folder has been read. */
  readonly scanned: Promise<void>
  readonly #options: SegmentStoreOptions
  readonly #index = new SegmentIndex()
  readonly #loading = new SingleFlight<string, Segment | undefined>()
  /** Used longest ago first; of those that are loaded. */
  readonly #loaded = new Set<Entry>()
  /** Known not to be there, as long as not all are known that are. */
  #absent: Set<string> | undefined = new Set()
  #free: { bytes: number; readonly atMs: number } | undefined
  #pausedUntil = -Infinity
  /** What is being written: stays loaded. */
  #writing: Entry | undefined
  readonly #folders = new Set<string>()
  /** Of a content that is protected something has gone. */
  onLost: (content: string) => void = () => undefined

  constructor(options: SegmentStoreOptions) {
    this.#options = options
    this.queue = new WriteBehind(options.waitingBytes, options.clock)
    this.scanned = this.#scan()
  }

  get usage(): { usedBytes: number; files: number; contents: number } {
    const { usedBytes, files, contents } = this.#index
    return { usedBytes, files, contents }
  }

  /** The segment as far as it can be told without asking the disk; undefined: it has to be loaded. */
  peek(name: string): Segment | 'absent' | undefined {
    const entry = this.#index.get(name)
    if (entry) return entry.segment
    return !this.#absent || this.#absent.has(name) ? 'absent' : undefined
  }

  /** After it `peek` knows. */
  load(name: string, shape: SegmentShape): Promise<Segment | undefined> {
    return this.#loading.run(name, () => this.#load(name, shape))
  }

  /** Its blocks were read. */
  use(name: string): void {
    const entry = this.#index.get(name)
    if (!entry) return
    this.#index.use(entry)
    if (entry.segment && this.#loaded.delete(entry)) this.#loaded.add(entry)
    const now = this.#options.clock.now()
    if (now - entry.usedAtMs <= usedPrecisionMs) return
    entry.usedAtMs = now
    this.queue.add(0, () => this.#tellUse(entry))
  }

  /** Keeps whole blocks, from the `first` of the segment on, if there is room for them. @requires its turn in the queue */
  async write(name: string, shape: SegmentShape, first: number, bytes: Uint8Array): Promise<void> {
    await this.scanned
    if (this.#isPaused) return
    const known = await this.load(name, shape)
    this.#writing = this.#index.get(name)
    try {
      if (this.#writing && !known) await this.#remove(this.#writing) // it cannot be read
      await this.#write(known ?? this.#blank(name, shape), name, first, bytes)
    } catch (error) {
      if (this.#writing && this.#index.get(name) !== this.#writing) return // removed meanwhile
      await this.drop(name)
      this.#pause(error)
    } finally {
      this.#writing = undefined
    }
  }

  async #write(segment: Segment, name: string, first: number, bytes: Uint8Array): Promise<void> {
    const count = segment.countOf(first, bytes.length)
    if (!isMissing(segment, first, count)) return
    const growth = segment.growth(first, count)
    const present = this.#index.get(name)
    if (!(await this.#admit(growth, present))) return
    if (!present) await this.#make(name)
    const entry = present ?? this.#enter(name, segment)
    this.#writing = entry
    this.#index.grow(entry, growth)
    this.#tookOff(growth)
    await segment.write(first, bytes)
    this.use(name)
  }

  #blank(name: string, shape: SegmentShape): Segment {
    return Segment.blank(this.#options.layer, this.#pathOf(name), shape)
  }

  async dropBad(name: string, why: unknown): Promise<void> {
    this.#options.log.warn('a file of the cache is damaged: its bytes are fetched again', { name, why })
    await this.drop(name)
  }

  async drop(name: string): Promise<void> {
    const entry = this.#index.get(name)
    if (entry) await this.#remove(entry)
  }

  /** These contents, by their hashes, stay as long as there is something else to remove. */
  protect(contents: ReadonlySet<string>): void {
    this.#index.protect(contents)
  }

  /** Removes what was used longest ago, at last what is protected, until `bytes` are free. Answers how much that was. */
  giveBack(bytes: number): Promise<number> {
    return this.#removeWhile(
      (removedBytes) => removedBytes < bytes,
      () => this.#index.oldestOfAll(),
    )
  }

  /** Removes every file that is not protected. Answers how many bytes that were. */
  async clear(): Promise<number> {
    await this.scanned
    return this.#removeWhile(
      () => true,
      () => this.#index.oldest(),
    )
  }

  #removeWhile(isWanted: (removedBytes: number) => boolean, next: () => Entry | undefined): Promise<number> {
    return this.queue.run(async () => {
      const before = this.#index.usedBytes
      for (let entry = next(); entry && isWanted(before - this.#index.usedBytes); entry = next())
        await this.#remove(entry)
      return before - this.#index.usedBytes
    })
  }

  /** Writes what waits; closes every file. */
  async close(): Promise<void> {
    await this.scanned
    await this.queue.close()
    await Promise.all([...this.#loaded].map((entry) => this.#unload(entry)))
  }

  async #load(name: string, shape: SegmentShape): Promise<Segment | undefined> {
    const known = this.peek(name)
    if (known) return known === 'absent' ? undefined : known
    const found = await this.#read(this.#pathOf(name), shape)
    const entry = this.#index.get(name) ?? (await this.#discover(name))
    if (found instanceof Segment && entry) {
      entry.segment = found
      this.#keepLoaded(entry)
      return found
    }
    if (found instanceof Segment) await this.#closing(found)
    else if (found === 'damaged' && entry) await this.#remove(entry)
    else if (found === 'absent' && entry) this.#forget(entry)
    this.#absent?.add(name)
    return undefined
  }

  /** `unreadable`: by trouble with the disk, which may pass. */
  async #read(path: string, shape: SegmentShape): Promise<Segment | 'absent' | 'damaged' | 'unreadable'> {
    const { layer, log } = this.#options
    try {
      const found = await Segment.load(layer, path, shape)
      if (found === 'damaged')
        log.warn('a file of the cache is damaged: its bytes are fetched again', { path })
      return found
    } catch (error) {
      log.warn('a file of the cache cannot be read: its bytes are fetched', { path, error })
      return 'unreadable'
    }
  }

  /** One that the scan has not come to yet. */
  async #discover(name: string): Promise<Entry | undefined> {
    const entry = this.#absent && (await this.#entryOf(name))
    const present = this.#index.get(name)
    if (entry && !present && this.#absent) this.#index.add(entry)
    return this.#index.get(name)
  }

  #enter(name: string, segment: Segment): Entry {
    const entry = { name, bytes: 0, usedAtMs: this.#options.clock.now(), segment }
    this.#index.add(entry)
    this.#keepLoaded(entry)
    return entry
  }

  #keepLoaded(entry: Entry): void {
    this.#loaded.add(entry)
    for (const oldest of this.#loaded) {
      if (this.#loaded.size <= maxLoaded) return
      if (oldest !== entry && oldest !== this.#writing) void this.#unload(oldest)
    }
  }

  #unload(entry: Entry): Promise<void> {
    const { segment } = entry
    entry.segment = undefined
    this.#loaded.delete(entry)
    return segment ? this.#closing(segment) : Promise.resolve()
  }

  async #closing(segment: Segment): Promise<void> {
    await segment.close().catch((error: unknown) => {
      this.#options.log.debug('a file of the cache was not closed well', { error })
    })
  }

  /** Makes room for `growth` more bytes; false: there is none to be had. */
  async #admit(growth: number, keep: Entry | undefined): Promise<boolean> {
    const { limitBytes } = this.#options
    for (;;) {
      const isFew = keep !== undefined || this.#index.files < maxFiles
      const left = Math.min(limitBytes - this.#index.usedBytes, await this.#freeBytes())
      if (growth <= left && isFew) return true
      const victim = this.#index.oldest(keep)
      if (!victim) return false
      await this.#remove(victim)
    }
  }

  /** Of the disk, beside what is left to others. */
  async #freeBytes(): Promise<number> {
    const { clock, layer, folder, reserveBytes } = this.#options
    if (!this.#free || clock.monotonic() - this.#free.atMs > freeTtlMs) {
      const { freeBytes, totalBytes }: DiskSpace = await layer.space(folder)
      const bytes = freeBytes - Math.min(reserveBytes, totalBytes / smallDiskPart)
      this.#free = { bytes, atMs: clock.monotonic() }
    }
    return this.#free.bytes
  }

  #tookOff(bytes: number): void {
    if (this.#free) this.#free.bytes -= bytes
  }

  async #make(name: string): Promise<void> {
    const { layer, folder } = this.#options
    const shard = join(folder, name.slice(0, 1))
    if (!this.#folders.has(shard)) await layer.makeFolder(shard)
    this.#folders.add(shard)
  }

  async #tellUse(entry: Entry): Promise<void> {
    try {
      await entry.segment?.writeHead()
    } catch (error) {
      // The file may be half written, and it may have been removed meanwhile: both are no loss.
      this.#options.log.debug('the last use of a file of the cache could not be noted', { error })
      await this.drop(entry.name)
    }
  }

  get #isPaused(): boolean {
    return this.#options.clock.monotonic() < this.#pausedUntil
  }

  #pause(error: unknown): void {
    const { clock, log, folder } = this.#options
    this.#free = undefined
    this.#pausedUntil = clock.monotonic() + pauseMs
    log.warn(`nothing is cached for ${pauseMs / 1000} s: the disk of the cache gives trouble`, {
      folder,
      error,
    })
  }

  async #remove(entry: Entry): Promise<void> {
    this.#tookOff(-entry.bytes)
    const { segment } = entry
    this.#forget(entry)
    await this.#removeFile(this.#pathOf(entry.name))
    if (segment) await this.#closing(segment)
  }

  #forget(entry: Entry): void {
    if (this.#index.isProtected(entry)) this.onLost(contentOf(entry))
    this.#index.remove(entry)
    this.#absent?.add(entry.name)
    this.#loaded.delete(entry)
    entry.segment = undefined
  }

  async #removeFile(path: string): Promise<void> {
    await this.#options.layer.remove(path).catch((error: unknown) => {
      this.#options.log.warn('a file of the cache could not be removed', { path, error })
    })
  }

  async #scan(): Promise<void> {
    const { folder, log, limitBytes } = this.#options
    try {
      const found = await this.#findFiles()
      // What was dropped or found absent since is not there any more.
      this.#index.addOlder(found.filter(({ name }) => !this.#absent?.has(name)))
    } catch (error) {
      log.warn('nothing is cached: the cache could not be looked through', { folder, error })
      this.#pausedUntil = Infinity // nobody knows how much it takes
    }
    this.#absent = undefined
    while (this.#index.usedBytes > limitBytes) await this.#remove(this.#index.oldestOfAll()!)
  }

  async #findFiles(): Promise<Entry[]> {
    const { layer, folder } = this.#options
    const found: Entry[] = []
    for (const shard of await layer.list(folder)) {
      if (!/^[0-9a-f]$/.test(shard)) continue
      const names = (await layer.list(join(folder, shard))).filter((name) => namePattern.test(name))
      for (let at = 0; at < names.length; at += scanAtOnce) {
        const entries = names.slice(at, at + scanAtOnce).map((name) => this.#entryOf(name))
        found.push(...(await Promise.all(entries)).filter((entry) => entry !== undefined))
      }
    }
    return found
  }

  /** undefined: it is gone. */
  async #entryOf(name: string): Promise<Entry | undefined> {
    try {
      const { modifiedAtMs, allocatedBytes } = await this.#options.layer.stat(this.#pathOf(name))
      return { name, bytes: allocatedBytes, usedAtMs: modifiedAtMs, segment: undefined }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  #pathOf(name: string): string {
    return join(this.#options.folder, name.slice(0, 1), name)
  }
}

function isMissing(segment: Segment, first: number, count: number): boolean {
  for (let index = first; index < first + count; index += 1) if (!segment.has(index)) return true
  return false
}
