import { invariant } from '../../base/assert.ts'
import type { Mutex } from '../../base/mutex.ts'
import type { ByteRange } from '../../base/ranges.ts'
import type { FileSpan } from '../types.ts'
import type { AskedSession, EntityId, SentChunk, UploadSession } from '../../remote/types.ts'
import { AttemptLog } from './attempt-log.ts'
import { Extents } from './extents.ts'
import { fill, Generation, writeAll } from './generation.ts'
import { OpenFile } from './open-file.ts'
import { canGoOn, namesRecord, withoutTicket, type SideCar, type SideCarNames } from './side-car.ts'
import { SideCarFile } from './side-car-file.ts'
import { factsOf, wholeCopy } from './staged-facts.ts'
import type { StagedPlace } from './staged-place.ts'
import type { Attempt, BaseEntity, BegunUpload, Lender } from './types.ts'

/** What a side-car says about the file beyond its extents. */
export interface StagedFacts extends SideCarNames {
  readonly base: BaseEntity
  readonly baseSizeBytes: number
  /** The file that the base is the content of, if that is not this one. */
  readonly lender?: Lender | undefined
  readonly createdAtMs: number
  modifiedAtMs: number
}

/** The content of another file, to be shown without its bytes being here. */
export interface BorrowedBase {
  readonly base: EntityId
  readonly baseSizeBytes: number
  readonly lender: Lender
}

/**
 * The local copy of a content that differs from the server's: a sparse data file, its extents, and the side-car that lets
 * another process find out what it is. A change is in the side-car before it is acknowledged, so it survives the death of
 * this process; after `sync` it survives power loss.
 *
 * @requires the content's mutex for every method
 */
export class StagedFile {
  readonly id: string
  #facts: StagedFacts
  readonly #extents: Extents
  readonly #place: StagedPlace
  readonly #data: OpenFile
  readonly #side: SideCarFile
  readonly #mutex: Mutex
  readonly attempts: AttemptLog
  #frozen: Generation | undefined
  #inherited: BegunUpload | undefined
  /** Number of changes to the content so far. */
  #changes: number
  #localBytes = 0
  #hasStaleBytes = false
  /** The data file may be longer than the content needs. */
  #isTooLong = false
  #isOfThisBoot = true
  /** Somebody keeps it open. */
  #isRetained = false

  private constructor(place: StagedPlace, facts: StagedFacts, extents: Extents, mutex: Mutex) {
    this.id = place.id
    this.#place = place
    this.#changes = place.changes
    this.#facts = facts
    this.#extents = extents
    this.#mutex = mutex
    this.#data = new OpenFile(place.layer, `${place.folder}/${place.id}.data`, 'use')
    this.#side = new SideCarFile({
      place,
      data: this.#data,
      content: () => ({ ...this.#facts, extents: this.#extents, hasStaleBytes: this.#hasStaleBytes }),
    })
    this.attempts = new AttemptLog(this.#side, mutex, place.log)
  }

  /** A content of which nothing is here yet: `baseSizeBytes` bytes show the base. */
  static async create(
    place: StagedPlace,
    facts: StagedFacts,
    baseSizeBytes: number,
    mutex: Mutex,
  ): Promise<StagedFile> {
    const staged = new StagedFile(place, facts, Extents.ofBase(baseSizeBytes), mutex)
    // One without the other is nothing that anybody was told of.
    await Promise.all([staged.#data.create(), staged.#side.writeHead()])
    return staged
  }

  /** A content that an earlier process staged, as its side-car says. */
  static reopen(place: StagedPlace, sideCar: SideCar, mutex: Mutex): StagedFile {
    const staged = new StagedFile(place, factsOf(sideCar), sideCar.extents, mutex)
    staged.#hasStaleBytes = sideCar.hasStaleBytes
    staged.#side.found(sideCar)
    staged.attempts.found()
    const { session, chunks } = sideCar
    if (canGoOn(session)) staged.#inherited = { session, chunks, changes: staged.changes }
    staged.#localBytes = sideCar.extents.written.sizeBytes + sideCar.extents.fetched.sizeBytes
    staged.#isOfThisBoot = sideCar.bootId === place.bootId
    staged.#isTooLong = true
    return staged
  }

  /** From now on its side-car is kept by this process. */
  async takeUp(): Promise<void> {
    if (!this.#isOfThisBoot) await this.#side.writeHead()
    this.#isOfThisBoot = true
  }

  get sizeBytes(): number {
    return this.#extents.sizeBytes
  }

  /** What its bytes take on the local disk, at most. */
  get localBytes(): number {
    return this.#localBytes
  }

  get changes(): number {
    return this.#changes
  }

  /** Which upload session its side-car names: it may be open. */
  get session(): UploadSession | AskedSession | undefined {
    return this.#side.session
  }

  /** What an earlier process did not bring to its end. */
  get inherited(): BegunUpload | undefined {
    return this.#inherited
  }

  get facts(): StagedFacts {
    return this.#facts
  }

  get extents(): Extents {
    return this.#extents
  }

  /** Somebody was promised that it survives power loss. */
  get isPromised(): boolean {
    return this.#side.isSynced
  }

  /** Fills `into` with what is here of `range`; answers the gaps, which only the base can fill. */
  async read(range: ByteRange, into: Uint8Array): Promise<ByteRange[]> {
    for (const { start, end } of this.#extents.local(range)) {
      const part = into.subarray(start - range.start, end - range.start)
      await this.#data.use((file) => fill(file, part, start))
    }
    return this.#extents.fetchable(range)
  }

  /** Where `range`, cut at the end of the content, lies in the data file, if all of it does and the file is open. */
  spanOf({ start, end }: ByteRange): FileSpan | undefined {
    const within = { start, end: Math.min(end, this.sizeBytes) }
    const { fd } = this.#data
    if (fd === undefined || within.end <= start || !this.#extents.isLocal(within)) return undefined
    return { fd, offset: start, length: within.end - start }
  }

  async write(offset: number, data: Uint8Array, atMs: number): Promise<void> {
    const range = { start: offset, end: offset + data.length }
    await this.#changing()
    await this.#frozen?.keep(range)
    const [certain] = this.#side.certain?.present(range) ?? []
    if (certain) await this.#side.takeBack({ w: [certain.start, certain.end] })
    const progress = { doneBytes: 0 }
    try {
      const isKnown = this.#extents.written.covers(range)
      await this.#data.use(async (file) => {
        const moreBytes = Math.max(data.length, range.end - this.#extents.localEnd)
        const isOrdered = await this.#side.isOrdered(file, moreBytes)
        const written = writeAll(file, data, offset, progress)
        if (!isOrdered) await written
        await Promise.all([written, isKnown ? undefined : this.#side.record({ w: [range.start, range.end] })])
      })
      if (!isKnown) this.#localBytes += data.length
    } catch (error) {
      // What lay in the data file already was changed in place; what did not stays as if never written.
      const changed = this.#extents.local({ start: offset, end: offset + progress.doneBytes })
      for (const part of changed) this.#wrote(part, atMs)
      throw error
    }
    this.#wrote(range, atMs)
  }

  async truncate(sizeBytes: number, atMs: number): Promise<void> {
    await this.#changing()
    const before = this.#extents.sizeBytes
    // A frozen generation may still need what is cut off, and so does the content that was synced, until the side-car is:
    // then the bytes stay where they are, hidden by the extents.
    const isKept = (this.#frozen !== undefined || this.#side.isSynced) && sizeBytes < before
    const record = { t: sizeBytes, ...(isKept ? { kept: true as const } : {}) }
    if (this.#side.certain && sizeBytes < before) await this.#side.takeBack(record)
    else await this.#side.record(record)
    this.#extents.truncate(sizeBytes)
    this.#frozen?.newer.add({ start: Math.min(before, sizeBytes), end: Math.max(before, sizeBytes) })
    this.touch(atMs)
    if (sizeBytes >= before) return
    this.#isTooLong = true
    if (isKept) this.#hasStaleBytes = true
    else await this.#cut()
  }

  /**
   * Makes `range`, up to the end of the content unless that may move (`grows`), show zeros: a hole. The bytes stay in the data
   * file, hidden by the extents, as a frozen generation may still need them; the space comes back with the upload.
   */
  async zero({ start, end }: ByteRange, grows: boolean, atMs: number): Promise<void> {
    if (grows && end > this.sizeBytes) await this.truncate(end, atMs)
    const range = { start, end: Math.min(end, this.sizeBytes) }
    if (start >= range.end) return
    await this.#changing()
    const next = this.#extents.clone()
    next.zero(range)
    await this.#side.writeHead({ extents: next, hasStaleBytes: true })
    this.#extents.zero(range)
    this.#side.certain?.remove(range)
    this.#hasStaleBytes = true
    this.#isTooLong = true
    this.#frozen?.newer.add(range)
    this.touch(atMs)
  }

  /**
   * Shows `range` of `base`, another file's content, at the same place. False: that cannot be, as bytes of another content are
   * shown, or something lies there, or is being sent.
   */
  async borrow(base: BorrowedBase, { start, end }: ByteRange, atMs: number): Promise<boolean> {
    const isGoingOn = this.#facts.base === base.base && this.#facts.lender?.id === base.lender.id
    if (!isGoingOn && (start > 0 || this.sizeBytes > 0)) return false
    if (this.#frozen || this.#extents.local({ start, end }).length > 0) return false
    await this.#changing()
    if (!isGoingOn) {
      this.#facts = { ...this.#facts, ...base }
      await this.#side.writeHead()
    }
    await this.#side.record({ b: [start, end] })
    this.#extents.showBase({ start, end })
    this.touch(atMs)
    return true
  }

  /** Its base is the content of `lender`, whatever file this is of. */
  async lend(lender: Lender): Promise<void> {
    this.#facts = { ...this.#facts, lender }
    await this.#side.writeHead()
  }

  /** The content changed, if only in being new. */
  touch(atMs: number): void {
    this.#changes += 1
    this.#facts.modifiedAtMs = atMs
  }

  /** Stores bytes of the base where nothing newer lies. */
  async storeFetched(range: ByteRange, bytes: Uint8Array): Promise<void> {
    for (const { start, end } of this.#extents.fetchable(range)) {
      const part = bytes.subarray(start - range.start, end - range.start)
      await this.#data.use((file) => writeAll(file, part, start))
      await this.#side.record({ f: [start, end] })
      this.#localBytes += end - start
      this.#extents.fetch({ start, end })
    }
  }

  /** The content as it is now, unchanged by everything later until `thaw`. At most one at a time. */
  freeze(): Generation {
    invariant(!this.#frozen, 'a content has one frozen generation at a time')
    this.attempts.sending()
    this.#frozen = this.#generation(this.#extents.clone())
    return this.#frozen
  }

  /** @param maybeSent the server may have it */
  async thaw(maybeSent: boolean): Promise<void> {
    if (!maybeSent) this.attempts.notSent()
    const frozen = this.#frozen
    this.#frozen = undefined
    await frozen?.drop()
    await this.#cut()
  }

  /** The server may have the content, as it is now or as it was before. @see freeze, which makes it so */
  get mayBeSent(): boolean {
    if (this.attempts.known.length > 0) return true
    return this.attempts.isUncertain && (this.#extents.isComplete || wholeCopy(this) !== undefined)
  }

  /** All contents that the server may have, this one included, as far as that is known. @requires the mutex */
  async maybeSent(): Promise<readonly Attempt[]> {
    return this.mayBeSent ? this.attempts.all(this.#frozen ?? this.#generation(this.#extents)) : []
  }

  /** The server has `generation` as `entity`, and there are newer changes: they are all that differs from it now. */
  async settle(generation: Generation, entity: BaseEntity): Promise<void> {
    this.#extents.settle(generation.newer)
    await this.thaw(true)
    this.attempts.confirmed()
    const { sizeBytes: baseSizeBytes } = generation
    this.#facts = { ...this.#facts, base: entity, baseSizeBytes, lender: undefined, replaces: entity }
    await this.#side.writeHead()
  }

  /** The names became others. */
  async relabel(names: SideCarNames): Promise<void> {
    const { label, uri, path, replaces } = names
    this.#facts = { ...this.#facts, label, uri, path, replaces }
    const record = { h: namesRecord(names) }
    await (this.#side.isSynced ? this.#side.recordDurably(record) : this.#side.record(record))
  }

  /** As `SideCarFile.noteSession`. */
  noteSession(session: UploadSession | AskedSession | undefined): Promise<void> {
    return this.#side.noteSession(session && !this.#isAsFrozen ? withoutTicket(session) : session)
  }

  noteChunk(chunk: SentChunk): Promise<void> {
    return this.#side.noteChunk(chunk)
  }

  /** Everything acknowledged so far survives power loss. Costs nothing when it does already. */
  async sync(): Promise<void> {
    await this.#side.sync()
    await this.#cut()
  }

  /** Keeps the files open, for somebody who is going to write more. */
  retain(): void {
    this.#isRetained = true
    this.#data.retain()
    this.#side.retain()
  }

  async release(): Promise<void> {
    this.#isRetained = false
    await this.#side.release()
    await this.#data.release()
  }

  /** Nobody needs the local copy any more, nor uses it, but for `copy`, which reads it before it goes. */
  async remove(copy?: () => Promise<void>): Promise<void> {
    if (this.#isRetained) await this.#data.release()
    await this.#frozen?.drop()
    // Data without a side-car is never taken for a saved file.
    const removed = this.#side.remove(this.#isRetained)
    if (copy) await removed.then(copy)
    await Promise.all([removed, this.#place.layer.remove(this.#data.path)])
  }

  /** Before the content becomes another one. */
  async #changing(): Promise<void> {
    await this.#side.leaveSession()
    const sent = this.#frozen ?? this.#generation(this.#extents)
    // Else it was never sent.
    if (sent.isComplete || sent.copyOf) await this.attempts.changing(sent, this.#frozen !== undefined)
  }

  /** What is sent is what is here, and what would be found here after power loss. */
  get #isAsFrozen(): boolean {
    const isUnchanged = this.#frozen?.changes === this.#changes
    return isUnchanged && (!this.isPromised || this.#side.isMarked)
  }

  #generation(extents: Extents): Generation {
    const { layer, folder, id } = this.#place
    return new Generation({
      data: this.#data,
      keptPath: `${folder}/${id}.kept`,
      layer,
      extents,
      copyOf: wholeCopy(this),
      changes: this.#changes,
      modifiedAtMs: this.#facts.modifiedAtMs,
      mutex: this.#mutex,
    })
  }

  #wrote(range: ByteRange, atMs: number): void {
    this.#side.touched()
    this.#extents.write(range)
    this.#frozen?.newer.add(range)
    this.touch(atMs)
  }

  /**
   * Gives space at the end of the data file back, as soon as nobody needs it, not even after power loss; holes in its middle
   * may keep old bytes.
   */
  async #cut(): Promise<void> {
    if (!this.#isTooLong || this.#frozen || !this.#side.isSettled) return
    const { localEnd } = this.#extents
    await this.#data.use((file) => file.truncate(localEnd))
    this.#localBytes = Math.min(this.#localBytes, localEnd)
    this.#isTooLong = false
  }
}
