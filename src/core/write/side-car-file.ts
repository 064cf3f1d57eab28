import type { RangeSet } from '../../base/ranges.ts'
import type { AskedSession, SentChunk, UploadSession } from '../../remote/types.ts'
import type { LocalFile } from '../../base/file-layer.ts'
import type { Extents } from './extents.ts'
import { OpenFile } from './open-file.ts'
import {
  canGoOn,
  formatChange,
  formatHead,
  sideCarVersion,
  withoutTicket,
  type SideCar,
  type SideCarChange,
  type SideCarHead,
} from './side-car.ts'
import type { StagedPlace } from './staged-place.ts'
import type { Attempt } from './types.ts'

/** What a head says of the staged file itself. */
export interface SideCarContent extends Omit<
  SideCarHead,
  'version' | 'bootId' | 'isSynced' | 'extents' | 'session' | 'chunks' | 'attempts'
> {
  readonly extents: Extents
}

export interface SideCarFileParts {
  readonly place: StagedPlace
  /** The file that the side-car vouches for. */
  readonly data: OpenFile
  readonly content: () => SideCarContent
}

/** Changes in a side-car before a released file gets a short one again. */
const compactAfterChanges = 64
/** … and before one that is kept open does, at an fsync: a database makes several changes a transaction. */
const compactOpenAfterChanges = 4096
/** Of a record of a change of bytes, at most. */
const recordBytes = 128
/** The newest count: a file may change for days while nobody hears what becomes of its uploads. */
const attemptsKept = 64

/**
 * The side-car of one staged file on the local disk: what it says, and how much of that, and of the bytes that it speaks of, is
 * known to survive power loss.
 *
 * @requires the content's mutex for every method
 */
export class SideCarFile {
  readonly #place: StagedPlace
  readonly #data: OpenFile
  readonly #content: () => SideCarContent
  readonly #side: OpenFile
  /** After the head. */
  #changes = 0
  #session: UploadSession | AskedSession | undefined
  #chunks: readonly SentChunk[] = []
  /** Contents that were sent and not heard of. */
  attempts: readonly Attempt[] = []
  /** Somebody was promised that the staged file survives power loss. */
  #isSynced = false
  /** All of it is on the disk, and the side-car says so. */
  #isMarked = false
  /** Written bytes that the side-car vouches for; undefined: none, or it has taken its word back. */
  #certain: RangeSet | undefined
  /** The kernel may have dropped what it could not write, and would call a second try a success. */
  #syncError: unknown

  constructor({ place, data, content }: SideCarFileParts) {
    this.#place = place
    this.#data = data
    this.#content = content
    this.#side = new OpenFile(place.layer, `${place.folder}/${place.id}.side`, 'append')
  }

  /** It is there, with so many changes after its head. */
  found({ changes, isSynced, extents, session, chunks, attempts }: SideCar): void {
    this.#changes = changes
    this.#session = session
    this.#chunks = chunks
    this.attempts = attempts
    this.#isSynced = isSynced
    if (isSynced) this.#certain = extents.written.clone()
  }

  /** All of the content that survives power loss is what it is now. */
  get isMarked(): boolean {
    return this.#isMarked
  }

  /** It may be open at the server. */
  get session(): UploadSession | AskedSession | undefined {
    return this.#session
  }

  get isSynced(): boolean {
    return this.#isSynced
  }

  /** Bytes that the content does not need any more would not be needed after power loss either. */
  get isSettled(): boolean {
    return !this.#isSynced || this.#isMarked
  }

  get certain(): RangeSet | undefined {
    return this.#certain
  }

  /** Bytes changed in the data file. */
  touched(): void {
    this.#isMarked = false
  }

  /** A record that follows `moreBytes` more in the data file is not there without them, though nobody waits for that. */
  async isOrdered(data: LocalFile, moreBytes: number): Promise<boolean> {
    if (!data.isOrdered?.(moreBytes)) return false
    return this.#side.use(async (side) => side.isOrdered?.(recordBytes) === true)
  }

  async record(change: SideCarChange): Promise<void> {
    this.#isMarked &&= !concernsBytes(change)
    await this.#side.use((file) => file.append(Buffer.from(formatChange(change))))
    this.#changes += 1
  }

  /** The same, and it is on the disk. */
  async recordDurably(change: SideCarChange): Promise<void> {
    await this.record(change)
    await this.#side.use((file) => file.datasync())
  }

  /**
   * Before the first change in place of what was promised: after power loss it may be half of this and half of that, and the
   * record of it must not be what is missing.
   */
  async takeBack(change: SideCarChange): Promise<void> {
    await this.recordDurably(change)
    this.#certain = undefined
  }

  /**
   * An upload session is open at the server (undefined: none any more), or is asked for. Durable, as it locks the file there for a day,
   * from the moment on when the server is asked.
   */
  noteSession(session: UploadSession | AskedSession | undefined): Promise<void> {
    this.#session = session
    this.#chunks = []
    return session ? this.recordDurably({ s: session }) : this.record({ s: null })
  }

  /** A piece was taken. Not worth a record when nobody may go on with the session. */
  async noteChunk(chunk: SentChunk): Promise<void> {
    if (!canGoOn(this.#session)) return
    await this.record({ c: chunk })
    this.#chunks = [...this.#chunks, chunk]
  }

  /** Before the content becomes another one than the session was opened for: nobody may go on with it then. */
  async leaveSession(): Promise<void> {
    if (!canGoOn(this.#session)) return
    await this.noteSession(withoutTicket(this.#session))
  }

  /** The content that was sent is not there any more. Survives power loss before anything that follows does. */
  async noteAttempt(attempt: Attempt): Promise<void> {
    await this.record({ a: attempt })
    this.attempts = [...this.attempts, attempt].slice(-attemptsKept)
  }

  /** Everything on record so far survives power loss, and so do the bytes. Costs nothing when they do already. */
  async sync(): Promise<void> {
    if (this.#isMarked) return undefined
    if (this.#isSynced && this.#changes > compactOpenAfterChanges) return this.writeHead()
    await this.#settleData()
    await this.record({ m: this.#changes })
    const names = this.#isSynced ? undefined : this.#place.names.run()
    await Promise.all([this.#side.use((file) => file.datasync()), names])
    this.#marked()
    return undefined
  }

  /** Replaces all that is on record. */
  async writeHead(content: Partial<SideCarContent> = {}): Promise<void> {
    // What once survived power loss must not be replaced by something that does not.
    if (this.#isSynced && !this.#isMarked) await this.#settleData()
    const { extents, ...more } = { ...this.#content(), ...content }
    const head = {
      version: sideCarVersion,
      bootId: this.#place.bootId,
      isSynced: this.#isSynced,
      ...more,
      extents: extents.toRecord(),
      session: this.#session,
      ...(this.#chunks.length > 0 && { chunks: this.#chunks }),
      ...(this.attempts.length > 0 && { attempts: this.attempts }),
    }
    await this.#place.layer.replace(this.#side.path, formatHead(head), this.#isSynced)
    await this.#side.reopen()
    this.#changes = 0
    if (this.#isSynced) this.#marked()
  }

  retain(): void {
    this.#side.retain()
  }

  async release(): Promise<void> {
    if (this.#changes > compactAfterChanges) await this.writeHead()
    await this.#side.release()
  }

  /** Closes it for good. */
  async remove(isRetained: boolean): Promise<void> {
    if (isRetained) await this.#side.release()
    await this.#place.layer.remove(this.#side.path)
  }

  /** No record that follows is there after power loss without the bytes. */
  async #settleData(): Promise<void> {
    const isOrdered = await this.#data.use(async (data) => this.isOrdered(data, 0))
    if (!isOrdered) await this.#syncData()
  }

  async #syncData(): Promise<void> {
    if (this.#syncError !== undefined) throw this.#syncError
    try {
      await this.#data.use((file) => file.datasync())
    } catch (error) {
      this.#syncError = error
      throw error
    }
  }

  #marked(): void {
    this.#isSynced = true
    this.#isMarked = true
    this.#certain = this.#content().extents.written.clone()
  }
}

/** Bytes have to get to the disk for it. */
function concernsBytes(change: SideCarChange): boolean {
  return !('s' in change || 'c' in change || 'a' in change || 'h' in change)
}
