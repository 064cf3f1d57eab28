/**
 * What is known of a drive, on the local disk: complete listings of folders, and when the server was last asked what was changed. It
 * outlives the process, and any of it may go at any time.
 *
 * Nothing waits for it. What was changed by us and is not in the files yet (`unsettled`) the journal notes, when it has nothing else to
 * say of that any more: so that a process which is killed does not make the next one show what was undone.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { nodeFileLayer, type FileLayer } from '../../base/file-layer.ts'
import { readBootId } from '../../base/boot-id.ts'
import type { Log } from '../../base/log.ts'
import type { FileId, RemoteEntry } from '../../remote/types.ts'
import {
  formatEntry,
  formatListing,
  parseEntry,
  parseListing,
  type RememberedListing,
} from './listing-text.ts'
import { RecordLog } from './record-log.ts'

export interface MirrorOptions {
  /** Of one drive of one account, used by no other process. Made with mode 0700. */
  readonly folder: string
  /** Objects that it knows at most, folders counted too. What was used longest ago goes first. */
  readonly maxObjects: number
  readonly clock: Clock
  readonly log: Log
  readonly layer?: FileLayer | undefined
  /** Of this start of the machine; asked for if left out. */
  readonly bootId?: string | undefined
}

export interface MirrorUsage {
  readonly usedBytes: number
  readonly objects: number
}

/** What is kept of a folder is as this says when it is written. */
export interface KeptForm {
  readonly listing: RememberedListing
  /** Something in it was changed since. */
  readonly isOutdated: () => boolean
  /** The record is of a change of ours: the server may have another time for it. */
  readonly isOwn: (entry: RemoteEntry) => boolean
}

/** Keys of records. Ids of the server follow the first two. */
const keys = {
  listing: (id: FileId) => `f${id}`,
  outdated: (id: FileId) => `o${id}`,
  fact: (name: string) => `m${name}`,
} as const

/** A folder of more entries is written at most once in `restMs`: until then it is not known. */
const largeFrom = 2_000
const restMs = 10_000
/** So many entries are made text of in one turn of the event loop. */
const entriesATurn = 5_000

export class Mirror {
  /** Another one in each process. */
  readonly run = randomUUID()
  readonly maxObjects: number
  readonly #records: RecordLog
  readonly #clock: Clock
  readonly #log: Log
  readonly #bootId: string
  readonly #isDoubtful: boolean
  readonly #waiting = new Map<FileId, KeptForm>()
  /** Large folders that were just written, and how they are to be written next. */
  readonly #resting = new Map<FileId, { next: KeptForm | undefined }>()
  readonly #timers = new Set<() => void>()
  #unsettled = new Set<FileId>()
  #beingSettled = new Set<FileId>()
  #isSettling = false
  #writing: Promise<void> | undefined

  private constructor(records: RecordLog, options: MirrorOptions, bootId: string) {
    this.#records = records
    this.maxObjects = options.maxObjects
    this.#clock = options.clock
    this.#log = options.log
    this.#bootId = bootId
    const last = this.fact('run') as { readonly bootId: string; readonly isOver: boolean } | undefined
    this.#isDoubtful = last !== undefined && !last.isOver && last.bootId !== bootId
    this.setFact('run', { bootId, isOver: false })
  }

  /** What cannot be used is thrown away, and the log says so. @throws the system's error */
  static async open(options: MirrorOptions): Promise<Mirror> {
    const { folder, log, maxObjects: maxWeight, layer = nodeFileLayer, bootId } = options
    const records = await RecordLog.open({ folder, log, layer, maxWeight })
    return new Mirror(records, options, bootId ?? (await readBootId()))
  }

  /**
   * The machine went down while it was used: what was undone just before may not have reached the disk, so everything in it is to be
   * asked for where that can be done.
   */
  get isDoubtful(): boolean {
    return this.#isDoubtful
  }

  /** What was known of a folder; `own` takes the records that are of changes of ours. */
  listing(id: FileId, own: (entry: RemoteEntry) => void): RememberedListing | undefined {
    const waiting = this.#waiting.get(id)
    if (waiting) return waiting.listing
    const text = this.#records.get(keys.listing(id))
    return text && this.#parsed(id, () => parseListing(text.toString(), own))
  }

  has(id: FileId): boolean {
    return this.#waiting.has(id) || this.#records.has(keys.listing(id))
  }

  /** Something in it was changed since. */
  isOutdated(id: FileId): boolean {
    return this.#records.has(keys.outdated(id))
  }

  /** Is written in a moment, as it is then. */
  keep(id: FileId, form: KeptForm): void {
    this.#waiting.set(id, form)
    this.#write()
  }

  /** What is kept or forgotten of it just now is by a change of ours. */
  noteOwnChange(id: FileId): void {
    this.#unsettled.add(id)
    if (!this.#isSettling) void this.#settleOwn()
  }

  /** Folders with changes of ours that do not survive the end of this process yet. */
  get unsettled(): readonly FileId[] {
    return [...new Set([...this.#beingSettled, ...this.#unsettled])]
  }

  async #settleOwn(): Promise<void> {
    this.#isSettling = true
    while (this.#unsettled.size > 0) {
      this.#beingSettled = this.#unsettled
      this.#unsettled = new Set()
      await this.settled()
    }
    this.#beingSettled = new Set()
    this.#isSettling = false
  }

  outdate(id: FileId): void {
    if (!this.has(id) || this.isOutdated(id)) return
    this.#records.put(keys.outdated(id), Buffer.alloc(0))
  }

  forget(id: FileId): void {
    this.#waiting.delete(id)
    const resting = this.#resting.get(id)
    if (resting) resting.next = undefined
    this.#records.remove(keys.listing(id))
    this.#records.remove(keys.outdated(id))
  }

  /** The drive's top folder, as it was when it was seen first. */
  get top(): RemoteEntry | undefined {
    const text = this.fact('top')
    return typeof text === 'string' ? this.#parsed('top', () => parseEntry(text)) : undefined
  }

  /** Of another drive than the one that is known: nothing of that is. */
  setTop(entry: RemoteEntry): void {
    const known = this.top
    if (known?.id === entry.id && known.createdAtMs === entry.createdAtMs) return
    this.setFact('top', formatEntry(entry))
  }

  /** Everything that the server's clock set before was told or asked for; undefined: that is not known. */
  get since(): number | undefined {
    const since = this.fact('since')
    return typeof since === 'number' ? since : undefined
  }

  set since(ms: number) {
    this.setFact('since', ms)
  }

  fact(name: string): unknown {
    const text = this.#records.get(keys.fact(name))
    return text && this.#parsed(name, () => JSON.parse(text.toString()) as unknown)
  }

  /** `value` as JSON has it. Holds no secrets. */
  setFact(name: string, value: unknown): void {
    this.#records.put(keys.fact(name), Buffer.from(JSON.stringify(value)))
  }

  /** Resolves when what was said so far survives the end of this process; undefined: it does. */
  settled(): Promise<void> | undefined {
    return this.#writing ? this.#writing.then(() => this.#records.written()) : this.#records.written()
  }

  get usage(): MirrorUsage {
    return { usedBytes: this.#records.sizeBytes, objects: this.#records.weight }
  }

  /** All that is known of the drive goes, this process's facts about itself aside. */
  async clear(): Promise<void> {
    this.#waiting.clear()
    await this.#records.clear()
    this.setFact('run', { bootId: this.#bootId, isOver: false })
  }

  async close(): Promise<void> {
    for (const cancel of this.#timers) cancel()
    for (const [id, { next }] of this.#resting) if (next) this.#put(id, next)
    while (this.#writing) await this.#writing
    this.setFact('run', { bootId: this.#bootId, isOver: true })
    await this.#records.close()
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
      if (this.#waiting.size > 0) this.#write()
    })
  }

  async #writeAll(): Promise<void> {
    await nextTurn()
    let entries = 0
    for (const [id, form] of this.#waiting) {
      this.#waiting.delete(id)
      this.#putInTime(id, form)
      entries += form.listing.entries.size
      if (entries < entriesATurn) continue
      entries = 0
      await nextTurn()
    }
  }

  #putInTime(id: FileId, form: KeptForm): void {
    const resting = this.#resting.get(id)
    if (resting) {
      this.forget(id)
      resting.next = form
    } else {
      this.#put(id, form)
      if (form.listing.entries.size >= largeFrom) this.#rest(id)
    }
  }

  #put(id: FileId, { listing, isOwn, isOutdated }: KeptForm): void {
    const text = Buffer.from(formatListing(listing, isOwn))
    this.#records.put(keys.listing(id), text, listing.entries.size + 1)
    if (isOutdated()) this.outdate(id)
    else this.#records.remove(keys.outdated(id))
  }

  #rest(id: FileId): void {
    const resting = { next: undefined as KeptForm | undefined }
    this.#resting.set(id, resting)
    const cancel = this.#clock.after(restMs, () => {
      this.#timers.delete(cancel)
      this.#resting.delete(id)
      if (resting.next && !this.has(id)) this.keep(id, resting.next)
    })
    this.#timers.add(cancel)
  }

  #parsed<T>(what: string, parse: () => T): T | undefined {
    try {
      return parse()
    } catch (error) {
      this.#log.warn('what the mirror holds cannot be understood; it is asked for anew', { what, error })
      return undefined
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
