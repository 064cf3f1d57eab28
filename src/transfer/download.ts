/**
 * Exact byte ranges of contents. Cut streams go on at the next byte, expired URLs are renewed, and nothing is handed out that
 * is not of the wanted content (api/01 §12.3).
 */
import { backoffMs } from '../base/backoff.ts'
import { delay, waitUnlessAborted } from '../base/clock.ts'
import type { ByteRange } from '../base/ranges.ts'
import type { ApiClient } from '../api/client.ts'
import { Code } from '../api/codes.ts'
import { openEnvelope } from '../api/envelope.ts'
import { ApiError, isRefusal } from '../api/errors.ts'
import type { Lane } from '../api/lanes.ts'
import { ContentStreams, type StreamedRange, type StreamEnd } from './content-stream.ts'
import { UrlBroker, type ContentUrl } from './url-broker.ts'

export interface ContentSource {
  /** Present address of the file, asked for whenever a URL is needed. */
  readonly uri: () => string | undefined
  readonly entity: string
  /** Bytes of the whole content. */
  readonly sizeBytes: number
  /** For messages: address or path without secrets. */
  readonly subject: string
}

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined
  /** Nobody waits for the bytes yet. */
  readonly isAhead?: boolean | undefined
  /** Memory of the length of the range, for the bytes. */
  readonly into?: Uint8Array | undefined
  /** Of the bytes that are going to be answered so many have come, from the start on. */
  readonly onProgress?: ((bytes: Uint8Array, filledBytes: number) => void) | undefined
}

export interface DownloaderOptions {
  readonly client: ApiClient
  readonly streams?: ContentStreams
  readonly urls?: UrlBroker
}

/** Tries without a single new byte between them. */
const FRUITLESS_TRIES = 4
const WAIT = { firstMs: 100, maxMs: 2000 }
const ENDPOINT = 'GET /file/content'

export class Downloader {
  readonly #client: ApiClient
  readonly #streams: ContentStreams
  readonly #urls: UrlBroker
  /** First tag that a storage gave for an entity; the server's own route needs none of this. */
  readonly #foreignTags = new Map<string, string>()
  /** The host of signed URLs cannot be reached, but the server that we talk to serves the same path (api/01 §12.1). */
  #rewriteOrigin = false

  constructor({ client, streams, urls }: DownloaderOptions) {
    this.#client = client
    this.#streams = streams ?? new ContentStreams({ clock: client.clock })
    this.#urls = urls ?? new UrlBroker(client)
  }

  /** These are going to be read: their URLs are asked for together. @throws {ApiError} */
  prepare(sources: readonly Pick<ContentSource, 'uri' | 'entity'>[]): Promise<void> {
    const contents: { readonly uri: string; readonly entity: string }[] = []
    for (const { uri: present, entity } of sources) {
      const uri = present()
      if (uri !== undefined) contents.push({ uri, entity })
    }
    return this.#urls.prepare(contents)
  }

  /**
   * The bytes of `range`, which lies within the content.
   * @throws {ApiError}; the signal's reason when it was aborted
   */
  async read(
    source: ContentSource,
    range: ByteRange,
    { signal, isAhead = false, into, onProgress }: DownloadOptions = {},
  ): Promise<Uint8Array> {
    // Not cleared: nobody sees a byte of it before it has come.
    const buffer = into ?? new Uint8Array(Buffer.allocUnsafeSlow(range.end - range.start).buffer)
    const lane = isAhead ? this.#client.lanes.ahead : this.#client.lanes.downloads
    const reading = new Reading(source, { range, buffer, lane, onProgress })
    while (reading.filled < buffer.length) {
      const url = await this.#url(reading, signal)
      const before = reading.filled
      const result = await this.#stream(reading, url, signal)
      reading.filled = result.filled
      if (result.end.kind === 'complete') {
        this.#rememberTag(source.entity, url, result.etag)
        break
      }
      reading.fruitless = result.filled > before ? 0 : reading.fruitless + 1
      await this.#recover(reading, url, result.end)
      if (reading.fruitless > 0) {
        await delay(this.#client.clock, backoffMs(reading.fruitless - 1, WAIT), signal)
      }
    }
    return buffer
  }

  close(): void {
    this.#streams.close()
  }

  #stream(reading: Reading, url: ContentUrl, signal: AbortSignal | undefined): Promise<StreamedRange> {
    const { source, range, buffer, lane, filled, onProgress } = reading
    const queued = lane.add(async (served) => {
      signal?.throwIfAborted()
      const request = {
        url: this.#reachable(url),
        range,
        totalBytes: source.sizeBytes,
        etag: url.isMaster ? `"${source.entity}"` : this.#foreignTags.get(source.entity),
        into: { buffer, filled },
        onFlow: served,
        onFilled: onProgress && ((bytes: number) => onProgress(buffer, bytes)),
        signal,
      }
      return this.#streams.read(request, (ended) => void this.#client.track(ended))
    })
    return waitUnlessAborted(queued, signal)
  }

  async #url(reading: Reading, signal: AbortSignal | undefined): Promise<ContentUrl> {
    const { entity } = reading.source
    const cached = this.#urls.cached(entity)
    if (cached) return cached
    const uri = reading.source.uri()
    if (uri === undefined) throw refused(reading, Code.pathNotFound, 'the file is not there any more')
    // A URL that the server remembers may be the one that just failed.
    const fresh = reading.renewals > 0
    return waitUnlessAborted(this.#urls.urlFor(uri, entity, { fresh }), signal)
  }

  /** Prepares the next try, or throws what makes another try pointless. */
  async #recover(
    reading: Reading,
    url: ContentUrl,
    end: Exclude<StreamEnd, { kind: 'complete' }>,
  ): Promise<void> {
    if (end.kind === 'refused') return this.#recoverRefusal(reading, url, end)
    if (end.kind === 'wrong-content') {
      this.#urls.forget(reading.source.entity, url)
      if (reading.renewals++ === 0) return
      throw new ApiError('malformed', `${reading.source.subject}: ${end.reason}`, { endpoint: ENDPOINT })
    }
    if (!end.connected && this.#canRewrite(url)) {
      this.#rewriteOrigin = true
      this.#client.log.warn(
        'the addresses that the server gives for contents cannot be reached; using its own',
        {
          origin: this.#client.origin,
          hint: 'the site URL in the settings of the server is not the one that you use',
        },
      )
      return
    }
    if (reading.fruitless < FRUITLESS_TRIES) return
    const kind = end.connected ? 'lost' : 'unsent'
    throw new ApiError(kind, `${reading.source.subject}: reading failed (${end.reason})`, {
      endpoint: ENDPOINT,
    })
  }

  /** Errors of the server's own route are HTTP 200 with an envelope; those of a storage have a status. */
  #recoverRefusal(
    reading: Reading,
    url: ContentUrl,
    { status, body }: Extract<StreamEnd, { kind: 'refused' }>,
  ): void {
    this.#urls.forget(reading.source.entity, url)
    const error = this.#explain(reading, status, body)
    const renewable =
      isRefusal(error, Code.signatureExpired, Code.signatureInvalid, Code.forbidden, Code.entityGone) ||
      status === 401 ||
      status === 403 ||
      status === 404
    if (renewable && reading.renewals++ === 0) return
    const passing = status >= 500 || status === 429
    if (passing && reading.fruitless < FRUITLESS_TRIES) return
    throw error
  }

  #explain(reading: Reading, status: number, body: string): ApiError {
    const { subject } = reading.source
    const context = { endpoint: ENDPOINT, mutating: false, subject }
    if (status === 200 && body.trimStart().startsWith('{')) {
      try {
        openEnvelope({ status, headers: {}, text: body }, context)
      } catch (error) {
        if (error instanceof ApiError) return error
        throw error
      }
    }
    if (status === 404) return refused(reading, Code.entityGone, 'the storage does not have this content')
    const kind = status === 200 ? 'malformed' : 'gateway'
    return new ApiError(kind, `${subject}: HTTP ${status} instead of the content`, { ...context, status })
  }

  #rememberTag(entity: string, { isMaster }: ContentUrl, etag: string | undefined): void {
    if (isMaster || etag === undefined) return
    if (this.#foreignTags.size > 10_000) this.#foreignTags.clear()
    this.#foreignTags.set(entity, etag)
  }

  #canRewrite({ url, isMaster }: ContentUrl): boolean {
    return isMaster && !this.#rewriteOrigin && new URL(url).origin !== this.#client.origin
  }

  #reachable({ url, isMaster }: ContentUrl): string {
    return isMaster && this.#rewriteOrigin ? url.replace(/^https?:\/\/[^/]+/, this.#client.origin) : url
  }
}

/** State of one read over its tries. */
class Reading {
  readonly source: ContentSource
  readonly range: ByteRange
  readonly buffer: Uint8Array
  readonly lane: Lane
  readonly onProgress: DownloadOptions['onProgress']
  filled = 0
  fruitless = 0
  /** URLs that were thrown away. */
  renewals = 0

  constructor(
    source: ContentSource,
    { range, buffer, lane, onProgress }: Pick<Reading, 'range' | 'buffer' | 'lane' | 'onProgress'>,
  ) {
    this.source = source
    this.range = range
    this.buffer = buffer
    this.lane = lane
    this.onProgress = onProgress
  }
}

function refused({ source }: Reading, code: number, message: string): ApiError {
  return new ApiError('refused', `${source.subject}: ${message}`, { endpoint: ENDPOINT, code })
}
