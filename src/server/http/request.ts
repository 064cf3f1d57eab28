import type { IncomingMessage, ServerResponse } from 'node:http'
import { invalid } from '../failure.ts'
import type { Op } from '../files/place.ts'
import type { Caller, World } from '../state/world.ts'
import type { Pacer } from './pacer.ts'

/** One request as the routes see it. */
export interface ApiRequest {
  readonly world: World
  readonly caller: Caller
  /** World and caller together: what file operations take. */
  readonly op: Op
  /** Path without query, as it was sent. */
  readonly path: string
  readonly query: URLSearchParams
  /** Values of `:name` parts of the route. */
  readonly params: Readonly<Record<string, string>>
  readonly raw: IncomingMessage
  readonly response: ServerResponse
  readonly pacer: Pacer
  /** Told how much of the body has come so far, bytes; false when the connection was cut there. */
  readonly onBody: (receivedBytes: number) => boolean
}

type Incoming = Pick<ApiRequest, 'raw' | 'pacer' | 'onBody'>

/** The body piece by piece, at the pace of the line. Fails when the connection breaks. */
export async function* bodyOf({ raw, pacer, onBody }: Incoming): AsyncGenerator<Buffer> {
  let received = 0
  for await (const part of raw as AsyncIterable<Buffer>) {
    await pacer.pass(part.length)
    received += part.length
    if (!onBody(received)) throw new Error('the connection was cut')
    yield part
  }
}

/**
 * The JSON body as an object.
 * @throws {ApiFailure} 40001
 */
export async function readJson(request: Incoming): Promise<Record<string, unknown>> {
  const parts: Buffer[] = []
  for await (const part of bodyOf(request)) parts.push(part)
  const value = parseJson(Buffer.concat(parts).toString())
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid()
  return value as Record<string, unknown>
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/**
 * What the request says its body's length is, bytes. A chunked body without the extra header counts as empty: the trap that stores an
 * empty file (api/00-live §2.1).
 */
export function announcedLength({ headers }: IncomingMessage): number {
  const length = Number(headers['content-length'] ?? headers['x-expected-entity-length'] ?? 0)
  return Number.isSafeInteger(length) && length >= 0 ? length : 0
}
