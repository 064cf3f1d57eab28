import { describe, expect, it } from 'vitest'
import type { WireFile, WireListing } from '../../../src/api/types.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { my, TestClient, withServer } from './client.ts'

const noContent = async (client: TestClient) =>
  ((await client.list('/')).data as WireListing).parent.primary_entity!

describe('embedded server: the traps of listing', () => {
  it('loses files when the folders fill a page exactly, and only then', () =>
    withServer({}, async (client) => {
      for (const name of ['d0', 'd1', 'd2', 'd3'])
        await client.call('POST', '/file/create', { uri: my(`/${name}`), type: 'folder' })
      for (const name of ['a0', 'a1', 'a2']) await client.put(`/${name}`, 'x')
      expect(await walk(client, 2)).toEqual([['d0', 'd1'], ['d2', 'd3'], []])
      expect(await walk(client, 4)).toEqual([['d0', 'd1', 'd2', 'd3'], []])
      expect(await walk(client, 3)).toEqual([['d0', 'd1', 'd2'], ['d3', 'a0', 'a1'], ['a2']])
    }))

  it('repeats the last item at the start of each ascending page by time', () =>
    withServer({}, async (client) => {
      for (const name of ['1', '2', '3', '4']) await client.put(`/${name}`, 'x')
      const pages = await walk(client, 2, 'created_at')
      expect(pages).toEqual([
        ['1', '2'],
        ['2', '3'],
        ['3', '4'],
      ])
    }))

  it('follows a saved view where the client does not say what it wants', () =>
    withServer({}, async (client) => {
      for (let i = 0; i < 60; i += 1) await client.put(`/f${i}`, 'x')
      const view = { page_size: 50, order: 'name', order_direction: 'desc', view: 'list', gallery_width: 200 }
      expect((await client.call('PATCH', '/file/view', { uri: my('/'), view })).code).toBe(0)
      const listing = (await client.list('/', '')).data as WireListing
      expect(listing.files).toHaveLength(50)
      expect(listing.files![0]!.name).toBe('f9')
      expect((await client.list('/', 'page_size=100&order_by=name&order_direction=asc')).data).toMatchObject({
        files: { length: 60 },
      })
    }))

  it('pages by number when the operator chose so, a search by cursor all the same', () =>
    withServer({ offsetPaging: true, maxPageSize: 3 }, async (client) => {
      for (const name of ['a', 'b', 'c', 'd']) await client.put(`/${name}`, 'x')
      const second = (await client.list('/', 'page=1&page_size=1000&order_by=name')).data as WireListing
      expect(second.files!.map(({ name }) => name)).toEqual(['d'])
      expect(second.pagination).toEqual({ page: 1, page_size: 3, total_items: 4 })
      const search = (await client.list('/?created_gte=1&created_lte=4102444800', 'page_size=3')).data
      expect(search).toMatchObject({ pagination: { is_cursor: true, page_size: 0 }, mixed_type: true })
    }))

  it('walks a subtree in one listing by conditions, and may end in a page that is null', () =>
    withServer({}, async (client) => {
      for (const path of ['/a/1', '/a/b/2', '/a/b/c/3', '/x']) await client.put(path, 'x')
      const all = '/a?created_gte=1&created_lte=4102444800'
      expect((await walk(client, 100, 'name', all)).flat()).toEqual(['1', 'b', '2', 'c', '3'])
      expect((await walk(client, 5, 'name', all)).flat()).toEqual(['1', 'b', '2', 'c', '3'])
      const last = (await client.list(all, 'page_size=5&next_page_token=3%7C')).data as WireListing
      expect([last.files, last.pagination]).toEqual([[], null])
      expect((await walk(client, 100, 'name', '/?type=folder')).flat()).toEqual(['a', 'b', 'c'])
      expect((await walk(client, 100, 'name', '/?name=*.txt&case_folding=')).flat()).toEqual([])
      expect((await client.list('/?size_gte=1')).data).toMatchObject({ files: [] })
    }))
})

describe('embedded server: the traps of tokens', () => {
  it('takes an expired access token for no token at all, without a word', async () => {
    const clock = new ManualClock()
    await withServer({ clock, accessTokenTtlMs: 60_000 }, async (client) => {
      await client.put('/a', 'x')
      const session = await client.call('PUT', '/file/upload', { uri: my('/up'), size: 1 })
      const { session_id: id } = session.data as { session_id: string }
      await clock.advance(61_000)
      const uri = encodeURIComponent(my('/a'))
      expect((await client.info('/a')).code).toBe(401)
      expect((await client.call('GET', '/user/me')).code).toBe(401)
      expect((await client.call('POST', '/file/move', { uris: [my('/a')], dst: my('/') })).code).toBe(401)
      expect((await client.call('POST', `/file/upload/${id}/0`, Buffer.from('x'))).code).toBe(40011)
      expect((await client.call('PUT', '/file/source', { uris: [my('/a')] })).code).toBe(40007)
      expect((await client.call('PUT', '/file/pin', { uri: my('/a') })).code).toBe(50001)
      expect((await client.call('GET', '/site/config/basic')).data).toMatchObject({
        user: { anonymous: true },
      })
      const nested = { code: 40081, aggregated_error: { [my('/a')]: { code: 401 } } }
      expect(await client.call('POST', '/file/url', { uris: [my('/a')] })).toMatchObject(nested)
      expect(await client.call('DELETE', '/file', { uris: [my('/a')] })).toMatchObject(nested)
      const patches = [{ key: 'customize:x', value: '1' }]
      expect(await client.call('PATCH', '/file/metadata', { uris: [my('/a')], patches })).toMatchObject(
        nested,
      )
      expect((await client.call('PUT', `/file/content?uri=${uri}`, Buffer.from('y'))).code).toBe(401)
      const refreshed = await client.call('POST', '/session/token/refresh', {
        refresh_token: client.refreshToken,
      })
      client.token = (refreshed.data as { access_token: string }).access_token
      expect((await client.info('/a')).code).toBe(0)
    })
  })

  it('ends a family of refresh tokens at sign-out, and all of them at a change of password', () =>
    withServer({}, async (client, server) => {
      const other = await new TestClient(server).signIn()
      const refresh = (token: string) =>
        client.call('POST', '/session/token/refresh', { refresh_token: token })
      await client.call('DELETE', '/session/token', { refresh_token: client.refreshToken })
      expect((await refresh(client.refreshToken)).code).toBe(40020)
      expect((await refresh(other.refreshToken)).code).toBe(0)
      expect((await client.info('/missing')).code).toBe(40016)
      await client.call('PATCH', '/user/setting', {
        current_password: server.password,
        new_password: 'another one',
      })
      expect((await refresh(other.refreshToken)).code).toBe(40020)
    }))
})

describe('embedded server: the traps of content', () => {
  it('answers 200 with JSON for an expired URL, a wrong one, and a version that is gone', async () => {
    const clock = new ManualClock()
    await withServer({ clock, urlTtlMs: 60_000 }, async (client, server) => {
      server.admin.setRetention({ enabled: false })
      await client.put('/a.txt', 'first')
      const url = await client.url('/a.txt')
      await client.put('/a.txt', 'second')
      expect(await codeOf(url)).toBe(40077)
      const current = await client.url('/a.txt')
      expect(await codeOf(current.replace('/a.txt', '/b.txt'))).toBe(40071)
      expect(await codeOf(current.split('?')[0]!)).toBe(403)
      await clock.advance(60_001)
      expect(await codeOf(current)).toBe(40005)
    })
  })

  it('serves ranges as the real server does', () =>
    withServer({}, async (client) => {
      await client.put('/a.txt', '0123456789')
      const url = await client.url('/a.txt')
      const get = async (headers: Record<string, string>, method = 'GET') => {
        const response = await fetch(url, { method, headers })
        return [response.status, response.headers.get('content-range'), await response.text()]
      }
      const { headers } = await fetch(url)
      const etag = headers.get('etag')!
      expect(await get({ range: 'bytes=-4' })).toEqual([206, 'bytes 6-9/10', '6789'])
      expect(await get({ range: 'bytes=-40' })).toEqual([206, 'bytes 0-9/10', '0123456789'])
      expect(await get({ range: 'bytes=8-40' })).toEqual([206, 'bytes 8-9/10', '89'])
      expect((await get({ range: 'bytes=10-' })).slice(0, 2)).toEqual([416, 'bytes */10'])
      expect((await get({ range: 'bytes=5-2' })).slice(0, 2)).toEqual([416, null])
      expect((await get({ range: 'lines=1-2' })).slice(0, 2)).toEqual([416, null])
      expect((await get({ range: 'bytes=0-0', 'if-range': etag }))[0]).toBe(206)
      expect((await get({ range: 'bytes=0-0', 'if-range': '"x"' })).slice(0, 2)).toEqual([200, null])
      expect((await get({ 'if-none-match': etag }))[0]).toBe(304)
      expect((await get({ 'if-match': '"x"' }))[0]).toBe(412)
      expect(await get({ range: 'bytes=2-3' }, 'HEAD')).toEqual([206, 'bytes 2-3/10', ''])
      const [status, , body] = await get({ range: 'bytes=0-1,4-5' })
      expect(status).toBe(206)
      expect(body).toContain(
        'Content-Range: bytes 4-5/10\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n45',
      )
    }))

  it('stores an empty file when the length of the body is not said', () =>
    withServer({}, async (client, server) => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('lost'))
          controller.close()
        },
      })
      const put = (name: string, headers: Record<string, string>, stream: ReadableStream) =>
        fetch(`${server.url}/api/v4/file/content?uri=${encodeURIComponent(my(name))}`, {
          method: 'PUT',
          body: stream,
          duplex: 'half',
          headers: { authorization: `Bearer ${client.token}`, ...headers },
        })
      const answer = await put('/a', {}, body)
      expect(await answer.json()).toMatchObject({ code: 0, data: { size: 0 } })
      expect(await server.admin.read('/a')).toHaveLength(0)
      await put('/b', { 'x-expected-entity-length': '4' }, new Blob(['kept']).stream())
      expect((await server.admin.read('/b')).toString()).toBe('kept')
    }))

  it('compares `previous` with the current version, and ignores it where there is no file', () =>
    withServer({}, async (client) => {
      const nothing = await noContent(client)
      const first = await client.put('/a', 'x', nothing)
      expect(first.code).toBe(0)
      const { primary_entity: entity, id } = first.data as WireFile
      expect((await client.put('/a', 'y', nothing)).code).toBe(40076)
      expect((await client.put('/a', 'y', entity)).code).toBe(0)
      expect((await client.put('/a', 'z', entity)).code).toBe(40076)
      expect((await client.put('/new', 'z', entity)).code).toBe(0)
      expect((await client.put('/new', 'z', 'no-id')).code).toBe(40001)
      expect((await client.put('/new', 'z', id)).code).toBe(40001)
      await client.call('POST', '/file/create', { uri: my('/empty'), type: 'file' })
      expect((await client.put('/empty', 'now', nothing)).code).toBe(0)
    }))
})

/** The code in the JSON that a content URL answers instead of bytes, with status 200. */
async function codeOf(address: string): Promise<number> {
  const response = await fetch(address, { headers: { range: 'bytes=0-1' } })
  expect([response.status, response.headers.get('etag')]).toEqual([200, null])
  return ((await response.json()) as { code: number }).code
}

/** Names page by page. */
async function walk(client: TestClient, size: number, by = 'name', path = '/'): Promise<string[][]> {
  const pages: string[][] = []
  let token: string | undefined
  do {
    const next = token === undefined ? '' : `&next_page_token=${encodeURIComponent(token)}`
    const query = `page_size=${size}&order_by=${by}&order_direction=asc${next}`
    const { files, pagination } = (await client.list(path, query)).data as WireListing
    pages.push(files!.map(({ name }) => name))
    token = pagination?.next_token
  } while (token !== undefined && pages.length < 20)
  return pages
}
