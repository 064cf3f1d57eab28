import { describe, expect, it } from 'vitest'
import { my, withServer } from './client.ts'

describe('embedded server: the main job', () => {
  it('stores a file, lists it, and serves its bytes by range', () =>
    withServer({}, async (client, server) => {
      expect((await client.call('POST', '/file/create', { uri: my('/docs'), type: 'folder' })).code).toBe(0)
      const put = await client.put('/docs/a.txt', 'hello world')
      expect(put).toMatchObject({
        code: 0,
        data: { name: 'a.txt', size: 11, path: 'cloudreve://my/docs/a.txt' },
      })
      const listing = await client.list('/docs')
      expect(listing.data).toMatchObject({ files: [{ name: 'a.txt', size: 11, metadata: {} }] })
      const response = await fetch(await client.url('/docs/a.txt'), { headers: { range: 'bytes=6-' } })
      expect(response.status).toBe(206)
      expect(response.headers.get('content-range')).toBe('bytes 6-10/11')
      expect(response.headers.get('etag')).toBe(
        `"${(put.data as { primary_entity: string }).primary_entity}"`,
      )
      expect(await response.text()).toBe('world')
      expect(server.requests.count('PUT /file/content')).toBe(1)
      expect((await server.admin.read('/docs/a.txt')).toString()).toBe('hello world')
    }))

  it('moves a deleted file to the trash and restores it with its id', () =>
    withServer({}, async (client) => {
      const { data } = await client.put('/a.txt', 'x')
      const { id } = data as { id: string }
      expect((await client.call('DELETE', '/file', { uris: [my('/a.txt')] })).code).toBe(0)
      expect((await client.info('/a.txt')).code).toBe(40016)
      const trash = await client.call('GET', '/file?uri=cloudreve%3A%2F%2Ftrash&page_size=50')
      const item = (trash.data as { files: { path: string; name: string; id: string }[] }).files[0]!
      expect(item).toMatchObject({ name: 'a.txt', id })
      expect((await client.call('POST', '/file/restore', { uris: [item.path] })).code).toBe(0)
      expect((await client.info('/a.txt')).data).toMatchObject({ id, metadata: {} })
    }))
})
