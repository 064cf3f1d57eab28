import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openEnvelope } from '../../../src/api/envelope.ts'
import { ApiError } from '../../../src/api/errors.ts'
import * as schema from '../../../src/api/schema.ts'

interface Recorded {
  readonly name: string
  readonly request: { method: string; path: string; query?: Record<string, string> }
  readonly answer: {
    status: number
    headers: Record<string, string>
    json?: unknown
    text?: string
    bytes?: number
  }
}

const lines = readFileSync(join(import.meta.dirname, '../../fixtures/api/live-4.18.0.jsonl'), 'utf8')
  .trim()
  .split('\n')
const recorded = lines.map((line) => JSON.parse(line) as Recorded)

const nothing = z.undefined()
const schemas: readonly (readonly [RegExp, z.ZodType])[] = [
  [/^GET \/site\/ping$/, z.string()],
  [/^GET \/site\/config\/basic$/, schema.basicConfig],
  [/^GET \/site\/config\/login$/, schema.loginConfig],
  [/^GET \/site\/config\/explorer$/, schema.explorerConfig],
  [/^GET \/site\/captcha$/, schema.captcha],
  [/^POST \/session\/token$/, schema.signedIn],
  [/^POST \/session\/token\/refresh$/, schema.token],
  [/^GET \/user\/me$/, schema.user],
  [/^GET \/user\/capacity$/, schema.capacity],
  [/^GET \/file$/, schema.listing],
  [/^GET \/file\/info$/, schema.file],
  [/^POST \/file\/(create|rename)$/, schema.file],
  [/^PUT \/file\/content$/, schema.file],
  [/^POST \/file\/url$/, schema.downloadUrls],
  [/^PUT \/file\/upload$/, schema.uploadSession],
  [/^POST \/file\/upload\/[^/]+\/\d+$/, nothing],
  [/^(DELETE \/file|DELETE \/file\/upload|PATCH \/file\/metadata|POST \/file\/move)$/, nothing],
]

function routeOf({ method, path }: Recorded['request']): string {
  return `${method} ${path.replace(/^\/api\/v4/, '').replace(/\?.*/, '')}`
}

function open({ request, answer }: Recorded): unknown {
  const text = answer.json === undefined ? (answer.text ?? '') : JSON.stringify(answer.json)
  const context = { endpoint: routeOf(request), mutating: false, subject: 'recorded' }
  return openEnvelope({ status: answer.status, headers: answer.headers, text }, context)
}

const enveloped = recorded.filter(({ answer }) => answer.json !== undefined)
const codeOf = ({ answer }: Recorded) => (answer.json as { code: number }).code

describe('recorded answers of a live server', () => {
  it('are all there', () => {
    expect(recorded.length).toBe(99)
    expect(enveloped.length).toBeGreaterThan(80)
  })

  it('with code 0 have the shape that this client expects of the route', () => {
    const checked = enveloped.filter((one) => {
      const found = schemas.find(([pattern]) => pattern.test(routeOf(one.request)))
      if (codeOf(one) !== 0 || !found) return false
      const parsed = found[1].safeParse(open(one))
      expect(parsed.error?.issues, `${one.name}: ${routeOf(one.request)}`).toBeUndefined()
      return true
    })
    const used = schemas.filter(([pattern]) => checked.some(({ request }) => pattern.test(routeOf(request))))
    expect(checked.length).toBeGreaterThan(45)
    // The recording did not ask for this one section of the settings.
    expect(schemas.length - used.length).toBeLessThanOrEqual(1)
  })

  it('with another code are refusals that keep it', () => {
    const refusals = enveloped.filter((one) => codeOf(one) !== 0)
    expect(refusals.length).toBeGreaterThan(20)
    for (const one of refusals) {
      const error = errorOf(one)
      expect(error.kind, one.name).toBe('refused')
      const nested = Object.values(
        (one.answer.json as { aggregated_error?: Record<string, { code: number }> }).aggregated_error ?? {},
      )
      expect(error.code, one.name).toBe(nested[0]?.code ?? codeOf(one))
    }
  })

  it('without an envelope are routes that the server does not have', () => {
    const plain = recorded.filter(({ answer }) => answer.status === 404)
    expect(plain.map(({ name }) => name)).toContain('activities on community')
    for (const one of plain) expect(errorOf(one).kind, one.name).toBe('no-route')
  })
})

function errorOf(one: Recorded): ApiError {
  try {
    open(one)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error(`${one.name} is no error`)
}
