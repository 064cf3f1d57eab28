import {
  request as requestPlain,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import { request as requestTls } from 'node:https'
import type { ByteRange } from '../base/ranges.ts'
import { USER_AGENT } from '../api/http.ts'
import type { DirectConnections } from './direct-connections.ts'
import { HttpLine } from './http-line.ts'

export interface GetParts {
  readonly connections: DirectConnections
  /** Bytes that may be read at once. */
  readonly pieceBytes: () => number
  /** Answers where a body of just that length goes; undefined: it comes in pieces. */
  readonly onHead: (status: number, headers: IncomingHttpHeaders) => Uint8Array | undefined
  /** A piece of the body, or how many bytes more have come into that memory. */
  readonly onPiece: (piece: Buffer | number) => void
  /** All of the body has come. */
  readonly onEnd: () => void
  readonly onError: (error: Error & { readonly code?: string }) => void
}

/** As many as other clients follow. */
const mostRedirects = 10
const redirecting = new Set([301, 302, 303, 307, 308])

/**
 * A GET of one range. Redirects are followed. Nothing is sent but the range: signed URLs of a storage refuse a second
 * credential (api/01 §11).
 */
export class RangedGet {
  /** The request is over, whether or not anybody waits for it. */
  readonly ended: Promise<void>
  readonly #range: ByteRange
  readonly #parts: GetParts
  #redirects = 0
  #request: ClientRequest | undefined
  #response: IncomingMessage | undefined
  /** Past the client of Node. */
  #direct: HttpLine | undefined
  #isOver = false
  #markEnded = () => {}

  constructor(url: string, range: ByteRange, parts: GetParts) {
    this.#range = range
    this.#parts = parts
    this.ended = new Promise((resolve) => {
      this.#markEnded = resolve
    })
    this.#ask(url)
  }

  /** What comes waits on the way. */
  pause(): void {
    if (this.#isOver) return
    if (this.#direct) this.#direct.connection.pause()
    else this.#response?.pause()
  }

  resume(): void {
    if (this.#isOver) return
    if (this.#direct) this.#direct.connection.resume()
    else this.#response?.resume()
  }

  /** Cuts it. Nobody is told. */
  destroy(): void {
    this.#finish()
    this.#request?.destroy()
  }

  #ask(address: string, base?: URL): void {
    try {
      this.#send(new URL(address, base))
    } catch (error) {
      queueMicrotask(() => this.#fail(error as Error))
    }
  }

  #send(url: URL): void {
    const { connections } = this.#parts
    const send = url.protocol === 'https:' ? requestTls : requestPlain
    const line = new HttpLine((receiver) => connections.take(url, receiver))
    const request = send(url, {
      createConnection: () => line,
      headers: {
        range: `bytes=${this.#range.start}-${this.#range.end - 1}`,
        'accept-encoding': 'identity',
        'user-agent': USER_AGENT,
        connection: 'keep-alive',
      },
    })
    this.#request = request
    request.on('information', () => line.nextHead())
    request.on('response', (response) => this.#onResponse({ url, line, response }))
    request.on('error', (error) => {
      if (this.#request === request) this.#fail(error)
    })
    // As to an agent of Node's: the whole answer was read, and the connection can be used again.
    line.once('free', () => this.#giveBack(url, line))
    request.end()
  }

  #onResponse({ url, line, response }: { url: URL; line: HttpLine; response: IncomingMessage }): void {
    const { statusCode = 0, headers } = response
    this.#response = response
    line.keepMs = keepMsOf(response)
    // Whoever cuts it, or breaks off, has been told in another way.
    response.on('error', () => {})
    if (headers.location !== undefined && redirecting.has(statusCode)) {
      response.resume()
      line.passOn()
      return this.#follow(headers.location, url)
    }
    const memory = this.#parts.onHead(statusCode, headers)
    if (this.#isOver) return undefined
    if (memory && isPlainBody(headers, memory)) return this.#fill(url, line, memory)
    return this.#readPieces(line, response)
  }

  #follow(location: string, url: URL): void {
    this.#redirects += 1
    if (this.#redirects > mostRedirects) this.#fail(new Error('too many redirects'))
    else this.#ask(location, url)
  }

  #fill(url: URL, line: HttpLine, memory: Uint8Array): void {
    const { onPiece, onEnd, pieceBytes } = this.#parts
    this.#direct = line
    line.bodyInto({
      memory,
      pieceBytes,
      onFilled: onPiece,
      onFull: () => {
        this.#finish()
        this.#giveBack(url, line)
        onEnd()
      },
      onBroken: (error) => this.#fail(error ?? new Error('the connection ended')),
    })
  }

  #readPieces(line: HttpLine, response: IncomingMessage): void {
    const { onPiece, onEnd } = this.#parts
    response.on('data', (piece: Buffer) => {
      if (!this.#isOver) onPiece(piece)
    })
    response.once('end', () => {
      if (this.#isOver) return
      this.#finish()
      onEnd()
    })
    response.once('close', () => this.#fail(new Error('the stream ended early')))
    line.passOn()
  }

  #giveBack(url: URL, line: HttpLine): void {
    this.#parts.connections.giveBack(url, line.release(), line.keepMs)
  }

  #fail(error: Error): void {
    if (this.#isOver) return
    this.#finish()
    this.#request?.destroy()
    this.#parts.onError(error)
  }

  #finish(): void {
    this.#isOver = true
    this.#markEnded()
  }
}

/** Its bytes are those on the connection, and just as many. */
function isPlainBody(headers: IncomingHttpHeaders, { length }: Uint8Array): boolean {
  return headers['transfer-encoding'] === undefined && headers['content-length'] === String(length)
}

/** How long the server keeps the connection; undefined: it does not say. */
function keepMsOf({ headers, httpVersion }: IncomingMessage): number | undefined {
  const word = headers.connection?.toLowerCase() ?? (httpVersion === '1.0' ? 'close' : 'keep-alive')
  if (word.includes('close')) return 0
  const [, seconds] = /timeout=(\d+)/.exec(String(headers['keep-alive'])) ?? []
  return seconds === undefined ? undefined : Number(seconds) * 1000
}
