/**
 * One ranged GET of a content. A stream is cut only after its first byte (api/00-live-files §1); before that the waiting
 * ends and the request ends by itself.
 */
import { Agent as HttpAgent, type IncomingHttpHeaders } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { got } from 'got'
import { BandwidthLimit } from '../base/bandwidth-limit.ts'
import { abortReason, type Clock } from '../base/clock.ts'
import type { ByteRange } from '../base/ranges.ts'
import { USER_AGENT } from '../api/http.ts'

export interface RangeTarget {
  /** Receives the bytes; as long as the range. */
  readonly buffer: Uint8Array
  /** Bytes at the start of `buffer` that are there already. */
  readonly filled: number
}

/** How a GET ended when it did not deliver the whole range. */
export type StreamEnd =
  | { readonly kind: 'complete' }
  /** The stream broke or stalled after some bytes, or before. */
  | { readonly kind: 'broken'; readonly reason: string; readonly connected: boolean }
  /** Not the bytes: a status, and the beginning of a body that says why. */
  | { readonly kind: 'refused'; readonly status: number; readonly body: string }
  /** 206 with other bytes than those asked for, or of another content. */
  | { readonly kind: 'wrong-content'; readonly reason: string }

export interface StreamedRange {
  readonly end: StreamEnd
  /** Bytes of the buffer that are there now. */
  readonly filled: number
  readonly etag: string | undefined
}

export interface RangeRequest {
  readonly url: string
  /** Bytes of the content that `buffer` stands for. */
  readonly range: ByteRange
  /** Bytes of the whole content. */
  readonly totalBytes: number
  /** Strong tag that the answer must carry; undefined = any. */
  readonly etag: string | undefined
  readonly into: RangeTarget
  /** Called when bytes have begun to come. */
  readonly onFlow?: () => void
  /** Called with each piece: so many bytes of the buffer are there now, from its start on. */
  readonly onFilled?: ((bytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ContentStreamsOptions {
  readonly clock: Clock
  /** Per phase of connecting. Default 10 s. */
  readonly connectTimeoutMs?: number
  /** A stream without a byte for so long is cut. Default 30 s. */
  readonly stallMs?: number
  /** Wait for the first byte. Default 60 s. */
  readonly firstByteMs?: number
  /** Of what is read; none if left out. */
  readonly limit?: BandwidthLimit
}

const IDLE_SOCKET_MS = 20_000
const ERROR_BODY_BYTES = 8192

export class ContentStreams {
  readonly #options: Required<ContentStreamsOptions>
  readonly #agents = {
    http: new HttpAgent({ keepAlive: true, timeout: IDLE_SOCKET_MS }),
    https: new HttpsAgent({ keepAlive: true, timeout: IDLE_SOCKET_MS }),
  }

  constructor(options: ContentStreamsOptions) {
    const limit = new BandwidthLimit(options.clock)
    this.#options = { connectTimeoutMs: 10_000, stallMs: 30_000, firstByteMs: 60_000, limit, ...options }
  }

  /**
   * Fills the buffer as far as the stream goes. Rejects only when `signal` was aborted.
   * @param hold called with a promise of the end of the request itself, which may come after this one
   */
  async read(request: RangeRequest, hold: (ended: Promise<unknown>) => void): Promise<StreamedRange> {
    const { range, into, url } = request
    const start = range.start + into.filled
    const phaseMs = this.#options.connectTimeoutMs
    const stream = got.stream(url, {
      // Nothing but the range: signed URLs of a storage refuse a second credential (api/01 §11).
      headers: {
        range: `bytes=${start}-${range.end - 1}`,
        'accept-encoding': 'identity',
        'user-agent': USER_AGENT,
      },
      agent: this.#agents,
      retry: { limit: 0 },
      throwHttpErrors: false,
      followRedirect: true,
      decompress: false,
      timeout: { lookup: phaseMs, connect: phaseMs, secureConnect: phaseMs },
    })
    const reader = new RangeReader(request, stream, this.#options)
    hold(reader.ended)
    return reader.result
  }

  close(): void {
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }
}

/** One stream on its way into one buffer. */
class RangeReader {
  readonly result: Promise<StreamedRange>
  readonly ended: Promise<unknown>
  readonly #request: RangeRequest
  readonly #stream: ReturnType<typeof got.stream>
  readonly #options: Required<ContentStreamsOptions>
  #resolve: (result: StreamedRange) => void = () => {}
  #reject: (reason: unknown) => void = () => {}
  #timer: { readonly cancel: () => void; readonly dueAtMs: number } | undefined
  /** Without a sign of life until then, by the monotonic clock, the stream is cut. */
  #deadlineAtMs = 0
  #cancelPass = () => {}
  #filled: number
  #end: StreamEnd | undefined
  #errorBody: { status: number; text: string } | undefined
  #etag: string | undefined
  #connected = false
  #flowing = false
  /** Nobody waits any more: cut at the first byte. */
  #abandoned = false

  constructor(
    request: RangeRequest,
    stream: ReturnType<typeof got.stream>,
    options: Required<ContentStreamsOptions>,
  ) {
    this.#request = request
    this.#stream = stream
    this.#options = options
    this.#filled = request.into.filled
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.ended = new Promise((resolve) => {
      for (const event of ['end', 'error', 'close']) stream.once(event, resolve)
    })
    this.#listen()
  }

  #listen(): void {
    const { signal } = this.#request
    this.#arm(this.#options.firstByteMs)
    this.#stream.once('response', (response: { statusCode: number; headers: IncomingHttpHeaders }) =>
      this.#onResponse(response.statusCode, response.headers),
    )
    this.#stream.on('data', (piece: Buffer) => this.#onData(piece))
    this.#stream.once('end', () => this.#finish(this.#end ?? this.#endOfStream()))
    this.#stream.on('error', (error: Error & { code?: string }) =>
      this.#finish({ kind: 'broken', reason: error.code ?? 'the stream broke', connected: this.#connected }),
    )
    this.#stream.once('close', () =>
      this.#finish({ kind: 'broken', reason: 'the stream ended early', connected: this.#connected }),
    )
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  readonly #onAbort = () => {
    this.#abandoned = true
    this.#disarm()
    this.#cancelPass()
    this.#reject(abortReason(this.#request.signal))
    if (this.#flowing) this.#stream.destroy()
  }

  #onResponse(status: number, headers: IncomingHttpHeaders): void {
    this.#connected = true
    this.#etag = headers.etag
    if (status !== 206) {
      this.#errorBody = { status, text: '' }
      return
    }
    const reason = this.#wrongContent(headers)
    if (reason !== undefined) this.#end = { kind: 'wrong-content', reason }
  }

  #wrongContent(headers: IncomingHttpHeaders): string | undefined {
    const { range, totalBytes, etag, into } = this.#request
    const expected = `bytes ${range.start + into.filled}-${range.end - 1}/${totalBytes}`
    const got = headers['content-range']
    if (got !== expected) return `the range ${got ?? '(none)'} came instead of ${expected}`
    if (etag !== undefined && headers.etag !== etag) return 'another content came'
    return undefined
  }

  #onData(piece: Buffer): void {
    if (!this.#flowing) this.#request.onFlow?.()
    this.#flowing = true
    if (this.#abandoned) {
      this.#stream.destroy()
      return
    }
    this.#arm(this.#options.stallMs)
    if (this.#errorBody) {
      this.#errorBody.text += piece.toString('utf8')
      if (this.#errorBody.text.length > ERROR_BODY_BYTES) this.#finish(this.#endOfStream())
      return
    }
    if (this.#end) {
      this.#finish(this.#end)
      return
    }
    const room = this.#request.into.buffer.length - this.#filled
    this.#request.into.buffer.set(piece.subarray(0, room), this.#filled)
    this.#filled += Math.min(piece.length, room)
    if (piece.length > room) {
      this.#finish({ kind: 'wrong-content', reason: 'more bytes came than asked for' })
      return
    }
    this.#request.onFilled?.(this.#filled)
    this.#pay(piece.length)
  }

  /** What came is paid for afterwards: meanwhile the server is held back by what stays unread. That is no stall. */
  #pay(bytes: number): void {
    let isPaid = false
    const cancel = this.#options.limit.pass(bytes, () => {
      isPaid = true
      if (!this.#stream.isPaused()) return
      this.#arm(this.#options.stallMs)
      this.#stream.resume()
    })
    if (isPaid) return
    this.#cancelPass = cancel
    this.#disarm()
    this.#stream.pause()
  }

  #endOfStream(): StreamEnd {
    if (this.#errorBody)
      return { kind: 'refused', status: this.#errorBody.status, body: this.#errorBody.text }
    if (this.#filled === this.#request.into.buffer.length) return { kind: 'complete' }
    return { kind: 'broken', reason: 'the stream ended early', connected: true }
  }

  /** With each sign of life. A timer that runs out too early is set anew then: to do that for each piece costs more than the piece. */
  #arm(delayMs: number): void {
    this.#deadlineAtMs = this.#options.clock.monotonic() + delayMs
    if (this.#timer && this.#timer.dueAtMs <= this.#deadlineAtMs) return
    this.#disarm()
    this.#setTimer(delayMs)
  }

  #setTimer(delayMs: number): void {
    const { clock } = this.#options
    const cancel = clock.after(delayMs, () => {
      this.#timer = undefined
      const leftMs = this.#deadlineAtMs - clock.monotonic()
      if (leftMs > 0) this.#setTimer(leftMs)
      else this.#finish({ kind: 'broken', reason: 'the stream stalled', connected: this.#connected })
    })
    this.#timer = { cancel, dueAtMs: clock.monotonic() + delayMs }
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #finish(end: StreamEnd): void {
    this.#disarm()
    this.#cancelPass()
    this.#request.signal?.removeEventListener('abort', this.#onAbort)
    this.#resolve({ end, filled: this.#filled, etag: this.#etag })
    if (end.kind === 'complete') return
    // Cut when bytes came already; a request still waiting for its first byte ends by itself.
    if (this.#flowing) this.#stream.destroy()
    else this.#abandoned = true
  }
}
