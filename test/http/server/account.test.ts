import { describe, expect, it } from 'vitest'
import type { WireCaptcha, WireListing, WireLogin, WireShare } from '../../../src/api/types.ts'
import { oneTimeCode, startServer } from '../../../src/server/index.ts'
import { my, TestClient, withServer } from './client.ts'

function list(who: TestClient, root: string) {
  return who.call('GET', `/file?uri=${encodeURIComponent(root)}&page_size=10`)
}

describe('embedded server: signing in', () => {
  it('asks for a second factor and takes the neighbouring codes too', async () => {
    const twoFactorSecret = 'JBSWY3DPEHPK3PXP'
    const user = { email: 'Two@example.com', password: 'secret', twoFactorSecret }
    const server = await startServer({ users: [user] })
    const client = new TestClient(server)
    const sign = () => client.call('POST', '/session/token', { email: 'two@EXAMPLE.com', password: 'secret' })
    const { code, data: session } = await sign()
    expect(code).toBe(203)
    const answer = (otp: unknown) => client.call('POST', '/session/token/2fa', { otp, session_id: session })
    const now = Math.floor(Date.now() / 1000)
    const right = oneTimeCode(twoFactorSecret, now - 30)
    expect((await answer('12 34 56')).code).toBe(40022)
    expect((await answer(123456)).code).toBe(40001)
    const { data } = await answer(right)
    expect((data as WireLogin).user.email).toBe('Two@example.com')
    expect((await answer(right)).code).toBe(404)
    await server.close()
  })

  it('knows the codes of RFC 6238', () => {
    const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
    expect(oneTimeCode(secret, 59)).toBe('287082')
    expect(oneTimeCode(secret, 1_111_111_109)).toBe('081804')
    expect(oneTimeCode(secret, 2_000_000_000)).toBe('279037')
  })

  it('asks for a captcha before anything else when the site wants one', async () => {
    const server = await startServer({ loginCaptcha: true })
    const client = new TestClient(server)
    const { email, password } = server
    expect((await client.call('GET', '/site/config/login')).data).toMatchObject({ login_captcha: true })
    expect((await client.call('POST', '/session/token', { email })).code).toBe(40026)
    const { ticket, image } = (await client.call('GET', '/site/captcha')).data as WireCaptcha
    expect(image).toMatch(/^data:image\/png;base64,/)
    const captcha = server.admin.captchaAnswer(ticket)!
    const wrong = { email, password: 'wrong', ticket, captcha }
    expect((await client.call('POST', '/session/token', wrong)).code).toBe(40080)
    expect((await client.call('POST', '/session/token', { ...wrong, password })).code).toBe(40026)
    const next = (await client.call('GET', '/site/captcha')).data as WireCaptcha
    const right = { email, password, ticket: next.ticket, captcha: server.admin.captchaAnswer(next.ticket) }
    expect((await client.call('POST', '/session/token', right)).code).toBe(0)
    await server.close()
  })

  it('answers 50001 everywhere to a banned user, and 40020 to a refresh token in the wrong place', () =>
    withServer({}, async (client, server) => {
      const access = client.token
      client.token = client.refreshToken
      expect((await client.call('GET', '/site/ping')).code).toBe(40020)
      client.token = access
      server.admin.setStatus('manual_banned')
      expect((await client.call('GET', '/site/ping')).code).toBe(50001)
      client.token = ''
      const { email, password } = server
      expect((await client.call('POST', '/session/token', { email, password })).code).toBe(40017)
      expect((await client.call('GET', '/site/ping')).code).toBe(0)
    }))
})

describe('embedded server: shares', () => {
  const other = { email: 'other@example.com', password: 'secret' }

  it('can be read by its URI with the password, by others and by guests, and never written', () =>
    withServer({}, async (client, server) => {
      server.admin.addUser(other)
      await client.put('/d/a.txt', 'shared')
      const made = await client.call('PUT', '/share', { uri: my('/d'), is_private: true, password: 'pw1' })
      const [, id] = /\/s\/(\w+)\/pw1$/.exec(made.data as string)!
      const guest = new TestClient(server)
      expect((await list(guest, `cloudreve://${id}@share`)).code).toBe(40069)
      expect((await list(client, `cloudreve://${id}:no@share`)).code).toBe(40069)
      const listing = (await list(guest, `cloudreve://${id}:pw1@share`)).data as WireListing
      expect(listing.files![0]).toMatchObject({
        path: `cloudreve://${id}:pw1@share/a.txt`,
        capability: 'gIaYAQ==',
      })
      expect(listing.files![0]!.owned).toBeUndefined()
      const uri = listing.files![0]!.path!
      const url = await guest.call('POST', '/file/url', { uris: [uri] })
      const [{ url: address }] = (url.data as { urls: [{ url: string }] }).urls
      expect(await (await fetch(address)).text()).toBe('shared')
      const owner = await new TestClient(server).signIn(other.email, other.password)
      for (const who of [owner, client]) {
        expect((await who.call('POST', '/file/rename', { uri, new_name: 'b' })).code).toBe(403)
        expect(await who.call('DELETE', '/file', { uris: [uri] })).toMatchObject({
          aggregated_error: { [uri]: { code: 403 } },
        })
      }
      expect((await guest.call('GET', `/share/info/${id}`)).data).toMatchObject({ unlocked: false, size: 0 })
      expect((await client.call('GET', `/share/info/${id}`)).data).toMatchObject({ unlocked: true })
      expect(
        (await client.call('GET', `/file/info?uri=${encodeURIComponent(`cloudreve://${id}:pw1@share`)}`))
          .code,
      ).toBe(403)
      await client.call('DELETE', '/file', { uris: [my('/d')] })
      expect((await list(guest, `cloudreve://${id}:pw1@share`)).code).toBe(404)
    }))

  it('counts a download for each URL that is handed out, until none are left', () =>
    withServer({}, async (client) => {
      await client.put('/one.txt', 'x')
      const made = await client.call('PUT', '/share', { uri: my('/one.txt'), downloads: 2 })
      const id = /\/s\/(\w+)$/.exec(made.data as string)![1]!
      const root = `cloudreve://${id}@share`
      const listing = await client.call('GET', `/file?uri=${encodeURIComponent(root)}`)
      expect(listing.data).toMatchObject({ single_file_view: true, files: [{ path: `${root}/one.txt` }] })
      const url = () => client.call('POST', '/file/url', { uris: [`${root}/one.txt`] })
      expect([(await url()).code, (await url()).code]).toEqual([0, 0])
      expect(await url()).toMatchObject({
        code: 40081,
        aggregated_error: { [`${root}/one.txt`]: { code: 404 } },
      })
      const own = (await client.call('GET', '/share?page_size=10')).data as { shares: WireShare[] }
      expect(own.shares[0]).toMatchObject({ expired: true, remain_downloads: 0, downloaded: 2 })
      const edited = { uri: my('/one.txt') }
      expect((await client.call('POST', `/share/${id}`, edited)).code).toBe(0)
      expect((await url()).code).toBe(0)
    }))
})

describe('embedded server: batches and metadata', () => {
  it('does the good items and reports the others by their URI as it writes it', () =>
    withServer({ maxBatchSize: 3 }, async (client) => {
      await client.put('/a b', 'x')
      const patches = [{ key: 'customize:k', value: 'v' }]
      const uris = ['cloudreve://my/a b', 'cloudreve://my/no%74//here/']
      const answer = await client.call('PATCH', '/file/metadata', { uris, patches })
      expect(answer).toMatchObject({
        code: 40081,
        aggregated_error: { 'cloudreve://my/not/here': { code: 40016 } },
      })
      expect((await client.info('/a b')).data).toMatchObject({ metadata: { 'customize:k': 'v' } })
      const many = { uris: Array.from({ length: 4 }, () => my('/x')) }
      expect((await client.call('DELETE', '/file', many)).code).toBe(40074)
      const twice = { uris: [my('/a b'), my('/a b')] }
      expect((await client.call('DELETE', '/file', twice)).code).toBe(40073)
      expect((await client.info('/a b')).code).toBe(0)
    }))

  it('moves `updated_at` with tags, not with custom keys, and refuses unknown ones', () =>
    withServer({}, async (client, server) => {
      await client.put('/a', 'x')
      const before = server.admin.entry('/a').updatedAtMs
      const patch = async (key: string, value: string | number | null = '', more = {}) => {
        const body = { uris: [my('/a')], patches: [{ key, value, ...more }] }
        return (await client.call('PATCH', '/file/metadata', body)).code
      }
      expect(await patch('customize:any thing/=ü', 'v\n\0')).toBe(0)
      expect(await patch('customize:long', 'x'.repeat(65_535))).toBe(0)
      expect(server.admin.entry('/a').updatedAtMs).toBe(before)
      for (const key of ['nope', 'CUSTOMIZE:x', 'sys:upload_session_id', 'tag:', 'exif:x'])
        expect([key, await patch(key, 'v')]).toEqual([key, 40001])
      expect(await patch('customize:icon_color', 'red')).toBe(40001)
      expect(await patch('customize:n', 1)).toBe(40001)
      expect(await patch('customize:long', 'x'.repeat(65_536))).toBe(-1)
      expect(await patch('missing', '', { remove: true })).toBe(40001)
      expect(await patch('customize:missing', '', { remove: true })).toBe(0)
      expect(await patch('tag:red', '#ff0000')).toBe(0)
      expect(server.admin.entry('/a').updatedAtMs).toBeGreaterThan(before)
    }))

  it('gives ids that belong to one kind each', () =>
    withServer({}, async (client, server) => {
      await client.put('/a', 'x')
      const { id, entityId } = server.admin.entry('/a')
      expect(id).toMatch(/^[0-9A-Za-z]{4,6}$/)
      expect((await client.call('GET', `/file/info?id=${id}`)).code).toBe(0)
      expect((await client.call('GET', `/file/info?id=${entityId}`)).code).toBe(40001)
      expect((await client.call('GET', '/file/info?id=zzzz')).code).toBe(40001)
    }))
})
