import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Http } from '../../../src/api/http.ts'
import { eventually } from '../../fakes/eventually.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { WatchedLimit } from '../../fakes/watched-limit.ts'

const servers: Server[] = []
const http = new Http({ clock: new ImpatientClock() })

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

describe('an exchange', () => {
  it('delivers a refusal that comes before the body was wanted, and stops sending', async () => {
    const url = await serve((request, response) => {
      request.pause()
      response.writeHead(200, { connection: 'close' }).end('refused')
    })
    let pulled = 0
    const body = {
      sizeBytes: 64 * 1024 * 1024,
      async *open() {
        for (let i = 0; i < 64; i += 1) {
          pulled += 1
          yield Buffer.alloc(1024 * 1024)
        }
      },
    }
    const answer = await http.send({ method: 'PUT', url, headers: {}, body })
    expect(answer).toMatchObject({ status: 200, text: 'refused' })
    expect(pulled).toBeLessThan(64)
  })

  it('uses a connection again', async () => {
    const ports = new Set<number | undefined>()
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      response.end('x')
    })
    for (let i = 0; i < 5; i += 1) await http.send({ method: 'GET', url, headers: {} })
    expect(ports.size).toBe(1)
  })

  it('takes any status for an answer and follows no redirect', async () => {
    const url = await serve((_, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end('moved'),
    )
    await expect(http.send({ method: 'GET', url, headers: {} })).resolves.toMatchObject({
      status: 302,
      text: 'moved',
    })
  })

  it('that fails tells whether the request had left, and nothing of its headers or URL', async () => {
    const url = await serve((request) => void request.socket.destroy())
    const headers = { authorization: 'Bearer secret-token' }
    const sent = (await http
      .send({ method: 'GET', url: `${url}?sign=secret`, headers })
      .catch((e: unknown) => e)) as Error
    expect(sent).toMatchObject({ name: 'HttpFailure', sent: true })
    const refused = (await http
      .send({ method: 'GET', url: 'http://127.0.0.1:1/?sign=secret', headers })
      .catch((e: unknown) => e)) as Error
    expect(refused).toMatchObject({
      sent: false,
      code: 'ECONNREFUSED',
      message: 'the connection was refused',
    })
    for (const error of [sent, refused]) {
      expect(`${error.message}${error.stack}${JSON.stringify(error)}${String(error.cause)}`).not.toContain(
        'secret',
      )
    }
  })
})

function bodyOf(...pieces: Buffer[]) {
  return {
    sizeBytes: Buffer.concat(pieces).length,
    async *open() {
      yield* pieces
    },
  }
}

/** Counts what arrives, and answers when all of it did. */
async function counting() {
  const received: number[] = []
  const url = await serve((request, response) => {
    const index = received.push(0) - 1
    request.on('data', (piece: Buffer) => (received[index]! += piece.length))
    request.on('end', () => response.end('stored'))
  })
  return { url, received }
}

describe('a limit', () => {
  it('is how fast all bodies together leave, whatever their pieces', async () => {
    const clock = new ImpatientClock()
    const limit = new WatchedLimit(clock, 100_000)
    const limited = new Http({ clock, limit })
    const { url, received } = await counting()
    const startedAt = clock.monotonic()
    const send = () =>
      limited.send({
        method: 'PUT',
        url,
        headers: {},
        body: bodyOf(Buffer.alloc(256_000), Buffer.alloc(244_000)),
      })
    await Promise.all([send(), send()])
    const tookMs = clock.monotonic() - startedAt
    expect(received).toEqual([500_000, 500_000])
    expect(tookMs).toBeGreaterThanOrEqual(10_000)
    expect(tookMs).toBeLessThanOrEqual(10_300)
    limited.close()
  })

  it('takes no time of what holds no content', async () => {
    const clock = new ManualClock()
    const limit = new WatchedLimit(clock, 1)
    const limited = new Http({ clock, limit })
    const { url } = await counting()
    const answer = await limited.send({ method: 'POST', url, headers: {}, body: '{"a":1}' })
    expect(answer.text).toBe('stored')
    limited.close()
  })

  it('that keeps a body for longer than the network may does not cut it', async () => {
    const clock = new ManualClock()
    const limit = new WatchedLimit(clock, 10)
    const limited = new Http({ clock, limit, sendStallMs: 60_000 })
    const { url, received } = await counting()
    const sending = limited.send({ method: 'PUT', url, headers: {}, body: bodyOf(Buffer.alloc(2048)) })
    for (const piece of [1, 2]) {
      await eventually(() => limit.asked === piece)
      await clock.advance(103_000)
      await eventually(() => received[0] === piece * 1024)
    }
    expect(await sending).toMatchObject({ text: 'stored' })
    limited.close()
  })

  it('is left to others by a body that is cut', async () => {
    const clock = new ManualClock()
    const limit = new WatchedLimit(clock, 1000)
    const limited = new Http({ clock, limit })
    const { url } = await counting()
    const stop = new AbortController()
    const cut = limited.send({
      method: 'PUT',
      url,
      headers: {},
      body: bodyOf(Buffer.alloc(1_000_000)),
      cutSignal: stop.signal,
    })
    await eventually(() => limit.asked === 1)
    stop.abort()
    await expect(cut).rejects.toMatchObject({ code: 'ECUT' })
    expect(clock.pending).toBe(0)
    limited.close()
  })
})
