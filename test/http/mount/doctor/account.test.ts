/** An account against a server: the real one's parts, on the embedded server. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { AccountStore } from '../../../../src/auth/account-store.ts'
import { logIn } from '../../../../src/auth/session.ts'
import { examineAccount } from '../../../../src/mount/doctor/account.ts'
import {
  clockFinding,
  retentionFinding,
  signInFinding,
  spaceFinding,
} from '../../../../src/mount/doctor/account-words.ts'
import {
  environmentAccount,
  storedAccount,
  type ExaminedAccount,
} from '../../../../src/mount/doctor/accounts.ts'
import { contentProbe } from '../../../../src/mount/doctor/content.ts'
import type { Finding } from '../../../../src/mount/doctor/finding.ts'
import { startServer, type EmbeddedServer, type ServerOptions } from '../../../../src/server/index.ts'
import { ImpatientClock } from '../../../fakes/impatient-clock.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'
import { ScriptedServer } from '../../../fakes/scripted-server.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function serve(options: ServerOptions = {}): Promise<EmbeddedServer> {
  const server = await startServer(options)
  closers.push(() => server.close())
  return server
}

async function examined(account: ExaminedAccount, startMs = Date.now()): Promise<Map<string, Finding>> {
  const clock = new ImpatientClock({ startMs })
  const contents = contentProbe(clock)
  const found = new Map<string, Finding>()
  for await (const finding of examineAccount(account, { clock, probeContent: contents.probe }))
    found.set(finding.check, finding)
  contents.close()
  return found
}

const asEnvironment = ({ url, email, password }: EmbeddedServer) =>
  environmentAccount({ url, email, password })

/** An address where nothing listens. */
async function deadOrigin(): Promise<string> {
  const server = await startServer()
  await server.close()
  return server.url
}

const contents = async (options: ServerOptions) => {
  const server = await serve({ seed: 'demo', ...options })
  return { server, finding: (await examined(asEnvironment(server))).get('contents')! }
}

describe('an account', () => {
  it('in good order makes no warning, and every finding names it', async () => {
    const server = await serve({ seed: 'demo' })
    const found = await examined(asEnvironment(server))
    expect([...found.keys()]).toEqual(['server', 'sign-in', 'clock', 'versions', 'space', 'contents'])
    expect([...found.values()].filter(({ level }) => level !== 'ok')).toEqual([])
    expect(found.get('server')!.text).toContain('Cloudreve 4.18.0')
    expect(found.get('contents')!.text).toBe(`can be read from ${server.url}`)
    expect(new Set([...found.values()].map(({ account }) => account))).toEqual(
      new Set([`demo@example.com at ${new URL(server.url).host}`]),
    )
  })

  it('changes nothing on the server', async () => {
    const server = await serve({ seed: 'demo' })
    const before = server.requests.position
    await examined(asEnvironment(server))
    const changing = server.requests
      .since(before)
      .map(({ route }) => route)
      .filter((route) => !route.startsWith('GET ') && !/session|file\/url/.test(route))
    expect(changing).toEqual([])
  })

  it('on a machine whose clock is wrong is told which way', async () => {
    const account = asEnvironment(await serve())
    const found = await examined(account, Date.now() - 3 * 3_600_000)
    expect(found.get('clock')).toMatchObject({
      level: 'warn',
      text: expect.stringContaining('3 h behind') as string,
    })
    expect(found.get('space')!.level).toBe('ok')
  })

  it('of the store says until when it is signed in', async () => {
    const server = await serve({ seed: 'demo' })
    const folder = mkdtempSync(join(tmpdir(), 'doctor-account-'))
    closers.push(() => rmSync(folder, { recursive: true }))
    const store = new AccountStore({ folder, keyring: undefined, onPlainFile: () => undefined })
    const clock = new ImpatientClock({ startMs: Date.now() })
    const account = await logIn(store, server.url, { email: server.email, password: server.password, clock })
    expect((await examined(storedAccount(store, account))).get('sign-in')!.text).toMatch(
      /^valid until \d{4}-\d\d-\d\d;/,
    )
    await store.saveTokens(account, {
      accessToken: 'worn-out',
      refreshToken: 'worn-out',
      accessExpiresAtMs: 0,
      refreshExpiresAtMs: 0,
    })
    const found = (await examined(storedAccount(store, account))).get('sign-in')!
    expect(found).toMatchObject({
      level: 'fail',
      cause: 'sign-in',
      remedy: `cloudreve-mount login --email demo@example.com ${server.url}`,
    })
    expect(JSON.stringify(found)).not.toContain('worn-out')
  })

  it('with a wrong password fails without repeating it', async () => {
    const { url, email } = await serve()
    const found = await examined(environmentAccount({ url, email, password: 'not-the-one' }))
    expect([...found.keys()]).toEqual(['server', 'sign-in'])
    expect(found.get('sign-in')).toMatchObject({ level: 'fail', cause: 'sign-in' })
    expect(JSON.stringify([...found.values()])).not.toContain('not-the-one')
  })

  it('whose server is away ends with that', async () => {
    const url = await deadOrigin()
    const found = await examined(environmentAccount({ url, email: 'a@b.c', password: 'x' }))
    expect([...found.values()]).toEqual([
      expect.objectContaining({
        level: 'fail',
        cause: 'unreachable',
        text: `${url} cannot be reached: the connection was refused`,
      }),
    ])
  })

  it('whose server is silent is told so after 20 s', async () => {
    const silent = await ScriptedServer.start()
    closers.push(() => silent.stop())
    const isAsked = new Promise<void>((resolve) => {
      silent.on('GET /site/ping', () => {
        resolve()
        return undefined
      })
    })
    const clock = new ManualClock()
    const account = environmentAccount({ url: silent.origin, email: 'a@b.c', password: 'x' })
    const { probe, close } = contentProbe(clock)
    closers.push(close)
    const findings = examineAccount(account, { clock, probeContent: probe })
    const first = findings.next()
    await isAsked
    await clock.advance(20_000)
    expect((await first).value).toMatchObject({
      level: 'fail',
      cause: 'unreachable',
      text: `${silent.origin} cannot be reached: the server did not answer within 20 s`,
    })
    expect(await findings.next()).toMatchObject({ done: true })
  })

  it('whose address shows something else is told so', async () => {
    const other = await ScriptedServer.start()
    closers.push(() => other.stop())
    const found = await examined(environmentAccount({ url: other.origin, email: 'a@b.c', password: 'x' }))
    expect(found.get('server')!.text).toContain('not as a Cloudreve 4 server does')
  })

  it('of an older server is told that version 4 is needed', async () => {
    const found = await examined(asEnvironment(await serve({ version: '3.8.3' })))
    expect(found.get('server')).toMatchObject({ level: 'fail' })
    expect([...found.keys()]).toEqual(['server'])
  })
})

describe('contents', () => {
  it('behind a site URL out of reach are a warning: a mount takes a detour', async () => {
    const siteUrl = await deadOrigin()
    const { server, finding } = await contents({ siteUrl })
    expect(finding.level).toBe('warn')
    expect(finding.text).toContain(`sends everybody to ${siteUrl}, which cannot be reached`)
    expect(finding.text).toContain(`fetches them from ${server.url} all the same`)
    expect(finding.remedy).toContain(`add ${server.url} to the site URLs`)
  })

  it('behind a site URL where something else answers fail', async () => {
    const other = await ScriptedServer.start()
    closers.push(() => other.stop())
    other.on('GET *', { code: 404 })
    const { finding } = await contents({ siteUrl: other.origin })
    expect(finding.level).toBe('fail')
    expect(finding.text).toContain(`sends everybody to ${other.origin}`)
    expect(finding.text).toContain('no file can be read')
  })

  it('behind a site URL that is none fail', async () => {
    const { finding } = await contents({ siteUrl: 'cloud.example.com' })
    expect(finding).toMatchObject({
      level: 'fail',
      text: expect.stringContaining('site URL is wrong') as string,
    })
  })

  it('never show a signature', async () => {
    for (const siteUrl of [await deadOrigin(), 'cloud.example.com'])
      expect(JSON.stringify((await contents({ siteUrl })).finding)).not.toContain('sign=')
  })

  it('of an empty drive are not tried', async () => {
    const { finding } = await contents({ seed: 'empty' })
    expect(finding).toMatchObject({ level: 'ok', text: expect.stringContaining('not tried') as string })
  })

  it('are looked for in the folders of the top too', async () => {
    const server = await serve()
    await server.admin.write('Plans/a.txt', 'x')
    expect((await examined(asEnvironment(server))).get('contents')!.text).toContain('can be read from')
  })
})

describe('what the server says', () => {
  const day = 86_400_000

  it('of a sign-in that ends soon is a warning', () => {
    expect(signInFinding(10 * day, 0, 'login').level).toBe('ok')
    expect(signInFinding(2 * day, 0, 'login')).toMatchObject({ level: 'warn', remedy: 'login' })
  })

  it('of another time is a warning that says which clock is late', () => {
    expect(clockFinding(-5000).level).toBe('ok')
    expect(clockFinding(90_000).text).toContain('90 s behind')
    expect(clockFinding(-7200_000).text).toContain('2 h ahead of')
    expect(clockFinding(40 * day).text).toContain('40 days behind')
  })

  it('of versions is a warning where overwritten content may be gone', () => {
    const on = { version_retention_enabled: true, version_retention_ext: null, version_retention_max: 10 }
    expect(retentionFinding(on)).toMatchObject({
      level: 'ok',
      text: expect.stringContaining('the last 10') as string,
    })
    expect(retentionFinding({ ...on, version_retention_max: 0 }).text).toContain('all versions')
    expect(retentionFinding({ ...on, version_retention_ext: ['odt', 'md'] })).toMatchObject({
      level: 'warn',
      text: expect.stringContaining('.odt, .md only') as string,
    })
    expect(retentionFinding({ ...on, version_retention_enabled: false })).toMatchObject({
      level: 'warn',
      remedy: expect.stringContaining('version retention') as string,
    })
  })

  it('of a drive that is full fails', () => {
    expect(spaceFinding({ total: 100, used: 50 }).level).toBe('ok')
    expect(spaceFinding({ total: 100, used: 96 }).level).toBe('warn')
    expect(spaceFinding({ total: 100, used: 120 }).level).toBe('fail')
    expect(spaceFinding({ total: 0, used: 0 }).level).toBe('fail')
  })
})
