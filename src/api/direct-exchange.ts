/**
 * A request whose whole body is in memory, past got: a small file costs 0.1 ms of processor time so instead of 0.5 ms, and `cp -r` of a
 * thousand of them waits for the processor, not for the network. It follows nothing, repeats nothing and unpacks nothing.
 */
import {
  request as httpRequest,
  type Agent as HttpAgent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import { request as httpsRequest, type Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'

export interface DirectRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}

export interface DirectParts {
  readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent }
  readonly clock: Clock
  /** Per phase: name look-up, TCP, TLS; ms. */
  readonly connectTimeoutMs: number
  /** It is about to leave. */
  readonly onWire: (wire: ClientRequest) => void
}

/** An answer whose whole body is in memory. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** @throws the system's error, or `ETIMEDOUT`, when there is no answer */
export function exchangeDirectly(
  { method, url, headers, bytes }: DirectRequest,
  { agents, clock, connectTimeoutMs, onWire }: DirectParts,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const isSecure = url.startsWith('https:')
    const options = { method, headers: { ...headers, 'content-length': String(bytes.length) } }
    const wire = isSecure
      ? httpsRequest(url, { ...options, agent: agents.https })
      : httpRequest(url, { ...options, agent: agents.http })
    // It stays: what breaks when the answer is there already is no news.
    wire.on('error', reject)
    wire.once('response', (response) => void textOf(response).then(resolve, reject))
    const phases = { isSecure, clock, phaseMs: connectTimeoutMs, late: () => wire.destroy(tooLate()) }
    wire.once('socket', (socket) => watchPhases(socket, phases))
    onWire(wire)
    if (!wire.destroyed) wire.end(bytes)
  })
}

function tooLate(): Error {
  return Object.assign(new Error('it does not answer'), { code: 'ETIMEDOUT' })
}

interface Phases {
  readonly isSecure: boolean
  readonly clock: Clock
  readonly phaseMs: number
  readonly late: () => void
}

/** Each step of connecting has its time; a connection that is there already has none. */
function watchPhases(socket: Socket, { isSecure, clock, phaseMs, late }: Phases): void {
  if (!socket.connecting) return
  let cancel = clock.after(phaseMs, late)
  const again = () => {
    cancel()
    cancel = clock.after(phaseMs, late)
  }
  const end = () => {
    cancel()
    socket.off('lookup', again).off('connect', again)
  }
  socket.on('lookup', again)
  if (isSecure) socket.on('connect', again)
  socket.once(isSecure ? 'secureConnect' : 'connect', end).once('close', end)
}

async function textOf(response: IncomingMessage): Promise<HttpAnswer> {
  const pieces: Buffer[] = []
  for await (const piece of response) pieces.push(piece as Buffer)
  const text = Buffer.concat(pieces).toString('utf8')
  return { status: response.statusCode ?? 0, headers: response.headers, text }
}
