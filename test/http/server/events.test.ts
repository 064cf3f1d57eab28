import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { my, withServer, type TestClient } from './client.ts'

/** An open event stream. */
class Stream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #text = ''

  constructor(response: Response) {
    this.#reader = response.body!.getReader()
  }

  static async open(client: TestClient, path: string, id: string = randomUUID()): Promise<Stream> {
    const uri = encodeURIComponent(my(path))
    const response = await client.raw('GET', `/file/events?uri=${uri}`, undefined, { 'x-cr-client-id': id })
    expect(response.headers.get('content-type')).toBe('text/event-stream;charset=utf-8')
    return new Stream(response)
  }

  /** Reads until the last line of the text so far contains `end`; returns everything since the last call, one event a line. */
  async until(end: string): Promise<string[]> {
    while (!this.#text.includes(end)) {
      const { value, done } = await this.#reader.read()
      if (done) throw new Error(`the stream ended before ${end}`)
      this.#text += new TextDecoder().decode(value)
    }
    const events = this.#text.split('\n\n').filter((event) => event !== '')
    this.#text = ''
    return events.map((event) => event.replace(/^event:/, '').replace('\ndata:', ' '))
  }

  close(): Promise<void> {
    return this.#reader.cancel()
  }
}

/** `create /a`, `rename /a /b`, without ids. */
function brief(events: string[]): string[] {
  return events
    .filter((event) => event.startsWith('event '))
    .map((event) => {
      const { type, from, to } = JSON.parse(event.slice('event '.length)) as Record<string, string>
      return `${type} ${from}${to === '' ? '' : ` ${to}`}`
    })
}

describe('embedded server: events', () => {
  it('sends merged changes after the quiet time, and not those of the same client', async () => {
    const clock = new ManualClock()
    await withServer({ clock }, async (client, server) => {
      await client.put('/d/known', 'x')
      const stream = await Stream.open(client, '/')
      expect(await stream.until('subscribed')).toEqual(['subscribed <nil>'])
      await client.put('/d/new', 'x')
      await clock.advance(4000)
      await client.put('/d/new', 'y')
      await client.put('/d/known', 'y')
      await client.put('/d/brief', 'x')
      await client.call('DELETE', '/file', { uris: [my('/d/brief')] })
      await client
        .call('POST', '/file/move', { uris: [my('/d')], dst: my('/') })
        .then(({ code }) => expect(code).toBe(40073))
      await client.call('POST', '/file/rename', { uri: my('/d'), new_name: 'e' })
      await clock.advance(4999)
      expect(server.requests.count('GET /file/events')).toBe(1)
      await clock.advance(1)
      expect(brief(await stream.until('rename'))).toEqual([
        'create /d/new',
        'modify /d/known',
        'rename /d /e',
      ])
      client.clientId = 'e5e8a9c4-0f5a-4c7e-9df3-0d1c8f0b7a55'
      const own = await Stream.open(client, '/', client.clientId)
      await own.until('subscribed')
      await client.put('/mine', 'x')
      client.clientId = undefined
      await client.put('/theirs', 'x')
      await clock.advance(5000)
      expect(brief(await own.until('theirs'))).toEqual(['create /theirs'])
      expect(brief(await stream.until('theirs'))).toEqual(['create /mine', 'create /theirs'])
      await Promise.all([stream.close(), own.close()])
    })
  })

  it('loses what one flush has beyond 16 events, without a word', async () => {
    const clock = new ManualClock()
    await withServer({ clock }, async (client) => {
      const stream = await Stream.open(client, '/')
      await stream.until('subscribed')
      for (let i = 0; i < 40; i += 1) await client.put(`/f${i}`, 'x')
      await clock.advance(5000)
      await client.put('/last', 'x')
      await clock.advance(5000)
      const events = brief(await stream.until('/last'))
      expect(events).toHaveLength(17)
      expect(events.slice(-2)).toEqual(['create /f15', 'create /last'])
      await stream.close()
    })
  })

  it('keeps changes for a client that comes back, and forgets them at a restart', async () => {
    const clock = new ManualClock()
    await withServer({ clock }, async (client, server) => {
      const id = randomUUID()
      const first = await Stream.open(client, '/', id)
      await first.until('subscribed')
      await first.close()
      await server.requests.until((log) => log.of('GET /file/events').every(({ isDone }) => isDone))
      await client.put('/offline', 'x')
      const second = await Stream.open(client, '/', id)
      expect(await second.until('resumed')).toEqual(['resumed <nil>'])
      await clock.advance(5000)
      expect(brief(await second.until('offline'))).toEqual(['create /offline'])
      await client.put('/lost', 'x')
      await server.restart('clean')
      await expect(second.until('lost')).rejects.toThrow()
      const third = await Stream.open(client, '/', id)
      expect(await third.until('subscribed')).toEqual(['subscribed <nil>'])
      await clock.advance(30_000)
      expect(await third.until('keep-alive')).toEqual(['keep-alive <nil>'])
      await third.close()
    })
  })

  it('shows moves across the border of a folder as creations and deletions', async () => {
    const clock = new ManualClock()
    await withServer({ clock }, async (client) => {
      await client.put('/in/out.txt', 'x')
      await client.put('/in.txt', 'x')
      const stream = await Stream.open(client, '/in')
      await stream.until('subscribed')
      await client.call('POST', '/file/move', { uris: [my('/in/out.txt')], dst: my('/') })
      await client.call('POST', '/file/move', { uris: [my('/in.txt')], dst: my('/in') })
      await clock.advance(5000)
      expect(brief(await stream.until('in.txt'))).toEqual(['delete /out.txt', 'create /in.txt'])
      await stream.close()
    })
  })

  it('refuses what cannot be watched with an envelope instead of a stream', () =>
    withServer({ eventPush: true }, async (client) => {
      await client.put('/f', 'x')
      const watch = async (uri: string, id?: string) => {
        const headers: Record<string, string> = id === undefined ? {} : { 'x-cr-client-id': id }
        return (await client.call('GET', `/file/events?uri=${encodeURIComponent(uri)}`, undefined, headers))
          .code
      }
      expect(await watch(my('/'))).toBe(40001)
      expect(await watch(my('/'), 'no-uuid')).toBe(40001)
      expect(await watch(my('/f'), randomUUID())).toBe(40016)
      client.token = ''
      expect(await watch(my('/'), randomUUID())).toBe(401)
    }))
})
