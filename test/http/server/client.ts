import type { WireEnvelope } from '../../../src/api/types.ts'
import { startServer, type EmbeddedServer, type ServerOptions } from '../../../src/server/index.ts'

/** A bare client of the embedded server: one request, one envelope, no cleverness. */
export class TestClient {
  readonly server: EmbeddedServer
  token = ''
  refreshToken = ''
  clientId: string | undefined

  constructor(server: EmbeddedServer) {
    this.server = server
  }

  async signIn(email = this.server.email, password = this.server.password): Promise<this> {
    const { data } = await this.call('POST', '/session/token', { email, password })
    const { token } = data as { token: { access_token: string; refresh_token: string } }
    this.token = token.access_token
    this.refreshToken = token.refresh_token
    return this
  }

  /** The envelope of an API call; `body` goes as JSON unless it is a buffer. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<WireEnvelope> {
    const response = await this.raw(method, path, body, headers)
    return (await response.json()) as WireEnvelope
  }

  raw(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const isBytes = body instanceof Uint8Array
    return fetch(`${this.server.url}/api/v4${path}`, {
      method,
      redirect: 'manual',
      headers: {
        // Kept connections would break when a test restarts the server.
        connection: 'close',
        ...(this.token === '' ? {} : { authorization: `Bearer ${this.token}` }),
        ...(this.clientId === undefined ? {} : { 'x-cr-client-id': this.clientId }),
        ...(body === undefined || isBytes ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: isBytes ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
    })
  }

  put(path: string, content: string | Uint8Array, previous?: string): Promise<WireEnvelope> {
    const uri = encodeURIComponent(my(path))
    const condition = previous === undefined ? '' : `&previous=${previous}`
    return this.call('PUT', `/file/content?uri=${uri}${condition}`, Buffer.from(content))
  }

  info(path: string, query = ''): Promise<WireEnvelope> {
    return this.call('GET', `/file/info?uri=${encodeURIComponent(my(path))}${query}`)
  }

  list(path: string, query = 'page_size=100&order_by=name&order_direction=asc'): Promise<WireEnvelope> {
    return this.call('GET', `/file?uri=${encodeURIComponent(my(path))}&${query}`)
  }

  /** A signed URL of a file's content. */
  async url(path: string, entity?: string): Promise<string> {
    const answer = await this.call('POST', '/file/url', { uris: [my(path)], ...(entity ? { entity } : {}) })
    return (answer.data as { urls: { url: string }[] }).urls[0]!.url
  }
}

/** `/a b` as a file URI of one's own drive; a query of conditions may follow. */
export function my(path: string): string {
  const [elements = '', query] = path.split('?')
  const encoded = elements.split('/').map(encodeURIComponent).join('/')
  return `cloudreve://my${encoded === '/' ? '' : encoded}${query === undefined ? '' : `?${query}`}`
}

/** Starts a server, signs in, runs `test`, and demands that no request was cut. */
export async function withServer(
  options: ServerOptions,
  test: (client: TestClient, server: EmbeddedServer) => Promise<void>,
): Promise<void> {
  const server = await startServer(options)
  try {
    await test(await new TestClient(server).signIn(), server)
    if (server.requests.cutRequests.length > 0) throw new Error('a short request was cut')
  } finally {
    await server.close()
  }
}
