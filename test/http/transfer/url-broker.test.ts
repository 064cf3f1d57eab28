import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from '../../../src/api/client.ts'
import { UrlBroker } from '../../../src/transfer/url-broker.ts'
import { eventually } from '../../fakes/eventually.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'
import { ManualClock, settle } from '../../fakes/manual-clock.ts'
import { ScriptedServer } from '../../fakes/scripted-server.ts'

let server: ScriptedServer
let client: ApiClient
let broker: UrlBroker

beforeEach(async () => {
  server = await ScriptedServer.start()
  client = new ApiClient({ origin: server.origin, clock: new ImpatientClock(), random: () => 0 })
  broker = new UrlBroker(client)
  server.on('POST /file/url', ({ json }) => urls(json))
})

afterEach(async () => {
  await client.close()
  await server.stop()
})

/** Entity `E-name` for `cloudreve://my/name`. */
function urls({ uris }: Record<string, unknown>, path = 'api/v4/file/content') {
  return {
    data: {
      urls: (uris as string[]).map((uri) => ({
        url: `${server.origin}/${path}/E-${uri.split('/').at(-1)}/0/x?sign=s`,
      })),
    },
  }
}

const content = (name: string) => ({ uri: `cloudreve://my/${name}`, entity: `E-${name}` })
const ask = (name: string) => broker.urlFor(content(name).uri, content(name).entity)

describe('URLs that are asked for ahead', () => {
  it('come a hundred in a call, and are asked for once, however many want them meanwhile', async () => {
    const names = Array.from({ length: 250 }, (_, i) => `f${i}`)
    const prepared = broker.prepare(names.map(content))
    const [asked] = await Promise.all([ask('f2'), broker.prepare([content('f1')]), prepared])
    expect(asked.url).toContain('/E-f2/')
    expect(broker.cached('E-f249')).toMatchObject({ isMaster: true })
    expect(server.requests('POST /file/url')).toHaveLength(3)
  })

  it('are none of another content that the file has by now', async () => {
    await broker.prepare([{ uri: 'cloudreve://my/a', entity: 'E-former' }])
    expect(broker.cached('E-former')).toBeUndefined()
  })

  it('are none where URLs do not tell their contents: each would be asked for again', async () => {
    server.on('POST /file/url', ({ json }) => urls(json, 'bucket'))
    await broker.prepare([content('a'), content('b')])
    await broker.prepare([content('c')])
    expect(server.requests('POST /file/url')).toHaveLength(1)
    expect(broker.cached('E-a')).toBeUndefined()
  })

  it('that could not be had are asked for by who wants them', async () => {
    let calls = 0
    server.on('POST /file/url', ({ json }) => {
      calls += 1
      return calls === 1 ? { code: 403, msg: 'not now' } : urls(json)
    })
    const prepared = broker.prepare([content('a')])
    const asked = ask('a')
    await expect(prepared).rejects.toMatchObject({ code: 403 })
    expect((await asked).url).toContain('/E-a/')
  })
})

describe('a URL that somebody waits for', () => {
  it('is asked for at once, and those that are wanted meanwhile after a moment, together', async () => {
    const clock = new ManualClock()
    const own = new ApiClient({ origin: server.origin, clock, random: () => 0 })
    const patient = new UrlBroker(own)
    const answered = new AbortController()
    server.on('POST /file/url', async ({ json, nth }) => {
      if (nth === 0) await new Promise((resolve) => answered.signal.addEventListener('abort', resolve))
      return urls(json)
    })
    const wanted = (name: string) => patient.urlFor(content(name).uri, content(name).entity)
    const first = wanted('a')
    await eventually(() => server.requests('POST /file/url').length === 1)
    const others = [wanted('b')]
    await settle()
    others.push(wanted('c'))
    await settle()
    expect(server.requests('POST /file/url')).toHaveLength(1)
    await clock.advance(3)
    await Promise.all(others)
    expect(server.requests('POST /file/url')).toHaveLength(2)
    answered.abort()
    expect((await first).url).toContain('/E-a/')
    await own.close()
  })
})
