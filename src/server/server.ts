import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { assertNever } from '../base/assert.ts'
import { delay } from '../base/clock.ts'
import { ApiFailure } from './failure.ts'
import type { Fault, Faults } from './faults.ts'
import { encodeJson, failed, notFound, writeJson, type Answer } from './http/answer.ts'
import { Pacer } from './http/pacer.ts'
import { announcedLength, type ApiRequest } from './http/request.ts'
import type { LoggedRequest, RequestLog } from './request-log.ts'
import { apiPrefix, routeName, type Match, type Router } from './router.ts'
import type { Caller, World } from './state/world.ts'

export interface HttpParts {
  world: World
  router: Router
  log: RequestLog
  faults: Faults
}

/** One exchange on its way. */
interface Exchange {
  raw: IncomingMessage
  response: ServerResponse
  entry: LoggedRequest
  fault: Fault | undefined
  /** The connection was or will be closed by us: no cut by the client. */
  isCutByUs: boolean
  isEventStream: boolean
}

/** The listening part: takes requests from the loopback interface, plays faults, calls routes, writes answers. */
export class HttpFront {
  readonly #parts: HttpParts
  readonly #in: Pacer
  readonly #out: Pacer
  readonly #open = new Set<Exchange>()
  #server: Server | undefined

  constructor(parts: HttpParts) {
    this.#parts = parts
    const { clock, bandwidthBytesPerSecond } = parts.world.settings
    this.#in = new Pacer(clock, bandwidthBytesPerSecond)
    this.#out = new Pacer(clock, bandwidthBytesPerSecond)
  }

  /** Returns the port. */
  async listen(port: number): Promise<number> {
    const server = createServer((raw, response) => void this.#serve(raw, response))
    server.keepAliveTimeout = 60_000
    server.requestTimeout = 0
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => resolve())
    })
    this.#server = server
    return (server.address() as AddressInfo).port
  }

  /** Stops listening and closes all connections; `gracefully` lets requests end first, except streams of events. */
  async close({ gracefully = false } = {}): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    if (gracefully) {
      this.#parts.faults.release()
      for (const exchange of this.#open) if (exchange.isEventStream) this.#cut(exchange)
      server.closeIdleConnections()
      await Promise.all([...this.#open].map(({ response }) => ended(response)))
    }
    for (const exchange of this.#open) exchange.isCutByUs = true
    server.closeAllConnections()
    await closed
  }

  async #serve(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    const { log, router, faults } = this.#parts
    const [path = '', queryText = ''] = splitOnce(raw.url ?? '', '?')
    const match = router.find(raw.method ?? '', path)
    const route = match ? routeName(match.route) : `${raw.method} ?`
    const shown = (raw.url ?? '').replace(/sign=[^&]*/, 'sign=…')
    const bytesIn = announcedLength(raw)
    const entry = log.open({ method: raw.method ?? '', route, path: shown, bytesIn })
    const fault = faults.next(route)
    const exchange = { raw, response, entry, fault, isCutByUs: false, isEventStream: false }
    this.#open.add(exchange)
    response.on('close', () => this.#ended(exchange))
    try {
      await this.#answer(exchange, { path, query: new URLSearchParams(queryText), match })
    } catch (error) {
      // A broken connection ends reading or writing with an error of the stream: there is nobody to tell.
      if (response.headersSent || response.destroyed || exchange.isCutByUs) response.destroy()
      else await this.#write(exchange, unexpected(error))
    }
  }

  async #answer(
    exchange: Exchange,
    { path, query, match }: { path: string; query: URLSearchParams; match: Match | undefined },
  ): Promise<void> {
    const { world } = this.#parts
    if (world.settings.rttMs > 0) await delay(world.settings.clock, world.settings.rttMs)
    if (exchange.fault) {
      const isOver = await this.#faultBefore(exchange, exchange.fault)
      if (isOver) return
    }
    const answer = await this.#work(exchange, { path, query, match })
    if (exchange.fault?.kind === 'lostAnswer') this.#cut(exchange)
    else if (answer.kind === 'taken') exchange.isEventStream = true
    else await this.#write(exchange, answer)
  }

  async #work(
    exchange: Exchange,
    { path, query, match }: { path: string; query: URLSearchParams; match: Match | undefined },
  ): Promise<Answer> {
    const { world } = this.#parts
    const { raw, response, fault } = exchange
    try {
      if (!match) return unknownPath(raw, path)
      const caller = this.#callerOf(raw)
      const request: ApiRequest = {
        world,
        caller,
        op: { world, caller },
        path,
        query,
        params: match.params,
        raw,
        response,
        pacer: this.#in,
        onBody: (receivedBytes) => {
          const isCut = fault?.kind === 'cutAfterBytes' && receivedBytes >= fault.bytes
          if (isCut) this.#cut(exchange)
          return !isCut
        },
      }
      return await match.route.handle(request)
    } catch (error) {
      if (error instanceof ApiFailure) return failed(error)
      if (response.destroyed || exchange.isCutByUs) throw error
      return unexpected(error)
    }
  }

  /** An expired or wrong access token makes the caller anonymous, without a word (api/01 §9.4). @throws {ApiFailure} */
  #callerOf({ headers }: IncomingMessage): Caller {
    const clientId = headers['x-cr-client-id']
    const caller: Caller = {
      user: undefined,
      clientId: typeof clientId === 'string' ? clientId : undefined,
    }
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
    if (token === undefined) return caller
    const owner = this.#parts.world.tokens.ownerOf(token)
    if (owner.kind === 'refresh') throw new ApiFailure(40020)
    if (owner.kind === 'anonymous') return caller
    if (owner.user.status !== 'active') throw new ApiFailure(50001, { msg: 'failed to get login user' })
    return { ...caller, user: owner.user }
  }

  /** Plays what comes before the work; true when the exchange is over. */
  async #faultBefore(exchange: Exchange, fault: Fault): Promise<boolean> {
    const { world, faults } = this.#parts
    switch (fault.kind) {
      case 'latency':
        await delay(world.settings.clock, fault.ms)
        return false
      case 'stall':
        await faults.stall()
        return false
      case 'cut':
        this.#cut(exchange)
        return true
      case 'status': {
        const headers = { 'content-type': fault.contentType ?? 'text/html; charset=utf-8' }
        const text = fault.body ?? `<html><body><h1>${fault.status}</h1></body></html>`
        await this.#write(exchange, { kind: 'text', status: fault.status, text, headers })
        return true
      }
      case 'code':
        await this.#write(exchange, failed(new ApiFailure(fault.code)))
        return true
      case 'cutAfterBytes':
      case 'lostAnswer':
      case 'stallAfterBytes':
        return false
      default:
        return assertNever(fault)
    }
  }

  async #write(exchange: Exchange, answer: Answer): Promise<void> {
    const { response, entry } = exchange
    if (response.destroyed) return
    switch (answer.kind) {
      case 'json': {
        const body = encodeJson(answer.body)
        entry.code = answer.code
        entry.status = answer.status ?? 200
        entry.bytesOut = body.length
        writeJson(response, entry.status, body)
        return
      }
      case 'text':
        entry.status = answer.status
        entry.bytesOut = Buffer.byteLength(answer.text)
        response.writeHead(answer.status, { ...answer.headers, 'content-length': entry.bytesOut })
        response.end(answer.text)
        return
      case 'redirect':
        entry.status = 302
        response.writeHead(302, { location: answer.location, 'content-length': 0 })
        response.end()
        return
      case 'stream':
        entry.status = answer.status
        await this.#writeStream(exchange, answer)
        return
      case 'taken':
        return
      default:
        assertNever(answer)
    }
  }

  async #writeStream(exchange: Exchange, answer: Extract<Answer, { kind: 'stream' }>): Promise<void> {
    const { response, entry, fault } = exchange
    response.writeHead(answer.status, answer.headers)
    response.flushHeaders()
    for await (const piece of answer.body) {
      let rest = piece
      if (fault?.kind === 'cutAfterBytes' && entry.bytesOut + piece.length >= fault.bytes) {
        await this.#send(exchange, piece.subarray(0, fault.bytes - entry.bytesOut))
        exchange.isCutByUs = true
        // Not `destroy`: the bytes before the cut must arrive.
        exchange.raw.socket.destroySoon()
        return
      }
      if (fault?.kind === 'stallAfterBytes' && entry.bytesOut <= fault.bytes) {
        const first = piece.subarray(0, fault.bytes - entry.bytesOut)
        rest = piece.subarray(first.length)
        await this.#send(exchange, first)
        if (rest.length > 0) await this.#parts.faults.stall()
      }
      if (response.destroyed) return
      await this.#send(exchange, rest)
    }
    response.end()
  }

  async #send({ response, entry }: Exchange, bytes: Buffer): Promise<void> {
    if (bytes.length === 0 || response.destroyed) return
    await this.#out.pass(bytes.length)
    entry.bytesOut += bytes.length
    if (response.write(bytes)) return
    await new Promise<void>((resolve) => {
      const goOn = () => {
        response.off('drain', goOn)
        response.off('close', goOn)
        resolve()
      }
      response.on('drain', goOn)
      response.on('close', goOn)
    })
  }

  #cut(exchange: Exchange): void {
    exchange.isCutByUs = true
    exchange.raw.socket.destroy()
  }

  #ended(exchange: Exchange): void {
    const { raw, response, entry, isCutByUs, isEventStream } = exchange
    this.#open.delete(exchange)
    if (!response.writableFinished && !isCutByUs) {
      entry.wasCut = true
      const isContent = entry.bytesOut > 0
      entry.wasHarmfullyCut = raw.complete && !isContent && !isEventStream
    }
    this.#parts.log.close(entry)
  }
}

function ended(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.closed) resolve()
    else response.once('close', () => resolve())
  })
}

/** A mistake of this server itself: the answer of one that crashed in a handler. The cause goes to the console. */
function unexpected(error: unknown): Answer {
  process.emitWarning(`The embedded server failed: ${error instanceof Error ? error.stack : String(error)}`)
  return { kind: 'text', status: 500, text: '' }
}

/** Below `/api` plain 404, and a redirect for a slash too many; elsewhere the web page, with status 200. */
function unknownPath({ method }: IncomingMessage, path: string): Answer {
  if (path.startsWith(`${apiPrefix}/`) && path.endsWith('/')) {
    const status = method === 'GET' ? 301 : 307
    return { kind: 'text', status, text: '', headers: { location: path.replace(/\/+$/, '') } }
  }
  if (path.startsWith('/api')) return notFound()
  const page = '<!doctype html><title>Cloudreve</title><p>This server has no web page.'
  return { kind: 'text', status: 200, text: page, headers: { 'content-type': 'text/html; charset=utf-8' } }
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
