import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from '../../../src/api/client.ts'
import { folderEvents, type StreamMessage } from '../../../src/api/endpoints/events.ts'
import type { AccessToken, TokenSource } from '../../../src/api/tokens.ts'
import { eventually } from '../../fakes/eventually.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'
import { ScriptedServer, type Exchange } from '../../fakes/scripted-server.ts'

let server: ScriptedServer
let clock: ImpatientClock
let client: ApiClient
let end: AbortController
/** Answers of connections that are open. */
let open: Exchange[]

beforeEach(async () => {
  server = await ScriptedServer.start()
  clock = new ImpatientClock()
  client = new ApiClient({ origin: server.origin, clock, random: () => 0 })
  end = new AbortController()
  open = []
  server.on('GET /file/events', stream)
})

afterEach(async () => {
  end.abort()
  await client.close()
  await server.stop()
})

function stream(exchange: Exchange): undefined {
  exchange.response.writeHead(200, { 'content-type': 'text/event-stream;charset=utf-8' }).flushHeaders()
  open.push(exchange)
}

function events(): AsyncGenerator<StreamMessage> {
  return folderEvents(client, 'cloudreve://my', { silenceMs: 90_000, signal: end.signal })
}

async function next(messages: AsyncGenerator<StreamMessage>): Promise<StreamMessage | undefined> {
  const { value, done } = await messages.next()
  return done ? undefined : value
}

/** The next message, once connection number `nth` is there to write `text` to. */
async function nextAfter(messages: AsyncGenerator<StreamMessage>, text: string | Buffer, nth = 1) {
  const message = next(messages)
  await eventually(() => open.length === nth)
  open.at(-1)!.response.write(text)
  return message
}

const change = { type: 'create', file_id: 'f1', from: '/ä.txt', to: '' } as const

describe('the event stream', () => {
  it('is asked for as the server wants it, with the id of the client', async () => {
    expect(await nextAfter(events(), 'event:subscribed\ndata:<nil>\n\n')).toEqual({ kind: 'subscribed' })
    const [{ headers, query }] = server.seen as [Exchange]
    expect(query.get('uri')).toBe('cloudreve://my')
    expect(headers).toMatchObject({ accept: 'text/event-stream', 'x-cr-client-id': client.clientId })
  })

  it('is understood where characters are cut, with and without a blank, one change or several', async () => {
    const messages = events()
    const text = Buffer.from(`event:event\ndata:${JSON.stringify(change)}\n\n`)
    const cut = text.indexOf('ä') + 1
    const first = nextAfter(messages, text.subarray(0, cut))
    await eventually(() => open.length > 0)
    open[0]!.response.write(text.subarray(cut))
    expect(await first).toEqual({ kind: 'changes', changes: [change] })
    const several = `event: event\ndata: ${JSON.stringify([change, change])}\n\n`
    expect(await nextAfter(messages, several)).toEqual({ kind: 'changes', changes: [change, change] })
  })

  it('passes over what it does not know, and says when a change was not understood', async () => {
    const messages = events()
    expect(await nextAfter(messages, 'event:news\ndata:1\n\nevent:keep-alive\ndata:<nil>\n\n')).toEqual({
      kind: 'keep-alive',
    })
    expect(await nextAfter(messages, 'event:event\ndata:{"type":"explode"}\n\n')).toEqual({ kind: 'unclear' })
    expect(await nextAfter(messages, 'event:event\ndata:{\n\n')).toEqual({ kind: 'unclear' })
  })

  it('of a live server is understood', async () => {
    const file = join(import.meta.dirname, '../../fixtures/api/live-4.18.0.jsonl')
    const recorded = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { request: { path: string }; answer: { text: string } })
      .find(({ request }) => request.path.endsWith('/file/events'))
    const messages = events()
    expect(await nextAfter(messages, recorded!.answer.text)).toEqual({ kind: 'subscribed' })
    expect([await next(messages), await next(messages)]).toMatchObject([
      { kind: 'changes', changes: [{ type: 'rename', from: '/b.txt', to: '/c.txt' }] },
      { kind: 'changes', changes: [{ type: 'modify', from: '/up.bin' }] },
    ])
  })

  it('ends when the server ends it', async () => {
    const messages = events()
    await nextAfter(messages, 'event:subscribed\ndata:<nil>\n\n')
    open[0]!.response.end()
    expect(await next(messages)).toBeUndefined()
  })

  it('is "lost" when the connection breaks', async () => {
    const messages = events()
    await nextAfter(messages, 'event:subscribed\ndata:<nil>\n\n')
    open[0]!.response.destroy()
    await expect(next(messages)).rejects.toMatchObject({ kind: 'lost' })
  })

  it('is "lost" when it says nothing past the deadline, and closes the connection', async () => {
    const messages = events()
    await nextAfter(messages, 'event:subscribed\ndata:<nil>\n\n')
    const silent = next(messages)
    silent.catch(() => undefined)
    clock.expire()
    await expect(silent).rejects.toMatchObject({
      kind: 'lost',
      message: 'the event stream said nothing for 90 s',
    })
    await eventually(() => open[0]!.response.closed)
  })

  it('is refused by an envelope instead of a stream', async () => {
    server.on('GET /file/events', { code: 40019, msg: 'off' })
    await expect(next(events())).rejects.toMatchObject({ kind: 'refused', code: 40019 })
  })

  it('is a route that old servers do not have, and no page of a proxy', async () => {
    server.on('GET /file/events', ({ response }) => {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found')
      return undefined
    })
    await expect(next(events())).rejects.toMatchObject({ kind: 'no-route' })
    server.on('GET /file/events', ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'.repeat(100_000))
      return undefined
    })
    await expect(next(events())).rejects.toMatchObject({ kind: 'malformed' })
  })

  it('renews a token that the server does not know, once', async () => {
    let renewals = 0
    const token = (): Promise<AccessToken> => Promise.resolve({ value: `t${renewals}`, expiresAtMs: 0 })
    const tokens: TokenSource = {
      current: token,
      renew: () => ((renewals += 1), token()),
      isDoubtful: () => false,
    }
    client = new ApiClient({ origin: server.origin, clock, tokens })
    server.on('GET /file/events', (exchange) =>
      exchange.headers.authorization === 'Bearer t1' ? stream(exchange) : { code: 401 },
    )
    expect(await nextAfter(events(), 'event:resumed\ndata:<nil>\n\n')).toEqual({ kind: 'resumed' })
    expect(server.seen).toHaveLength(2)
  })

  it('is cut when its reader gives up, when it leaves, and when the client closes', async () => {
    const aborted = events()
    await nextAfter(aborted, 'event:subscribed\ndata:<nil>\n\n')
    const waiting = next(aborted)
    end.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await eventually(() => open[0]!.response.closed)

    end = new AbortController()
    const left = events()
    await nextAfter(left, 'event:subscribed\ndata:<nil>\n\n', 2)
    await left.return(undefined)
    await eventually(() => open[1]!.response.closed)

    const closed = events()
    await nextAfter(closed, 'event:subscribed\ndata:<nil>\n\n', 3)
    const rest = next(closed).catch((error: unknown) => error)
    await client.close()
    expect(await rest).toBeDefined()
    await eventually(() => open[2]!.response.closed)
  })

  it('that is not answered yet is not cut by who gives up, nor at the end', async () => {
    let answer: (() => undefined) | undefined
    server.on('GET /file/events', (exchange) => {
      answer = () => stream(exchange)
      return undefined
    })
    const waiting = next(events())
    await eventually(() => server.seen.length === 1)
    end.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    const closing = client.close()
    await new Promise((resolve) => setImmediate(resolve))
    expect(server.cut).toEqual([])
    answer!()
    await closing
    await eventually(() => open[0]!.response.closed)
  })
})
