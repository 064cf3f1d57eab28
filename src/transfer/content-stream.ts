/**
 * One ranged GET of a content. A stream is cut only after its first byte (api/00-live-files §1); before that the waiting
 * ends and the request ends by itself.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { BandwidthLimit } from '../base/bandwidth-limit.ts'
import { abortReason, type Clock } from '../base/clock.ts'
import type { ByteRange } from '../base/ranges.ts'
import { DirectConnections } from './direct-connections.ts'
import { RangedGet } from './ranged-get.ts'

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

const ERROR_BODY_BYTES = 8192
/** Read at once at most: whoever waits for the first of them gets them soon, and other connections have their turn. */
const PIECE_BYTES = 256 * 1024

export class ContentStreams {
  readonly #options: Required<ContentStreamsOptions>
  readonly #connections: DirectConnections

  constructor(options: ContentStreamsOptions) {
    const limit = new BandwidthLimit(options.clock)
    this.#options = { connectTimeoutMs: 10_000, stallMs: 30_000, firstByteMs: 60_000, limit, ...options }
    this.#connections = new DirectConnections(this.#options)
  }

  /**
   * Fills the buffer as far as the stream goes. Rejects only when `signal` was aborted.
   * @param hold called with a promise of the end of the request itself, which may come after this one
   */
  async read(request: RangeRequest, hold: (ended: Promise<unknown>) => void): Promise<StreamedRange> {
    const reader = new RangeReader(request, this.#connections, this.#options)
    hold(reader.ended)
    return reader.result
  }

  close(): void {
    this.#connections.close()
  }
}

/** One stream on its way into one buffer. */
class RangeReader {
  readonly result: Promise<StreamedRange>
  readonly ended: Promise<unknown>
  readonly #request: RangeRequest
  readonly #get: RangedGet
  readonly #options: Required<ContentStreamsOptions>
  #resolve: (result: StreamedRange) => void = () => {}
  #reject: (reason: unknown) => void = () => {}
  #timer: { readonly cancel: () => void; readonly dueAtMs: number } | undefined
  /** Without a sign of life until then, by the monotonic clock, the stream is cut. */
  #deadlineAtMs = 0
  #cancelPass = () => {}
  #filled: number
  #end: StreamEnd | undefined
  /** What came is not paid for yet. */
  #isOwing = false
  #hasEnded = false
  #errorBody: { status: number; text: string } | undefined
  #etag: string | undefined
  #connected = false
  #flowing = false
  /** Nobody waits any more: cut at the first byte. */
  #abandoned = false

  constructor(
    request: RangeRequest,
    connections: DirectConnections,
    options: Required<ContentStreamsOptions>,
  ) {
    this.#request = request
    this.#options = options
    this.#filled = request.into.filled
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { range, url, signal } = request
    this.#get = new RangedGet(url, this.#asked(range), {
      connections,
      pieceBytes: () => Math.min(options.limit.pieceBytes, PIECE_BYTES),
      onHead: (status, headers) => this.#onHead(status, headers),
      onPiece: (piece) => this.#onPiece(piece),
      onEnd: () => {
        this.#hasEnded = true
        if (!this.#isOwing) this.#finish(this.#endOfStream())
      },
      onError: ({ code }) =>
        this.#finish({ kind: 'broken', reason: code ?? 'the stream broke', connected: this.#connected }),
    })
    this.ended = this.#get.ended
    this.#arm(options.firstByteMs)
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  readonly #onAbort = () => {
    this.#abandoned = true
    this.#disarm()
    this.#cancelPass()
    this.#reject(abortReason(this.#request.signal))
    if (this.#flowing) this.#get.destroy()
  }

  /** Answers where the bytes go, if they are those that were asked for. */
  #onHead(status: number, headers: IncomingHttpHeaders): Uint8Array | undefined {
    this.#connected = true
    this.#etag = headers.etag
    if (status !== 206) {
      this.#errorBody = { status, text: '' }
      return undefined
    }
    const reason = this.#wrongContent(headers)
    if (reason === undefined) return this.#request.into.buffer.subarray(this.#filled)
    this.#end = { kind: 'wrong-content', reason }
    return undefined
  }

  #wrongContent(headers: IncomingHttpHeaders): string | undefined {
    const { range, totalBytes, etag } = this.#request
    const asked = this.#asked(range)
    const expected = `bytes ${asked.start}-${asked.end - 1}/${totalBytes}`
    const got = headers['content-range']
    if (got !== expected) return `the range ${got ?? '(none)'} came instead of ${expected}`
    if (etag !== undefined && headers.etag !== etag) return 'another content came'
    return undefined
  }

  /** What is missing of the range. */
  #asked({ start, end }: ByteRange): ByteRange {
    return { start: start + this.#request.into.filled, end }
  }

  #onPiece(piece: Buffer | number): void {
    if (!this.#flowing) this.#request.onFlow?.()
    this.#flowing = true
    if (this.#abandoned) return this.#get.destroy()
    this.#arm(this.#options.stallMs)
    if (typeof piece === 'number') return this.#count(piece)
    if (this.#errorBody) {
      this.#errorBody.text += piece.toString('utf8')
      if (this.#errorBody.text.length > ERROR_BODY_BYTES) this.#finish(this.#endOfStream())
      return undefined
    }
    if (this.#end) return this.#finish(this.#end)
    return this.#copy(piece)
  }

  #copy(piece: Buffer): void {
    const { buffer } = this.#request.into
    const fitting = piece.subarray(0, buffer.length - this.#filled)
    buffer.set(fitting, this.#filled)
    if (fitting.length < piece.length) {
      this.#filled += fitting.length
      return this.#finish({ kind: 'wrong-content', reason: 'more bytes came than asked for' })
    }
    return this.#count(piece.length)
  }

  #count(bytes: number): void {
    this.#filled += bytes
    this.#request.onFilled?.(this.#filled)
    this.#pay(bytes)
  }

  /** What came is paid for afterwards: meanwhile the server is held back by what stays unread. That is no stall. */
  #pay(bytes: number): void {
    let isLate = false
    this.#isOwing = true
    const cancel = this.#options.limit.pass(bytes, () => {
      this.#isOwing = false
      if (!isLate) return undefined
      if (this.#hasEnded) return this.#finish(this.#endOfStream())
      this.#arm(this.#options.stallMs)
      return this.#get.resume()
    })
    isLate = this.#isOwing
    if (!isLate) return
    this.#cancelPass = cancel
    this.#disarm()
    this.#get.pause()
  }

  #endOfStream(): StreamEnd {
    if (this.#end) return this.#end
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
    if (this.#flowing) this.#get.destroy()
    else this.#abandoned = true
  }
}
