import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { Http } from '../../../src/api/http.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'

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
