import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { scriptedRemote, type ScriptedRemote } from '../../../fakes/scripted-remote.ts'

let scripted: ScriptedRemote

beforeEach(async () => {
  scripted = await scriptedRemote()
  scripted.server.on('GET /site/config/thumb', { data: { thumb_exts: ['jpg', 'png'] } })
})
afterEach(() => scripted.stop())

const unmarked = { metadata: {} }
const asked = () => scripted.server.seen.map(({ method, path }) => `${method} ${path}`)

describe('the address of a content', () => {
  it('is made anew by one request', async () => {
    const url = 'https://storage.example.com/a?sign=x'
    scripted.server.on('POST /file/url', { data: { urls: [{ url }], expires: '2100-01-01T00:00:00Z' } })
    expect(await scripted.remote.contentUrl(['a b'])).toBe(url)
    expect(asked()).toEqual(['POST /file/url'])
    expect(JSON.parse(scripted.server.seen[0]!.body.toString())).toEqual({
      uris: ['cloudreve://my/a%20b'],
      no_cache: true,
    })
  })
})

describe('the address of a small picture', () => {
  it('costs a request, and one for what has some', async () => {
    scripted.server.on('GET /file/thumb', { data: { url: 'https://x/thumb', expires: null } })
    for (const name of ['a.png', 'b.JPG'])
      expect(await scripted.remote.thumbnailUrl([name], unmarked)).toBe('https://x/thumb')
    expect(asked()).toEqual(['GET /site/config/thumb', 'GET /file/thumb', 'GET /file/thumb'])
  })

  it('is not asked for where that would mark a file that has none, nor where it is marked', async () => {
    for (const name of ['a.txt', 'png', 'a.png.gz'])
      expect(await scripted.remote.thumbnailUrl([name], unmarked)).toBeUndefined()
    expect(
      await scripted.remote.thumbnailUrl(['a.png'], { metadata: { 'thumb:disabled': '' } }),
    ).toBeUndefined()
    expect(asked()).toEqual(['GET /site/config/thumb'])
  })

  it.each([-1, 40077])('is none where the server answers %d', async (code) => {
    scripted.server.on('GET /file/thumb', { code, msg: 'no' })
    expect(await scripted.remote.thumbnailUrl(['a.png'], unmarked)).toBeUndefined()
  })

  it('is asked for again after what has some could not be told', async () => {
    scripted.server.on('GET /site/config/thumb', { code: 40001, msg: 'not now' })
    await expect(scripted.remote.thumbnailUrl(['a.png'], unmarked)).rejects.toMatchObject({ kind: 'invalid' })
    scripted.server.on('GET /site/config/thumb', { data: { thumb_exts: null } })
    expect(await scripted.remote.thumbnailUrl(['a.png'], unmarked)).toBeUndefined()
  })
})
