import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from '../../../src/api/client.ts'
import { currentUser } from '../../../src/api/endpoints/site.ts'
import { AccountStore } from '../../../src/auth/account-store.ts'
import { logIn, logOut, passwordSession, storedSession, type Session } from '../../../src/auth/session.ts'
import {
  oneTimeCode,
  startServer,
  type EmbeddedServer,
  type ServerOptions,
} from '../../../src/server/index.ts'
import { ImpatientClock } from '../../fakes/impatient-clock.ts'

const SECRET = 'JBSWY3DPEHPK3PXP'
const user = { email: 'ann@example.com', password: 'correct horse', nickname: 'Ann' }

let server: EmbeddedServer
let clock: ImpatientClock
let store: AccountStore
let folder: string

async function start(options: ServerOptions = {}): Promise<void> {
  clock = new ImpatientClock({ startMs: Date.now() })
  server = await startServer({ clock, users: [user], ...options })
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sessions-'))
  store = new AccountStore({ folder, keyring: undefined, onPlainFile: () => {} })
})

afterEach(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

async function whoAmI({ tokenSource, serverClock, account }: Session): Promise<string> {
  const client = new ApiClient({ origin: account.url, clock, tokens: tokenSource, serverClock })
  try {
    return (await currentUser(client)).nickname
  } finally {
    await client.close()
  }
}

describe('a session', () => {
  it('of a stored account outlives its tokens, and stores the new ones', async () => {
    await start()
    const account = await logIn(store, server.url, { ...user, clock })
    const first = await store.tokens(account)
    const session = await storedSession(store, await store.find('ann@example.com'), { clock })
    clock.advance(2 * 3_600_000)
    expect(await whoAmI(session)).toBe('Ann')
    const second = await store.tokens(account)
    expect(second.refreshToken).not.toBe(first.refreshToken)
    await session.close()
    const later = await storedSession(store, account, { clock })
    expect(await whoAmI(later)).toBe('Ann')
    await later.close()
  })

  it('that the server ended goes on when somebody signs in again', async () => {
    await start()
    const account = await logIn(store, server.url, { ...user, clock })
    const session = await storedSession(store, account, { clock })
    clock.advance(2 * 3_600_000)
    server.admin.revokeRefreshTokens()
    await expect(whoAmI(session)).rejects.toMatchObject({ kind: 'signed-out' })
    await logIn(store, server.url, { ...user, clock })
    expect(await whoAmI(session)).toBe('Ann')
    await session.close()
  })

  it('that was signed out is over at the server and forgotten here', async () => {
    await start()
    const account = await logIn(store, server.url, { ...user, clock })
    const session = await storedSession(store, account, { clock })
    expect(await logOut(store, account, { clock })).toBe(true)
    expect(await store.list()).toEqual([])
    clock.advance(2 * 3_600_000)
    await expect(whoAmI(session)).rejects.toMatchObject({ kind: 'signed-out' })
    await session.close()
  })

  it('is forgotten here even if the server cannot be told', async () => {
    await start()
    const account = await logIn(store, server.url, { ...user, clock })
    await server.goOffline()
    expect(await logOut(store, account, { clock })).toBe(false)
    expect(await store.list()).toEqual([])
    await server.goOnline()
  })

  it('of an account from the environment signs in again by itself and stores nothing', async () => {
    await start()
    const session = await passwordSession(server.url, user, { clock })
    clock.advance(2 * 3_600_000)
    server.admin.revokeRefreshTokens()
    expect(await whoAmI(session)).toBe('Ann')
    expect(await store.list()).toEqual([])
    await session.close()
  })

  it('begins with a second factor where the account has one', async () => {
    await start({ users: [{ ...user, twoFactorSecret: SECRET }] })
    const twoFactorCode = () => Promise.resolve(oneTimeCode(SECRET, clock.now() / 1000))
    const session = await passwordSession(server.url, { ...user, prompts: { twoFactorCode } }, { clock })
    expect(await whoAmI(session)).toBe('Ann')
    await session.close()
  })

  it('begins with a captcha where the site asks for one', async () => {
    await start({ loginCaptcha: true, captchaAnswer: 'abc123' })
    const pictures: string[] = []
    const captcha = ({ extension, bytes }: { extension: string; bytes: Uint8Array }) => {
      pictures.push(`${extension} ${bytes.length > 50}`)
      return Promise.resolve('abc123')
    }
    const session = await passwordSession(server.url, { ...user, prompts: { captcha } }, { clock })
    expect(pictures).toEqual(['png true'])
    await session.close()
  })
})
