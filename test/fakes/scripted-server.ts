import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly method: string
  /** Without `/api/v4`. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** `undefined` = the handler answered, or will never answer, by itself. */
export type Reply = { code?: number; data?: unknown; [member: string]: unknown } | undefined

export interface Exchange extends SeenRequest {
  /** How often this route was called before. */
  readonly nth: number
  readonly json: Record<string, unknown>
  readonly response: ServerResponse
}

export type Handler = (exchange: Exchange) => Reply | Promise<Reply>

/**
 * A server whose every answer a test writes itself, for faults that a faithful server cannot be talked into. Counts requests by
 * route and those that the client cut before they were answered.
 */
export class ScriptedServer {
  readonly seen: SeenRequest[] = []
  /** Routes of requests whose connection was closed before the answer was complete. */
  readonly cut: string[] = []
  readonly #handlers: { pattern: RegExp; handler: Handler; calls: number }[] = []
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  static async start(): Promise<ScriptedServer> {
    const server = new ScriptedServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** `on('GET /file/info', …)`; `*` stands for one path element. The handler added last wins. */
  on(route: string, handler: Handler | Exclude<Reply, undefined>): this {
    const pattern = new RegExp(`^${route.replace(/[.?+^$()[\]{}|]/g, '\\$&').replace(/\*/g, '[^/]+')}$`)
    this.#handlers.unshift({
      pattern,
      handler: typeof handler === 'function' ? handler : () => handler,
      calls: 0,
    })
    return this
  }

  /** Requests to `route` so far. */
  requests(route: string): SeenRequest[] {
    return this.seen.filter(({ method, path }) => `${method} ${path}` === route)
  }

  /** `{ 'GET /file': 2 }` */
  get counts(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { method, path } of this.seen)
      counts[`${method} ${path}`] = (counts[`${method} ${path}`] ?? 0) + 1
    return counts
  }

  clear(): void {
    this.seen.length = 0
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const path = url.pathname.replace(/^\/api\/v4/, '')
    const method = request.method ?? 'GET'
    response.once('close', () => {
      if (!response.writableFinished) this.cut.push(`${method} ${path}`)
    })
    const pieces: Buffer[] = []
    try {
      for await (const piece of request) pieces.push(piece as Buffer)
    } catch {
      return // the client went away in the middle of its body: counted above
    }
    const body = Buffer.concat(pieces)
    const seen = { method, path, query: url.searchParams, headers: request.headers, body }
    this.seen.push(seen)
    const found = this.#handlers.find(({ pattern }) => pattern.test(`${method} ${path}`))
    if (!found)
      return void response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found')
    const nth = found.calls++
    const isJson = request.headers['content-type']?.startsWith('application/json')
    const json = (isJson ? JSON.parse(body.toString('utf8')) : {}) as Record<string, unknown>
    const reply = await found.handler({ ...seen, nth, json, response })
    if (reply === undefined || response.writableEnded) return
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ code: 0, msg: '', ...reply }))
  }
}

let ids = 0

/** A file record as the server writes it. */
export function wireFile(members: Record<string, unknown> = {}) {
  ids += 1
  return {
    type: 0,
    id: `f${ids}`,
    name: 'a.txt',
    path: 'cloudreve://my/a.txt',
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    size: 0,
    metadata: {},
    capability: 'w8edAQ==',
    owned: true,
    primary_entity: 'E0',
    ...members,
  }
}

export function wireFolder(members: Record<string, unknown> = {}) {
  return wireFile({ type: 1, name: '', path: 'cloudreve://my/', ...members })
}

/** A listing with one page. */
export function wireListing(files: readonly unknown[] = [], members: Record<string, unknown> = {}) {
  return {
    files,
    parent: wireFolder({ metadata: null }),
    pagination: { page: 0, page_size: 2000, is_cursor: true },
    props: { capability: 'w8edAQ==', max_page_size: 2000 },
    context_hint: null,
    mixed_type: false,
    storage_policy: { id: 'P1', name: 'Default', type: 'local', max_size: 0 },
    ...members,
  }
}
