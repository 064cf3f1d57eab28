import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createMuteServer, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Http, type StreamBody } from '../../../src/api/http.ts'
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

function failureOf(sending: Promise<unknown>): Promise<Error> {
  return sending.catch((error: unknown) => error) as Promise<Error>
}

describe('a short body', () => {
  const bytes = Buffer.from('a letter')
  const put = (url: string, body = shortOf(bytes), cutSignal?: AbortSignal) =>
    http.send({
      method: 'PUT',
      url: `${url}?sign=secret`,
      headers: { authorization: 'Bearer secret-token' },
      body,
      cutSignal,
    })

  it('leaves with its length, over a connection that is used again', async () => {
    const seen: unknown[] = []
    const url = await serve((request, response) => {
      const { headers, socket, method } = request
      const pieces: Buffer[] = []
      request
        .on('data', (piece: Buffer) => pieces.push(piece))
        .on('end', () => {
          seen.push([method, headers['content-length'], String(Buffer.concat(pieces)), socket.remotePort])
          response.end('stored')
        })
    })
    const sent: string[] = []
    for (let i = 0; i < 3; i += 1) {
      const body = i === 2 ? shortOf(Buffer.alloc(0)) : shortOf(bytes)
      const onSent = () => sent.push('sent')
      const answer = await http.send({ method: 'PUT', url, headers: {}, body, onSent })
      expect(answer).toMatchObject({ status: 200, text: 'stored' })
    }
    const [[, , , port]] = seen as [[string, string, string, number]]
    const letter = ['PUT', '8', 'a letter', port]
    expect(seen).toEqual([letter, letter, ['PUT', '0', '', port]])
    expect(sent).toEqual(['sent', 'sent', 'sent'])
  })

  it('that does not arrive tells whether it had left, and nothing of its headers or URL', async () => {
    const url = await serve((request) => void request.on('data', () => request.socket.destroy()))
    const broken = await serve((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-length': '10' }).write('half')
        setImmediate(() => response.destroy())
      })
    })
    const errors = await Promise.all([url, broken, 'http://127.0.0.1:1/'].map((each) => failureOf(put(each))))
    expect(errors).toMatchObject([
      { name: 'HttpFailure', sent: true, code: 'ECONNRESET', message: 'the connection broke' },
      { name: 'HttpFailure', sent: true, code: 'ECONNRESET', message: 'the connection broke' },
      { name: 'HttpFailure', sent: false, code: 'ECONNREFUSED', message: 'the connection was refused' },
    ])
    for (const error of errors)
      expect(`${error.message}${error.stack}${JSON.stringify(error)}${String(error.cause)}`).not.toContain(
        'secret',
      )
  })

  it('that cannot be read, or has another length, does not leave', async () => {
    let asked = 0
    const url = await serve((_, response) => {
      asked += 1
      response.end()
    })
    const unreadable = new Error('the disk is gone')
    const body = { ...shortOf(bytes), whole: () => Promise.reject(unreadable) }
    expect(await failureOf(put(url, body))).toBe(unreadable)
    await expect(put(url, { ...shortOf(bytes), sizeBytes: 9 })).rejects.toThrow('a body of 9 bytes has 8')
    expect(asked).toBe(0)
  })

  it('that is cut before it leaves has not left', async () => {
    let asked = 0
    const url = await serve(() => void (asked += 1))
    expect(await failureOf(put(url, shortOf(bytes), AbortSignal.abort()))).toMatchObject({
      sent: false,
      code: 'ECUT',
    })
    expect(asked).toBe(0)
  })

  it('waits for a connection no longer than it may', async () => {
    const clock = new ManualClock()
    const patient = new Http({ clock, connectTimeoutMs: 10_000 })
    const mute = createMuteServer()
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(mute.address() as AddressInfo).port}/`
    const failure = failureOf(patient.send({ method: 'PUT', url, headers: {}, body: shortOf(bytes) }))
    await eventually(() => clock.pending > 0)
    await clock.advance(10_000)
    await eventually(() => clock.pending === 0)
    expect(await failure).toMatchObject({ sent: false, code: 'ETIMEDOUT', message: 'it does not answer' })
    patient.close()
    mute.close()
  })
})

function shortOf(bytes: Buffer): StreamBody {
  return { ...bodyOf(bytes), whole: () => Promise.resolve(bytes) }
}

function bodyOf(...pieces: Buffer[]): StreamBody {
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
