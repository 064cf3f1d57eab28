import { timespecFromMs, type Timespec } from '../../base/timespec.ts'
import type { RemoteError } from '../../remote/errors.ts'
import type { ByteRange } from '../../base/ranges.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Allocation, FileSpan } from '../types.ts'
import { ContentBytes } from './content-bytes.ts'
import type { ReadBase } from './content-parts.ts'
import type { Detachment } from './detach-content.ts'
import type { WriteEnvironment } from './environment.ts'
import { FileUpload } from './file-upload.ts'
import type { BorrowedBase } from './staged-file.ts'
import type { RecoveredFile, StagingStore } from './staging-store.ts'
import type { Attempt, BaseEntity, ContentOwner, SyncState, UploadFailure } from './types.ts'

export interface FileContentParts {
  readonly owner: ContentOwner
  readonly base: { readonly entity: BaseEntity; readonly sizeBytes: number }
  readonly store: StagingStore
  readonly environment: WriteEnvironment
  /** Contents that the server does not have yet as they are here. */
  readonly dirty: Set<FileContent>
}

/**
 * The content of one file: what the server has, and what was changed here since. Clean, it costs nothing but its base; the
 * first change makes a staged file, which goes when the server has everything.
 */
export class FileContent {
  readonly #owner: ContentOwner
  readonly #bytes: ContentBytes
  readonly #upload: FileUpload

  constructor({ owner, base, store, environment, dirty }: FileContentParts) {
    this.#owner = owner
    this.#bytes = new ContentBytes({
      owner,
      base,
      store,
      environment,
      beforeChange: () => this.check(),
      onChanged: () => {
        this.#upload.schedule.changed()
        this.#upload.plan()
        owner.changed()
      },
      onDirty: (isDirty) => {
        if (isDirty) dirty.add(this)
        else dirty.delete(this)
      },
      onLender: (lender, former) => environment.lendings.note(this, lender, former),
      onRejoined: () => {
        this.#upload.rejoined()
        owner.replaced()
      },
    })
    this.#upload = new FileUpload(this.#bytes, owner, environment)
  }

  get label(): string {
    return this.#owner.label
  }

  /** There are changes here that the server has not confirmed. */
  get isDirty(): boolean {
    return this.#bytes.isDirty
  }

  get sizeBytes(): number {
    return this.#bytes.sizeBytes
  }

  /** Time of the last change here while there are unconfirmed ones; undefined when clean. */
  get modifiedAt(): Timespec | undefined {
    const { modifiedAtMs } = this.#bytes
    return modifiedAtMs === undefined ? undefined : timespecFromMs(modifiedAtMs)
  }

  /** Time of the last change in what the server confirmed last; undefined when nothing was uploaded from here. */
  get confirmedModifiedAt(): Timespec | undefined {
    const { confirmedModifiedAtMs } = this.#bytes
    return confirmedModifiedAtMs === undefined ? undefined : timespecFromMs(confirmedModifiedAtMs)
  }

  get sync(): SyncState {
    return this.#upload.state
  }

  /** Bytes of the running upload that the server has taken. */
  get sentBytes(): number {
    return this.#upload.sentBytes
  }

  /** Names the staged file in the staging folder; undefined when nothing is staged. */
  get stagedId(): string | undefined {
    return this.#bytes.stagedId
  }

  /** The entity whose bytes show where nothing was changed here. */
  get base(): BaseEntity {
    return this.#bytes.base.entity
  }

  /** Size of the base, bytes. */
  get baseSizeBytes(): number {
    return this.#bytes.base.sizeBytes
  }

  /** Where the base is at the server, if it is the content of another file. */
  get lenderPath(): RemotePath | undefined {
    const { base } = this.#bytes
    return base.lender && base.address(this.#owner).path()
  }

  /** That other file. */
  get lenderId(): FileId | undefined {
    return this.#bytes.base.lender?.id
  }

  /** What is read is (partly) here: changes, or after a conflict the lines of who goes on writing. */
  get isHere(): boolean {
    return this.#bytes.isDirty || this.#bytes.isBeside
  }

  /** The entity that the next upload replaces: the base, or what `rebase` said. */
  get replaces(): BaseEntity {
    return this.#bytes.replaces
  }

  /** There is something to send, and it was not given up. */
  get canBeSent(): boolean {
    return this.#upload.canSend
  }

  /** Somebody has it open for writing. */
  get hasWriters(): boolean {
    return this.#upload.schedule.hasWriters
  }

  /** Why the upload was given up; undefined when it was not. */
  get failure(): UploadFailure | undefined {
    const { error, state } = this.#upload
    return error && { label: this.label, reason: state.detail ?? error.message, error }
  }

  /**
   * At most `length` bytes from `offset` on; fewer only at the end. `readBase` is asked for what is not here, without any lock
   * held; when the base changes meanwhile, the read starts over.
   */
  read(offset: number, length: number, readBase: ReadBase, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#bytes.read({ start: offset, end: offset + length }, readBase, signal)
  }

  /** @throws {FsError} of an upload that was given up; EDQUOT: no room on the drive; ENOSPC: none on the local disk */
  write(offset: number, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#bytes.write(() => offset, data, signal)
  }

  /** As `FileSystem.spanOf`, of what is here. */
  spanOf(offset: number, length: number): FileSpan | undefined {
    return this.isHere ? this.#bytes.spanOf({ start: offset, end: offset + length }) : undefined
  }

  /** Writes at the end that the file has when its turn comes: appends of several writers never overlap. */
  append(data: Uint8Array, signal?: AbortSignal): Promise<void> {
    return this.#bytes.write((sizeBytes) => sizeBytes, data, signal)
  }

  /** @throws {FsError} as `write`; cutting down to nothing makes new content, so an upload that was given up is tried again */
  truncate(sizeBytes: number, signal?: AbortSignal): Promise<void> {
    if (sizeBytes === 0) this.#upload.unpark()
    return this.#bytes.truncate(sizeBytes, signal)
  }

  /**
   * Shows a range of the content of another file, in its place, without bringing it here: all of it is copied at the server, parts are
   * fetched before the upload. False: nothing was done, as that is only for new files into which nothing else was written.
   * @throws {FsError} as `write`
   */
  borrow(from: BorrowedBase, range: ByteRange, signal?: AbortSignal): Promise<boolean> {
    return this.#bytes.borrow(from, range, signal)
  }

  /** All of a clean content is to be sent, for another file than its own. @throws {FsError} as `write` */
  detach(detachment: Detachment): Promise<void> {
    return this.#bytes.detach(detachment)
  }

  /** The file has `entry` at the server: that shows where the changes are given up. */
  belongTo({ entity, sizeBytes }: Pick<RemoteEntry, 'entity' | 'sizeBytes'>): void {
    this.#bytes.base.belongTo({ entity: entity ?? 'absent', sizeBytes })
  }

  /** Makes a range show zeros; without `keepSize` the file reaches its end. @throws {FsError} as `write` */
  zero(range: Allocation, signal?: AbortSignal): Promise<void> {
    return this.#bytes.zero(range, signal)
  }

  /** Goes on with what an earlier process staged. @requires a content that nobody has used yet */
  restore(recovered: RecoveredFile): Promise<void> {
    return this.#bytes.restore(recovered)
  }

  /** A new file without content is to be at the server as well. */
  createEmpty(): Promise<void> {
    return this.#bytes.touch()
  }

  /** Staged bytes and what is known of them survive power loss. */
  async fsync(): Promise<void> {
    this.check()
    await this.#bytes.sync()
  }

  /** A handle that only reads was opened. */
  retainReader(): void {
    this.#bytes.retain({ writes: false })
  }

  releaseReader(): void {
    this.#bytes.release({ writes: false })
  }

  /** A handle that may write was opened: the upload waits. */
  retainWriter(): void {
    this.#bytes.retain({ writes: true })
    this.#upload.schedule.retainWriter()
    this.#upload.plan()
  }

  /** One was released: with the last one the quiet time starts. */
  releaseWriter(): void {
    this.#bytes.release({ writes: true })
    this.#upload.schedule.releaseWriter()
    this.#upload.plan()
  }

  /** The owner's label or path is another one. An upload that was given up is tried again under the new name. */
  async relabel(): Promise<void> {
    this.#upload.unpark()
    await this.#bytes.relabel()
    this.#upload.plan()
  }

  /**
   * The next upload replaces `entity`: after a rename over a file. The base of clean parts stays what it was.
   * @requires nothing in flight (`pause`)
   */
  rebase(entity: BaseEntity): void {
    this.#bytes.rebase(entity)
  }

  /** The content at the server changed. Changes here stay: the upload finds the conflict. */
  adoptClean(entry: RemoteEntry): void {
    if (!this.isDirty) this.#bytes.adopt(entry)
  }

  /** Brings every byte here that only the server has: before the file that holds them goes. */
  complete(signal: AbortSignal): Promise<void> {
    return this.#bytes.complete(signal)
  }

  /**
   * Brings every byte here that only the server has, as if it had been written: of a file that nobody can reach by its name any more.
   * What is here when it throws stays. @throws {FsError} ENOSPC: no room on the local disk, which it does not wait for
   */
  keep(readBase: ReadBase, signal: AbortSignal): Promise<void> {
    return this.#bytes.keep(readBase, signal)
  }

  /**
   * Uploads without quiet time and waits. Calls `onTaken` whenever the server has taken something, of whatever file.
   * @throws {FsError} when the upload was given up
   */
  flushNow(signal?: AbortSignal, onTaken?: () => void): Promise<void> {
    return this.#upload.flush(signal, onTaken)
  }

  /** Uploads without quiet time. */
  hurry(): void {
    this.#upload.schedule.hurry()
    this.#upload.plan()
  }

  /** What the last attempt to send it met at the server; undefined: nothing. */
  get trouble(): RemoteError | undefined {
    return this.#upload.trouble
  }

  /**
   * Nothing is in flight and nothing starts until the returned function is called: for rename and unlink. An upload session is
   * cut and cancelled, a request that carries the whole file is waited for.
   */
  pause(): Promise<() => void> {
    return this.#upload.hold()
  }

  /**
   * Whether the server has what was sent of it without an answer is found out, as far as the server can be asked: before it is
   * renamed, replaced or deleted, as what is left of it would be taken for somebody else's. Costs a request only where that is open.
   * Answers what the server may have while it cannot be asked.
   * @requires nothing in flight (`pause`)
   */
  settleSent(): Promise<readonly Attempt[]> {
    return this.#upload.settleSent()
  }

  /**
   * What may be at the server of the file whose next version this is (`settleSent`) is ours to replace. Resolves when that is on
   * record, which must be so before anything there says whose next version it is. @requires changes here
   */
  inheritSent(attempts: readonly Attempt[]): Promise<void> {
    return this.#bytes.uploads.inherit(attempts)
  }

  /** @throws {FsError} why the upload was given up, if it was */
  check(): void {
    if (this.#upload.error) throw this.#upload.error
  }

  /** Tries an upload that was given up, or that waits, again at once. */
  retry(): void {
    this.#upload.retry()
  }

  /** The changes here are not wanted any more: nothing of them is sent from now on. */
  async discard(): Promise<void> {
    const release = await this.#upload.hold()
    try {
      await this.#upload.forget()
      await this.#bytes.drop()
      this.#upload.dropped()
    } finally {
      release()
    }
  }

  /** Stops uploading for good; what is staged stays for the next start. */
  async close(): Promise<void> {
    await this.#upload.close()
    await this.#bytes.close()
  }
}
