import { basename, dirname, join } from 'node:path'
import type { DiskSpace, FileLayer, FileStat, LocalFile } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import { Journal, type JournalChange } from '../journal/index.ts'
import { InlineFile, keysOf, namesIn } from './inline-file.ts'
import { InlineHandle } from './inline-handle.ts'

export interface InlineLayerOptions {
  /** Where files that are too large for the log lie; nobody else changes it. */
  readonly folder: string
  /** Of the log; made with mode 0700. */
  readonly logFolder: string
  readonly layer: FileLayer
  readonly log: Log
  /** Wall clock, ms since the epoch. */
  readonly now: () => number
  readonly limits?: InlineLimits | undefined
}

export interface InlineLimits {
  /** A file of more bytes is one of its own. */
  readonly fileBytes: number
  /** So many bytes of all of them are in memory and in the log at most, about; what comes then is a file of its own. */
  readonly totalBytes: number
}

/** All files are files of their own. */
export const nothingInline: InlineLimits = { fileBytes: -1, totalBytes: 0 }

const defaultLimits: InlineLimits = { fileBytes: 64 * 1024, totalBytes: 16 * 1024 ** 2 }

/** Bytes of the log that do not count any more before it is written anew: some hundreds of small files. */
const rewriteFromBytes = 4 * 1024 ** 2

/** What a staged file is made of. Everything else in the folder is a file of its own. */
const isStaged = /\.(data|side)$/

/**
 * The local file system, but for one folder of which the small files lie in a log: to make, to write, to sync and to remove one is
 * a line of the log each, instead of some twenty calls of the system and three syncs. A file that has grown too large for that moves
 * out, and is one of its own from then on.
 *
 * What is in the log survives power loss as it was at one moment: never a later change of one file without an earlier one of another.
 * The form of the log is that of the journal (docs/formats/staged-file.md).
 */
export class InlineLayer implements FileLayer {
  readonly #options: InlineLayerOptions
  readonly #below: FileLayer
  readonly #limits: InlineLimits
  readonly #journal: Journal
  readonly #inline: Map<string, InlineFile>
  /** Names of staged files that are files of their own. */
  readonly #own: Set<string>
  #heldBytes = 0
  /** Of this turn. */
  #changes: JournalChange[] = []
  #recording: Promise<void> | undefined
  /** How often names in the folder were changed; those of an earlier process count as one change. */
  #nameChanges = 1
  /** So many of the changes survive power loss. */
  #syncedChanges = 0

  private constructor(
    options: InlineLayerOptions,
    journal: Journal,
    found: { readonly inline: Map<string, InlineFile>; readonly own: Set<string> },
  ) {
    this.#options = options
    this.#below = options.layer
    this.#limits = options.limits ?? defaultLimits
    this.#journal = journal
    this.#inline = found.inline
    this.#own = found.own
    for (const file of found.inline.values()) this.#heldBytes += file.heldBytes
  }

  /** @throws {JournalVersionError} when a newer version of the program wrote the log */
  static async open(options: InlineLayerOptions): Promise<InlineLayer> {
    const { folder, logFolder, layer, log } = options
    await layer.makeFolder(logFolder)
    const { journal, entries } = await Journal.open({ folder: logFolder, layer, log, rewriteFromBytes })
    const inline = new Map<string, InlineFile>()
    for (const [name, pieces] of namesIn(entries)) {
      try {
        inline.set(name, InlineFile.parse(name, entries, pieces))
      } catch (error) {
        // The log that was damaged is kept.
        log.error('a staged file of an earlier run cannot be read', { file: join(folder, name), error })
        await journal.change(keysOf(name, entries))
      }
    }
    const own = new Set<string>()
    for (const name of await layer.list(folder)) {
      own.add(name)
      // It had moved out, and the log did not come to say so: since then only the file was changed.
      const former = inline.get(name)
      if (former) await journal.change(former.end())
      inline.delete(name)
    }
    return new InlineLayer(options, journal, { inline, own })
  }

  async open(path: string, how: 'create' | 'use' | 'append'): Promise<LocalFile> {
    const name = this.#nameOf(path)
    if (name === undefined) return this.#openOther(path, how)
    if (how === 'create' && this.#fits(0, 0)) await this.#begin(name, Buffer.alloc(0))
    if (!this.#inline.has(name)) return this.openOwn(path, how)
    return new InlineHandle(this, path, how === 'create' ? 'use' : how)
  }

  async replace(path: string, content: string, durable: boolean): Promise<void> {
    const name = this.#nameOf(path)
    const bytes = Buffer.from(content)
    if (name === undefined || this.#own.has(name) || !this.#fits(bytes.length, bytes.length))
      return this.#replaceOwn(path, content, durable)
    await this.#begin(name, bytes)
    return durable ? this.sync() : undefined
  }

  async rename(from: string, to: string): Promise<void> {
    if (this.inline(from)) return this.#moveOut(from, to)
    this.#changesName(from)
    return this.#below.rename(from, to)
  }

  async remove(path: string): Promise<void> {
    const inline = this.inline(path)
    if (inline) return this.#end(inline)
    this.#changesName(path)
    await this.#below.remove(path)
    this.#own.delete(basename(path))
    return undefined
  }

  async list(folder: string): Promise<string[]> {
    const names = await this.#below.list(folder)
    return folder === this.#options.folder ? [...names, ...this.#inline.keys()] : names
  }

  async exists(path: string): Promise<boolean> {
    return this.inline(path) !== undefined || this.#below.exists(path)
  }

  async stat(path: string): Promise<FileStat> {
    const inline = this.inline(path)
    if (!inline) return this.#below.stat(path)
    return { modifiedAtMs: inline.modifiedAtMs, allocatedBytes: inline.sizeBytes }
  }

  async readWhole(path: string): Promise<Buffer> {
    const inline = this.inline(path)
    return inline ? Buffer.from(inline.bytes) : this.#below.readWhole(path)
  }

  makeFolder(folder: string): Promise<void> {
    return this.#below.makeFolder(folder)
  }

  /** Costs nothing where the log alone was changed: it has names of its own. */
  async syncFolder(folder: string): Promise<void> {
    if (folder !== this.#options.folder) return this.#below.syncFolder(folder)
    const changes = this.#nameChanges
    if (changes === this.#syncedChanges) return undefined
    await this.#below.syncFolder(folder)
    this.#syncedChanges = Math.max(this.#syncedChanges, changes)
    return undefined
  }

  space(folder: string): Promise<DiskSpace> {
    return this.#below.space(folder)
  }

  /** The log is on the disk and closed. */
  close(): Promise<void> {
    return this.#journal.close()
  }

  /** The file at `path`, if it lies in the log. */
  inline(path: string): InlineFile | undefined {
    return dirname(path) === this.#options.folder ? this.#inline.get(basename(path)) : undefined
  }

  /** `file` may become `growthBytes` longer where it is, and `moreBytes` may be put on record for that. */
  fits(file: InlineFile, growthBytes: number, moreBytes: number): boolean {
    if (Math.max(growthBytes, moreBytes) <= file.grantedBytes) return true
    return this.#fits(file.sizeBytes + growthBytes, growthBytes + moreBytes)
  }

  /** From now on the file at `path` is one of its own. */
  async moveOut(path: string): Promise<void> {
    if (this.inline(path)) await this.#moveOut(path, path)
  }

  /** Puts a change on record; then it counts. @throws the system's error; then nothing has changed */
  change(
    file: InlineFile,
    make: (atMs: number) => { readonly changes: readonly JournalChange[]; readonly apply: () => void },
  ): Promise<void> {
    return file.mutex.run(async () => {
      const { changes, apply } = make(this.#options.now())
      file.grantedBytes = 0
      await this.#record(changes)
      const before = file.heldBytes
      apply()
      this.#heldBytes += file.heldBytes - before
    })
  }

  /** Everything in the log survives power loss. */
  sync(): Promise<void> {
    return this.#journal.sync()
  }

  /** One that is not in the log. */
  async openOwn(path: string, how: 'create' | 'use' | 'append'): Promise<LocalFile> {
    if (how !== 'use') this.#changesName(path)
    const file = await this.#below.open(path, how)
    this.#own.add(basename(path))
    return file
  }

  #openOther(path: string, how: 'create' | 'use' | 'append'): Promise<LocalFile> {
    if (how !== 'use') this.#changesName(path)
    return this.#below.open(path, how)
  }

  async #replaceOwn(path: string, content: string, durable: boolean): Promise<void> {
    const inline = this.inline(path)
    await this.#settleBefore(inline)
    this.#changesName(path)
    await this.#below.replace(path, content, durable || inline !== undefined)
    if (this.#nameOf(path) !== undefined) this.#own.add(basename(path))
    if (inline) await this.#end(inline)
  }

  async #begin(name: string, bytes: Buffer): Promise<void> {
    const file = this.#inline.get(name) ?? new InlineFile(name)
    await this.change(file, (atMs) => file.become(bytes, atMs))
    this.#inline.set(name, file)
  }

  #end(file: InlineFile): Promise<void> {
    return file.mutex.run(async () => {
      await this.#record(file.end())
      if (this.#inline.get(file.name) !== file) return
      this.#inline.delete(file.name)
      this.#heldBytes -= file.heldBytes
    })
  }

  /** It is there, and survives power loss, before it is in the log no more: somebody may have been promised that. */
  async #moveOut(from: string, to: string): Promise<void> {
    const { layer } = this.#options
    const inline = this.inline(from)!
    await this.#settleBefore(inline)
    const temporary = `${from}.tmp`
    await layer.remove(temporary)
    const file = await layer.open(temporary, 'create')
    try {
      for (let at = 0; at < inline.sizeBytes;) at += await file.write(inline.bytes.subarray(at), at)
      if (inline.sizeBytes > 0) await file.datasync()
    } finally {
      await file.close()
    }
    this.#changesName(from)
    await layer.rename(temporary, to)
    await layer.syncFolder(dirname(to))
    if (from === to) this.#own.add(inline.name)
    await this.#end(inline)
  }

  /** The changes of one turn of the event loop are one record: what is done to a file and its side-car costs one write. */
  #record(changes: readonly JournalChange[]): Promise<void> {
    this.#changes.push(...changes)
    this.#recording ??= this.#recordTurn()
    return this.#recording
  }

  async #recordTurn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    const changes = this.#changes
    this.#changes = []
    this.#recording = undefined
    await this.#journal.change(changes)
  }

  /** What leaves the log survives power loss from then on, so what was put on record before it must do so too. */
  async #settleBefore(leaving: InlineFile | undefined): Promise<void> {
    if (leaving && leaving.sizeBytes > 0) await this.sync()
  }

  #fits(sizeBytes: number, moreBytes: number): boolean {
    const { fileBytes, totalBytes } = this.#limits
    return sizeBytes <= fileBytes && this.#heldBytes + moreBytes <= totalBytes
  }

  #nameOf(path: string): string | undefined {
    return dirname(path) === this.#options.folder && isStaged.test(path) ? basename(path) : undefined
  }

  #changesName(path: string): void {
    if (dirname(path) === this.#options.folder) this.#nameChanges += 1
  }
}
