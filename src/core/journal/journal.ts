import type { FileLayer } from '../../base/file-layer.ts'
import type { Log } from '../../base/log.ts'
import { invariant } from '../../base/assert.ts'
import { Mutex } from '../../base/mutex.ts'
import { formatPayload, type LiveMap } from './live-map.ts'
import { openSegment, type JournalPlace } from './open-journal.ts'
import { Segment } from './segment.ts'
import type { JournalChange, JournalValue } from './values.ts'

export interface JournalOptions {
  /** Absolute; exists, with mode 0700, and no other process uses it. */
  readonly folder: string
  readonly layer: FileLayer
  readonly log: Log
  /** Bytes that do not count any more before the file is written anew; at least as many must count no more as count. */
  readonly rewriteFromBytes?: number
}

/** A file of this size is read in milliseconds; to write it anew more often would cost more than it saves. */
const rewriteFromBytes = 1024 ** 2

interface Waiting {
  readonly payload: string
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * A durable map of what was promised and is not done yet. It keeps states, not operations: the last record of a key says how
 * its object is meant to be.
 *
 * A change first goes into the file, then counts, then its promise resolves: from there on it survives the end of this
 * process, and after `sync` power loss. After power loss the map is as it was at some moment not before the last `sync`.
 * The form of the files is in docs/formats/journal.md.
 */
export class Journal {
  readonly #place: JournalPlace
  readonly #rewriteFromBytes: number
  readonly #live: LiveMap
  /** Serialises what changes the segment; `#live` changes with it. */
  readonly #writes = new Mutex()
  readonly #syncs = new Mutex()
  #segment: Segment
  #waiting: Waiting[] = []
  #nextSync: Promise<void> | undefined
  /** Segments that are of no use once the present one's name survives power loss; undefined: it does. */
  #replaced: string[] | undefined
  /** After a rewriting that failed: size of the segment from which on the next is tried. */
  #rewriteNotBeforeBytes = 0
  /** So many writes were made, and so many of them survive power loss. */
  #written = 0
  #durable = 0
  #isClosed = false

  private constructor(options: JournalOptions, segment: Segment, live: LiveMap) {
    this.#place = options
    this.#rewriteFromBytes = options.rewriteFromBytes ?? rewriteFromBytes
    this.#segment = segment
    this.#live = live
  }

  /**
   * Reads what is there. `damage`: sentences about records that were promised and cannot be read; the damaged file is kept.
   * @throws {JournalVersionError} when a newer version of the program wrote it
   */
  static async open(options: JournalOptions): Promise<{
    journal: Journal
    entries: ReadonlyMap<string, JournalValue>
    damage: readonly string[]
  }> {
    const { segment, live, damage } = await openSegment(options)
    return { journal: new Journal(options, segment, live), entries: live.entries(), damage }
  }

  /** @throws the system's error, as `change` */
  put(key: string, value: JournalValue): Promise<void> {
    return this.change([{ key, value }])
  }

  /** @throws the system's error, as `change` */
  delete(key: string): Promise<void> {
    return this.change([{ key }])
  }

  /**
   * Several changes that count together or not at all. Resolves when they are in the file: they survive the end of this
   * process. Changes are in the file in the order of the calls; those of one tick go out in one write.
   * @throws the system's error (`ENOSPC` …); then nothing has changed
   */
  change(changes: readonly JournalChange[]): Promise<void> {
    invariant(!this.#isClosed, 'a closed journal is changed')
    const payload = formatPayload(changes)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payload, resolve, reject })
      if (this.#waiting.length === 1) void this.#writes.run(() => this.#write())
    })
  }

  /** Names what was changed so far, for `sync`. */
  get position(): number {
    return this.#written
  }

  /**
   * Resolves when every change made so far, or up to `position`, survives power loss. Calls at a time share one fdatasync.
   * @throws the system's error; then nothing is known about what came after the last `sync`, and the next one writes it anew
   */
  async sync(position?: number): Promise<void> {
    invariant(!this.#isClosed, 'a closed journal is synced')
    if (position === undefined || position > this.#durable) await this.#sync()
  }

  /** Everything is on the disk and the file closed; the journal takes no more changes. */
  async close(): Promise<void> {
    invariant(!this.#isClosed, 'a closed journal is closed')
    this.#isClosed = true
    try {
      await this.#sync()
    } finally {
      await this.#segment.close()
    }
  }

  async #write(): Promise<void> {
    const batch = this.#waiting
    this.#waiting = []
    try {
      if (!this.#segment.isUsable) await this.#rewrite()
      await this.#segment.append(batch.map(({ payload }) => payload))
    } catch (error) {
      for (const { reject } of batch) reject(error)
      return
    }
    this.#written += 1
    for (const { payload, resolve } of batch) {
      this.#live.apply(payload)
      resolve()
    }
    if (this.#isMostlyDead()) await this.#tryRewrite()
  }

  #sync(): Promise<void> {
    this.#nextSync ??= this.#syncs.run(async () => {
      this.#nextSync = undefined
      // Begun in its turn, not ended: changes go on, and the file is closed only after what was begun on it.
      const { done, written } = await this.#writes.run(async () => {
        if (!this.#segment.isUsable) await this.#rewrite()
        await this.#settleName()
        return { done: this.#segment.datasync(), written: this.#written }
      })
      await done
      this.#durable = Math.max(this.#durable, written)
    })
    return this.#nextSync
  }

  #isMostlyDead(): boolean {
    const { sizeBytes } = this.#segment
    const deadBytes = sizeBytes - this.#live.sizeBytes
    return (
      deadBytes >= this.#rewriteFromBytes &&
      deadBytes > this.#live.sizeBytes &&
      sizeBytes >= this.#rewriteNotBeforeBytes
    )
  }

  async #tryRewrite(): Promise<void> {
    try {
      await this.#rewrite()
      await this.#settleName()
    } catch (error) {
      this.#rewriteNotBeforeBytes = 2 * this.#segment.sizeBytes
      this.#place.log.warn('the journal could not be written anew to make it shorter; it goes on as it is', {
        folder: this.#place.folder,
        error,
      })
    }
  }

  /**
   * A new segment with everything that counts takes the place of the present one.
   * @requires `#writes`
   */
  async #rewrite(): Promise<void> {
    const old = this.#segment
    this.#segment = await Segment.create({ ...this.#place, number: old.number + 1 }, this.#live.payloads())
    this.#replaced = [...(this.#replaced ?? []), old.path]
    this.#rewriteNotBeforeBytes = 0
    await old.close()
  }

  /**
   * The segment's name survives power loss; then those that it replaced go.
   * @requires `#writes`
   */
  async #settleName(): Promise<void> {
    if (!this.#replaced) return
    await this.#place.layer.syncFolder(this.#place.folder)
    const replaced = this.#replaced
    this.#replaced = undefined
    for (const path of replaced) await this.#removeReplaced(path)
  }

  async #removeReplaced(path: string): Promise<void> {
    try {
      await this.#place.layer.remove(path)
    } catch (error) {
      this.#place.log.warn('an old file of the journal could not be removed; the next start does it', {
        file: path,
        error,
      })
    }
  }
}
