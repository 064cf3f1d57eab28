import { describe, expect, it } from 'vitest'
import { openEnvelope } from '../../../src/api/envelope.ts'
import { ApiError } from '../../../src/api/errors.ts'

const context = { endpoint: 'GET /file', mutating: false, subject: 'cloudreve://my/a' }

function open(body: unknown, status = 200, type = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return openEnvelope({ status, headers: { 'content-type': type }, text }, context)
}

function failure(body: unknown, status = 200, type?: string): ApiError {
  try {
    open(body, status, type)
  } catch (error) {
    if (error instanceof ApiError) return error
    throw error
  }
  throw new Error('an error was expected')
}

const nested = (uris: Record<string, { code: number; msg: string }>) => ({
  code: 40081,
  msg: 'outer',
  aggregated_error: uris,
})

const held = (...types: string[]) => ({
  code: 40073,
  msg: 'Lock conflict',
  data: types.map((type) => ({ path: 'x', token: 't', owner: { application: { type } }, type: 0 })),
})

describe('an envelope', () => {
  it('gives its data, or nothing where the server has nothing to say', () => {
    expect(open({ code: 0, data: { total: 1 }, msg: '' })).toEqual({ total: 1 })
    expect(open({ code: 0, msg: '' })).toBeUndefined()
  })

  it('is an error that names the object and keeps the code', () => {
    const error = failure({ code: 40016, msg: 'Path not exist' })
    expect(error).toMatchObject({ kind: 'refused', code: 40016, endpoint: 'GET /file' })
    expect(error.message).toBe('cloudreve://my/a: the server says: Path not exist (code 40016)')
  })

  it('of a batch of one is the error of that one', () => {
    const error = failure(nested({ 'cloudreve://my/b': { code: 40016, msg: 'Path not exist' } }))
    expect(error).toMatchObject({ kind: 'refused', code: 40016 })
    expect(error.message).toContain('cloudreve://my/b')
  })

  it('of a larger batch names each object that failed', () => {
    const error = failure(
      nested({
        'cloudreve://my/b': { code: 40016, msg: 'gone' },
        'cloudreve://my/c': { code: 401, msg: 'Login' },
      }),
    )
    expect(error.kind).toBe('batch')
    expect(error.message).toContain('cloudreve://my/b (gone, code 40016)')
    expect(error.message).toContain('cloudreve://my/c (Login, code 401)')
    expect(error.says(401)).toBe(true)
  })

  it('tells which application holds a lock, one that lasts before one that does not', () => {
    expect(failure(held('rename')).holder).toBe('rename')
    expect(failure(held('rename', 'upload')).holder).toBe('upload')
    expect(failure({ code: 40073, msg: 'Lock expired' }).holder).toBeUndefined()
  })

  it('is missing where the server does not know the call', () => {
    expect(failure('404 page not found', 404, 'text/plain').kind).toBe('no-route')
    expect(failure('<html>nginx</html>', 404, 'text/html').kind).toBe('no-route')
  })

  it.each([
    [502, 'gateway'],
    [504, 'gateway'],
    [500, 'gateway'],
    [413, 'gateway'],
    [403, 'gateway'],
    [503, 'busy'],
    [429, 'busy'],
    [200, 'malformed'],
  ] as const)("is not there in a proxy's page with status %i: %s", (status, kind) => {
    const error = failure('<html>token=abc</html>', status, 'text/html')
    expect(error).toMatchObject({ kind, status })
    expect(error.message).not.toContain('<html>')
  })

  it('is not behind a redirect, which is named without its path', () => {
    const headers = { 'content-type': 'text/html', location: 'https://cloud.example.com/api?token=abc' }
    expect(() => openEnvelope({ status: 301, headers, text: '' }, context)).toThrow(
      /sends its callers on to https:\/\/cloud\.example\.com; use/,
    )
  })

  it.each(['', '{"code":', '[]', '"x"', '{"msg":"no code"}', 'null'])('is not %j', (text) => {
    expect(failure(text).kind).toBe('malformed')
  })

  it('shows no password, signature or token of what the server says', () => {
    const text = 'cloudreve://Kd7x:hunter2@share/a https://x/y?sign=abc123%3D&x=1 Bearer eyJsecret'
    const one = failure({ code: -1, msg: text })
    const many = failure(
      nested({
        'cloudreve://Kd7x:hunter2@share/a': { code: 1, msg: text },
        'cloudreve://my/b': { code: 1, msg: '' },
      }),
    )
    for (const { message } of [one, many]) expect(message).not.toMatch(/hunter2|abc123|eyJsecret/)
  })
})
