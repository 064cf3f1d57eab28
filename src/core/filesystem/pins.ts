/**
 * Files and folders that stay on this machine, as a person asked for it:
 *
 *   pinned ──▶ looked at (what is in it, with which content) ──▶ fetched, and kept in the disk cache
 *                 ▲                                                  │
 *                 └──(changed here or elsewhere, or long ago)────────┘
 */
import { backoffMs } from '../../base/backoff.ts'
import { Errno } from '../../base/errno.ts'
import { messageOf } from '../../base/error-message.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import { isBelow, samePath } from '../tree/index.ts'
import type { Core } from './core.ts'
import { contentIn, findPinned, type FoundPin } from './find-pinned.ts'
import type { PinRecord, PinsFile } from './pins-file.ts'
import { hasContent, inMiB, Warming, type WarmOptions, type WarmResult } from './warm.ts'

export interface PinsOptions {
  /** The server tells of changes made elsewhere. */
  readonly isTold: () => boolean
  /** While it does not, what is pinned is looked at so often, ms. */
  readonly revalidateMs: number
}

/** A pin as people ask about it. */
export interface PinView {
  readonly path: RemotePath
  readonly files: number
  readonly bytes: number
  /** Why it is not all here, as far as is known. */
  readonly trouble: string | undefined
}

interface Pin {
  record: PinRecord
  isDue: boolean
  trouble: string | undefined
}

/** Changes come in bursts, ms. */
const burstMs = 2_000
/** What could not be fetched is tried again after so long at first, ms. */
const retryMs = 10_000
/** Between two looks, of the time that the first was asked for. */
const restFactor = 10
/** The rest of the cache is for what is only read. */
const mostPart = 0.9

export class Pins {
  readonly #core: Core
  readonly #file: PinsFile
  readonly #options: PinsOptions
  #pins: readonly Pin[]
  /** Hashes of contents that are known to be here as a whole. */
  readonly #whole = new Set<string>()
  readonly #end = new AbortController()
  /** Never rejects. */
  #looking: Promise<unknown> = Promise.resolve()
  #cancelTimer: () => void = () => undefined
  /** When the timer is due, monotonic ms. */
  #lookAtMs = Infinity
  /** Large folders take many requests: nothing is looked at again before, monotonic ms. */
  #restUntilMs = 0
  /** How long the last look has waited for the server to say what there is, ms. */
  #askedForMs = 0
  #failures = 0

  constructor(
    core: Core,
    { file, records }: { file: PinsFile; records: readonly PinRecord[] },
    options: PinsOptions,
  ) {
    this.#core = core
    this.#file = file
    this.#options = options
    this.#pins = records.map((record) => ({ record, isDue: true, trouble: 'not looked at yet' }))
    this.#protect()
  }

  /** From now on what is pinned is followed. */
  start(): void {
    this.#lookIn(0)
  }

  list(): readonly PinView[] {
    return this.#pins.map(({ record: { path, bytes, contents }, trouble }) => ({
      path,
      files: contents.length,
      bytes,
      trouble,
    }))
  }

  /**
   * Pins `node` and brings it here. When `options.signal` ends that, it goes on behind the back.
   * @throws {FsError} ENOSPC: it does not fit into the cache; EAGAIN: the server does not have it; as a read
   */
  async add(node: Node, options: WarmOptions = {}): Promise<WarmResult> {
    const { id, remotePath: path } = node
    if (node.isRoot) throw new FsError(Errno.EINVAL, 'the whole drive cannot be pinned: pin folders of it')
    if (id === undefined || !path)
      throw new FsError(Errno.EAGAIN, `${node.label} is not at the server yet: pin it when it is uploaded`)
    const present = this.#pins.find(({ record }) => record.id === id)
    const pin = present ?? { record: { id, path, bytes: 0, contents: [] }, isDue: true, trouble: undefined }
    for (const hash of pin.record.contents) this.#whole.delete(hash)
    return this.#alone(async () => {
      const found = await findPinned(this.#core, pin.record, this.#end.signal)
      if (!found) throw new FsError(Errno.ENOENT, `${node.label} was deleted by somebody else`)
      this.#assertRoom(pin, found.bytes)
      if (!this.#pins.includes(pin)) this.#pins = [...this.#pins, pin]
      try {
        return await this.#bring(pin, found, options)
      } finally {
        this.#lookIn(pin.isDue ? retryMs : this.#options.revalidateMs)
      }
    })
  }

  /** What is pinned at `path`, or has `id`, is not from now on. False: nothing is. */
  async remove(path: RemotePath, id?: FileId): Promise<boolean> {
    const left = this.#pins.filter(({ record }) => record.id !== id && !samePath(record.path, path))
    if (left.length === this.#pins.length) return false
    this.#pins = left
    this.#protect()
    await this.#save()
    return true
  }

  /** The pinned folder that `path` is in. */
  above(path: RemotePath): RemotePath | undefined {
    return this.#pins.map(({ record }) => record.path).find((pinned) => isWithin(path, pinned))
  }

  /** Something has come, changed or gone at these paths. */
  changed(paths: readonly RemotePath[]): void {
    this.#due(({ record: { path } }) => paths.some((each) => isWithin(each, path) || isWithin(path, each)))
  }

  /** Some of these have been changed: what has a content that is kept is known. */
  found(entries: readonly RemoteEntry[]): void {
    if (this.#pins.length === 0) return
    const { facts } = this.#core.remote
    const news = entries.filter(
      (entry) => !hasContent(entry) || !this.#core.readers.isProtected(contentIn(entry)),
    )
    this.changed(
      news.flatMap(({ uri }) => {
        const path = facts.pathOf(uri)
        return path ? [path] : []
      }),
    )
  }

  /** Not fetched again at once: where the disk is full it would be removed again. */
  #lost(hash: string): void {
    this.#whole.delete(hash)
    for (const pin of this.#pins) if (pin.record.contents.includes(hash)) pin.isDue = true
  }

  /** Anything may have been changed. */
  doubted(): void {
    this.#due(() => true)
  }

  /** Resolves when nothing is being looked at or fetched. */
  async settled(): Promise<void> {
    await this.#looking
  }

  async close(): Promise<void> {
    this.#end.abort()
    this.#cancelTimer()
    await this.#looking
    await this.#file.close()
  }

  #due(isMeant: (pin: Pin) => boolean): void {
    const due = this.#pins.filter(isMeant)
    for (const pin of due) pin.isDue = true
    if (due.length > 0) this.#lookIn(burstMs)
  }

  #lookIn(delayMs: number): void {
    const { clock } = this.#core
    const atMs = Math.max(clock.monotonic() + delayMs, this.#restUntilMs)
    if (this.#end.signal.aborted || this.#pins.length === 0 || this.#lookAtMs <= atMs) return
    this.#cancelTimer()
    this.#lookAtMs = atMs
    this.#cancelTimer = clock.after(atMs - clock.monotonic(), () => {
      this.#lookAtMs = Infinity
      void this.#alone(() => this.#lookAtAll())
    })
  }

  async #lookAtAll(): Promise<void> {
    const { isTold, revalidateMs } = this.#options
    const { clock } = this.#core
    this.#askedForMs = 0
    if (!isTold()) for (const pin of this.#pins) pin.isDue = true
    for (const pin of this.#pins) if (pin.isDue && !this.#end.signal.aborted) await this.#look(pin)
    this.#restUntilMs = clock.monotonic() + Math.min(revalidateMs, restFactor * this.#askedForMs)
    const isLeft = this.#pins.some(({ isDue }) => isDue)
    this.#failures = isLeft ? this.#failures + 1 : 0
    this.#lookIn(isLeft ? backoffMs(this.#failures, { firstMs: retryMs, maxMs: revalidateMs }) : revalidateMs)
  }

  async #look(pin: Pin): Promise<void> {
    const { clock } = this.#core
    try {
      const sinceMs = clock.monotonic()
      const found = await findPinned(this.#core, pin.record, this.#end.signal)
      this.#askedForMs += clock.monotonic() - sinceMs
      pin.isDue = false
      if (!found) {
        pin.trouble = 'the server has it no more'
        return
      }
      this.#assertRoom(pin, found.bytes)
      await this.#bring(pin, found, {})
    } catch (error) {
      pin.isDue = true
      pin.trouble = messageOf(error)
      const fields = { path: pin.record.path.join('/'), reason: pin.trouble }
      if (!this.#end.signal.aborted)
        this.#core.log.info('what is pinned could not all be brought here', fields)
    }
  }

  #assertRoom(pin: Pin, bytes: number): void {
    const limitBytes = Math.floor(this.#core.readers.diskLimitBytes * mostPart)
    const others = this.#pins.reduce((sum, each) => sum + (each === pin ? 0 : each.record.bytes), 0)
    if (others + bytes > limitBytes)
      throw new FsError(
        Errno.ENOSPC,
        `${inMiB(others + bytes)} to be pinned are more than the ${inMiB(limitBytes)} that the cache keeps for that: mount with a larger --cache-limit`,
      )
  }

  /** On record before anything is fetched: a process that dies meanwhile leaves the rest to the next one. */
  async #bring(
    pin: Pin,
    { top, path, entries, bytes }: FoundPin,
    { signal, onProgress }: WarmOptions,
  ): Promise<WarmResult> {
    const hashes = new Map(entries.map((entry) => [entry, this.#hashOf(entry)]))
    const contents = [...new Set([...hashes.values()].filter((hash) => hash !== undefined))]
    pin.trouble = 'being fetched'
    pin.record = { id: top.id, path, bytes, contents }
    this.#protect()
    await this.#save()
    const absent = entries.filter((entry) => !this.#whole.has(hashes.get(entry) ?? ''))
    const ends = AbortSignal.any([this.#end.signal, ...(signal ? [signal] : [])])
    try {
      const result = await new Warming(this.#core, absent, { signal: ends, onProgress }).run()
      pin.trouble = result.reason
      pin.isDue = result.leftFiles > 0
      if (!pin.isDue) for (const hash of contents) this.#whole.add(hash)
      return result
    } catch (error) {
      pin.isDue = true
      throw error
    }
  }

  #hashOf(entry: RemoteEntry): string | undefined {
    return this.#core.readers.onDisk(contentIn(entry))?.hash
  }

  #protect(): void {
    const hashes = new Set(this.#pins.flatMap(({ record }) => record.contents))
    this.#core.readers.protect({ hashes, onLost: (hash) => this.#lost(hash) })
  }

  #save(): Promise<void> {
    return this.#file.save(this.#pins.map(({ record }) => record))
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#looking.then(work, work)
    this.#looking = turn.catch(() => undefined) // told to who waits for it
    return turn
  }
}

function isWithin(path: RemotePath, folder: RemotePath): boolean {
  return samePath(path, folder) || isBelow(path, folder)
}
