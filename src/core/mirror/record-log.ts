/**
 * A map on the disk of what can be had again: values by key, the one that was put last counts. Each is appended to the newest of a row
 * of files; what is still wanted of the oldest one is appended anew before that goes. Reading is one call and waits for nobody.
 */
import { readSync } from 'node:fs'
import { join } from 'node:path'
import type { FileLayer, LocalFile } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import { formatHeader, formatRecord, headerBytes, readRecord } from './record-frame.ts'
import { fileName, readFiles, removeFiles, type FoundFile } from './read-files.ts'

export interface RecordLogOptions {
  /** Used by no other process. */
  readonly folder: string
  readonly layer: FileLayer
  readonly log: Log
  /** All that is kept weighs no more; what was used longest ago goes first. What weighs nothing stays. */
  readonly maxWeight: number
  /** A file is not added to from this size on. */
  readonly fileBytes?: number | undefined
}

interface StoredFile {
  readonly path: string
  readonly number: number
  readonly file: LocalFile
  sizeBytes: number
  /** Of records that count. */
  liveBytes: number
}

interface Entry {
  readonly key: string
  readonly weight: number
  readonly length: number
  /** Where it lies; while it is on its way there the bytes themselves. */
  at: { readonly file: StoredFile; readonly start: number } | Buffer
}

interface Waiting {
  readonly frame: Buffer
  /** What it is of; undefined where a key lost its value. */
  readonly entry: Entry | undefined
}

const defaultFileBytes = 8 * 1024 ** 2
/** So many bytes that do not count are left alone. */
const spareBytes = 4 * 1024 ** 2

export class RecordLog {
  readonly #options: RecordLogOptions
  readonly #fileBytes: number
  /** What was used last comes last. */
  readonly #entries = new Map<string, Entry>()
  /** The oldest first; the last one may be added to. */
  #files: StoredFile[] = []
  #nextNumber = 0
  #weight = 0
  #waiting: Waiting[] = []
  #whenWritten: (() => void)[] = []
  #working: Promise<void> | undefined
  #isWriting = false
  /** Nothing is kept any more. */
  #isOver = false
  /** The newest file is of an earlier process. */
  #mustBegin = true

  private constructor(options: RecordLogOptions) {
    this.#options = options
    this.#fileBytes = options.fileBytes ?? defaultFileBytes
  }

  /** What is damaged, or of a newer version, is thrown away as a whole, and the log says so. @throws the system's error */
  static async open(options: RecordLogOptions): Promise<RecordLog> {
    const records = new RecordLog(options)
    await options.layer.makeFolder(options.folder)
    for (const found of await readFiles(options)) await records.#take(found)
    records.#makeRoom()
    return records
  }

  get weight(): number {
    return this.#weight
  }

  /** Bytes of all files. */
  get sizeBytes(): number {
    return this.#files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** Counts as used. */
  get(key: string): Buffer | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    const frame = this.#read(entry)
    const record = frame && readRecord(frame, 0)
    if (typeof record === 'object') return record.value
    this.#forget(key)
    this.#options.log.warn('a record of the mirror cannot be read; it is asked for anew', {
      folder: this.#options.folder,
    })
    return undefined
  }

  put(key: string, value: Buffer, weight = 0): void {
    if (this.#isOver) return
    this.#forget(key)
    const frame = formatRecord(key, value, weight)
    const entry = { key, weight, length: frame.length, at: frame }
    this.#entries.set(key, entry)
    this.#weight += weight
    this.#makeRoom()
    this.#append({ frame, entry })
  }

  remove(key: string): void {
    if (!this.#entries.has(key)) return
    this.#forget(key)
    this.#append({ frame: formatRecord(key, undefined, 0), entry: undefined })
  }

  /** Resolves when what was put and removed so far survives the end of this process; undefined: it does. */
  written(): Promise<void> | undefined {
    if (this.#waiting.length === 0 && !this.#isWriting) return undefined
    return new Promise((resolve) => {
      this.#whenWritten.push(resolve)
      this.#work()
    })
  }

  /** Everything goes. What is put from now on is kept. */
  async clear(): Promise<void> {
    const { layer, folder } = this.#options
    const files = this.#files
    const until = this.#nextNumber
    this.#files = []
    this.#mustBegin = true
    this.#entries.clear()
    this.#waiting = []
    this.#weight = 0
    await this.#idle()
    for (const { file } of files) await file.close()
    await removeFiles(layer, folder, (number) => number < until)
  }

  /** Survives power loss too. */
  async close(): Promise<void> {
    await this.#idle()
    this.#isOver = true
    if (!this.#mustBegin) await this.#files.at(-1)?.file.datasync()
    for (const { file } of this.#files) await file.close()
  }

  async #idle(): Promise<void> {
    while (this.#working) await this.#working
  }

  async #take({ path, number, sizeBytes, records }: FoundFile): Promise<void> {
    const file = { path, number, sizeBytes, liveBytes: 0, file: await this.#options.layer.open(path, 'use') }
    this.#files.push(file)
    this.#nextNumber = number + 1
    for (const { key, weight, length, start, isRemoved } of records) {
      this.#forget(key)
      if (isRemoved) continue
      this.#entries.set(key, { key, weight, length, at: { file, start } })
      this.#weight += weight
      file.liveBytes += length
    }
  }

  #forget(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.#entries.delete(key)
    this.#weight -= entry.weight
    if (!Buffer.isBuffer(entry.at)) entry.at.file.liveBytes -= entry.length
  }

  /** What goes may come back with the next process, which then lets it go too: it is not wrong, only more than was wanted. */
  #makeRoom(): void {
    if (this.#weight <= this.#options.maxWeight) return
    for (const { key, weight } of this.#entries.values()) {
      if (this.#weight <= this.#options.maxWeight) return
      if (weight > 0) this.#forget(key)
    }
  }

  #read(entry: Entry): Buffer | undefined {
    if (Buffer.isBuffer(entry.at)) return entry.at
    const { fd } = entry.at.file.file
    if (fd === undefined) return undefined
    const frame = Buffer.allocUnsafe(entry.length)
    try {
      const count = readSync(fd, frame, 0, frame.length, entry.at.start)
      return count === frame.length ? frame : undefined
    } catch (error) {
      this.#options.log.debug('the mirror cannot be read', { error })
      return undefined
    }
  }

  #append(waiting: Waiting): void {
    if (this.#isOver) return
    this.#waiting.push(waiting)
    this.#work()
  }

  #work(): void {
    this.#working ??= this.#writeAll().finally(() => {
      this.#working = undefined
      if (this.#waiting.length > 0 || this.#whenWritten.length > 0) this.#work()
    })
  }

  async #writeAll(): Promise<void> {
    // What is put in one turn goes out in one write.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      do {
        await this.#writeWaiting()
        while (this.#isMostlyDead()) await this.#renewOldest()
      } while (this.#waiting.length > 0)
    } catch (error) {
      await this.#giveUp(error)
    }
  }

  async #writeWaiting(): Promise<void> {
    const batch = this.#waiting
    const told = this.#whenWritten
    this.#waiting = []
    this.#whenWritten = []
    this.#isWriting = true
    try {
      if (batch.length > 0) await this.#write(batch)
    } catch (error) {
      await this.#giveUp(error)
    } finally {
      this.#isWriting = false
      for (const resolve of told) resolve()
    }
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const file = await this.#newest()
    const bytes = Buffer.concat(batch.map(({ frame }) => frame))
    for (let done = 0; done < bytes.length;)
      done += await file.file.write(bytes.subarray(done), file.sizeBytes + done)
    for (const { frame, entry } of batch) {
      const start = file.sizeBytes
      file.sizeBytes += frame.length
      if (!entry || this.#entries.get(entry.key) !== entry) continue
      entry.at = { file, start }
      file.liveBytes += frame.length
    }
  }

  async #newest(): Promise<StoredFile> {
    const newest = this.#files.at(-1)
    if (newest && !this.#mustBegin && newest.sizeBytes < this.#fileBytes) return newest
    const number = this.#nextNumber
    this.#nextNumber += 1
    const path = join(this.#options.folder, fileName(number))
    const file = await this.#options.layer.open(path, 'create')
    const begun = { path, number, file, sizeBytes: headerBytes, liveBytes: 0 }
    this.#files.push(begun)
    this.#mustBegin = false
    await file.write(formatHeader(), 0)
    return begun
  }

  #isMostlyDead(): boolean {
    if (this.#files.length < 2) return false
    const live = this.#files.reduce((sum, { liveBytes }) => sum + liveBytes, 0)
    return this.sizeBytes > 2 * live + spareBytes
  }

  /** Always the oldest: else what a key had before would count again. */
  async #renewOldest(): Promise<void> {
    const oldest = this.#files[0]!
    for (const entry of this.#entries.values()) {
      if (Buffer.isBuffer(entry.at) || entry.at.file !== oldest) continue
      const frame = this.#read(entry)
      if (!frame) throw new Error(`${oldest.path} cannot be read`)
      oldest.liveBytes -= entry.length
      entry.at = frame
      this.#waiting.push({ frame, entry })
    }
    await this.#writeWaiting()
    this.#files = this.#files.filter((file) => file !== oldest)
    await oldest.file.close()
    await this.#options.layer.remove(oldest.path)
  }

  /** What is half written would say what is not so any more: nothing is kept until the next start, which begins with nothing. */
  async #giveUp(reason: unknown): Promise<void> {
    const { log, folder, layer } = this.#options
    log.warn('what is known of the drive is not kept on the local disk any more: it cannot be written', {
      folder,
      error: reason,
    })
    this.#isOver = true
    this.#entries.clear()
    this.#waiting = []
    this.#weight = 0
    for (const resolve of this.#whenWritten.splice(0)) resolve()
    const files = this.#files
    this.#files = []
    try {
      for (const { file } of files) await file.close()
      await removeFiles(layer, folder)
    } catch (error) {
      log.warn('files of the mirror could not be removed', { folder, error })
    }
  }
}
