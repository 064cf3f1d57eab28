import { invariant } from '../../base/assert.ts'
import { Mutex } from '../../base/mutex.ts'
import type { ByteRange } from '../../base/ranges.ts'
import type { RemoteEntry } from '../../remote/types.ts'
import type { Allocation, FileSpan } from '../types.ts'
import { ContentBase, type CopySource } from './content-base.ts'
import { throwIfInterrupted, touch } from './content-parts.ts'
import type { ChangeOptions, ContentBytesParts, ReadBase } from './content-parts.ts'
import { detachContent, type Detachment } from './detach-content.ts'
import type { Generation } from './generation.ts'
import { MissingParts } from './missing-parts.ts'
import { stagedFacts } from './staged-facts.ts'
import { keepUploaded } from './keep-uploaded.ts'
import type { BorrowedBase, StagedFile } from './staged-file.ts'
import { readHere, readThrough } from './read-here.ts'
import { sayLocal } from './say-local.ts'
import type { RecoveredFile } from './staging-store.ts'
import { StagedUsers } from './staged-users.ts'
import type { BaseEntity } from './types.ts'
import { UploadsOnRecord } from './uploads-on-record.ts'
import type { Confirmed, Uploadable } from './uploadable.ts'

/**
 * The bytes of one file: its base at the server, and the staged file with what was changed since (only while there are
 * changes). Knows nothing of when and how they are sent.
 *
 * One mutex orders everything that touches the staged file; it is never held while something is uploaded or downloaded.
 */
export class ContentBytes implements Uploadable {
  readonly #parts: ContentBytesParts
  readonly #mutex = new Mutex()
  readonly uploads = new UploadsOnRecord({
    mutex: this.#mutex,
    staged: () => this.#staged,
    background: (work) => this.#background(work),
  })
  readonly base: ContentBase
  readonly #missing: MissingParts
  #staged: StagedFile | undefined
  readonly #users = new StagedUsers()
  /** Number of changes before those of the staged file. */
  #changes = 0
  #confirmedModifiedAtMs: number | undefined
  /**
   * After a conflict, while somebody has the file open for writing: the staged file stays, although the server has it beside,
   * so that what they write next is never mixed into the version that the name shows.
   */
  #beside: { readonly changes: number; shown: RemoteEntry } | undefined
  /** While a change is made: what came from elsewhere meanwhile. The change rests on what showed when it began. */
  #coming: { shown?: RemoteEntry } | undefined

  constructor(parts: ContentBytesParts) {
    this.#parts = parts
    this.base = new ContentBase(parts.base, parts.onLender)
    this.#missing = new MissingParts({
      ...parts,
      base: this.base,
      mutex: this.#mutex,
      staged: () => this.#staged,
      onStored: () => this.#holdRoom(),
    })
  }

  get isDirty(): boolean {
    return this.#staged !== undefined && this.#staged.changes !== this.#beside?.changes
  }

  get isBeside(): boolean {
    return this.#beside !== undefined
  }

  get sizeBytes(): number {
    return this.#staged?.sizeBytes ?? this.base.sizeBytes
  }

  /** Time of the last change while there are unconfirmed ones, ms since the epoch. */
  get modifiedAtMs(): number | undefined {
    return this.isDirty ? this.#staged?.facts.modifiedAtMs : undefined
  }

  /** Time of the last change in what the server confirmed last, ms since the epoch. */
  get confirmedModifiedAtMs(): number | undefined {
    return this.#confirmedModifiedAtMs
  }

  /** Names the staged file in the staging folder; undefined when there is none. */
  get stagedId(): string | undefined {
    return this.#staged?.id
  }

  get replaces(): BaseEntity {
    return this.base.replaces
  }

  get copyOf(): CopySource | undefined {
    const { extents } = this.#staged ?? {}
    if (!extents?.isAllBase || extents.sizeBytes !== this.base.sizeBytes) return undefined
    return this.base.copySource(this.#parts.owner)
  }

  get changes(): number {
    return this.#staged?.changes ?? this.#changes
  }

  /** As `FileContent.read`. */
  read(range: ByteRange, readBase: ReadBase, signal?: AbortSignal): Promise<Uint8Array> {
    const { label } = this.#parts.owner
    const here = () =>
      this.#mutex.run(async () => ({
        epoch: this.base.epoch,
        ...(await sayLocal(label, () => readHere(this.#staged, range, this.sizeBytes))),
      }))
    const isSame = (epoch: number) => epoch === this.base.epoch
    return readThrough(range, { here, isSame, readBase }, () => throwIfInterrupted(signal, label))
  }

  /** As `FileSystem.spanOf`. */
  spanOf(range: ByteRange): FileSpan | undefined {
    return this.#staged?.spanOf(range)
  }

  /** Writes `data` at the offset that `at` chooses from the present size. */
  async write(at: (sizeBytes: number) => number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (data.length === 0) return
    // Not in the mutex: the upload that makes room may be this file's.
    const leave = await this.#parts.environment.room.enter(data.length, this.#parts.owner.label, signal)
    try {
      await this.#change(
        (size) => Math.max(size, at(size) + data.length),
        (staged, atMs) => staged.write(at(staged.sizeBytes), data, atMs),
        { signal },
      )
    } finally {
      leave()
    }
  }

  truncate(sizeBytes: number, signal?: AbortSignal): Promise<void> {
    return this.#change(
      () => sizeBytes,
      async (staged, atMs) => {
        if (sizeBytes !== staged.sizeBytes) await staged.truncate(sizeBytes, atMs)
      },
      { signal },
    )
  }

  /** Zeros in a range; with the size that the file has then. */
  zero({ offset, length, keepSize }: Allocation, signal?: AbortSignal): Promise<void> {
    const range = { start: offset, end: offset + length }
    const sizeAfter = (size: number) => (keepSize ? size : Math.max(size, range.end))
    return this.#change(sizeAfter, (staged, atMs) => staged.zero(range, !keepSize, atMs), { signal })
  }

  /** As `FileContent.borrow`. */
  async borrow(from: BorrowedBase, range: ByteRange, signal?: AbortSignal): Promise<boolean> {
    if (this.base.replaces !== 'absent') return false
    let isDone = false
    const borrow = async (staged: StagedFile, atMs: number) => {
      isDone = await staged.borrow(from, range, atMs)
      if (isDone) this.base.borrow(from)
    }
    await this.#change((size) => Math.max(size, range.end), borrow, { signal })
    return isDone
  }

  /** As `FileContent.detach`. */
  detach(detachment: Detachment): Promise<void> {
    invariant(!this.#staged, 'a content with changes is taken from its file')
    const work = (staged: StagedFile) => detachContent(staged, this.base, detachment)
    return this.#change((size) => size, work)
  }

  refuseCopy(): void {
    this.base.isCopyRefused = true
  }

  /** Counts as a change without being one. */
  touch(): Promise<void> {
    return this.#change((size) => size, touch)
  }

  /** Takes up what an earlier process staged. @requires a clean content that nobody has used yet */
  restore(recovered: RecoveredFile): Promise<void> {
    return this.#mutex.run(async () => {
      invariant(!this.#staged, 'a content that was changed takes up what was staged before')
      const { sideCar } = recovered
      this.base.restore(sideCar)
      this.#staged = this.#parts.store.reopen(recovered, this.#changes + 1, this.#mutex)
      await sayLocal(sideCar.label, () => this.#staged?.takeUp())
      this.#holdRoom()
      this.#users.keepOpen(this.#staged)
      this.#parts.environment.quota.hold(this, this.sizeBytes)
      this.#parts.onDirty(true)
      this.#parts.onChanged()
    })
  }

  sync(): Promise<void> {
    return this.#mutex.run(() => sayLocal(this.#parts.owner.label, () => this.#staged?.sync()))
  }

  /** Somebody has the file open: what is staged of it is kept open too. */
  retain(user: { readonly writes: boolean }): void {
    this.#users.retain(user, this.#staged)
  }

  release(user: { readonly writes: boolean }): void {
    this.#users.release(user)
    // Of what is as the server has it nothing is open, and most files are only read.
    if (this.#users.canLetClose) void this.#background(() => this.#users.letClose())
    if (user.writes && !this.#users.hasWriters) void this.#background(() => this.#rejoin())
  }

  relabel(): Promise<void> {
    return this.#mutex.run(() => sayLocal(this.#parts.owner.label, () => this.#relabelStaged()))
  }

  rebase(entity: BaseEntity): void {
    this.base.replaces = entity
    void this.#background(() => this.#relabelStaged())
  }

  /** The base at the server is another one. @requires no changes here */
  adopt(entry: RemoteEntry): void {
    invariant(!this.isDirty, 'a content with changes adopts nothing')
    const later = this.#beside ?? this.#coming
    if (later) later.shown = entry
    else this.base.show(entry)
  }

  /** Drops the changes: the base shows again. */
  drop(): Promise<void> {
    return this.#mutex.run(() => {
      const shown = this.#beside?.shown
      this.#dropStaged()
      if (shown) this.base.show(shown)
      else this.base.showOwn()
    })
  }

  /** Everything so far survives power loss, and no local file stays open. */
  close(): Promise<void> {
    this.#users.releaseAll()
    this.#missing.close()
    return this.#mutex.run(async () => {
      await sayLocal(this.#parts.owner.label, () => this.#staged?.sync())
      await this.#users.letClose()
    })
  }

  complete(signal: AbortSignal): Promise<void> {
    return this.#missing.complete(signal)
  }

  /** As `FileContent.keep`. Nothing of it is ever sent: the drive needs no room for it. */
  async keep(readBase: ReadBase, signal: AbortSignal): Promise<void> {
    if (!this.#staged) await this.#change((size) => size, touch, { needsRoom: false })
    await this.#missing.keep(readBase, signal)
  }

  freeze(): Promise<Generation> {
    return this.#mutex.run(async () => {
      invariant(this.#staged, 'a clean content has nothing to send')
      // What was promised to survive power loss is found as it was sent, or newer: an older one would be a conflict with it.
      if (this.#staged.isPromised) await this.#staged.sync().catch((error: unknown) => this.#complain(error))
      return this.#staged.freeze()
    })
  }

  thaw(maybeSent: boolean): Promise<void> {
    return this.#mutex.run(() => this.#staged?.thaw(maybeSent))
  }

  confirm(generation: Generation, { entry, shown }: Confirmed, onShown: () => void): Promise<void> {
    return this.#mutex.run(async () => {
      const staged = this.#staged
      invariant(staged, 'a clean content is confirmed')
      this.#confirmedModifiedAtMs = generation.modifiedAtMs
      const entity = entry.entity ?? 'absent'
      const isNewer = staged.changes !== generation.changes
      const staysBeside = shown !== entry && (isNewer || this.#users.hasWriters)
      if (!isNewer && !staysBeside) {
        this.#dropStaged(entry)
        this.base.show(shown)
        return onShown()
      }
      this.base.become(entity, generation.sizeBytes)
      // The server has it: trouble with the local record must not look like a failed upload.
      await staged.settle(generation, entity).catch((error: unknown) => this.#complain(error))
      this.#beside = staysBeside ? { changes: generation.changes, shown } : undefined
      if (!isNewer) this.#settled()
      onShown()
    })
  }

  #change(
    sizeAfter: (sizeBytes: number) => number,
    work: (staged: StagedFile, atMs: number) => Promise<void>,
    { signal, needsRoom = true }: ChangeOptions = {},
  ): Promise<void> {
    const { quota, clock } = this.#parts.environment
    return this.#mutex.run(async () => {
      throwIfInterrupted(signal, this.#parts.owner.label)
      this.#parts.beforeChange()
      if (needsRoom) await quota.reserve(this, sizeAfter(this.sizeBytes), this.#parts.owner.label)
      const before = this.changes
      this.#coming = {}
      const isNamed = !this.#beside || this.isDirty
      try {
        await sayLocal(this.#parts.owner.label, async () => {
          await work(await this.#stage(), clock.now())
          // Nobody has needed the file since the conflict, and the record says so.
          if (!isNamed) await this.#parts.owner.recorded()
        })
      } finally {
        if (this.#staged?.changes === this.#changes) this.#dropStaged() // it never began
        this.#takeComing()
        if (this.isDirty) quota.resize(this, this.sizeBytes)
        else quota.release(this)
        this.#holdRoom()
        if (this.changes !== before) {
          if (this.isDirty) this.#parts.onDirty(true)
          this.#parts.onChanged()
        }
      }
    })
  }

  #takeComing(): void {
    const { shown } = this.#coming ?? {}
    this.#coming = undefined
    if (!shown || this.isDirty) return
    this.adopt(shown)
    this.#parts.owner.replaced()
  }

  async #stage(): Promise<StagedFile> {
    const facts = stagedFacts(this.#parts, this.base)
    if (this.#staged) {
      const { label, uri } = this.#staged.facts
      if (facts.label !== label || facts.uri !== uri) await this.#relabelStaged()
      return this.#staged
    }
    const before = { sizeBytes: this.base.sizeBytes, changes: this.#changes }
    this.#staged = await this.#parts.store.stage(facts, before, this.#mutex)
    this.#users.keepOpen(this.#staged)
    await this.#parts.owner.recorded()
    return this.#staged
  }

  /** @requires the mutex */
  async #relabelStaged(): Promise<void> {
    await this.#staged?.relabel(stagedFacts(this.#parts, this.base, this.#staged.facts))
  }

  #settled(): void {
    this.#parts.environment.quota.release(this)
    this.#parts.onDirty(false)
  }

  /** The last writer is gone: from now on the name shows the server's version. @requires the mutex */
  async #rejoin(): Promise<void> {
    if (!this.#beside || this.isDirty || this.#users.hasWriters) return
    const { shown } = this.#beside
    this.#dropStaged()
    this.base.show(shown)
    this.#parts.onRejoined()
  }

  /** In one step, so that nobody sees a content between two. `entry`: the server has all of it as that. @requires the mutex */
  #dropStaged(entry?: RemoteEntry): void {
    const staged = this.#staged
    this.#settled()
    if (!staged) return
    this.#changes = staged.changes
    this.#staged = undefined
    this.#beside = undefined
    this.#users.forget()
    const { store, owner, environment } = this.#parts
    const copy = entry && keepUploaded(staged, entry, environment.keepUploaded)
    this.#missing.changed()
    store.dispose(staged, owner.released(), () => environment.room.release(staged), copy)
  }

  #holdRoom(): void {
    if (this.#staged) this.#parts.environment.room.hold(this.#staged, this.#staged.localBytes)
    this.#missing.changed()
  }

  /** Work on the staged file whose trouble is nobody's who waits for it. */
  #background(work: () => Promise<void>): Promise<void> {
    return this.#mutex.run(work).catch((error: unknown) => this.#complain(error))
  }

  #complain(error: unknown): void {
    const { label } = this.#parts.owner
    this.#parts.environment.log.error('a staged file could not be looked after', { label, error })
  }
}
