import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from '../../../src/api/client.ts'
import { originOf } from '../../../src/auth/origin.ts'
import { signIn, type CaptchaPicture, type SignInPrompts } from '../../../src/auth/sign-in.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'
import { ScriptedServer } from '../../fakes/scripted-server.ts'

const PASSWORD = 'correct horse'
let server: ScriptedServer
let client: ApiClient

const signedIn = {
  user: { id: 'U1', email: 'ann@example.com', nickname: 'Ann', created_at: '2026-01-01T00:00:00Z' },
  token: {
    access_token: 'access',
    refresh_token: 'refresh',
    access_expires: '2026-01-01T01:00:00.123456789+08:00',
    refresh_expires: '2026-01-15T00:00:00Z',
  },
}

beforeEach(async () => {
  server = await ScriptedServer.start()
  client = new ApiClient({ origin: server.origin, clock: new ImpatientClock() })
  server.on('GET /site/config/login', { data: {} }).on('POST /session/token', { data: signedIn })
})

afterEach(async () => {
  await client.close()
  await server.stop()
})

const attempt = (prompts?: SignInPrompts) =>
  signIn(client, { email: 'ann@example.com', password: PASSWORD, ...(prompts ? { prompts } : {}) })

describe('signing in', () => {
  it('with a password gives the account and its tokens', async () => {
    await expect(attempt()).resolves.toEqual({
      account: { url: server.origin, userId: 'U1', email: 'ann@example.com', nickname: 'Ann' },
      tokens: {
        accessToken: 'access',
        refreshToken: 'refresh',
        accessExpiresAtMs: Date.UTC(2025, 11, 31, 17, 0, 0, 123),
        refreshExpiresAtMs: Date.UTC(2026, 0, 15),
      },
    })
  })

  it.each([
    [40080, /does not know ann@example\.com with this password/],
    [40017, /is banned/],
    [40018, /not activated/],
    [40001, /does not accept/],
  ])('refused with %i says why, without the password', async (code, sentence) => {
    server.on('POST /session/token', { code, msg: 'no' })
    const error = (await attempt().catch((caught: unknown) => caught)) as Error
    expect(error.name).toBe('SignInError')
    expect(error.message).toMatch(sentence)
    expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.toContain(PASSWORD)
  })

  it('with a second factor asks for the code again when it was wrong', async () => {
    server
      .on('POST /session/token', { code: 203, data: 'session-1' })
      .on('POST /session/token/2fa', ({ json }) =>
        json['otp'] === '123456' ? { data: signedIn } : { code: 40022 },
      )
    const asked: number[] = []
    const twoFactorCode = (nth: number) => {
      asked.push(nth)
      return Promise.resolve(nth === 1 ? '000000' : '123 456')
    }
    await expect(attempt({ twoFactorCode })).resolves.toMatchObject({ account: { userId: 'U1' } })
    expect(asked).toEqual([1, 2])
    expect(server.requests('POST /session/token/2fa').at(-1)?.body.toString()).toContain(
      '"session_id":"session-1"',
    )
  })

  it('with a second factor gives up after three wrong codes', async () => {
    server
      .on('POST /session/token', { code: 203, data: 'session-1' })
      .on('POST /session/token/2fa', { code: 40022 })
    await expect(attempt({ twoFactorCode: () => Promise.resolve('1') })).rejects.toThrow(/code .* was wrong/)
    expect(server.requests('POST /session/token/2fa').length).toBe(3)
  })

  it('with a second factor and nobody to ask says what is needed', async () => {
    server.on('POST /session/token', { code: 203, data: 'session-1' })
    await expect(attempt()).rejects.toThrow(/two-factor/)
  })

  it('with a captcha hands out the picture, and a new one for each attempt', async () => {
    server
      .on('GET /site/config/login', { data: { login_captcha: true } })
      .on('GET /site/config/basic', { data: { captcha_type: 'normal' } })
      .on('GET /site/captcha', ({ nth }) => ({
        data: {
          image: `data:image/png;base64,${Buffer.from(`picture ${nth}`).toString('base64')}`,
          ticket: `t${nth}`,
        },
      }))
      .on('POST /session/token', ({ json }) =>
        json['ticket'] === 't1' ? { data: signedIn } : { code: 40026 },
      )
    const seen: string[] = []
    const captcha = ({ bytes, extension }: CaptchaPicture) => {
      seen.push(`${Buffer.from(bytes).toString()}.${extension}`)
      return Promise.resolve('abcdef')
    }
    await attempt({ captcha })
    expect(seen).toEqual(['picture 0.png', 'picture 1.png'])
    expect(server.requests('POST /session/token')[0]?.body.toString()).toContain('"captcha":"abcdef"')
  })

  it('with a captcha that only a browser can show says so', async () => {
    server
      .on('GET /site/config/login', { data: { login_captcha: true } })
      .on('GET /site/config/basic', { data: { captcha_type: 'turnstile' } })
    await expect(attempt({ captcha: () => Promise.resolve('x') })).rejects.toThrow(
      /"turnstile", which only a browser/,
    )
  })
})

describe('the address that a person types', () => {
  it.each([
    ['https://cloud.example.com/home?path=x', 'https://cloud.example.com'],
    ['cloud.example.com', 'https://cloud.example.com'],
    ['  http://Cloud.Example.com:5212/ ', 'http://cloud.example.com:5212'],
    ['localhost:5212', 'http://localhost:5212'],
    ['127.0.0.1:5212/', 'http://127.0.0.1:5212'],
  ])('%j means %s', (typed, origin) => {
    expect(originOf(typed)).toBe(origin)
  })

  it.each(['', 'ftp://x', 'http://', 'not an address'])('%j is refused', (typed) => {
    expect(() => originOf(typed)).toThrow(TypeError)
  })
})
