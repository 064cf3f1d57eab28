/**
 * Upload sessions that this process opened and that are not known to have ended. A session left behind locks its file for a
 * day (api/01 §5), so one that is ours and that nobody works on is cancelled when it stands in the way.
 */
import { Code } from '../../api/codes.ts'
import { fileInfo } from '../../api/endpoints/files.ts'
import { cancelUploadSession } from '../../api/endpoints/uploads.ts'
import { isRefusal } from '../../api/errors.ts'
import type { WireFile } from '../../api/schema.ts'
import type { AskedSession, UploadSession } from '../types.ts'
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
  /** By address: sessions that were asked for, each with another content, and the answer with the id was lost. */
  readonly #lostOpenings = new Map<string, readonly LostOpening[]>()
  /** Addresses for which a session is just being asked for, and how many. */
  readonly #openings = new Map<string, number>()

  constructor(context: MountContext) {
    this.#context = context
  }

  /** While `open` runs, a session at `uri` may be one that is going to be worked on, under an id that is not known yet. */
  async opening<T>(uri: string, open: () => Promise<T>): Promise<T> {
    this.#openings.set(uri, (this.#openings.get(uri) ?? 0) + 1)
    try {
      return await open()
    } finally {
      const left = this.#openings.get(uri)! - 1
      if (left > 0) this.#openings.set(uri, left)
      else this.#openings.delete(uri)
    }
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

  openingLost(uri: string, lost: LostOpening): void {
    this.#lostOpenings.set(uri, [...this.#others(uri, lost), lost])
  }

  /** Cancels the session that holds `uri` if it is an abandoned one of ours. True when the way is free now. */
  async release(uri: string): Promise<boolean> {
    const file = await this.#marked(uri)
    const id = file?.metadata[UPLOAD_MARK]
    if (!file || id === undefined || this.#openings.has(uri) || !this.#isOurs(uri, file, id)) return false
    await this.cancel({ id, uri })
    this.#lostOpenings.delete(uri)
    return true
  }

  /** One that nobody goes on with. Until that has come to its end it is ended too when it stands in the way. False: it is being worked on. */
  async end({ id, uri }: Pick<UploadSession, 'id' | 'uri'>, signal?: AbortSignal): Promise<boolean> {
    if (this.#known.get(id)?.active) return false
    this.#known.set(id, { active: false })
    await this.cancel({ id, uri }, signal)
    return true
  }

  /** The same for one whose id nobody has heard. False: it is not there, and may still come. */
  async endAsked({ uri, sizeBytes, askedAtMs }: AskedSession): Promise<boolean> {
    const lost = { sizeBytes, startedAtMs: askedAtMs }
    this.openingLost(uri, lost)
    if (await this.release(uri)) return true
    const waitedMs = this.#context.client.serverClock.now() - askedAtMs
    if (this.#openings.has(uri) || waitedMs <= LATEST_START_MS) return false
    const others = this.#others(uri, lost)
    if (others.length > 0) this.#lostOpenings.set(uri, others)
    else this.#lostOpenings.delete(uri)
    return true
  }

  /** @requires that nobody works on it */
  async cancel(session: Pick<UploadSession, 'id' | 'uri'>, signal?: AbortSignal): Promise<void> {
    try {
      await cancelUploadSession(this.#context.client, session, { signal })
    } catch (error) {
      // Nothing left to cancel: the file is gone, or the session was another user's all along.
      if (!isRefusal(error, Code.pathNotFound, Code.notFound)) throw error
    }
    this.ended(session.id)
  }

  #others(uri: string, { sizeBytes, startedAtMs }: LostOpening): readonly LostOpening[] {
    const known = this.#lostOpenings.get(uri) ?? []
    return known.filter((one) => one.sizeBytes !== sizeBytes || one.startedAtMs !== startedAtMs)
  }

  #isOurs(uri: string, file: WireFile, id: string): boolean {
    const known = this.#known.get(id)
    if (known) return !known.active
    return (this.#lostOpenings.get(uri) ?? []).some((lost) => this.#isPlaceholderOf(lost, file))
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
