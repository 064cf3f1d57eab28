import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from '../../../src/api/client.ts'
import { ServerClock } from '../../../src/api/server-clock.ts'
import {
  AccountTokenSource,
  type TokenPair,
  type TokenSourceOptions,
} from '../../../src/auth/token-source.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'
import { ScriptedServer } from '../../fakes/scripted-server.ts'

const HOUR_MS = 3_600_000
let server: ScriptedServer
let clock: ImpatientClock
let serverClock: ServerClock
let client: ApiClient

beforeEach(async () => {
  server = await ScriptedServer.start()
  clock = new ImpatientClock()
  serverClock = new ServerClock(clock)
  // Has a server clock of its own: the answers' real Date header would move the tests' time.
  client = new ApiClient({ origin: server.origin, clock })
  server.on('POST /session/token/refresh', ({ nth }) => ({ data: wireToken(nth + 1) }))
})

afterEach(async () => {
  await client.close()
  await server.stop()
})

const wireToken = (nth: number) => ({
  access_token: `access-${nth}`,
  refresh_token: `refresh-${nth}`,
  access_expires: new Date(clock.now() + HOUR_MS).toISOString(),
  refresh_expires: new Date(clock.now() + 24 * HOUR_MS).toISOString(),
})

function sourceWith(options: Partial<TokenSourceOptions> = {}, lifeMs = HOUR_MS): AccountTokenSource {
  const tokens: TokenPair = {
    accessToken: 'access-0',
    refreshToken: 'refresh-0',
    accessExpiresAtMs: clock.now() + lifeMs,
    refreshExpiresAtMs: clock.now() + 24 * HOUR_MS,
  }
  return new AccountTokenSource({
    client,
    serverClock,
    tokens,
    accountName: 'ann at example.com',
    ...options,
  })
}

const refreshes = () => server.requests('POST /session/token/refresh').length

describe('a token source', () => {
  it('gives the same token until shortly before its end', async () => {
    const source = sourceWith()
    clock.advance(HOUR_MS - 61_000)
    expect((await source.current()).value).toBe('access-0')
    clock.advance(2000)
    expect((await source.current()).value).toBe('access-1')
    expect((await source.current()).value).toBe('access-1')
    expect(refreshes()).toBe(1)
  })

  it('refreshes once for all callers together, without a token header', async () => {
    const source = sourceWith({}, -1)
    const tokens = await Promise.all(Array.from({ length: 20 }, () => source.current()))
    expect(new Set(tokens.map(({ value }) => value))).toEqual(new Set(['access-1']))
    expect(refreshes()).toBe(1)
    expect(server.seen[0]?.headers).not.toHaveProperty('authorization')
  })

  it('follows the clock of the server', async () => {
    const source = sourceWith()
    serverClock.observe(new Date(clock.now() + HOUR_MS - 30_000).toUTCString())
    expect((await source.current()).value).toBe('access-1')
  })

  it('serves tokens that live for seconds only', async () => {
    const source = sourceWith({}, 5000)
    expect((await source.current()).value).toBe('access-0')
    clock.advance(4500)
    expect((await source.current()).value).toBe('access-1')
  })

  it('renews a rejected token, but not one that was replaced meanwhile', async () => {
    const source = sourceWith()
    const old = await source.current()
    const renewed = await source.renew(old)
    expect(renewed.value).toBe('access-1')
    expect((await source.renew(old)).value).toBe('access-1')
    expect(refreshes()).toBe(1)
  })

  it('stores each new pair, and goes on when it cannot', async () => {
    const stored: string[] = []
    const save = ({ refreshToken }: TokenPair) => {
      stored.push(refreshToken)
      return Promise.reject(new Error('disk full'))
    }
    expect((await sourceWith({ save }, -1).current()).value).toBe('access-1')
    expect(stored).toEqual(['refresh-1'])
  })

  it('takes one refusal for a passing failure', async () => {
    server.on('POST /session/token/refresh', ({ nth }) =>
      nth === 0 ? { code: 40020 } : { data: wireToken(9) },
    )
    expect((await sourceWith({}, -1).current()).value).toBe('access-9')
  })

  it('says that somebody must sign in when the server keeps refusing, without the tokens', async () => {
    server.on('POST /session/token/refresh', { code: 40020, msg: 'no' })
    const error = (await sourceWith({}, -1)
      .current()
      .catch((caught: unknown) => caught)) as Error
    expect(error).toMatchObject({ kind: 'signed-out' })
    expect(error.message).toMatch(/ann at example\.com is signed out: sign in again/)
    expect(JSON.stringify(error) + error.message + error.stack).not.toMatch(/refresh-0|access-0/)
  })

  it('signs in again where the password is at hand', async () => {
    server.on('POST /session/token/refresh', { code: 40020 })
    const pair = {
      accessToken: 'again',
      refreshToken: 'r',
      accessExpiresAtMs: clock.now() + HOUR_MS,
      refreshExpiresAtMs: 0,
    }
    const source = sourceWith({ signInAgain: () => Promise.resolve(pair) }, -1)
    expect((await source.current()).value).toBe('again')
  })

  it('keeps the old pair while the server cannot be reached', async () => {
    const source = sourceWith({}, -1)
    server.on('POST /session/token/refresh', ({ nth, response }) => {
      if (nth > 3) return { data: wireToken(7) }
      response.socket?.destroy()
      return undefined
    })
    await expect(source.current()).rejects.toMatchObject({ kind: 'lost' })
    expect((await source.current()).value).toBe('access-7')
  })

  it('suspects only tokens near their end', async () => {
    const source = sourceWith()
    const token = await source.current()
    expect(source.isDoubtful(token)).toBe(false)
    clock.advance(HOUR_MS + 1000)
    expect(source.isDoubtful(token)).toBe(true)
  })
})
