import type { ServerResponse } from 'node:http'
import type { ApiFailure } from '../failure.ts'

/** What a route answers. */
export type Answer =
  | { kind: 'json'; body: unknown; status?: number; code: number }
  | { kind: 'text'; status: number; text: string; headers?: Record<string, string> }
  | { kind: 'redirect'; location: string }
  | { kind: 'stream'; status: number; headers: Record<string, string>; body: AsyncIterable<Buffer> }
  /** The route has taken over the connection (event streams). */
  | { kind: 'taken' }

/** Code 0 with the result; without one there is no `data`. */
export function ok(data?: unknown): Answer {
  return {
    kind: 'json',
    code: 0,
    body: data === undefined ? { code: 0, msg: '' } : { code: 0, data, msg: '' },
  }
}

export function failed(failure: ApiFailure): Answer {
  const status = failure.options.status ?? 200
  return { kind: 'json', code: failure.code, body: failure.envelope(), status }
}

/** How an unknown route, a wrong method and every Pro-only route answer. */
export function notFound(): Answer {
  return {
    kind: 'text',
    status: 404,
    text: '404 page not found',
    headers: { 'content-type': 'text/plain' },
  }
}

/** Larger JSON bodies go out in chunks, without a length. */
const maxBytesWithLength = 2048

/** JSON as the server's own encoder writes it. */
export function encodeJson(value: unknown): Buffer {
  const text = JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, escapeCharacter)
  return Buffer.from(text)
}

export function writeJson(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'private, no-cache',
    ...(body.length <= maxBytesWithLength ? { 'content-length': body.length } : {}),
  })
  response.end(body)
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
