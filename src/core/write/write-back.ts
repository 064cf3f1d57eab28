import type { Clock } from '../../base/clock.ts'
import { waitUnlessAborted } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Capacity } from '../../remote/types.ts'
import { AbandonedSessions, noLedger, sessionKey, type EndingLedger } from './abandoned-sessions.ts'
import { BackgroundLine } from './background-parts.ts'
import { DriveCapacity } from './drive-capacity.ts'
import type { WriteEnvironment } from './environment.ts'
import { FileContent } from './file-content.ts'
import { readBootId } from '../../base/boot-id.ts'
import { nodeFileLayer, type FileLayer } from '../../base/file-layer.ts'
import type { KeepUploaded } from './keep-uploaded.ts'
import { Lendings } from './lendings.ts'
import type { LostFile } from './lost-and-found.ts'
import type { Outage } from './outage.ts'
import { QuotaGuard } from './quota-guard.ts'
import { ServerCopies } from './server-copy.ts'
import { StagingRoom } from './staging-room.ts'
import { canGoOn } from './side-car.ts'
import { StagingStore, type RecoveredFile } from './staging-store.ts'
import type { BaseEntity, ContentOwner, PendingUpload, UploadFailure, WriteRemote } from './types.ts'
import { UploadQueue } from './upload-queue.ts'

export interface WriteBackOptions {
  readonly remote: WriteRemote
  /**
   * Absolute path of the folder for staged files, used by nobody else; its neighbour `lost+found` takes what a dead process left and
   * `claimed` does not name.
   */
  readonly stagingFolder: string
  /** Ids of the staged files that are going to be taken up again. */
  readonly claimed?: ReadonlySet<string> | undefined
  /** Ids of staged files that an earlier process would have removed, had it not ended. */
  readonly gone?: ReadonlySet<string> | undefined
  /** Staged files that nobody needs any more are not there any more, not even after power loss. */
  readonly onRemoved?: ((ids: readonly string[]) => Promise<void>) | undefined
  /** Upload sessions that are to be ended; by this process alone if left out. */
  readonly endings?: EndingLedger | undefined
  /** What is there is shown, and nothing is sent. */
  readonly isReadOnly?: boolean | undefined
  readonly clock: Clock
  readonly log: Log
  /** From the release of the last writable handle to the upload, ms; 500 by default. */
  readonly quietMs?: number | undefined
  /** A file that stays open for writing is sent at intervals, not only at fsync; so by default. */
  readonly isSentOpen?: boolean | undefined
  /** Small uploads at once, at most; 32 by default. How many are good is found out; large ones have places of their own. */
  readonly concurrency?: number | undefined
  /** Names conflict copies. */
  readonly hostName: string
  /** An upload was given up; its changes are kept. */
  readonly onFailed?: ((failure: UploadFailure) => void) | undefined
  readonly random?: (() => number) | undefined
  readonly fileLayer?: FileLayer | undefined
  /** Staged files take at most so many bytes; no limit by default. */
  readonly stagingLimitBytes?: number | undefined
  /** So many bytes of the local disk are left to others; none by default. */
  readonly stagingReserveBytes?: number | undefined
  /** Keeps a content before its staged file goes; by default it is fetched when it is read. */
  readonly keepUploaded?: KeepUploaded | undefined
  /** Makes room on the local disk where that costs nothing but time. */
  readonly giveBack?: ((bytes: number) => Promise<unknown>) | undefined
  /** Programs wait for contents from the server: what nobody waits for is not fetched. */
  readonly isReading?: (() => boolean) | undefined
  /** Bytes a second that downloads are held to at the moment; 0, the default: not at all. */
  readonly downloadBytesPerSecond?: (() => number) | undefined
  /** Of this start of the machine; asked for if left out. */
  readonly bootId?: string | undefined
}

export interface DrainProgress {
  readonly files: number
  /** Of all files that are not at the server yet. */
  readonly totalBytes: number
  readonly sentBytes: number
  /** Why it does not go on just now; undefined when it does. */
  readonly trouble: string | undefined
}

export interface DrainOptions {
  readonly onProgress?: ((progress: DrainProgress) => void) | undefined
  /** Ends the waiting; uploads go on. */
  readonly signal?: AbortSignal | undefined
  /** Which files are meant, by their path in the drive; all of them if left out. */
  readonly within?: ((label: string) => boolean) | undefined
}

/** The write path of a drive: staged contents, and the queue that brings them to the server. */
export class WriteBack {
  /** What dead processes left behind, of this start and earlier ones; for `status`. */
  readonly lostAndFound: readonly LostFile[]
  readonly #store: StagingStore
  readonly #environment: WriteEnvironment
  readonly #dirty = new Set<FileContent>()
  readonly #listeners: Set<() => void>
  #closed: Promise<void> | undefined

  private constructor(store: StagingStore, environment: WriteEnvironment, listeners: Set<() => void>) {
    this.#store = store
    this.#environment = environment
    this.#listeners = listeners
    this.lostAndFound = store.lostFiles
  }

  static async create(options: WriteBackOptions): Promise<WriteBack> {
    const { remote, clock, log, random = Math.random, fileLayer = nodeFileLayer } = options
    const abandoned = new AbandonedSessions({
      remote,
      clock,
      log,
      random,
      ledger: options.endings ?? noLedger,
    })
    const store = await openStore({ ...options, fileLayer }, abandoned)
    const capacity = new DriveCapacity({ clock, log, ask: () => remote.capacity() })
    const listeners = new Set<() => void>()
    const onTaken = new Set<() => void>()
    const room = new StagingRoom({
      limitBytes: options.stagingLimitBytes ?? Infinity,
      reserveBytes: options.stagingReserveBytes ?? 0,
      space: () => fileLayer.space(options.stagingFolder),
      giveBack: options.giveBack,
      clock,
      drain: () => writeBack.#makeRoom(),
      onTaken,
    })
    const writeBack: WriteBack = new WriteBack(
      store,
      {
        remote,
        clock,
        log,
        random,
        hostName: options.hostName,
        quietMs: options.quietMs ?? 500,
        isSentOpen: options.isSentOpen ?? true,
        queue: new UploadQueue({ clock, log, random, concurrency: options.concurrency ?? 32 }),
        abandoned,
        keepUploaded: options.keepUploaded ?? (() => Promise.resolve()),
        copies: new ServerCopies({ remote, clock, log, hostName: options.hostName }),
        lendings: new Lendings(),
        background: new BackgroundLine(options),
        quota: new QuotaGuard({ clock, capacity }),
        onFailed: (failure) => {
          room.lookAgain()
          options.onFailed?.(failure)
        },
        onProgress: () => {
          for (const listener of listeners) listener()
        },
        onTaken,
        room,
      },
      listeners,
    )
    endLeft(abandoned, store, options)
    return writeBack
  }

  /**
   * The content of a file that exists at the server, or is new here (`'absent'`, 0 bytes). Costs nothing before its first
   * change.
   */
  content(
    owner: ContentOwner,
    base: { readonly entity: BaseEntity; readonly sizeBytes: number },
  ): FileContent {
    const environment = this.#environment
    return new FileContent({ owner, base, environment, store: this.#store, dirty: this.#dirty })
  }

  /** A claimed file of an earlier process, for `FileContent.restore`; undefined when it is not there. */
  recovered(id: string): RecoveredFile | undefined {
    return this.#store.recovered.get(id)
  }

  /** A claimed file is not wanted any more. */
  dropRecovered(id: string, unclaimed: Promise<void>): void {
    this.#store.dropRecovered(id, unclaimed)
  }

  /** Everything that the server does not have yet as it is here; unlinked files, which nobody can reach, aside. */
  pending(within: (label: string) => boolean = () => true): readonly PendingUpload[] {
    const wanted = [...this.#dirty].filter(
      (content) => (content.canBeSent || content.failure) && within(content.label),
    )
    return wanted.map(({ label, sync, sizeBytes, sentBytes }) => ({
      label,
      state: sync,
      sizeBytes,
      sentBytes,
    }))
  }

  /** No upload begins until the returned function is called; those on their way go on. */
  holdUploads(): () => void {
    return this.#environment.queue.hold()
  }

  /** Which files show the content of others. */
  get lendings(): Lendings {
    return this.#environment.lendings
  }

  /** Room on the drive for what is written here. */
  get quota(): QuotaGuard {
    return this.#environment.quota
  }

  /** Somebody has asked the server for the capacity: `DriveCapacity.learn`. */
  learnCapacity(capacity: Capacity, isOld?: boolean): void {
    this.quota.capacity.learn(capacity, isOld)
  }

  /** Uploads that wait, or were given up, are tried at once. */
  retryAll(within: (label: string) => boolean): void {
    for (const content of this.#dirty) if (within(content.label)) content.retry()
  }

  /** Whether the server takes changes. */
  get outage(): Outage {
    return this.#environment.queue.outage
  }

  /**
   * Uploads everything now, without quiet time, until nothing is left but what was given up: that is the answer. Files that
   * were unlinked are not sent; one that is open for writing is sent once, as it is when its turn comes: a program that writes
   * without a pause would never let this end. Rejects only when the signal is aborted.
   */
  async drain({ onProgress, signal, within = () => true }: DrainOptions = {}): Promise<
    readonly UploadFailure[]
  > {
    const listener = () => onProgress?.(this.#progress(within))
    this.#listeners.add(listener)
    const sent = new Set<FileContent>()
    try {
      for (;;) {
        const isWanted = (content: FileContent) =>
          content.canBeSent && within(content.label) && !(content.hasWriters && sent.has(content))
        const unsent = [...this.#dirty].filter(isWanted)
        listener()
        if (unsent.length === 0) return this.#failures(within)
        await waitUnlessAborted(Promise.allSettled(unsent.map((content) => content.flushNow(signal))), signal)
        for (const content of unsent) sent.add(content)
      }
    } finally {
      this.#listeners.delete(listener)
    }
  }

  /** Nothing is started any more; what is in flight is cut or waited for; what is staged stays for the next start. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#environment.queue.close()
    this.#environment.quota.close()
    this.#environment.abandoned.close()
    await Promise.all([...this.#dirty].map((content) => content.close()))
    await this.#environment.copies.close()
    await this.#store.close()
  }

  /** Hurries what is closed and can be sent; true when there is something, or when its files are just being removed. */
  #makeRoom(): boolean {
    const closed = [...this.#dirty].filter((content) => content.canBeSent && !content.hasWriters)
    for (const content of closed) content.hurry()
    return closed.length > 0 || this.#store.isRemoving
  }

  #progress(within: (label: string) => boolean): DrainProgress {
    const pending = this.pending(within)
    return {
      files: pending.length,
      totalBytes: pending.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      sentBytes: pending.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
      trouble: pending.find(({ state }) => state.state === 'retrying')?.state.detail,
    }
  }

  #failures(within: (label: string) => boolean): UploadFailure[] {
    return [...this.#dirty].flatMap(({ failure, label }) => (failure && within(label) ? [failure] : []))
  }
}

async function openStore(
  options: WriteBackOptions & { readonly fileLayer: FileLayer },
  abandoned: AbandonedSessions,
): Promise<StagingStore> {
  const { stagingFolder: folder, fileLayer: layer, log, clock } = options
  return StagingStore.open({
    folder,
    layer,
    log,
    nowMs: clock.now(),
    bootId: options.bootId ?? (await readBootId()),
    claimed: options.claimed ?? new Set(),
    gone: options.gone ?? new Set(),
    onRemoved: options.onRemoved ?? (() => Promise.resolve()),
    recordEnding: (session, label) => abandoned.recorded(session, label),
  })
}

/** What an earlier process has left open. What can be gone on with is kept for that, unless nothing is going to be sent. */
function endLeft(
  abandoned: AbandonedSessions,
  { recovered }: StagingStore,
  { isReadOnly }: WriteBackOptions,
): void {
  const kept = new Set<string>()
  for (const { sideCar } of recovered.values()) {
    const { session, label } = sideCar
    if (!isReadOnly && canGoOn(session)) kept.add(sessionKey(session))
    else if (session) abandoned.add(session, label)
  }
  abandoned.takeUp((session) => kept.has(sessionKey(session)))
}
