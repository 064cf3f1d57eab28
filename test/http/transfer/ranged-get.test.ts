import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { DirectConnections } from '../../../src/transfer/direct-connections.ts'
import { RangedGet } from '../../../src/transfer/ranged-get.ts'
import { eventually } from '../../fakes/eventually.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'

const content = randomBytes(300_000)
const range = { start: 1000, end: 201_000 }
const wanted = content.subarray(range.start, range.end)
const partial = (rest: string) => `HTTP/1.1 206 Partial Content\r\n${rest}\r\n`
const plainHead = partial(`content-length: ${wanted.length}\r\n`)

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A server that knows nothing of HTTP: each request is answered by `answer`. */
async function serve(answer: (socket: Socket, request: string, nth: number) => void) {
  const server = createServer()
  let connections = 0
  const requests: string[] = []
  server.on('connection', (socket) => {
    connections += 1
    closing.push(() => socket.destroy())
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (piece) => {
      text += piece.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        requests.push(text.slice(0, end))
        text = text.slice(end + 4)
        answer(socket, requests.at(-1)!, requests.length - 1)
      }
    })
  })
  const origin = await listen(server)
  return { origin, requests, connections: () => connections }
}

async function listen(server: Server, protocol = 'http'): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return `${protocol}://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const fixture = (name: string) => readFileSync(join(import.meta.dirname, '../../fixtures/tls', name))

/** Of a server that vouches for itself. */
const identity = () => ({ key: fixture('key.pem'), cert: fixture('cert.pem') })

const answer = (head: string) => (socket: Socket) => socket.write(Buffer.concat([Buffer.from(head), wanted]))

function pool(clock = new ManualClock()): DirectConnections {
  const connections = new DirectConnections({ clock, connectTimeoutMs: 10_000 })
  closing.push(() => connections.close())
  return connections
}

interface Got {
  readonly status: number
  readonly body: Buffer
  /** All of the body went straight into the memory that was there for it. */
  readonly isDirect: boolean
}

function get(url: string, connections: DirectConnections, pieceBytes = Infinity): Promise<Got> {
  return new Promise((resolve, reject) => {
    const memory = new Uint8Array(wanted.length)
    const pieces: Buffer[] = []
    let status = 0
    let filled = 0
    const asked = new RangedGet(url, range, {
      connections,
      pieceBytes: () => pieceBytes,
      onHead: (answered) => {
        status = answered
        return memory
      },
      onPiece: (piece) => {
        if (typeof piece !== 'number') return void pieces.push(piece)
        if (piece > pieceBytes && filled > 0) reject(new Error(`${piece} bytes were read at once`))
        filled += piece
        return undefined
      },
      onEnd: () => {
        const isDirect = filled > 0
        resolve({ status, isDirect, body: isDirect ? Buffer.from(memory) : Buffer.concat(pieces) })
      },
      onError: reject,
    })
    asked.ended.catch(reject)
  })
}

describe('a GET of a range', () => {
  it('reads a plain body straight into the memory that waits for it', async () => {
    const { origin, requests } = await serve((socket) =>
      socket.write(Buffer.concat([Buffer.from(plainHead), wanted])),
    )
    const { status, body, isDirect } = await get(`${origin}/a?sign=x`, pool())
    expect({ status, isDirect }).toEqual({ status: 206, isDirect: true })
    expect(Buffer.compare(body, wanted)).toBe(0)
    expect(requests[0]).toContain('GET /a?sign=x HTTP/1.1')
    expect(requests[0]?.toLowerCase()).toContain('range: bytes=1000-200999')
  })

  it('understands a head that comes byte by byte', async () => {
    const { origin } = await serve((socket) => {
      socket.setNoDelay(true)
      const send = (at: number): void => {
        if (at < plainHead.length) socket.write(plainHead.slice(at, at + 1), () => setImmediate(send, at + 1))
        else socket.write(wanted)
      }
      send(0)
    })
    expect(Buffer.compare((await get(origin, pool())).body, wanted)).toBe(0)
  })

  it.each([
    [
      'in chunks',
      partial('transfer-encoding: chunked\r\n'),
      `${wanted.length.toString(16)}\r\n`,
      '\r\n0\r\n\r\n',
    ],
    ['of no announced length, until the connection ends', partial('connection: close\r\n'), '', undefined],
    ['after heads that only inform', `HTTP/1.1 103 Early Hints\r\nlink: </b>\r\n\r\n${plainHead}`, '', ''],
  ])('understands a body %s', async (_, head, before, after) => {
    const { origin } = await serve((socket) => {
      socket.write(Buffer.concat([Buffer.from(head + before), wanted, Buffer.from(after ?? '')]))
      if (after === undefined) socket.end()
    })
    const { status, body } = await get(origin, pool())
    expect(status).toBe(206)
    expect(Buffer.compare(body, wanted)).toBe(0)
  })

  it('hands over the body of another length than expected', async () => {
    const { origin } = await serve((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'))
    expect(await get(origin, pool())).toEqual({ status: 200, isDirect: false, body: Buffer.from('{}') })
  })

  it('reads no more at once than it may', async () => {
    const { origin } = await serve((socket) => void socket.write(plainHead, () => socket.write(wanted)))
    expect(Buffer.compare((await get(origin, pool(), 4096)).body, wanted)).toBe(0)
  })

  it('follows redirects, also to another server, without what was in the first address', async () => {
    const second = await serve((socket) => socket.write(Buffer.concat([Buffer.from(plainHead), wanted])))
    const first = await serve((socket) =>
      socket.write(`HTTP/1.1 302 Found\r\nlocation: ${second.origin}/b\r\ncontent-length: 3\r\n\r\nfoo`),
    )
    expect(Buffer.compare((await get(`${first.origin}/a?sign=x`, pool())).body, wanted)).toBe(0)
    expect(second.requests[0]).toContain('GET /b HTTP/1.1')
  })

  it('does not follow redirects for ever', async () => {
    const { origin, requests } = await serve((socket) =>
      socket.write('HTTP/1.1 302 Found\r\nlocation: /a\r\ncontent-length: 0\r\n\r\n'),
    )
    await expect(get(origin, pool())).rejects.toThrow('too many redirects')
    expect(requests.length).toBe(11)
  })

  it.each(['not a URL', 'ftp://127.0.0.1/a'])('fails where the address is "%s"', async (address) => {
    await expect(get(address, pool())).rejects.toThrow(/Invalid|Protocol/)
  })

  it('fails when the connection ends within the body, or its answer is none', async () => {
    const { origin } = await serve((socket, _, nth) => {
      socket.end(
        nth === 0 ? Buffer.concat([Buffer.from(plainHead), wanted.subarray(0, 5)]) : 'gopher\r\n\r\n',
      )
    })
    await expect(get(origin, pool())).rejects.toThrow('ended')
    await expect(get(origin, pool())).rejects.toThrow('Parse Error')
  })

  it('hands out no byte more than was announced', async () => {
    const { origin } = await serve((socket) =>
      socket.write(Buffer.concat([Buffer.from(partial(`content-length: ${wanted.length}\r\n`)), content])),
    )
    const { body } = await get(origin, pool())
    expect(Buffer.compare(body, content.subarray(0, wanted.length))).toBe(0)
  })
})

describe('a connection', () => {
  it('is used by one request after the other', async () => {
    const { origin, connections } = await serve((socket, _, nth) =>
      nth === 1
        ? socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno')
        : answer(plainHead)(socket),
    )
    const all = pool()
    for (let i = 0; i < 4; i += 1) await get(origin, all)
    expect(connections()).toBe(1)
  })

  it('is used by one request at a time', async () => {
    const { origin, connections } = await serve(answer(plainHead))
    const all = pool()
    const bodies = await Promise.all([get(origin, all), get(origin, all), get(origin, all)])
    for (const { body } of bodies) expect(Buffer.compare(body, wanted)).toBe(0)
    expect(connections()).toBe(3)
  })

  it.each(['keep-alive: timeout=1', 'connection: close'])(
    'is not used again where the server says "%s"',
    async (header) => {
      const { origin, connections } = await serve(
        answer(partial(`content-length: ${wanted.length}\r\n${header}\r\n`)),
      )
      const all = pool()
      for (let i = 0; i < 2; i += 1) expect((await get(origin, all)).isDirect).toBe(true)
      expect(connections()).toBe(2)
    },
  )

  it('on which something comes that nobody asked for is not used again', async () => {
    const { origin, connections } = await serve((socket) => {
      answer(plainHead)(socket)
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
      socket.once('close', () => (isClosed = true))
    })
    let isClosed = false
    const all = pool()
    expect(Buffer.compare((await get(origin, all)).body, wanted)).toBe(0)
    await eventually(() => isClosed)
    expect(Buffer.compare((await get(origin, all)).body, wanted)).toBe(0)
    expect(connections()).toBe(2)
  })

  it('that nobody uses for a time is closed', async () => {
    const clock = new ManualClock()
    const { origin, connections } = await serve(answer(plainHead))
    const all = pool(clock)
    await get(origin, all)
    await clock.advance(19_999)
    await get(origin, all)
    expect(connections()).toBe(1)
    await clock.advance(20_000)
    await get(origin, all)
    expect(connections()).toBe(2)
  })

  it('that cannot be made is given up after its time', async () => {
    const clock = new ManualClock()
    const server = createServer((socket) => void closing.push(() => socket.destroy()))
    const origin = await listen(server, 'https')
    const connected = new Promise((resolve) => server.once('connection', resolve))
    const given = expect(get(origin, pool(clock))).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    await connected
    await clock.advance(10_000)
    await given
  })

  it('by TLS reads into memory as well', async () => {
    let connections = 0
    const server = createTlsServer(identity(), (_, response) => {
      response.writeHead(206, { 'content-length': wanted.length }).end(wanted)
    })
    server.on('secureConnection', () => (connections += 1))
    const origin = await listen(server, 'https')
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    closing.push(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'])
    const all = pool()
    for (let i = 0; i < 2; i += 1) {
      const { isDirect, body } = await get(origin, all)
      expect(isDirect).toBe(true)
      expect(Buffer.compare(body, wanted)).toBe(0)
    }
    expect(connections).toBe(1)
  })

  it('by TLS is refused where nobody vouches for the server', async () => {
    const origin = await listen(createTlsServer(identity()), 'https')
    await expect(get(origin, pool())).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  })
})
