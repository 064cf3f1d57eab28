/**
 * Upload sessions that this process opened and that are not known to have ended. A session left behind locks its file for a
 * day (api/01 §5), so one that is ours and that nobody works on is cancelled when it stands in the way.
 */
import { Code } from '../../api/codes.ts'
import { fileInfo } from '../../api/endpoints/files.ts'
import { cancelUploadSession } from '../../api/endpoints/uploads.ts'
import { isRefusal } from '../../api/errors.ts'
import type { WireFile } from '../../api/schema.ts'
import { UPLOAD_MARK } from './map-entry.ts'
import type { MountContext } from './context.ts'

/** Clocks of `Date` headers have whole seconds. */
const CLOCK_TOLERANCE_MS = 3000

/** A request that was let go may still be worked on for so long. */
const LATEST_START_MS = 300_000

interface LostOpening {
  readonly sizeBytes: number
  /** By the server's clock. */
  readonly startedAtMs: number
}

export class OwnSessions {
  readonly #context: MountContext
  /** Session id → somebody is working on it right now. */
  readonly #known = new Map<string, { active: boolean }>()
  /** By address: a session was asked for, and the answer with its id was lost. */
  readonly #lostOpenings = new Map<string, LostOpening>()

  constructor(context: MountContext) {
    this.#context = context
  }

  /** A session that could be opened proves that no lost one holds the path. */
  opened(id: string, uri: string): void {
    this.#known.set(id, { active: true })
    this.#lostOpenings.delete(uri)
  }

  /** Nobody works on it any more; if it did not end, it may still exist at the server. */
  letGo(id: string): void {
    if (this.#known.has(id)) this.#known.set(id, { active: false })
  }

  ended(id: string): void {
    this.#known.delete(id)
  }

  openingLost(uri: string, sizeBytes: number, startedAtMs: number): void {
    this.#lostOpenings.set(uri, { sizeBytes, startedAtMs })
  }

  /** Cancels the session that holds `uri` if it is an abandoned one of ours. True when the way is free now. */
  async release(uri: string): Promise<boolean> {
    const file = await this.#marked(uri)
    const id = file?.metadata[UPLOAD_MARK]
    if (!file || id === undefined || !this.#isOurs(uri, file, id)) return false
    await cancelUploadSession(this.#context.client, { id, uri })
    this.ended(id)
    this.#lostOpenings.delete(uri)
    return true
  }

  #isOurs(uri: string, file: WireFile, id: string): boolean {
    const known = this.#known.get(id)
    if (known) return !known.active
    const lost = this.#lostOpenings.get(uri)
    return lost !== undefined && this.#isPlaceholderOf(lost, file)
  }

  /** The id is not known, but the content that is on its way has our size, our name on it, and began when we asked. */
  #isPlaceholderOf({ sizeBytes, startedAtMs }: LostOpening, file: WireFile): boolean {
    const newest = file.extended_info?.entities.find(({ type }) => type === 0)
    if (!newest || newest.id === file.primary_entity) return false
    const isOurSize = newest.size === sizeBytes
    const waitedMs = newest.created_at - startedAtMs
    const isOurTime = waitedMs >= -CLOCK_TOLERANCE_MS && waitedMs <= LATEST_START_MS
    return isOurSize && isOurTime && newest.created_by?.id === this.#context.userId
  }

  async #marked(uri: string): Promise<WireFile | undefined> {
    try {
      return await fileInfo(this.#context.client, { uri }, { extended: true })
    } catch (error) {
      if (isRefusal(error, Code.pathNotFound)) return undefined
      throw error
    }
  }
}
