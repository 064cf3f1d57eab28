import type { Answer } from '../http/answer.ts'

/** A storage's JSON: no envelope of Cloudreve. */
export function json(status: number, body: unknown): Answer {
  const headers = { 'content-type': 'application/json' }
  return { kind: 'text', status, text: JSON.stringify(body), headers }
}
