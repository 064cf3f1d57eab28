import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ApiClient, type ApiCall, type ApiClientOptions } from '../../../src/api/client.ts'
import { createLanes } from '../../../src/api/lanes.ts'
import type { AccessToken, TokenSource } from '../../../src/api/tokens.ts'
import { settle } from '../../fakes/manual-clock.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'
import { ScriptedServer, type Handler } from '../../fakes/scripted-server.ts'

class FakeTokens implements TokenSource {
  renewals = 0
  doubtful = false

  current(): Promise<AccessToken> {
    return Promise.resolve({ value: `token-${this.renewals}`, expiresAtMs: 0 })
  }

  renew(): Promise<AccessToken> {
    this.renewals += 1
    return this.current()
  }

  isDoubtful(): boolean {
    return this.doubtful
  }
}

let server: ScriptedServer
let clock: ImpatientClock
const clients: ApiClient[] = []

beforeEach(async () => {
  server = await ScriptedServer.start()
  clock = new ImpatientClock()
})

afterEach(async () => {
  clock.expire()
  await Promise.all(clients.splice(0).map((client) => client.close()))
  await server.stop()
})

function clientWith(options: Partial<ApiClientOptions> = {}): ApiClient {
  const client = new ApiClient({ origin: server.origin, clock, random: () => 0, ...options })
  clients.push(client)
  return client
}

const call = (overrides: Partial<ApiCall<unknown>> = {}): ApiCall<unknown> => ({
  method: 'GET',
  path: '/thing',
  schema: z.unknown(),
  repeat: 'read',
  subject: 'the thing',
  ...overrides,
})

/** Answers when told. */
function gate(): { handler: Handler; open: () => void } {
  const release = new AbortController()
  const opened = new Promise<void>((resolve) => {
    release.signal.addEventListener('abort', () => resolve())
  })
  return { handler: () => opened.then(() => ({ data: 'late' })), open: () => release.abort() }
}

const until = async (condition: () => boolean) => {
  while (!condition()) await settle()
}

describe('a call', () => {
  it('sends token, client id and an address that is encoded once more', async () => {
    server.on('GET /thing', { data: 1 })
    const uri = 'cloudreve://my/50%25%20%2B%20%C3%BC'
    const client = clientWith({ tokens: new FakeTokens() })
    await client.call(call({ query: { uri, empty: undefined } }))
    const [seen] = server.seen
    expect(seen?.headers).toMatchObject({
      authorization: 'Bearer token-0',
      'x-cr-client-id': client.clientId,
    })
    expect(client.clientId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect([...(seen?.query ?? [])]).toEqual([['uri', uri]])
  })

  it('names the endpoint when a member is missing in the answer', async () => {
    server.on('GET /thing', { data: { name: 'x' } })
    const schema = z.object({ id: z.string() })
    await expect(clientWith().call(call({ schema }))).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringMatching(/GET \/thing.*id/) as string,
    })
  })

  it('says "unsent" where nobody listens, after a few quick tries', async () => {
    const origin = server.origin
    await server.stop()
    server = await ScriptedServer.start()
    const client = clientWith({ origin })
    await expect(client.call(call({ repeat: 'once' }))).rejects.toMatchObject({ kind: 'unsent' })
    expect(clock.waits.length).toBe(3)
    expect(Math.max(...clock.waits)).toBeLessThanOrEqual(1000)
  })

  it('says "lost" when the connection breaks after it was sent, and is not repeated if that would do it twice', async () => {
    server.on('GET /thing', ({ response }) => void response.socket?.destroy())
    await expect(clientWith().call(call({ repeat: 'once' }))).rejects.toMatchObject({
      kind: 'lost',
      mutating: true,
    })
    expect(server.seen.length).toBe(1)
  })

  it('is repeated when that changes nothing', async () => {
    server.on('GET /thing', ({ nth, response }) =>
      nth < 2 ? void response.socket?.destroy() : { data: 'there' },
    )
    await expect(clientWith().call(call())).resolves.toBe('there')
    await expect(clientWith().call(call({ repeat: 'safe' }))).resolves.toBe('there')
  })

  it.each([
    [409, undefined, 'once', 4],
    [40073, 'rename', 'once', 4],
    [40073, 'upload', 'read', 1],
    [40073, undefined, 'read', 1],
    [50001, undefined, 'read', 4],
    [50001, undefined, 'once', 1],
    [40004, undefined, 'read', 1],
  ] as const)('refused with %i (holder %s, %s) is sent %i times', async (code, holder, repeat, times) => {
    const data = holder && [{ owner: { application: { type: holder } } }]
    server.on('GET /thing', { code, ...(data ? { data } : {}) })
    await expect(clientWith().call(call({ repeat }))).rejects.toMatchObject({ code })
    expect(server.seen.length).toBe(times)
  })
})

const attempt = (tokens: FakeTokens) => clientWith({ tokens }).call(call({ repeat: 'once' }))

describe('a token that the server does not know', () => {
  it.each([
    ['401', { code: 401 }],
    ['401 inside a batch', { code: 40081, aggregated_error: { a: { code: 401 }, b: { code: 401 } } }],
    ['401 inside a batch of one', { code: 40081, aggregated_error: { a: { code: 401 } } }],
  ])('shows as %s and is renewed once', async (_, refusal) => {
    server.on('GET /thing', ({ headers }) =>
      headers.authorization === 'Bearer token-1' ? { data: 'mine' } : refusal,
    )
    await expect(attempt(new FakeTokens())).resolves.toBe('mine')
    expect(server.seen.length).toBe(2)
  })

  it('is not renewed for ever', async () => {
    server.on('GET /thing', { code: 401 })
    await expect(attempt(new FakeTokens())).rejects.toMatchObject({ code: 401 })
    expect(server.seen.length).toBe(2)
  })

  it.each([40011, 40007, 40088])('is suspected behind %i only when it may have expired', async (code) => {
    server.on('GET /thing', ({ headers }) =>
      headers.authorization === 'Bearer token-1' ? { data: 'mine' } : { code },
    )
    const fresh = new FakeTokens()
    await expect(attempt(fresh)).rejects.toMatchObject({ code })
    expect(fresh.renewals).toBe(0)
    const old = new FakeTokens()
    old.doubtful = true
    await expect(attempt(old)).resolves.toBe('mine')
  })
})

describe('a caller that gives up', () => {
  it('stops waiting; the request is answered all the same', async () => {
    const { handler, open } = gate()
    server.on('GET /thing', handler)
    const stop = new AbortController()
    const client = clientWith()
    const waiting = client.call(call({ signal: stop.signal }))
    await until(() => server.seen.length === 1)
    stop.abort(new Error('interrupted'))
    await expect(waiting).rejects.toThrow('interrupted')
    const closing = client.close()
    open()
    await closing
    expect(server.cut).toEqual([])
  })

  it('before its turn never sends the request', async () => {
    const { handler, open } = gate()
    server.on('GET /thing', handler).on('GET /other', { data: 1 })
    const lanes = createLanes(clock, { control: 1, downloads: 1, ahead: 1, uploads: 1, largeBodies: 1 })
    const client = clientWith({ lanes })
    const first = client.call(call())
    const stop = new AbortController()
    const second = client.call(call({ path: '/other', signal: stop.signal }))
    await until(() => server.seen.length === 1)
    stop.abort(new Error('interrupted'))
    await expect(second).rejects.toThrow('interrupted')
    open()
    await first
    await client.close()
    expect(server.counts).toEqual({ 'GET /thing': 1 })
  })

  it('for lack of an answer says "lost", the request goes on', async () => {
    const { handler, open } = gate()
    server.on('GET /thing', handler)
    const client = clientWith()
    const waiting = client.call(call({ repeat: 'once' }))
    const outcome = expect(waiting).rejects.toMatchObject({
      kind: 'lost',
      message: expect.stringContaining('90 s') as string,
    })
    await until(() => clock.deadlines > 0 && server.seen.length === 1)
    clock.expire()
    await outcome
    open()
    await client.close()
    expect(server.cut).toEqual([])
  })
})

describe('closing', () => {
  it('waits for requests on their way and refuses new ones', async () => {
    const { handler, open } = gate()
    server.on('GET /thing', handler)
    const client = clientWith()
    const waiting = client.call(call())
    await until(() => server.seen.length === 1)
    let closed = false
    const closing = client.close().then(() => {
      closed = true
    })
    await settle()
    expect(closed).toBe(false)
    await expect(client.call(call())).rejects.toMatchObject({ kind: 'closed' })
    open()
    await expect(waiting).resolves.toBe('late')
    await closing
    expect(server.cut).toEqual([])
  })
})

describe('lanes', () => {
  it('are independent: full upload and download lanes delay no control call', async () => {
    const { handler, open } = gate()
    server.on('PUT /content', handler).on('GET /thing', { data: 'now' })
    const lanes = createLanes(clock, { control: 1, downloads: 1, ahead: 1, uploads: 1, largeBodies: 1 })
    const client = clientWith({ lanes })
    const upload = () => client.call(call({ method: 'PUT', path: '/content', lane: 'uploads' }))
    const uploads = [upload(), upload(), upload()]
    await until(() => server.seen.length === 1)
    void lanes.downloads.add(() => uploads[0]!)
    await expect(client.call(call())).resolves.toBe('now')
    expect(server.counts).toEqual({ 'PUT /content': 1, 'GET /thing': 1 })
    open()
    await Promise.all(uploads)
  })
})

type Pieces = () => AsyncIterable<Uint8Array>

function upload(client: ApiClient, sizeBytes: number, open: Pieces, signal?: AbortSignal) {
  const body = { sizeBytes, open }
  return client.call(call({ method: 'PUT', path: '/content', lane: 'uploads', repeat: 'once', body, signal }))
}

function pieces(...texts: string[]): Pieces {
  return async function* () {
    for (const text of texts) yield Buffer.from(text)
  }
}

/** Sends one byte, tells so, and never goes on. */
function stalling(onStall = () => {}): Pieces {
  return async function* () {
    yield Buffer.from('x')
    onStall()
    await new Promise(() => {})
  }
}

const unreadable: Pieces = () => ({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('EIO: staged file')) }),
})

describe('a body', () => {
  it('leaves with its length, never chunked', async () => {
    server.on('PUT /content', ({ body }) => ({ data: body.toString() }))
    await expect(upload(clientWith(), 11, pieces('hello ', 'world'))).resolves.toBe('hello world')
    expect(server.seen[0]?.headers).toMatchObject({
      'content-length': '11',
      'content-type': 'application/octet-stream',
    })
    expect(server.seen[0]?.headers).not.toHaveProperty('transfer-encoding')
  })

  it('that starts over is read again from its beginning', async () => {
    server.on('PUT /content', ({ nth, body }) => (nth === 0 ? { code: 401 } : { data: body.toString() }))
    await expect(upload(clientWith({ tokens: new FakeTokens() }), 5, pieces('again'))).resolves.toBe('again')
  })

  it('is cut when it stalls, and nothing was done', async () => {
    const outcome = expect(upload(clientWith(), 10, stalling())).rejects.toMatchObject({ kind: 'unsent' })
    for (let tries = 0; tries < 4; tries += 1) {
      const waits = clock.waits.length
      await until(() => clock.deadlines > 0)
      await settle()
      clock.expire()
      if (tries < 3) await until(() => clock.waits.length > waits)
    }
    await outcome
    expect(server.seen).toEqual([])
  })

  it('that cannot be read is no failure of the network', async () => {
    const client = clientWith()
    await expect(upload(client, 10, unreadable)).rejects.toThrow('EIO: staged file')
    expect(clock.waits).toEqual([])
  })

  it('is cut when the caller gives up while it is being sent', async () => {
    const stop = new AbortController()
    const open = stalling(() => stop.abort(new Error('interrupted')))
    const client = clientWith()
    await expect(upload(client, 10, open, stop.signal)).rejects.toThrow('interrupted')
    await client.close()
    expect(server.seen).toEqual([])
  })
})
