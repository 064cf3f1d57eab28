/**
 * One HTTP exchange. A request that is on its way is never cut (closing the connection on a short call can wedge a server's
 * database, api/00-live-files §1): connecting and the sending of a body may be given up, waiting for the answer may not.
 */
import { Agent as HttpAgent, type ClientRequest, type IncomingHttpHeaders } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { Readable } from 'node:stream'
import { got, RequestError, type Response } from 'got'
import { BandwidthLimit } from '../base/bandwidth-limit.ts'
import type { Clock } from '../base/clock.ts'
import { exchangeDirectly, type HttpAnswer } from './direct-exchange.ts'

/** A body that can be sent again: `open` starts over at its first byte. */
export interface StreamBody {
  readonly sizeBytes: number
  readonly open: () => AsyncIterable<Uint8Array>
  /** All of it at once, where that is little. */
  readonly whole?: (() => Promise<Uint8Array>) | undefined
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | StreamBody | undefined
  /** Cuts the sending of a stream body; without effect once the body left. */
  readonly cutSignal?: AbortSignal | undefined
  /** Called when the whole request has left. */
  readonly onSent?: () => void
}

/** An answer that goes on for as long as both sides like. */
export interface StreamedAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be read once. Throws `HttpFailure` when the connection breaks; ends when the server ends it. */
  readonly body: AsyncIterable<Uint8Array>
  /** Closes the connection: the body ends at once. */
  readonly cut: () => void
}

/** No answer. `sent` tells whether the server may have got the whole request. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure'
  readonly sent: boolean
  /** System error code such as `ECONNREFUSED`. */
  readonly code: string

  constructor(message: string, sent: boolean, code: string) {
    super(message)
    this.sent = sent
    this.code = code
  }
}

export interface HttpOptions {
  readonly clock: Clock
  /** Per phase: name look-up, TCP, TLS. Default 10 s. */
  readonly connectTimeoutMs?: number
  /** A body of which nothing left for so long is cut. Default 60 s. */
  readonly sendStallMs?: number
  /** Of stream bodies; none if left out. */
  readonly limit?: BandwidthLimit | undefined
}

/** For the server's access log. */
export const USER_AGENT = 'cloudreve-mount'

/** Connections that nobody used for so long are closed here, before a proxy closes them under a request. */
const IDLE_SOCKET_MS = 20_000

export class Http {
  readonly #clock: Clock
  readonly #connectTimeoutMs: number
  readonly #sendStallMs: number
  readonly #limit: BandwidthLimit
  /** Separate from the agents of content streams: a control call never queues for a socket. */
  readonly agents = {
    http: new HttpAgent({ keepAlive: true, timeout: IDLE_SOCKET_MS, scheduling: 'lifo' }),
    https: new HttpsAgent({ keepAlive: true, timeout: IDLE_SOCKET_MS, scheduling: 'lifo' }),
  }
  /** What goes on for hours leaves no connection behind that could be used again, and is never idle to an agent. */
  readonly #streamAgents = { http: new HttpAgent(), https: new HttpsAgent() }

  constructor({ clock, connectTimeoutMs = 10_000, sendStallMs = 60_000, limit }: HttpOptions) {
    this.#clock = clock
    this.#limit = limit ?? new BandwidthLimit(clock)
    this.#connectTimeoutMs = connectTimeoutMs
    this.#sendStallMs = sendStallMs
  }

  /** @throws {HttpFailure} when there is no answer (any HTTP status is one); what reading the body threw */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const { body } = request
    const short = typeof body === 'object' ? await this.#shortOf(body) : undefined
    const parts = { clock: this.#clock, stallMs: this.#sendStallMs, limit: this.#limit, short }
    const sending = new Sending(request, parts)
    try {
      return await (short ? this.#sendShort(request, sending, short) : this.#sendWithGot(request, sending))
    } catch (error) {
      if (sending.brokenBody) throw sending.brokenBody.error
      throw failureOf(error, sending.sent)
    } finally {
      sending.end()
    }
  }

  /** What is in memory leaves at once, unless a limit stretches it. @throws what reading it threw */
  async #shortOf({ sizeBytes, whole }: StreamBody): Promise<Uint8Array | undefined> {
    if (!whole || this.#limit.pieceBytes !== Infinity) return undefined
    const bytes = await whole()
    if (bytes.length !== sizeBytes) throw new Error(`a body of ${sizeBytes} bytes has ${bytes.length}`)
    return bytes
  }

  #sendShort({ method, url }: HttpRequest, sending: Sending, bytes: Uint8Array): Promise<HttpAnswer> {
    const headers = { 'user-agent': USER_AGENT, ...sending.headers }
    return exchangeDirectly(
      { method, url, headers, bytes },
      {
        agents: this.agents,
        clock: this.#clock,
        connectTimeoutMs: this.#connectTimeoutMs,
        onWire: (wire) => sending.attach(wire),
      },
    )
  }

  async #sendWithGot({ method, url }: HttpRequest, sending: Sending): Promise<HttpAnswer> {
    const phaseMs = this.#connectTimeoutMs
    const exchange = got(url, {
      method,
      headers: { 'user-agent': USER_AGENT, ...sending.headers },
      ...(sending.body === undefined ? {} : { body: sending.body }),
      agent: this.agents,
      retry: { limit: 0 },
      throwHttpErrors: false,
      followRedirect: false,
      timeout: { lookup: phaseMs, connect: phaseMs, secureConnect: phaseMs },
      responseType: 'text',
    })
    void exchange.on('request', (wire: ClientRequest) => sending.attach(wire))
    const response: Response<string> = await exchange
    return { status: response.statusCode, headers: response.headers, text: response.body }
  }

  /**
   * Asks for an answer that has no end of its own, and resolves with its head.
   * @throws {HttpFailure} when there is none
   */
  open({ url, headers }: Pick<HttpRequest, 'url' | 'headers'>): Promise<StreamedAnswer> {
    const phaseMs = this.#connectTimeoutMs
    const stream = got.stream(url, {
      headers: { 'user-agent': USER_AGENT, ...headers },
      agent: this.#streamAgents,
      retry: { limit: 0 },
      throwHttpErrors: false,
      followRedirect: false,
      timeout: { lookup: phaseMs, connect: phaseMs, secureConnect: phaseMs },
    })
    return new Promise((resolve, reject) => {
      let isSent = false
      stream.once('request', (wire: ClientRequest) => wire.once('finish', () => (isSent = true)))
      // It stays: what breaks before the body is read is thrown to its reader.
      stream.on('error', (error: Error) => reject(failureOf(error, isSent)))
      stream.once('response', ({ statusCode, headers }: Response) =>
        resolve({ status: statusCode, headers, body: piecesOf(stream), cut: () => stream.destroy() }),
      )
    })
  }

  /** Lets go of idle connections; ones in use end with their request. */
  close(): void {
    this.agents.http.destroy()
    this.agents.https.destroy()
  }
}

async function* piecesOf(stream: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of stream) yield piece as Uint8Array
  } catch (error) {
    throw failureOf(error, true)
  }
}

interface SendingParts {
  readonly clock: Clock
  readonly stallMs: number
  readonly limit: BandwidthLimit
  /** The whole body, where it leaves at once. */
  readonly short: Uint8Array | undefined
}

/** The way out of one request: knows whether all of it left, and cuts a body that stalls. */
class Sending {
  readonly headers: Record<string, string>
  readonly body: string | Readable | undefined
  readonly #request: HttpRequest
  readonly #parts: SendingParts
  #wire: ClientRequest | undefined
  #cancelStall = () => {}
  #endWait = () => {}
  #isOver = false
  #answered = false
  #cutReason: HttpFailure | undefined
  #markOver: () => void = () => {}
  readonly #over = new Promise<void>((resolve) => {
    this.#markOver = resolve
  })
  sent = false
  /** The bytes to be sent could not be read: no failure of the network. */
  brokenBody: { readonly error: unknown } | undefined

  constructor(request: HttpRequest, parts: SendingParts) {
    this.#request = request
    this.#parts = parts
    const { body } = request
    this.headers = { ...request.headers }
    if (parts.short) {
      this.body = undefined
    } else if (typeof body === 'object') {
      // Without a length the server would store an empty file and answer success (api/00-live §2.1).
      this.headers['content-length'] = String(body.sizeBytes)
      this.body = Readable.from(this.#pieces(body), { objectMode: false, highWaterMark: 1 })
    } else {
      this.body = body
    }
  }

  attach(wire: ClientRequest): void {
    this.#wire = wire
    wire.once('finish', () => this.#onFinish())
    wire.once('response', () => {
      this.#answered = true
      this.#cancelStall()
    })
    const { cutSignal, body } = this.#request
    if (typeof body !== 'object') return
    this.#watchStall()
    if (cutSignal?.aborted) this.#cut()
    else cutSignal?.addEventListener('abort', this.#cut, { once: true })
  }

  end(): void {
    this.#cancelStall()
    this.#isOver = true
    this.#endWait()
    this.#request.cutSignal?.removeEventListener('abort', this.#cut)
    if (typeof this.body === 'object') this.body.destroy()
    // Answered before the body was wanted: the rest of it is not going to leave, so the connection cannot be used again.
    if (!this.sent) this.#wire?.destroy()
    this.#markOver()
  }

  #onFinish(): void {
    if (this.#cutReason) return
    this.sent = true
    this.#cancelStall()
    this.#request.cutSignal?.removeEventListener('abort', this.#cut)
    this.#request.onSent?.()
  }

  readonly #cut = () => {
    if (this.sent || this.#answered) return
    this.#cutReason = new HttpFailure('the sending was given up', false, 'ECUT')
    this.#wire?.destroy(this.#cutReason)
  }

  #watchStall(): void {
    this.#cancelStall()
    const { clock, stallMs } = this.#parts
    if (!this.sent && !this.#answered) this.#cancelStall = clock.after(stallMs, this.#cut)
  }

  async *#pieces(body: StreamBody): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#untilAnswered(body)
    } catch (error) {
      this.brokenBody = { error }
      throw error
    }
  }

  /** The body, stopped as soon as an answer is there: a refusal must not be lost to a broken pipe. */
  async *#untilAnswered(body: StreamBody): AsyncGenerator<Uint8Array> {
    for await (const piece of body.open()) {
      for (let rest = piece; rest.length > 0;) {
        if (this.#answered) {
          await this.#over
          return
        }
        const part = rest.subarray(0, this.#parts.limit.pieceBytes)
        rest = rest.subarray(part.length)
        await this.#mayLeave(part.length)
        if (this.#isOver) return
        this.#watchStall()
        yield part
      }
    }
  }

  /** Waiting for our own limit is no stall. */
  #mayLeave(bytes: number): Promise<void> {
    this.#cancelStall()
    return new Promise((resolve) => {
      const cancel = this.#parts.limit.pass(bytes, resolve)
      this.#endWait = () => {
        cancel()
        resolve()
      }
    })
  }
}

function failureOf(error: unknown, sent: boolean): HttpFailure {
  const cause = error instanceof RequestError ? (error.cause ?? error) : error
  if (cause instanceof HttpFailure) return cause
  const { code = 'EUNKNOWN', message } = error as Partial<NodeJS.ErrnoException>
  // Only the code and a plain message go on: got's errors carry headers and URLs.
  return new HttpFailure(sentence(code, message ?? String(error)), sent, code)
}

function sentence(code: string, message: string): string {
  if (code === 'ECONNREFUSED') return 'the connection was refused'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the host name is not known'
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'there is no route to it'
  if (code === 'ETIMEDOUT') return 'it does not answer'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'the connection broke'
  return message.replace(/https?:\/\/\S+/g, '(URL)')
}
