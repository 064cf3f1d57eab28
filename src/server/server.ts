import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { assertNever } from '../base/assert.ts'
import { delay } from '../base/clock.ts'
import { ApiFailure } from './failure.ts'
import type { Fault, Faults } from './faults.ts'
import { failed, notFound, type Answer } from './http/answer.ts'
import { AnswerWriter, type Exchange } from './http/answer-writer.ts'
import { Pacer } from './http/pacer.ts'
import { announcedLength, type ApiRequest } from './http/request.ts'
import type { RequestLog } from './request-log.ts'
import { apiPrefix, routeName, type Match, type Router } from './router.ts'
import type { Caller, World } from './state/world.ts'

export interface HttpParts {
  world: World
  router: Router
  log: RequestLog
  faults: Faults
}

/** The listening part: takes requests from the loopback interface, plays faults, calls routes, writes answers. */
export class HttpFront {
  readonly #parts: HttpParts
  readonly #in: Pacer
  readonly #writer: AnswerWriter
  readonly #open = new Set<Exchange>()
  #server: Server | undefined

  constructor(parts: HttpParts) {
    this.#parts = parts
    const { clock, bandwidthBytesPerSecond } = parts.world.settings
    this.#in = new Pacer(clock, bandwidthBytesPerSecond)
    this.#writer = new AnswerWriter(new Pacer(clock, bandwidthBytesPerSecond), parts.faults)
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
      for (const exchange of this.#open) if (exchange.isEventStream) this.#writer.cut(exchange)
      server.closeIdleConnections()
      // A body that is still on its way may never end: its connection is closed below.
      const working = [...this.#open].filter(({ raw }) => raw.complete)
      await Promise.all(working.map(({ response }) => ended(response)))
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
    const shown = (raw.url ?? '').replace(/(sign(?:ature)?)=[^&]*/, '$1=…')
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
      else await this.#writer.write(exchange, unexpected(error))
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
    if (exchange.fault?.kind === 'lostAnswer') this.#writer.cut(exchange)
    else if (answer.kind === 'taken') exchange.isEventStream = true
    else await this.#writer.write(exchange, answer)
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
          if (isCut) this.#writer.cut(exchange)
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
        this.#writer.cut(exchange)
        return true
      case 'status': {
        const headers = { 'content-type': fault.contentType ?? 'text/html; charset=utf-8' }
        const text = fault.body ?? `<html><body><h1>${fault.status}</h1></body></html>`
        await this.#writer.write(exchange, { kind: 'text', status: fault.status, text, headers })
        return true
      }
      case 'code':
        await this.#writer.write(exchange, failed(new ApiFailure(fault.code)))
        return true
      case 'cutAfterBytes':
      case 'lostAnswer':
      case 'stallAfterBytes':
        return false
      default:
        return assertNever(fault)
    }
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
