import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from '../../../../src/api/client.ts'
import { parseUri } from '../../../../src/api/uri.ts'
import { silentLog } from '../../../../src/base/log.ts'
import type { WatchNotice } from '../../../../src/remote/changes.ts'
import { ChangeFeed } from '../../../../src/remote/cloudreve/change-feed.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'
import { ScriptedServer, type Exchange } from '../../../fakes/scripted-server.ts'

let server: ScriptedServer
let clock: ManualClock
let client: ApiClient
let end: AbortController
/** Connections, the last one last. */
let open: Exchange[]
let notices: WatchNotice[]

beforeEach(async () => {
  server = await ScriptedServer.start()
  clock = new ManualClock()
  client = new ApiClient({ origin: server.origin, clock })
  end = new AbortController()
  open = []
  notices = []
  server.on('GET /file/events', (exchange) => {
    exchange.response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    open.push(exchange)
    return undefined
  })
})

afterEach(async () => {
  end.abort()
  await client.close()
  await server.stop()
})

/** Back-off at its longest, so that times are exact. */
function watch(): void {
  const context = { client, clock, log: silentLog, root: parseUri('cloudreve://my') }
  const feed = new ChangeFeed(context, () => 1)
  void (async () => {
    for await (const notice of feed.notices(end.signal)) notices.push(notice)
  })()
}

async function connected(nth = 1): Promise<Exchange> {
  await eventually(() => open.length === nth)
  return open[nth - 1]!
}

/** Connection number `nth`, which has said that it is there. */
async function live(nth = 1, word = 'subscribed'): Promise<Exchange> {
  const exchange = await connected(nth)
  const before = notices.length
  exchange.response.write(`event:${word}\ndata:<nil>\n\n`)
  await eventually(() => notices.length > before)
  return exchange
}

function created(from: number, to: number): string {
  const lines: string[] = []
  for (let i = from; i < to; i += 1)
    lines.push(`event:event\ndata:{"type":"create","file_id":"i${i}","from":"/d/f${i}","to":""}\n\n`)
  return lines.join('')
}

/** Lets what was written arrive, and the time pass that shows that there is no more. */
async function flushed(exchange: Exchange, text: string, count: number): Promise<void> {
  exchange.response.write(text)
  await eventually(() => clock.pending > 1)
  for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(250)
  await eventually(() => notices.length === count)
}

const idOf = ({ headers }: Exchange) => headers['x-cr-client-id']

describe('the feed of changes', () => {
  it('tells what came at once together, with paths from the top', async () => {
    watch()
    const exchange = await live()
    const rename = 'event:event\ndata:{"type":"rename","file_id":"r","from":"/a/b","to":"/c"}\n\n'
    await flushed(exchange, created(0, 2) + rename, 2)
    expect(notices).toEqual([
      { kind: 'live' },
      {
        kind: 'changes',
        changes: [
          { kind: 'created', id: 'i0', path: ['d', 'f0'] },
          { kind: 'created', id: 'i1', path: ['d', 'f1'] },
          { kind: 'moved', id: 'r', from: ['a', 'b'], path: ['c'] },
        ],
      },
    ])
  })

  it("says that changes are missing where a flush has filled the server's queue, also in pieces", async () => {
    watch()
    const exchange = await live()
    await flushed(exchange, created(0, 15), 2)
    await clock.advance(5_000)
    await flushed(exchange, created(20, 36), 4)
    expect(notices.map(({ kind }) => kind)).toEqual(['live', 'changes', 'changes', 'missed'])
    await clock.advance(5_000)
    await flushed(exchange, created(40, 48), 5)
    await clock.advance(500)
    await flushed(exchange, created(50, 58), 7)
    expect(notices.map(({ kind }) => kind).slice(4)).toEqual(['changes', 'changes', 'missed'])
  })

  it('says so too where it does not understand what the server says', async () => {
    watch()
    await flushed(await live(), 'event:event\ndata:[]x\n\n', 2)
    expect(notices).toEqual([{ kind: 'live' }, { kind: 'missed' }])
  })

  it('comes back under the same id after an orderly end, when the server has noticed it', async () => {
    watch()
    const first = await live()
    first.response.end()
    await eventually(() => notices.length === 2)
    expect(notices[1]).toEqual({
      kind: 'down',
      reason: 'the server has ended the event stream',
      isOffered: true,
    })
    await clock.advance(1_999)
    expect(open).toHaveLength(1)
    await clock.advance(1)
    const second = await live(2, 'resumed')
    expect(notices[2]).toEqual({ kind: 'live' })
    expect(idOf(second)).toBe(idOf(first))
  })

  it('comes back under another id where the server may take the old connection for a living one', async () => {
    watch()
    const first = await live()
    await clock.advance(90_000)
    await eventually(() => notices.length === 2)
    expect(notices[1]).toMatchObject({ reason: 'the event stream said nothing for 90 s' })
    await clock.advance(1_000)
    const second = await live(2)
    expect(idOf(second)).not.toBe(idOf(first))
    expect(idOf(second)).toBe(client.clientId)
    second.response.destroy()
    await eventually(() => notices.length === 4)
    await clock.advance(2_000)
    expect(idOf(await connected(3))).not.toBe(idOf(second))
  })

  it('tries less and less often while streams break at once, and soon again after a lasting one', async () => {
    watch()
    for (const [nth, pauseMs] of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 32_000].entries()) {
      ;(await live(nth + 1)).response.destroy()
      await eventually(() => notices.length === 2 * (nth + 1))
      await clock.advance(pauseMs - 1)
      expect(open).toHaveLength(nth + 1)
      await clock.advance(1)
    }
    const lasting = await live(8)
    await clock.advance(60_000)
    lasting.response.destroy()
    await eventually(() => notices.length === 16)
    await clock.advance(1_000)
    await connected(9)
  })

  it.each([
    ['is switched off', { code: 40019 }, 'the event stream is switched off on the server'],
    ['is not known to the server', undefined, 'the server has no event stream'],
  ])('asks once an hour where it %s', async (_, reply, reason) => {
    server.on('GET /file/events', ({ response }) => {
      if (!reply) response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found')
      return reply
    })
    watch()
    await eventually(() => notices.length === 1)
    expect(notices).toEqual([{ kind: 'down', reason, isOffered: false }])
    await clock.advance(3_599_999)
    expect(server.seen).toHaveLength(1)
    await clock.advance(1)
    await eventually(() => server.seen.length === 2)
  })

  it('asks seldom where it is refused, and as after a failure where the database of the server fails', async () => {
    server.on('GET /file/events', ({ nth }) => ({ code: nth === 0 ? 403 : 50001 }))
    watch()
    await eventually(() => notices.length === 1)
    expect(notices[0]).toMatchObject({ kind: 'down', isOffered: true })
    await clock.advance(29_999)
    expect(server.seen).toHaveLength(1)
    await clock.advance(1)
    await eventually(() => notices.length === 2)
    await clock.advance(2_000)
    await eventually(() => server.seen.length === 3)
  })

  it('is over at once when nobody wants it any more, whatever it waits for', async () => {
    watch()
    const exchange = await live()
    end.abort()
    await eventually(() => exchange.response.closed)
    expect(notices).toHaveLength(1)
    await eventually(() => clock.pending === 0)
  })
})
