import type { Mutex } from '../../base/mutex.ts'
import type { AskedSession, SentChunk, UploadSession } from '../../remote/types.ts'
import type { StagedFile } from './staged-file.ts'
import type { Attempt, BegunUpload } from './types.ts'

export interface UploadsOnRecordParts {
  readonly mutex: Mutex
  readonly staged: () => StagedFile | undefined
  /** Trouble with it is nobody's who waits for it. */
  readonly background: (work: () => Promise<void>) => Promise<void>
}

/** What the next process must know of the uploads of one content. */
export class UploadsOnRecord {
  readonly #parts: UploadsOnRecordParts

  constructor(parts: UploadsOnRecordParts) {
    this.#parts = parts
  }

  /** What an earlier process did not bring to its end. */
  get inherited(): BegunUpload | undefined {
    return this.#parts.staged()?.inherited
  }

  /** The session that its side-car names: it may be open. */
  get session(): UploadSession | AskedSession | undefined {
    return this.#parts.staged()?.session
  }

  /** The server may have something of it that nobody has heard of. */
  get isUncertain(): boolean {
    return this.#parts.staged()?.mayBeSent === true
  }

  /** Older contents that the server may have. */
  async attempts(): Promise<readonly Attempt[]> {
    const staged = this.#parts.staged()
    await staged?.attempts.settled()
    return staged?.attempts.known ?? []
  }

  /** All contents that the server may have, the present one included; a large one only as far as it is on record. */
  async maybeSent(): Promise<readonly Attempt[]> {
    await this.#parts.staged()?.attempts.settled()
    return this.#parts.mutex.run(async () => (await this.#parts.staged()?.maybeSent()) ?? [])
  }

  /** The server may have these of the file whose next version this content is, or is going to be. */
  async inherit(attempts: readonly Attempt[]): Promise<void> {
    if (attempts.length > 0)
      await this.#parts.background(async () => this.#parts.staged()?.attempts.inherit(attempts))
  }

  noteSession(session: UploadSession | AskedSession | undefined): Promise<void> {
    return this.#parts.mutex.run(() => this.#parts.staged()?.noteSession(session))
  }

  noteChunk(chunk: SentChunk): void {
    void this.#parts.background(async () => this.#parts.staged()?.noteChunk(chunk))
  }
}
