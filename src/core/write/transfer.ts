import { RemoteError } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { WriteEnvironment } from './environment.ts'
import type { Generation } from './generation.ts'
import type { BaseEntity, ContentOwner, UploadSession } from './types.ts'
import type { Uploadable } from './uploadable.ts'

/** The upload was stopped by ourselves, for a rename or an unlink. */
export class UploadCutError extends Error {
  override readonly name = 'UploadCutError'

  constructor() {
    super('the upload was interrupted here')
  }
}

/**
 * Sends generations of one file, one at a time, and can be cut: a request that carries the whole file is waited for (cutting
 * short requests can wedge a server, api/00-live-files §1), an upload session ends between two chunks and is cancelled, as it
 * locks the file and its folders.
 */
export class Transfer {
  readonly #content: Uploadable
  readonly #owner: ContentOwner
  readonly #environment: WriteEnvironment
  #session: UploadSession | undefined
  #abort = new AbortController()
  #isCut = false
  #sentBytes = 0

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
    if (this.#session) this.#abort.abort()
  }

  mend(): void {
    this.#isCut = false
  }

  /** @throws {UploadCutError} after `cut` */
  checkCut(): void {
    if (this.#isCut) throw new UploadCutError()
  }

  /** The file goes no further: a session that could not be cancelled so far is somebody else's to cancel. */
  abandon(): void {
    if (!this.#session) return
    this.#environment.abandoned.add(this.#session, this.#owner.label)
    this.#environment.quota.session(this.#content, undefined)
    this.#session = undefined
  }

  async send(path: RemotePath, previous: BaseEntity, source: Generation): Promise<RemoteEntry> {
    await this.#cancelSession() // one that could not be cancelled before
    this.checkCut()
    this.#abort = new AbortController()
    this.#sentBytes = 0
    try {
      const entry = await this.#environment.queue.learnFrom(
        () => this.#request(path, previous, source),
        () => ({ sizeBytes: source.sizeBytes, isSession: this.#session !== undefined }),
      )
      await this.#ended()
      return entry
    } catch (error) {
      const wasSession = this.#session !== undefined
      await this.#cancelSession()
      if (this.#isCut && wasSession) throw new UploadCutError()
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
        onProgress: (sentBytes) => this.#progressed(sentBytes),
        onSession: (session) => this.#begun(session, source.sizeBytes),
      },
      { signal: this.#abort.signal },
    )
  }

  #progressed(sentBytes: number): void {
    this.#sentBytes = sentBytes
    this.#environment.onProgress()
    for (const heard of this.#environment.onTaken) heard()
  }

  async #begun(session: UploadSession, sizeBytes: number): Promise<void> {
    this.#session = session
    // A film may take hours: others need not wait for its end.
    this.#environment.queue.outage.sessionOpened()
    this.#environment.quota.session(this.#content, sizeBytes)
    await this.#content.noteSession(session)
    if (this.#isCut) {
      this.#abort.abort()
      throw new RemoteError('aborted', `${this.#owner.label}: the upload was interrupted here`)
    }
  }

  async #ended(): Promise<void> {
    if (!this.#session) return
    this.#session = undefined
    this.#environment.quota.session(this.#content, undefined)
    await this.#content.noteSession(undefined)
  }

  /** Takes the lock of a session away that is not going to be finished. Left for the next attempt when that fails. */
  async #cancelSession(): Promise<void> {
    if (!this.#session) return
    try {
      await this.#environment.remote.cancelUpload(this.#session)
    } catch (error) {
      const { label } = this.#owner
      this.#environment.log.warn('an upload session could not be cancelled; it is tried again', {
        label,
        error,
      })
      return
    }
    await this.#ended()
  }
}
