import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from '../../../src/api/client.ts'
import { createLanes } from '../../../src/api/lanes.ts'
import { ContentStreams } from '../../../src/transfer/content-stream.ts'
import { Downloader, type ContentSource } from '../../../src/transfer/download.ts'
import { eventually } from '../../fakes/eventually.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'
import { ManualClock, settle } from '../../fakes/manual-clock.ts'
import { WatchedLimit } from '../../fakes/watched-limit.ts'
import { ScriptedServer, type Exchange, type Handler } from '../../fakes/scripted-server.ts'

const CONTENT = randomBytes(300_000)
const SIGNATURE = 'sEcReT'

let server: ScriptedServer
let clock: ImpatientClock
let client: ApiClient
let downloader: Downloader
let urlLifeMs: number

beforeEach(async () => {
  server = await ScriptedServer.start()
  clock = new ImpatientClock({ startMs: Date.now() })
  client = new ApiClient({ origin: server.origin, clock, random: () => 0, lanes: createLanes(clock) })
  downloader = new Downloader({ client })
  urlLifeMs = 3_600_000
  server.on('POST /file/url', ({ json }) => urls(json))
  server.on('GET /file/content/*/0/*', serveRange)
})

afterEach(async () => {
  clock.expire()
  downloader.close()
  await client.close()
  await server.stop()
})

/** Entity `E-name` for `cloudreve://my/name`, or the one asked for. */
function urls({ uris, entity }: Record<string, unknown>, origin = server.origin) {
  const expires = new Date(clock.now() + urlLifeMs).toISOString()
  const list = (uris as string[]).map((uri) => {
    const name = uri.split('/').at(-1) ?? ''
    const named = typeof entity === 'string' ? entity : `E-${name}`
    return { url: `${origin}/api/v4/file/content/${named}/0/${name}?sign=${SIGNATURE}${server.seen.length}` }
  })
  return { data: { urls: list, expires } }
}

function rangeOf({ headers }: Exchange): { start: number; end: number } {
  const match = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
  return { start: Number(match?.[1]), end: Number(match?.[2]) + 1 }
}

function entityOf({ path }: Exchange): string {
  return path.split('/')[3] ?? ''
}

function head(exchange: Exchange, { etag = `"${entityOf(exchange)}"` } = {}): { start: number; end: number } {
  const { start, end } = rangeOf(exchange)
  exchange.response.writeHead(206, {
    'content-range': `bytes ${start}-${end - 1}/${CONTENT.length}`,
    'content-length': end - start,
    etag,
  })
  return { start, end }
}

function serveRange(exchange: Exchange): undefined {
  const { start, end } = head(exchange)
  exchange.response.end(CONTENT.subarray(start, end))
}

/** So many bytes of what was asked for, then the connection breaks. */
function cutAfter(bytes: number): Handler {
  return (exchange) => {
    const { start } = head(exchange)
    exchange.response.write(CONTENT.subarray(start, start + bytes), () => exchange.response.socket?.destroy())
    return undefined
  }
}

const file = (name: string, entity = `E-${name}`): ContentSource => ({
  uri: () => `cloudreve://my/${name}`,
  entity,
  sizeBytes: CONTENT.length,
  subject: `/${name}`,
})

const contentRequests = () => server.seen.filter(({ path }) => path.startsWith('/file/content/'))
const rangesAsked = () => contentRequests().map(({ headers }) => headers.range)

describe('reading a range', () => {
  it('gives exactly its bytes, with one URL and one GET', async () => {
    const bytes = await downloader.read(file('a'), { start: 1000, end: 200_001 })
    expect(Buffer.compare(bytes, CONTENT.subarray(1000, 200_001))).toBe(0)
    expect(rangesAsked()).toEqual(['bytes=1000-200000'])
    expect(server.requests('POST /file/url').length).toBe(1)
  })

  it('sends neither token nor client id to content URLs', async () => {
    const tokens = {
      current: () => Promise.resolve({ value: 'token', expiresAtMs: 0 }),
      renew: () => Promise.reject(new Error('not needed')),
      isDoubtful: () => false,
    }
    const signedIn = new ApiClient({ origin: server.origin, clock, tokens })
    const reader = new Downloader({ client: signedIn })
    await reader.read(file('a'), { start: 0, end: 10 })
    reader.close()
    await signedIn.close()
    expect(server.requests('POST /file/url')[0]?.headers).toHaveProperty('authorization')
    const headers = Object.keys(contentRequests()[0]?.headers ?? {})
    expect(headers.filter((name) => name === 'authorization' || name.startsWith('x-cr-'))).toEqual([])
  })

  it('goes on at the next byte when the stream is cut, as long as bytes come', async () => {
    server.on('GET /file/content/*/0/*', (exchange) => {
      return exchange.nth < 6 ? cutAfter(20_000)(exchange) : serveRange(exchange)
    })
    const bytes = await downloader.read(file('a'), { start: 0, end: CONTENT.length })
    expect(Buffer.compare(bytes, CONTENT)).toBe(0)
    expect(rangesAsked().slice(0, 3)).toEqual(['bytes=0-299999', 'bytes=20000-299999', 'bytes=40000-299999'])
    expect(server.requests('POST /file/url').length).toBe(1)
  })

  it('gives up after a few tries without a byte', async () => {
    server.on('GET /file/content/*/0/*', ({ response }) => void response.socket?.destroy())
    const reading = downloader.read(file('a'), { start: 0, end: 10 })
    await expect(reading).rejects.toMatchObject({
      kind: 'unsent',
      message: expect.stringContaining('/a') as string,
    })
    expect(contentRequests().length).toBe(4)
  })

  it('cuts a stream that stalls and goes on behind it', async () => {
    server.on('GET /file/content/*/0/*', (exchange) => {
      if (exchange.nth > 0) return serveRange(exchange)
      const { start } = head(exchange)
      exchange.response.write(CONTENT.subarray(start, start + 5000))
      return undefined
    })
    const reading = downloader.read(file('a'), { start: 0, end: 9000 })
    while (contentRequests().length < 1) await settle()
    for (let i = 0; i < 20; i += 1) await settle()
    clock.expire()
    expect(Buffer.compare(await reading, CONTENT.subarray(0, 9000))).toBe(0)
    expect(rangesAsked()).toEqual(['bytes=0-8999', 'bytes=5000-8999'])
  })

  it.each([40005, 40071, 403])('gets another URL when the server says %i with status 200', async (code) => {
    server.on('GET /file/content/*/0/*', (exchange) =>
      exchange.nth === 0 ? { code, msg: 'sign' } : serveRange(exchange),
    )
    const bytes = await downloader.read(file('a'), { start: 0, end: 100 })
    expect(Buffer.compare(bytes, CONTENT.subarray(0, 100))).toBe(0)
    expect(
      server.requests('POST /file/url').map(({ body }) => JSON.parse(body.toString()) as unknown),
    ).toEqual([{ uris: ['cloudreve://my/a'] }, { uris: ['cloudreve://my/a'], entity: 'E-a', no_cache: true }])
  })

  it('does not ask for URLs for ever', async () => {
    server.on('GET /file/content/*/0/*', { code: 40005, msg: 'expired' })
    await expect(downloader.read(file('a'), { start: 0, end: 100 })).rejects.toMatchObject({ code: 40005 })
    expect(server.requests('POST /file/url').length).toBe(2)
  })

  it('says that a content is gone when the server does not give a URL for it either', async () => {
    server.on('GET /file/content/*/0/*', { code: 40077, msg: 'gone' })
    server.on('POST /file/url', ({ json, nth }) => {
      if (nth === 0) return urls(json)
      return {
        code: 40081,
        aggregated_error: { 'cloudreve://my/a': { code: 40077, msg: 'Entity not exist' } },
      }
    })
    await expect(downloader.read(file('a'), { start: 0, end: 1 })).rejects.toMatchObject({ code: 40077 })
    const [, second] = server.requests('POST /file/url')
    expect(JSON.parse(second?.body.toString() ?? '')).toMatchObject({ entity: 'E-a' })
  })

  it.each([
    ['another range', { 'content-range': 'bytes 0-99/300000', etag: '"E-a"' }],
    ['another size', { 'content-range': 'bytes 10-19/300001', etag: '"E-a"' }],
    ['another content', { 'content-range': 'bytes 10-19/300000', etag: '"E-b"' }],
    ['no tag', { 'content-range': 'bytes 10-19/300000' }],
  ])('never hands out bytes of an answer with %s', async (_, headers) => {
    server.on(
      'GET /file/content/*/0/*',
      ({ response }) => void response.writeHead(206, headers).end('0123456789'),
    )
    const reading = downloader.read(file('a'), { start: 10, end: 20 })
    await expect(reading).rejects.toMatchObject({ kind: 'malformed' })
  })

  it('never takes the whole content for a range', async () => {
    server.on(
      'GET /file/content/*/0/*',
      ({ response }) => void response.writeHead(200, { etag: '"E-a"' }).end(CONTENT),
    )
    await expect(downloader.read(file('a'), { start: 0, end: 10 })).rejects.toMatchObject({
      kind: 'malformed',
    })
  })
})

describe('URLs', () => {
  it('of files read at the same time come in one request', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `f${i}`)
    await Promise.all(names.map((name) => downloader.read(file(name), { start: 0, end: 10 })))
    expect(server.requests('POST /file/url').length).toBe(1)
    expect(contentRequests().length).toBe(40)
  })

  it('are kept until shortly before they expire', async () => {
    for (let i = 0; i < 5; i += 1) await downloader.read(file('a'), { start: i, end: i + 1 })
    expect(server.requests('POST /file/url').length).toBe(1)
    clock.advance(urlLifeMs - 20_000)
    await downloader.read(file('a'), { start: 0, end: 1 })
    expect(server.requests('POST /file/url').length).toBe(2)
  })

  it('of a batch where one file is gone still serve the others', async () => {
    server.on('POST /file/url', ({ json }) => {
      const { uris } = json as { uris: string[] }
      const answer = urls(json)
      if (uris.length === 1) {
        return { code: 40081, aggregated_error: { [uris[0] ?? '']: { code: 40016, msg: 'Path not exist' } } }
      }
      answer.data.urls = answer.data.urls.map(({ url }, i) => ({ url: uris[i]?.endsWith('gone') ? '' : url }))
      return answer
    })
    const gone = expect(downloader.read(file('gone'), { start: 0, end: 1 })).rejects.toMatchObject({
      code: 40016,
    })
    await downloader.read(file('a'), { start: 0, end: 1 })
    await gone
    expect(server.requests('POST /file/url').length).toBe(2)
  })

  it('name the wanted content where the file has another one by now', async () => {
    await downloader.read(file('a', 'E-old'), { start: 0, end: 1 })
    expect(contentRequests()[0]?.path).toContain('/E-old/')
    expect(server.requests('POST /file/url').length).toBe(2)
  })

  it('on a storage of its own are asked for by content, and the first tag binds', async () => {
    const store = await ScriptedServer.start()
    let tag = '"md5-1"'
    store.on('GET /bucket/*', (exchange) => {
      const { start, end } = head(exchange, { etag: tag })
      exchange.response.end(CONTENT.subarray(start, end))
      return undefined
    })
    server.on('POST /file/url', {
      data: { urls: [{ url: `${store.origin}/bucket/object?X-Amz-Signature=${SIGNATURE}` }] },
    })
    await downloader.read(file('a'), { start: 0, end: 5 })
    await downloader.read(file('a'), { start: 5, end: 9 })
    const asked = server
      .requests('POST /file/url')
      .map(({ body }) => (JSON.parse(body.toString()) as { entity?: string }).entity)
    expect(asked).toEqual([undefined, 'E-a'])
    tag = '"md5-2"'
    await expect(downloader.read(file('a'), { start: 0, end: 5 })).rejects.toMatchObject({
      kind: 'malformed',
    })
    await store.stop()
  })

  it('on a host that cannot be reached are fetched from the server that answers', async () => {
    const elsewhere = await ScriptedServer.start()
    const dead = elsewhere.origin
    await elsewhere.stop()
    server.on('POST /file/url', ({ json }) => urls(json, dead))
    await downloader.read(file('a'), { start: 0, end: 5 })
    expect(contentRequests().length).toBe(1)
  })

  it('never show in an error', async () => {
    server.on('GET /file/content/*/0/*', ({ response }) => void response.socket?.destroy())
    const error = (await downloader
      .read(file('a'), { start: 0, end: 5 })
      .catch((caught: unknown) => caught)) as Error
    const texts = [error.message, error.stack, JSON.stringify(error), String(error.cause)]
    expect(texts.join('\n')).not.toContain(SIGNATURE)
  })
})

function limited(bytesPerSecond: number) {
  const limit = new WatchedLimit(clock, bytesPerSecond)
  return new Downloader({ client, streams: new ContentStreams({ clock, limit }) })
}

describe('a limit', () => {
  it('is how fast all contents together come', async () => {
    const slow = limited(100_000)
    const startedAt = clock.monotonic()
    const whole = { start: 0, end: CONTENT.length }
    const contents = await Promise.all([slow.read(file('a'), whole), slow.read(file('b'), whole)])
    const tookMs = clock.monotonic() - startedAt
    for (const content of contents) expect(Buffer.compare(content, CONTENT)).toBe(0)
    // The last piece, of 64 KiB at most, is paid for by what comes after it.
    expect(tookMs).toBeGreaterThanOrEqual(5_300)
    expect(tookMs).toBeLessThanOrEqual(6_300)
    slow.close()
  })

  it('that keeps a stream for longer than the network may does not cut it', async () => {
    const manual = new ManualClock()
    const limit = new WatchedLimit(manual, 10)
    const slow = new Downloader({
      client,
      streams: new ContentStreams({ clock: manual, limit, stallMs: 30_000 }),
    })
    const reading = slow.read(file('a'), { start: 0, end: 1_000 })
    let isRead = false
    void reading.finally(() => (isRead = true))
    await eventually(() => limit.asked === 1)
    await manual.advance(99_000)
    expect(isRead).toBe(false)
    await manual.advance(1_000)
    expect(await reading).toEqual(new Uint8Array(CONTENT.subarray(0, 1_000)))
    expect(contentRequests().length).toBe(1)
    slow.close()
  })

  it('is left to others by a reader that gives up', async () => {
    const manual = new ManualClock()
    const limit = new WatchedLimit(manual, 10)
    const slow = new Downloader({ client, streams: new ContentStreams({ clock: manual, limit }) })
    const stop = new AbortController()
    const reading = slow.read(file('a'), { start: 0, end: 200_000 }, { signal: stop.signal })
    await eventually(() => limit.asked === 1)
    stop.abort(new Error('interrupted'))
    await expect(reading).rejects.toThrow('interrupted')
    expect(manual.pending).toBe(0)
    slow.close()
  })
})

describe('a reader that gives up', () => {
  it('cuts the stream after its first byte', async () => {
    server.on('GET /file/content/*/0/*', (exchange) => {
      head(exchange)
      exchange.response.write(CONTENT.subarray(0, 1000))
      return undefined
    })
    const stop = new AbortController()
    const reading = downloader.read(file('a'), { start: 0, end: 5000 }, { signal: stop.signal })
    while (contentRequests().length < 1) await settle()
    for (let i = 0; i < 20; i += 1) await settle()
    stop.abort(new Error('interrupted'))
    await expect(reading).rejects.toThrow('interrupted')
    while (server.cut.length < 1) await settle()
    expect(server.cut).toEqual(['GET /file/content/E-a/0/a'])
  })

  it('does not cut a request that the server has not answered yet', async () => {
    const answered = new AbortController()
    server.on('GET /file/content/*/0/*', (exchange) => {
      answered.signal.addEventListener('abort', () => serveRange(exchange))
      return undefined
    })
    const stop = new AbortController()
    const reading = downloader.read(file('a'), { start: 0, end: 50 }, { signal: stop.signal })
    while (contentRequests().length < 1) await settle()
    stop.abort(new Error('interrupted'))
    await expect(reading).rejects.toThrow('interrupted')
    for (let i = 0; i < 10; i += 1) await settle()
    expect(server.cut).toEqual([])
    answered.abort()
    await client.close()
  })
})
