import { describe, expect, it } from 'vitest'
import type { WireCapacity, WireEnvelope, WireFile, WireThumb } from '../../../src/api/types.ts'
import { encodePng, paint } from '../../../src/server/pictures/png.ts'
import { my, withServer, type TestClient } from './client.ts'

const picture = encodePng(paint(8, 8, () => [1, 2, 3]))

function thumb(client: TestClient, path: string): Promise<WireEnvelope> {
  return client.call('GET', `/file/thumb?uri=${encodeURIComponent(my(path))}`)
}

async function used(client: TestClient): Promise<number> {
  return ((await client.call('GET', '/user/capacity')).data as WireCapacity).used
}

async function metadata(client: TestClient, path: string) {
  return ((await client.info(path)).data as WireFile).metadata
}

describe('embedded server: thumbnails', () => {
  it('of pictures are made once, need no token, and count as the owner’s until there is another content', () =>
    withServer({}, async (client) => {
      await client.put('/a.jpg', picture)
      const before = await used(client)
      const { url } = (await thumb(client, '/a.jpg')).data as WireThumb
      const answer = await fetch(url)
      expect(answer.headers.get('content-type')).toBe('application/octet-stream')
      const bytes = Buffer.from(await answer.arrayBuffer())
      expect(bytes.subarray(1, 4).toString()).toBe('PNG')
      expect(await used(client)).toBe(before + bytes.length)
      await thumb(client, '/a.jpg')
      expect(await used(client)).toBe(before + bytes.length)
      await client.put('/a.jpg', 'no picture any more')
      expect((await (await fetch(url)).json()) as WireEnvelope).toMatchObject({ code: 40077 })
      expect((await thumb(client, '/a.jpg')).code).toBe(-1)
    }))

  it('of other files fail once, mark them, and are refused then; an overwrite clears the mark', () =>
    withServer({}, async (client) => {
      await client.put('/a.png', 'text')
      expect((await thumb(client, '/a.png')).code).toBe(-1)
      expect(await metadata(client, '/a.png')).toEqual({ 'thumb:disabled': '' })
      expect((await thumb(client, '/a.png')).code).toBe(40077)
      await client.put('/a.png', picture)
      expect((await thumb(client, '/a.png')).code).toBe(0)
    }))

  it('of empty files fail without a mark; folders have none, and what is not there is 40016', () =>
    withServer({}, async (client) => {
      await client.put('/empty.png', '')
      expect([(await thumb(client, '/empty.png')).code, (await thumb(client, '/empty.png')).code]).toEqual([
        -1, -1,
      ])
      await client.call('POST', '/file/create', { uri: my('/d'), type: 'folder' })
      expect((await thumb(client, '/d')).code).toBe(40077)
      expect((await thumb(client, '/missing.png')).code).toBe(40016)
    }))
})
