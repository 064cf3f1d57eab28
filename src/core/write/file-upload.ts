import { backoffMs } from '../../base/backoff.ts'
import { isRemoteError, type RemoteError } from '../../remote/errors.ts'
import type { RemotePath } from '../../remote/types.ts'
import { Errno } from '../../base/errno.ts'
import { FsError } from '../errors.ts'
import { conflictCopy, copyPath, type ConflictCopy } from './conflict-copy.ts'
import type { Resolution } from './conflict.ts'
import type { CopySource } from './content-base.ts'
import type { WriteEnvironment } from './environment.ts'
import { judge, mayHaveBeenDone } from './failure.ts'
import { findSent } from './find-sent.ts'
import type { Generation } from './generation.ts'
import type { Pass } from './outage.ts'
import { sendCopy } from './send-copy.ts'
import { sendGeneration, type SendParts } from './send-generation.ts'
import { SentGenerations } from './sent-generations.ts'
import { Transfer, UploadCutError } from './transfer.ts'
import type { Attempt, ContentOwner, Placed, SyncState } from './types.ts'
import type { Uploadable } from './uploadable.ts'
import { UploadSchedule } from './upload-schedule.ts'
import { UploadWaiters } from './upload-waiters.ts'

const maxRetryMs = 60_000

/**
 * Brings one file's changes to the server: at most one upload at a time.
 *
 * ```
 *            changed            due, a place free          content frozen
 *   synced ──────────▶ waiting ───────────────▶ preparing ───────────────▶ sending ──▶ synced, or waiting for the rest
 *                         ▲                        │  │                      │  │
 *                         ├──── held (pause) ──────┘  │                      │  │
 *                         ├──── back-off ◀────────────┴──── transient ───────┘  │
 *                         └──── retry, rename, new content ──── failed ◀────────┘ permanent
 * ```
 *
 * Invariant: while `#holds > 0` nothing is being sent after `hold` resolved.
 */
export class FileUpload {
  readonly schedule: UploadSchedule
  readonly #content: Uploadable
  readonly #owner: ContentOwner
  readonly #environment: WriteEnvironment
  readonly #transfer: Transfer
  readonly #sent: SentGenerations
  readonly #parts: SendParts
  readonly #waiters = new UploadWaiters()
  #cancelTimer: (() => void) | undefined
  #isQueued = false
  #isBusy = false
  #isClosed = false
  #holds = 0
  #preparing = new AbortController()
  #sending: Promise<void> | undefined
  #failures = 0
  #retryDetail = ''
  #trouble: RemoteError | undefined
  #parked: { readonly detail: string; readonly error: FsError } | undefined
  /** After a conflict, while our line of changes goes on: the copy that it goes on in. */
  #aside: ConflictCopy | undefined
  /** Number of the last change that the server has. */
  #confirmedChanges = 0

  constructor(content: Uploadable, owner: ContentOwner, environment: WriteEnvironment) {
    this.#content = content
    this.#owner = owner
    this.#environment = environment
    this.#transfer = new Transfer(content, owner, environment)
    this.#sent = new SentGenerations(content)
    this.#parts = { content, owner, environment, transfer: this.#transfer, sent: this.#sent }
    this.schedule = new UploadSchedule(environment)
  }

  get state(): SyncState {
    if (this.#parked) return { state: 'failed', detail: this.#parked.detail }
    if (!this.#content.isDirty) return { state: 'synced' }
    if (this.#sending) return { state: 'uploading' }
    if (this.#owner.path() === undefined)
      return { state: 'waiting', detail: 'deleted; it is kept until the last program closes it' }
    const outage = this.#environment.queue.outage.detail
    if (outage !== undefined) return { state: 'retrying', detail: outage }
    if (this.schedule.isInBackoff) return { state: 'retrying', detail: this.#retryDetail }
    return { state: 'waiting' }
  }

  get sentBytes(): number {
    return this.#transfer.sentBytes
  }

  /** There is something to send, and nobody has to do anything first. */
  get canSend(): boolean {
    return this.#content.isDirty && !this.#parked && !this.#isClosed && this.#owner.path() !== undefined
  }

  /** Why the upload was given up; undefined when it was not. */
  get error(): FsError | undefined {
    return this.#parked?.error
  }

  /** What the last attempt met at the server; undefined: nothing. */
  get trouble(): RemoteError | undefined {
    return this.#trouble
  }

  /** Call after anything that changes when, or whether, there is something to send. */
  plan(): void {
    const dueInMs = this.schedule.dueInMs
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#owner.path() === undefined) this.#settleWaiters()
    const isNewer = this.#isBusy && this.#isComplete && this.#transfer.canGiveWayTo(this.#content.changes)
    const isOff = !this.#mayRun || dueInMs === Infinity || (this.#isBusy && !isNewer)
    if (isOff || this.#isQueued) return
    if (dueInMs > 0) {
      this.#cancelTimer = this.#environment.clock.after(dueInMs, () => this.plan())
      return
    }
    if (isNewer) return this.#transfer.giveWay()
    this.#isQueued = true
    const sizeBytes = this.#content.copyOf ? 0 : this.#content.sizeBytes
    this.#environment.queue.add(() => this.#run(), { sizeBytes, urgent: this.schedule.isUrgent })
  }

  /**
   * Uploads at once and waits until the server has everything that is here now. Calls `onTaken` whenever the server has taken
   * something, of whatever file.
   * @throws {FsError} when the upload was given up
   */
  async flush(signal?: AbortSignal, onTaken: () => void = () => undefined): Promise<void> {
    if (this.#parked) throw this.#parked.error
    if (this.#isClosed && this.#content.isDirty) throw this.#ended()
    if (!this.canSend) return
    this.schedule.hurry()
    this.#environment.onTaken.add(onTaken)
    const confirmed = this.#waiters.wait(this.#content.changes, signal)
    try {
      this.plan()
      await confirmed
    } finally {
      this.#environment.onTaken.delete(onTaken)
    }
  }

  /** Nothing is being sent, nothing is locked by us, and nothing starts, until the returned function is called. */
  async hold(): Promise<() => void> {
    this.#holds += 1
    this.#preparing.abort()
    this.#transfer.cut()
    await this.#sending
    if (!this.#isClosed) await this.#transfer.letGo()
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#holds -= 1
      if (this.#holds > 0) return
      this.#transfer.mend()
      this.plan()
    }
  }

  /** As `FileContent.settleSent`. */
  async settleSent(): Promise<readonly Attempt[]> {
    if (this.#aside) return []
    const startedAtMs = this.#environment.clock.monotonic()
    const taken = await findSent(this.#parts)
    if (taken === 'unknown') return this.#content.uploads.maybeSent()
    if (taken?.generation.copyOf) this.#owner.copied(taken.entry)
    if (taken) await this.#confirmed(taken.generation, taken, startedAtMs)
    return []
  }

  /** Tries an upload that was given up, or that waits in back-off, again at once. */
  retry(): void {
    this.unpark()
    this.schedule.forgetBackoff()
    this.schedule.hurry()
    this.#environment.queue.outage.tryNow()
    this.plan()
  }

  /** Something is different now: the name, or the whole content. */
  unpark(): void {
    this.#environment.quota.stopWaiting(this.#content)
    this.#parked = undefined
    this.#failures = 0
  }

  /**
   * Forgets what was tried so far: the changes are going to be dropped.
   * @requires held
   */
  async forget(): Promise<void> {
    this.unpark()
    await this.#sent.forget()
    this.#aside = undefined
  }

  /** The name shows the server's version again: the conflict is over. */
  rejoined(): void {
    this.#aside = undefined
  }

  /** The changes were dropped: nobody waits for them any more. */
  dropped(): void {
    this.schedule.done(0, false)
    this.#settleWaiters()
  }

  /** Nothing is started any more; what is being sent is cut or waited for. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#transfer.end()
    await this.hold()
    this.#waiters.reject(this.#ended())
  }

  /** Nobody is writing: what is here now is what is to be sent. */
  get #isComplete(): boolean {
    return !this.schedule.hasWriters
  }

  get #mayRun(): boolean {
    return this.canSend && this.#holds === 0
  }

  #ended(): FsError {
    const { label } = this.#owner
    return new FsError(Errno.EIO, `${label}: the program ends; the changes are kept on this machine`)
  }

  async #run(): Promise<void> {
    this.#isQueued = false
    // A file that was opened again while it waited for its turn is due at another time now.
    if (!this.#mayRun || this.schedule.dueInMs > 0) return this.plan()
    const pass = this.#environment.queue.outage.enter(this)
    if (!pass) return this.#owner.changed()
    this.#isBusy = true
    try {
      await this.#attempt(pass)
    } finally {
      this.#isBusy = false
      this.plan()
      this.#settleWaiters()
      this.#owner.changed()
      this.#environment.onProgress()
    }
  }

  async #attempt(pass: Pass): Promise<void> {
    this.#preparing = new AbortController()
    const { signal } = this.#preparing
    let isSending = false
    try {
      await pass.lend(() => this.#owner.beforeUpload())
      const copy = this.#content.copyOf
      if (!copy) await this.#content.complete(signal)
      // Held meanwhile, perhaps for another name: what was settled above does not hold any more.
      if (!this.#mayRun || signal.aborted) return pass.undecided()
      // From here on `hold` waits: no `await` stands between the check and this line.
      isSending = true
      const sending = copy ? this.#copy(copy) : this.#send()
      this.#sending = sending.catch(() => undefined)
      this.#owner.changed()
      await sending
      pass.done()
    } catch (error) {
      if (error instanceof UploadCutError || (signal.aborted && !isSending)) pass.undecided()
      else await this.#failed(error, pass)
    } finally {
      this.#sending = undefined
    }
  }

  /** At the server, if it is still a copy. Otherwise the next attempt sends it. */
  async #copy(source: CopySource): Promise<void> {
    const { generation, path, startedAtMs } = await this.#begin()
    const entry = await sendCopy({ generation, source, path }, this.#parts)
    if (!entry) return this.schedule.hurry()
    this.#owner.copied(entry)
    return this.#confirmed(generation, { entry, path }, startedAtMs)
  }

  async #begin(): Promise<{ generation: Generation; path: RemotePath; startedAtMs: number }> {
    const generation = await this.#sent.freeze()
    const beside = this.#owner.path()
    const path =
      this.#aside && beside ? await copyPath(this.#environment.remote, this.#aside, beside) : beside
    // Opened again while it was prepared, and cut down to nothing: half a save is nobody's version.
    const isEarly = generation.sizeBytes === 0 && this.schedule.dueInMs > 0
    if (isEarly) await this.#sent.failed()
    if (isEarly || path === undefined) throw new UploadCutError()
    return { generation, path, startedAtMs: this.#environment.clock.monotonic() }
  }

  async #send(): Promise<void> {
    const { generation, path, startedAtMs } = await this.#begin()
    const previous = this.#aside?.entity ?? this.#content.replaces
    const sending = { path, previous, generation, isOwn: !this.#aside }
    await this.#resolved(generation, await sendGeneration(sending, this.#parts), startedAtMs)
  }

  async #resolved(generation: Generation, resolution: Resolution, startedAtMs: number): Promise<void> {
    switch (resolution.kind) {
      case 'ours':
        return this.#confirmed(generation, resolution, startedAtMs)
      case 'earlier':
        if (this.#aside) this.#aside = { ...this.#aside, entity: resolution.entity }
        else this.#content.rebase(resolution.entity)
        this.schedule.hurry()
        return undefined
      case 'aside': {
        const { copy, path } = resolution
        const current = this.#aside?.current ?? resolution.current
        this.#aside = conflictCopy({ entry: copy, path }, current)
        this.#environment.log.warn('changed here and at the server: both are kept', {
          label: this.#owner.label,
          copy: copy.name,
        })
        return this.#confirmed(generation, { entry: copy, path }, startedAtMs)
      }
    }
  }

  async #confirmed(generation: Generation, { entry, path }: Placed, startedAtMs: number): Promise<void> {
    const { clock, quota } = this.#environment
    const aside = this.#aside
    const former = this.#content.replaces
    this.#failures = 0
    this.#trouble = undefined
    this.#sent.confirmed()
    for (const heard of this.#environment.onTaken) heard()
    quota.committed(this.#content, generation.sizeBytes)
    await this.#content.confirm(generation, { entry, shown: aside?.current ?? entry }, () => {
      this.#confirmedChanges = generation.changes
      this.schedule.done(clock.monotonic() - startedAtMs, this.#content.isDirty)
      if (aside) {
        this.#aside = this.#content.isBeside ? conflictCopy({ entry, path }, aside.current) : undefined
        this.#owner.displaced(entry, aside.current)
      } else {
        this.#owner.confirmed(entry, former, path)
      }
    })
  }

  async #failed(error: unknown, pass: Pass): Promise<void> {
    const { log, random } = this.#environment
    const { label } = this.#owner
    await this.#sent.failed()
    if (isRemoteError(error)) {
      this.#trouble = error
      if (pass.failed(error)) return
      if (mayHaveBeenDone(error)) pass.undecided()
      else pass.refused()
    } else {
      pass.undecided()
    }
    const verdict = judge(error, label)
    if (verdict.kind === 'park') {
      this.#park(verdict)
      if (isRemoteError(error, 'quota')) this.#waitForRoom()
      return
    }
    this.#retryDetail = verdict.detail
    this.schedule.retryIn(backoffMs(this.#failures, { firstMs: verdict.firstMs, maxMs: maxRetryMs, random }))
    this.#failures += 1
    log.info('an upload is tried again later', { label, reason: verdict.detail })
  }

  #park({ detail, error }: { readonly detail: string; readonly error: FsError }): void {
    const { log, onFailed } = this.#environment
    const { label } = this.#owner
    this.#parked = { detail, error }
    this.schedule.relax()
    log.error('an upload was given up; the changes are kept here', { label, reason: detail, error })
    onFailed({ label, reason: detail, error })
  }

  /** Nobody has to ask for another try: it is made when the drive has room again. */
  #waitForRoom(): void {
    this.#environment.quota.waitForRoom(this.#content, this.#content.sizeBytes, () => {
      this.unpark()
      this.plan()
    })
  }

  #settleWaiters(): void {
    const isOver = !this.#content.isDirty || this.#owner.path() === undefined
    if (this.#parked) this.#waiters.reject(this.#parked.error)
    else this.#waiters.resolve(isOver ? Infinity : this.#confirmedChanges)
  }
}
