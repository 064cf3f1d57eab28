/** Chooses the cheapest call that can carry an upload (api/04 §1). */
import { createFile, fileInfo, patchMetadata } from '../../api/endpoints/files.ts'
import { Code } from '../../api/codes.ts'
import { isApiError, isRefusal } from '../../api/errors.ts'
import type { Downloader } from '../../transfer/download.ts'
import type { StorageClient } from '../../transfer/storage-client.ts'
import { isRemoteError, RemoteError } from '../errors.ts'
import type { EndableSession } from '../remote.ts'
import type { RemoteEntry, UploadRequest } from '../types.ts'
import { uriOf, type MountContext } from './context.ts'
import { toEntry } from './map-entry.ts'
import { OwnContent } from './own-content.ts'
import { OwnSessions } from './own-sessions.ts'
import { ContentPutter } from './upload-put.ts'
import { SessionUnsuited, SessionUploader } from './upload-session.ts'

/** Up to here one request is cheaper than a session with chunks that can be sent again one by one. */
const PUT_LIMIT_BYTES = 4 * 1024 * 1024
/** The server's own limit for one request, unless its operator set another (api/01 §16). */
const SERVER_PUT_LIMIT_BYTES = 50 * 1024 * 1024
const METADATA_KEYS = 256
const METADATA_VALUE_BYTES = 65_535
/** The end of the year 9999: later times make the server fail after the last chunk (api/00-live-files §2). */
const LATEST_TIME_MS = Date.UTC(9999, 11, 31)

export class Uploader {
  readonly #context: MountContext
  readonly #sessions: OwnSessions
  readonly #putter: ContentPutter
  readonly #sessionUploader: SessionUploader
  /** Learned from a session: what the storage of this drive takes in other ways only. */
  #unsuited: 'empty' | 'everything' | undefined
  /** Addresses of uploads that may have been done: another content there may be ours. */
  readonly #unresolved = new Set<string>()

  constructor(context: MountContext, downloader: Downloader, storage: StorageClient) {
    this.#context = context
    this.#sessions = new OwnSessions(context)
    const own = new OwnContent(context, downloader)
    this.#putter = new ContentPutter(context, own)
    this.#sessionUploader = new SessionUploader(context, { sessions: this.#sessions, own, storage })
  }

  async upload(asked: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    const request = { ...asked, modifiedAtMs: storableTime(asked.modifiedAtMs) }
    requireStorable(request)
    const uri = uriOf(this.#context, request.path)
    try {
      const entry = await this.#sendOnceFree(uri, request, signal)
      this.#unresolved.delete(uri)
      return entry
    } catch (error) {
      if (isRemoteError(error, 'unknown-outcome')) this.#unresolved.add(uri)
      const isStale = isRefusal(error, Code.stale) || isRemoteError(error, 'stale')
      const own =
        isStale && this.#unresolved.has(uri) ? await this.#putter.findOwn(request, signal) : undefined
      if (!own) throw error
      this.#unresolved.delete(uri)
      return own
    }
  }

  /** As `RemoteContent.cancelUpload`. */
  end(session: EndableSession, signal?: AbortSignal): Promise<boolean> {
    return 'id' in session ? this.#sessions.end(session, signal) : this.#sessions.endAsked(session)
  }

  async #sendOnceFree(uri: string, request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    try {
      return await this.#send(request, signal)
    } catch (error) {
      if (!isHeldByUpload(error)) throw error
      // An upload of ours that was cut off may be what is in the way.
      if (!(await this.#sessions.release(uri))) throw error
      return this.#send(request, signal)
    }
  }

  #send(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    const { source, previous, modifiedAtMs, metadata } = request
    const isEmpty = source.sizeBytes === 0
    if (isEmpty && previous === 'absent' && modifiedAtMs === undefined)
      return this.#createEmpty(request, signal)
    const isPlain = modifiedAtMs === undefined && !metadata
    if (isPlain && source.sizeBytes <= PUT_LIMIT_BYTES) return this.#putOrSession(request, signal)
    const fits = source.sizeBytes <= SERVER_PUT_LIMIT_BYTES
    const isUnsuited = this.#unsuited === 'everything' || (isEmpty && this.#unsuited === 'empty')
    if (isUnsuited && fits) return this.#putWhole(request, signal)
    return this.#bySession(request, signal)
  }

  /** An operator may have set a lower limit for one request than for a file. */
  async #putOrSession(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    try {
      return await this.#putter.put(request, signal)
    } catch (error) {
      if (!isRefusal(error, Code.tooLarge)) throw error
      return this.#bySession(request, signal)
    }
  }

  async #bySession(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    try {
      return await this.#sessionUploader.upload(request, signal)
    } catch (error) {
      if (!(error instanceof SessionUnsuited)) throw error
      this.#unsuited = request.source.sizeBytes === 0 ? (this.#unsuited ?? 'empty') : 'everything'
      if (request.source.sizeBytes <= SERVER_PUT_LIMIT_BYTES) return this.#putWhole(request, signal)
      throw new RemoteError(
        'unsupported',
        `${nameOf(request)} is larger than 50 MiB, and uploads of that size to the storage "${error.policyName}" (${error.policyType}) are not supported yet`,
        { cause: error },
      )
    }
  }

  /** One request for any storage; it cannot carry a time, and the metadata follows. */
  async #putWhole(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    const entry = await this.#putter.put(request, signal)
    return this.#withMetadata(entry, request, signal)
  }

  /** An empty file has no content at all, which works on every storage and costs no space. */
  async #createEmpty(request: UploadRequest, signal?: AbortSignal): Promise<RemoteEntry> {
    const { client, noContent } = this.#context
    const { path, metadata } = request
    const uri = uriOf(this.#context, path)
    try {
      const file = await createFile(client, uri, { type: 'file', metadata, signal })
      return { ...toEntry(file, noContent), metadata: metadata ?? {} }
    } catch (error) {
      // Somebody was faster, or our own attempt was: an empty file is as good as ours.
      if (!isRefusal(error, Code.exists) && !isApiError(error, 'lost')) throw error
      const entry = toEntry(await fileInfo(client, { uri }, { signal }), noContent)
      if (entry.kind === 'folder') throw error
      if (entry.uploadSessionId !== undefined)
        throw new RemoteError('locked', `${nameOf(request)}: another upload to it is running`, {
          holder: 'upload',
          cause: error,
        })
      if (entry.entity === undefined) return this.#withMetadata(entry, request, signal)
      throw new RemoteError('stale', `${nameOf(request)} was made by somebody else meanwhile`, {
        cause: error,
      })
    }
  }

  /** The content is stored: metadata that cannot be added is said in the log, and missing in the answer. */
  async #withMetadata(
    entry: RemoteEntry,
    request: UploadRequest,
    signal?: AbortSignal,
  ): Promise<RemoteEntry> {
    const { metadata, path } = request
    if (!metadata || Object.keys(metadata).length === 0) return entry
    const patches = Object.entries(metadata).map(([key, value]) => ({ key, value }))
    try {
      await patchMetadata(this.#context.client, [uriOf(this.#context, path)], { patches, signal })
      return { ...entry, metadata: { ...entry.metadata, ...metadata } }
    } catch (error) {
      if (!isApiError(error)) throw error
      this.#context.log.warn('a file was stored without its attributes', {
        uri: entry.uri,
        reason: error.message,
      })
      return entry
    }
  }
}

function isHeldByUpload(error: unknown): boolean {
  return (isRefusal(error, Code.locked) || isRemoteError(error, 'locked')) && error.holder === 'upload'
}

/** Times that the server cannot keep are left out: it would take the present for them, or fail. */
function storableTime(modifiedAtMs: number | undefined): number | undefined {
  if (modifiedAtMs === undefined || modifiedAtMs <= 0 || modifiedAtMs > LATEST_TIME_MS) return undefined
  return Math.floor(modifiedAtMs)
}

/** A session with metadata that cannot be stored is accepted, and fails for ever after its last chunk (api/00-live-files §2). */
function requireStorable(request: UploadRequest): void {
  const entries = Object.entries(request.metadata ?? {})
  const tooLong = entries.find(([, value]) => Buffer.byteLength(value) > METADATA_VALUE_BYTES)
  if (tooLong) {
    throw new RemoteError(
      'invalid',
      `${nameOf(request)}: the attribute ${tooLong[0]} is longer than 65,535 bytes`,
    )
  }
  if (entries.length > METADATA_KEYS) {
    throw new RemoteError('invalid', `${nameOf(request)}: more than ${METADATA_KEYS} attributes`)
  }
}

function nameOf({ path }: UploadRequest): string {
  return `/${path.join('/')}`
}
