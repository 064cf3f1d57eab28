import { isRemoteError, RemoteError } from '../../remote/errors.ts'
import type { AskedSession, RemoteEntry, RemotePath, SentChunk, UploadSession } from '../../remote/types.ts'
import type { WriteEnvironment } from './environment.ts'
import type { Generation } from './generation.ts'
import type { BaseEntity, BegunUpload, ContentOwner } from './types.ts'
import { canGoOn, withoutTicket } from './side-car.ts'
import type { Uploadable } from './uploadable.ts'

/** The upload was stopped by ourselves, for a rename or an unlink. */
export class UploadCutError extends Error {
  override readonly name = 'UploadCutError'
  /** What was sent may have arrived as a whole. */
  readonly mayBeDone: boolean

  constructor(mayBeDone = true) {
    super('the upload was interrupted here')
    this.mayBeDone = mayBeDone
  }
}

interface OpenSession extends BegunUpload {
  readonly chunks: SentChunk[]
}

/**
 * Sends generations of one file, one at a time, and can be cut: a request that carries the whole file is waited for (cutting
 * short requests can wedge a server, api/00-live-files §1), an upload session ends between two chunks and is cancelled, as it
 * locks the file and its folders.
 *
 * A session in which something was taken stays open over trouble that may pass, and over the end of the process: as long as the
 * content does not change, the next try goes on with it. Whoever needs the file unlocked calls `letGo`.
 */
export class Transfer {
  readonly #content: Uploadable
  readonly #owner: ContentOwner
  readonly #environment: WriteEnvironment
  #open: OpenSession | undefined
  /** What is being sent, or was sent last, had one. */
  #wasSession = false
  /** What an earlier process left open was looked for. */
  #hasInherited = false
  #abort = new AbortController()
  #isCut = false
  #isEnding = false
  #isGivingWay = false
  /** The last one gave way: this one is brought to its end, or a file that changes again and again would never arrive. */
  #gaveWay = false
  #sentBytes = 0
  #sendingBytes = 0

  constructor(content: Uploadable, owner: ContentOwner, environment: WriteEnvironment) {
    this.#content = content
    this.#owner = owner
    this.#environment = environment
  }

  /** Bytes of the running upload that the server has taken. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  /** Stops what is being sent, and everything later until `mend`. */
  cut(): void {
    this.#isCut = true
    if (this.#open) this.#abort.abort()
  }

  /** What is being sent is older than `changes`, by a session, and less than half of it has arrived. */
  canGiveWayTo(changes: number): boolean {
    if (!this.#open || this.#gaveWay || this.#isGivingWay) return false
    return this.#open.changes < changes && this.#sentBytes * 2 < this.#sendingBytes
  }

  /** Stops what is being sent: there is something newer to be sent in its place. */
  giveWay(): void {
    this.#isGivingWay = true
    this.#abort.abort()
  }

  mend(): void {
    this.#isCut = false
  }

  /** The same for good: the next process goes on. */
  end(): void {
    this.#isEnding = true
    this.cut()
  }

  /** @throws {UploadCutError} after `cut` */
  checkCut(): void {
    if (this.#isCut) throw new UploadCutError()
  }

  /** No session locks the file any more, if the server can be told so. @requires that nothing is being sent */
  async letGo(): Promise<void> {
    this.#inherit()
    // Nobody should wait for a server that is away.
    if (this.#environment.queue.outage.detail === undefined) await this.#cancelSession()
    const { session } = this.#content.uploads
    if (!session) return
    this.#environment.abandoned.add(session, this.#owner.label)
    this.#leave()
    // The next process ends it too, and does not go on with it.
    if (canGoOn(session)) await this.#content.uploads.noteSession(withoutTicket(session))
  }

  async send(path: RemotePath, previous: BaseEntity, source: Generation): Promise<RemoteEntry> {
    this.#inherit()
    if (this.#open?.changes !== source.changes) await this.#cancelSession()
    this.checkCut()
    this.#abort = new AbortController()
    this.#sentBytes = 0
    this.#sendingBytes = source.sizeBytes
    this.#isGivingWay = false
    this.#wasSession = this.#open !== undefined
    try {
      const entry = await this.#environment.queue.learnFrom(
        () => this.#request(path, previous, source),
        () => ({ sizeBytes: source.sizeBytes, isSession: this.#wasSession }),
      )
      await this.#arrived(path)
      this.#gaveWay = false
      return entry
    } catch (error) {
      if (!this.#isKept(error, source)) await this.#cancelSession()
      if (this.#isCut && this.#wasSession) throw new UploadCutError()
      this.#gaveWay = this.#isGivingWay
      if (this.#isGivingWay) throw new UploadCutError(this.#open !== undefined)
      throw error
    } finally {
      this.#sentBytes = 0
    }
  }

  #request(path: RemotePath, previous: BaseEntity, source: Generation): Promise<RemoteEntry> {
    return this.#environment.remote.upload(
      {
        path,
        previous,
        source,
        ...this.#owner.uploadFacts(),
        // One that could not be cancelled so far has pieces of another content.
        resume: this.#open?.changes === source.changes ? this.#open : undefined,
        keepsSession: () => this.#canBeKept(source),
        onProgress: (sentBytes) => this.#progressed(sentBytes),
        onAsked: (session) => this.#asked(session),
        onSessionOver: () => this.#over(),
        onSession: (session) => this.#begun(session, path, source),
        onChunk: (chunk) => this.#taken(chunk),
      },
      { signal: this.#abort.signal },
    )
  }

  /** What an earlier process did not bring to its end. */
  #inherit(): void {
    const found = this.#hasInherited ? undefined : this.#content.uploads.inherited
    this.#hasInherited = true
    if (found) this.#open ??= { ...found, chunks: [...found.chunks] }
  }

  #progressed(sentBytes: number): void {
    this.#sentBytes = sentBytes
    this.#environment.onProgress()
    for (const heard of this.#environment.onTaken) heard()
  }

  /** Should we not live to hear its id. What the side-car names in its place from now on must not be forgotten: it may be open. */
  async #asked(session: AskedSession): Promise<void> {
    const { uploads } = this.#content
    if (uploads.session) await this.#environment.abandoned.recorded(uploads.session, this.#owner.label)
    this.#leave()
    await uploads.noteSession(session)
  }

  async #begun(session: UploadSession, path: RemotePath, { changes, sizeBytes }: Generation): Promise<void> {
    // A film may take hours: others need not wait for its end.
    this.#environment.queue.outage.sessionOpened()
    this.#environment.quota.capacity.session(this.#content, sizeBytes)
    this.#wasSession = true
    this.#environment.abandoned.free(this.#environment.remote.facts.uriOf(path))
    if (this.#open?.session.id !== session.id) {
      this.#open = { session, chunks: [], changes }
      await this.#content.uploads.noteSession(session)
    }
    if (this.#isCut) {
      this.#abort.abort()
      throw new RemoteError('aborted', `${this.#owner.label}: the upload was interrupted here`)
    }
  }

  #taken(chunk: SentChunk): void {
    this.#open?.chunks.push(chunk)
    this.#content.uploads.noteChunk(chunk)
  }

  /** Nothing has changed since, something would have to be sent again, and no rename or removal waits for the lock. */
  #canBeKept(source: Generation): boolean {
    const { session, chunks } = this.#open ?? {}
    if (session?.ticket === undefined || !chunks?.length || source.changes !== this.#content.changes)
      return false
    return this.#isEnding || !this.#isCut
  }

  #isKept(error: unknown, source: Generation): boolean {
    const mayPass = this.#isEnding || (isRemoteError(error) && error.isTransient)
    return mayPass && this.#canBeKept(source)
  }

  /** The server has it, at `path`: no session has that. */
  async #arrived(path: RemotePath): Promise<void> {
    const { abandoned, remote } = this.#environment
    const uri = remote.facts.uriOf(path)
    abandoned.free(uri)
    if (this.#open || this.#content.uploads.session?.uri === uri) await this.#over()
  }

  /** Nothing is left of the session, nor of one that was asked for. */
  async #over(): Promise<void> {
    this.#leave()
    await this.#content.uploads.noteSession(undefined)
  }

  #leave(): void {
    this.#open = undefined
    this.#environment.quota.capacity.session(this.#content, undefined)
  }

  /** Takes the lock of a session away that is not going to be finished. Left for the next attempt when that fails. */
  async #cancelSession(): Promise<void> {
    if (!this.#open) return
    try {
      if (await this.#environment.remote.cancelUpload(this.#open.session)) await this.#over()
    } catch (error) {
      const { label } = this.#owner
      this.#environment.log.warn('an upload session could not be cancelled; it is tried again', {
        label,
        error,
      })
    }
  }
}
