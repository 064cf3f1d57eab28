/**
 * A content in chunks, with its time and metadata.
 *
 *   open ──► sending ──► confirm ──► done
 *     ▲         │           │
 *     ├─────────┴─ cancel ◄─┤        lost lock, lost session, stuck completion: start over
 *     └──────── resume ◄────┘        trouble that may pass, in this try or a later one
 *
 * Every way out that is not `done` cancels the session, unless the caller keeps it.
 */
import { delay } from '../../base/clock.ts'
import { messageOf } from '../../base/error-message.ts'
import { Code } from '../../api/codes.ts'
import { createFile } from '../../api/endpoints/files.ts'
import { isApiError, isRefusal } from '../../api/errors.ts'
import type { WireFile, WireUploadSession } from '../../api/schema.ts'
import { withoutPassword } from '../../api/uri.ts'
import type { StorageClient } from '../../transfer/storage-client.ts'
import { isStorageError } from '../../transfer/storage-error.ts'
import { isLoneLock } from '../../transfer/upload/lone-lock.ts'
import { canSend, sendContent } from '../../transfer/upload/send-content.ts'
import { isRemoteError, RemoteError } from '../errors.ts'
import type { EntityId, RemoteEntry, SentChunk, UploadRequest } from '../types.ts'
import { uriOf, type MountContext } from './context.ts'
import { toEntry, UPLOAD_MARK } from './map-entry.ts'
import { isAllSent, openAgain, recordOf, type OpenSession } from './open-session.ts'
import type { OwnContent } from './own-content.ts'
import { entityAhead, isNextAfter } from './own-entity.ts'
import type { OwnSessions } from './own-sessions.ts'
import { presentFile } from './present-file.ts'
import { SessionOpening } from './session-opening.ts'
import { unknownOutcome } from './upload-put.ts'

/** The storage takes a content of this size in a way of its own that is not known here: the caller has other ways. */
export class SessionUnsuited extends Error {
  override readonly name = 'SessionUnsuited'
  readonly policyName: string
  readonly policyType: string

  constructor(policyName: string, policyType: string) {
    super(`the storage policy ${policyName} takes uploads in a way of its own`)
    this.policyName = policyName
    this.policyType = policyType
  }
}

const TRIES = 3
/** Completion may still be at work when its answer was lost. */
const LOOKS = 8
/** This storage may tell the server after it has answered (api/04 §6.5). */
const LOOKS_AFTER_NOTICE = 40
const LOOK_WAIT_MS = 250
/** Clocks of `Date` headers have whole seconds. */
const CLOCK_TOLERANCE_MS = 3000

/** What the server says about a session whose chunks were sent. */
type Confirmation =
  { readonly kind: 'done'; readonly entry: RemoteEntry } | { readonly kind: 'waiting' | 'undone' | 'foreign' }

/** How the sending of a session's chunks ended. */
interface SentAll {
  /** Each was taken, and said so: the server has completed the upload, or says that it is still open. */
  readonly isAnswered: boolean
  /** What the session makes, where that was told ahead. */
  readonly made: EntityId | undefined
  readonly signal: AbortSignal | undefined
}

/** What is at the path of a request. */
interface Found {
  readonly entry: RemoteEntry
  /** With its versions. */
  readonly file: WireFile
}

/** What an attempt came to. Neither: nothing is left of it, so start over. */
interface Result {
  readonly entry?: RemoteEntry
  /** An answer was lost, and there is more to be sent. */
  readonly unfinished?: OpenSession
}

export interface SessionUploaderParts {
  readonly sessions: OwnSessions
  readonly own: OwnContent
  readonly storage: StorageClient
}

export class SessionUploader {
  readonly #context: MountContext
  readonly #sessions: OwnSessions
  readonly #own: OwnContent
  readonly #storage: StorageClient
  readonly #opening: SessionOpening

  constructor(context: MountContext, { sessions, own, storage }: SessionUploaderParts) {
    this.#context = context
    this.#sessions = sessions
    this.#own = own
    this.#storage = storage
    this.#opening = new SessionOpening(context)
  }

  /** @throws {SessionUnsuited} when nothing is known of the storage policy's own way; nothing is left behind then */
  async upload(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    let session = await this.#resumed(request)
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      try {
        session ??= await this.#open(request)
        const result = session && (await this.#attempt(session, request, signal))
        if (result?.entry) return result.entry
        session = result?.unfinished
      } catch (error) {
        session = undefined
        // What has expired is not what a new session gets.
        if (!isStorageError(error, 'expired') || attempt === TRIES) throw error
      }
      this.#context.log.debug('an upload starts over', { path: nameOf(request), attempt })
    }
    throw new RemoteError(
      'server',
      `${nameOf(request)}: the server did not complete the upload in ${TRIES} attempts`,
    )
  }

  async #attempt(session: OpenSession, request: UploadRequest, signal?: AbortSignal): Promise<Result> {
    this.#sessions.opened(session.wire.session_id, uriOf(this.#context, request.path))
    try {
      return await this.#run(session, request, signal)
    } finally {
      this.#sessions.letGo(session.wire.session_id)
    }
  }

  /**
   * The session of an earlier try, if the file still waits for it. One that is complete is not looked for: whoever asks for another
   * session then hears that the content has changed, and compares.
   */
  async #resumed(request: UploadRequest): Promise<OpenSession | undefined> {
    const { resume, source, path } = request
    if (!resume) return undefined
    const { client } = this.#context
    const requestUri = uriOf(this.#context, path)
    const wanted = { requestUri, sizeBytes: source.sizeBytes, nowMs: client.serverClock.now() }
    const session = openAgain(resume.session, resume.chunks, wanted)
    const { entry } = (session && (await this.#find(request))) ?? {}
    if (session && entry?.uploadSessionId === session.wire.session_id) return session
    await this.#sessions.cancel(resume.session)
    await request.onSessionOver?.()
    return undefined
  }

  /** Not given up half-way: a session whose id is not known could not be cancelled. */
  async #open(request: UploadRequest): Promise<OpenSession | undefined> {
    const { client } = this.#context
    const uri = uriOf(this.#context, request.path)
    const openedAtMs = client.serverClock.now()
    const { sizeBytes } = request.source
    await request.onAsked?.({ uri: withoutPassword(uri), sizeBytes, askedAtMs: openedAtMs })
    try {
      const wire = await this.#sessions.opening(uri, async () => {
        const opened = await this.#opening.open(request)
        this.#sessions.opened(opened.session_id, uri)
        return opened
      })
      return { wire, openedAtMs, sizeBytes, done: [] }
    } catch (error) {
      if (isUnopened(error)) await request.onSessionOver?.()
      if (isUnopened(error) || !isUnanswered(error)) throw error
      this.#sessions.openingLost(uri, { sizeBytes, startedAtMs: openedAtMs })
      if (await this.#sessions.release(uri)) await request.onSessionOver?.()
      return undefined
    }
  }

  async #run(session: OpenSession, request: UploadRequest, signal?: AbortSignal): Promise<Result> {
    const { wire } = session
    const hadAll = isAllSent(session)
    const made = await this.#entityAhead(session, request)
    let trouble: unknown
    try {
      await this.#sendRest(session, request, signal)
    } catch (error) {
      trouble = error
      if (!this.#isUnclear(error)) {
        if (mayPass(error, signal) && request.keepsSession?.()) throw error
        await this.#cancelAfter(session, request, error)
        const sent = { isAnswered: false, made, signal }
        const entry = isStorageError(error, 'failed') ? await this.#doneMeanwhile(request, sent) : undefined
        if (entry) return { entry }
        throw error
      }
    }
    const isAnswered = trouble === undefined && !hadAll
    const confirmation = await this.#confirm(session, request, { isAnswered, made, signal })
    if (confirmation.kind === 'done') {
      this.#sessions.ended(wire.session_id)
      return { entry: confirmation.entry }
    }
    if (confirmation.kind === 'waiting') {
      if (signal?.aborted && request.keepsSession?.()) throw signal.reason
      if (!signal?.aborted && isUnanswered(trouble) && !isAllSent(session)) return { unfinished: session }
    }
    await this.#cancel(session, request)
    signal?.throwIfAborted()
    if (confirmation.kind !== 'foreign') return {}
    throw new RemoteError('stale', `${nameOf(request)} was changed by somebody else meanwhile`)
  }

  async #sendRest(session: OpenSession, request: UploadRequest, signal?: AbortSignal): Promise<void> {
    const { client } = this.#context
    const { wire, done } = session
    const { source, path, onProgress } = request
    requireSuited(wire, source.sizeBytes)
    await request.onSession?.(recordOf(session, uriOf(this.#context, path)))
    const onChunkDone = (chunk: SentChunk) => {
      done.push(chunk)
      request.onChunk?.(chunk)
    }
    const upload = { client, storage: this.#storage, session: wire, source, done: [...done] }
    await sendContent({ ...upload, onChunkDone, onProgress, signal })
  }

  /** The session may be complete, gone, or stuck: only a look at the file tells (api/00-live-files §2). */
  #isUnclear(error: unknown): boolean {
    if (isApiError(error, 'lost')) return true
    if (isApiError(error, 'gateway')) return (error.status ?? 0) >= 500
    return isRefusal(error, Code.uploadSessionGone, Code.callbackFailed) || isLoneLock(error)
  }

  async #confirm(session: OpenSession, request: UploadRequest, sent: SentAll): Promise<Confirmation> {
    try {
      return await this.#confirmUntilSettled(session, request, sent)
    } catch (error) {
      if (isApiError(error, 'unsent', 'lost', 'busy', 'gateway')) throw unknownOutcome(request, error)
      throw error
    }
  }

  async #confirmUntilSettled(
    { wire }: OpenSession,
    request: UploadRequest,
    sent: SentAll,
  ): Promise<Confirmation> {
    const looks = wire.storage_policy?.type === 'upyun' ? LOOKS_AFTER_NOTICE : LOOKS
    for (let look = 1; look <= looks; look += 1) {
      if (sent.signal?.aborted) break
      const found = await this.#find(request)
      if (!found) return { kind: 'undone' }
      if (found.entry.uploadSessionId !== wire.session_id) return this.#judge(found, request, sent)
      await delay(this.#context.clock, LOOK_WAIT_MS)
    }
    return { kind: 'waiting' }
  }

  /** A storage without an answer may have told the server all the same: then cancelling undid nothing. */
  async #doneMeanwhile(request: UploadRequest, sent: SentAll): Promise<RemoteEntry | undefined> {
    try {
      const found = await this.#find(request)
      if (!found || found.entry.uploadSessionId !== undefined) return undefined
      const { kind } = await this.#judge(found, request, sent)
      return kind === 'done' ? found.entry : undefined
    } catch (error) {
      this.#context.log.warn('what became of an upload that was given up is not known', {
        path: nameOf(request),
        reason: messageOf(error),
      })
      return undefined
    }
  }

  /**
   * The mark is gone. Either the upload is complete, or the server has forgotten it; and in both cases somebody else may have put
   * something there since, of the same size too.
   */
  async #judge({ entry, file }: Found, request: UploadRequest, sent: SentAll): Promise<Confirmation> {
    const { previous, source } = request
    const before = previous === 'absent' ? undefined : previous
    if (entry.entity === before) return { kind: 'undone' }
    if (entry.sizeBytes !== source.sizeBytes) return { kind: 'foreign' }
    const isKnown =
      sent.made === undefined ? sent.isAnswered && isNextAfter(previous, file) : entry.entity === sent.made
    const isOurs = isKnown || (await this.#own.isIn(entry, request, sent.signal))
    return isOurs ? { kind: 'done', entry } : { kind: 'foreign' }
  }

  /** Without it bytes decide. */
  async #entityAhead({ wire }: OpenSession, request: UploadRequest): Promise<EntityId | undefined> {
    try {
      return await entityAhead(this.#context, request, wire.session_id)
    } catch (error) {
      const fields = { path: nameOf(request), reason: messageOf(error) }
      this.#context.log.debug('what an upload is going to make was not told', fields)
      return undefined
    }
  }

  async #find({ path }: UploadRequest): Promise<Found | undefined> {
    const file = await presentFile(this.#context, path, { extended: true })
    return file && { entry: toEntry(file, this.#context.noContent), file }
  }

  /** The failure that led here counts for more than one of the cancelling. */
  async #cancelAfter(session: OpenSession, request: UploadRequest, cause: unknown): Promise<void> {
    try {
      await this.#cancel(session, request)
    } catch (error) {
      this.#context.log.warn(
        'an upload session could not be cancelled; it is tried again with the next upload',
        {
          uri: withoutPassword(session.wire.uri),
          reason: messageOf(error),
          after: messageOf(cause),
        },
      )
    }
  }

  async #cancel({ wire, openedAtMs }: OpenSession, request: UploadRequest): Promise<void> {
    const emptyFile = await this.#olderEmptyFile(request, openedAtMs)
    await this.#sessions.cancel({ id: wire.session_id, uri: wire.uri })
    await request.onSessionOver?.()
    if (emptyFile) await this.#recreate(emptyFile, request)
  }

  /** Cancelling takes a file away that was there, empty, before the upload began (api/04 §9). */
  async #olderEmptyFile(request: UploadRequest, openedAtMs: number): Promise<RemoteEntry | undefined> {
    if (request.previous !== 'absent') return undefined
    const { entry } = (await this.#find(request)) ?? {}
    if (!entry || entry.entity !== undefined) return undefined
    const isOlder = request.onRemade !== undefined || entry.createdAtMs < openedAtMs - CLOCK_TOLERANCE_MS
    return isOlder ? entry : undefined
  }

  async #recreate({ metadata }: RemoteEntry, request: UploadRequest): Promise<void> {
    const { client, noContent } = this.#context
    const { path, onRemade } = request
    const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== UPLOAD_MARK))
    try {
      const file = await createFile(client, uriOf(this.#context, path), { type: 'file', metadata: kept })
      onRemade?.({ ...toEntry(file, noContent), metadata: kept })
    } catch (error) {
      if (!isRefusal(error, Code.exists) && !isApiError(error, 'lost')) throw error
      // As good as ours, whoever has made it.
      const present = (await this.#find(request))?.entry
      if (!present && isApiError(error, 'lost')) throw error
      if (present?.kind === 'file' && present.entity === undefined && present.uploadSessionId === undefined)
        onRemade?.(present)
    }
  }
}

function requireSuited(session: WireUploadSession, sizeBytes: number): void {
  if (canSend(session, sizeBytes)) return
  throw new SessionUnsuited(session.storage_policy?.name ?? '', session.storage_policy?.type ?? '')
}

/** The same request may do later. */
function mayPass(error: unknown, signal: AbortSignal | undefined): boolean {
  if (signal?.aborted) return true
  return isApiError(error, 'unsent', 'busy', 'gateway') || isStorageError(error, 'unreachable', 'failed')
}

/** The server has said that it opened none, or was never asked. */
function isUnopened(error: unknown): boolean {
  if (isApiError(error, 'gateway')) return (error.status ?? 0) < 500
  return (
    isRemoteError(error) ||
    isApiError(error, 'refused', 'batch', 'unsent', 'busy', 'no-route', 'signed-out', 'closed')
  )
}

function isUnanswered(error: unknown): boolean {
  return isApiError(error, 'lost', 'gateway')
}

function nameOf({ path }: UploadRequest): string {
  return `/${path.join('/')}`
}
