import { describe, expect, it } from 'vitest'
import type { WireEnvelope, WireFile, WireListing, WireUploadCredential } from '../../../src/api/types.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { my, withServer, type TestClient } from './client.ts'

const hour = 3_600_000

async function open(
  client: TestClient,
  path: string,
  size: number,
  more: object = {},
): Promise<WireUploadCredential> {
  const answer = await client.call('PUT', '/file/upload', { uri: my(path), size, ...more })
  expect(answer.code).toBe(0)
  return answer.data as WireUploadCredential
}

function chunk(client: TestClient, id: string, index: number, bytes: string): Promise<WireEnvelope> {
  return client.call('POST', `/file/upload/${id}/${index}`, Buffer.from(bytes))
}

const cancel = (client: TestClient, id: string, path: string) =>
  client.call('DELETE', '/file/upload', { id, uri: my(path) })

describe('embedded server: upload sessions', () => {
  it('takes chunks in any order and repeated, and completes with the last missing one', () =>
    withServer({ chunkSizeBytes: 4 }, async (client, server) => {
      const metadata = { 'customize:mode': '0644' }
      const { session_id: id, chunk_size } = await open(client, '/d/up', 10, {
        last_modified: 1_600_000_000_123,
        metadata,
      })
      expect(chunk_size).toBe(4)
      expect((await client.info('/d/up')).data).toMatchObject({
        size: 0,
        metadata: { 'sys:upload_session_id': id },
      })
      expect((await chunk(client, id, 2, '89')).code).toBe(0)
      expect((await chunk(client, id, 0, 'xxxx')).code).toBe(0)
      expect((await chunk(client, id, 0, '0123')).code).toBe(0)
      expect((await chunk(client, id, 1, '456')).code).toBe(40013)
      expect((await chunk(client, id, 3, '')).code).toBe(40012)
      expect((await chunk(client, id, 1, '4567')).code).toBe(0)
      expect((await chunk(client, id, 1, '4567')).code).toBe(40011)
      expect((await client.info('/d/up')).data).toMatchObject({
        size: 10,
        metadata,
        updated_at: '2020-09-13T12:26:40.123Z',
      })
      expect((await server.admin.read('/d/up')).toString()).toBe('0123456789')
      expect(server.admin.lockCount).toBe(0)
    }))

  it('takes everything in one chunk where the policy relays', () =>
    withServer({ relay: true, chunkSizeBytes: 4 }, async (client, server) => {
      const credential = await open(client, '/up', 10)
      expect(credential).toMatchObject({ chunk_size: 0, storage_policy: { relay: true } })
      expect((await chunk(client, credential.session_id, 1, '')).code).toBe(40012)
      expect((await chunk(client, credential.session_id, 0, '0123456789')).code).toBe(0)
      expect((await server.admin.read('/up')).toString()).toBe('0123456789')
    }))

  it('locks the file and its folders for a day when nobody finishes or cancels', async () => {
    const clock = new ManualClock()
    await withServer({ clock, accessTokenTtlMs: 1000 * hour }, async (client) => {
      await client.put('/d/beside', 'x')
      const { session_id: id } = await open(client, '/d/up', 1)
      const holder = { path: my('/d/up'), owner: { application: { type: 'upload' } }, type: 0 }
      const refused = { code: 40073, data: [holder] }
      const rename = () => client.call('POST', '/file/rename', { uri: my('/d'), new_name: 'e' })
      expect(await rename()).toMatchObject(refused)
      expect(await client.put('/d/up', 'y')).toMatchObject(refused)
      expect(await client.call('DELETE', '/file', { uris: [my('/d')] })).toMatchObject(refused)
      const again = { uri: my('/d/up'), size: 1 }
      expect((await client.call('PUT', '/file/upload', again)).code).toBe(40004)
      const version = { ...again, entity_type: 'version' }
      expect(await client.call('PUT', '/file/upload', version)).toMatchObject(refused)
      expect((await client.put('/d/beside', 'y')).code).toBe(0)
      await clock.advance(23 * hour)
      expect(await rename()).toMatchObject(refused)
      await clock.advance(hour)
      expect((await chunk(client, id, 0, 'x')).code).toBe(40011)
      expect((await client.info('/d/up')).data).toMatchObject({ metadata: { 'sys:upload_session_id': id } })
      expect((await client.call('PUT', '/file/upload', { uri: my('/d/up'), size: 1 })).code).toBe(40004)
      expect((await client.put('/d/up', 'y')).code).toBe(0)
      expect((await client.info('/d/up')).data).toMatchObject({ size: 1, metadata: {} })
      expect((await rename()).code).toBe(0)
    })
  })

  it('reserves quota at the beginning and gives it back at a cancel', () =>
    withServer({ totalBytes: 100 }, async (client, server) => {
      await client.put('/old', 'x'.repeat(40))
      const { session_id: id } = await open(client, '/new', 50)
      expect(server.admin.usedBytes()).toBe(90)
      expect((await client.put('/old', 'y'.repeat(20))).code).toBe(40051)
      expect((await server.admin.read('/old')).toString()).toBe('x'.repeat(40))
      expect((await cancel(client, id, '/new')).code).toBe(0)
      expect((await client.call('GET', '/user/capacity')).data).toEqual({ total: 100, used: 40 })
      expect((await client.info('/new')).code).toBe(40016)
      const both = await Promise.all(['/a', '/b'].map((path) => client.put(path, 'z'.repeat(50))))
      expect(both.map(({ code }) => code).sort((a, b) => a - b)).toEqual([0, 40051])
      server.admin.setQuota(10)
      expect((await client.put('/old', '')).code).toBe(40051)
      expect((await client.call('POST', '/file/create', { uri: my('/e'), type: 'file' })).code).toBe(0)
    }))

  it('removes a file that was empty before when its first upload is cancelled', () =>
    withServer({}, async (client) => {
      await client.call('POST', '/file/create', { uri: my('/created'), type: 'file' })
      await client.put('/emptied', '')
      for (const path of ['/created', '/emptied']) {
        const { session_id: id } = await open(client, path, 3, { entity_type: 'version' })
        expect((await cancel(client, id, path)).code).toBe(0)
      }
      expect((await client.info('/created')).code).toBe(40016)
      expect((await client.info('/emptied')).data).toMatchObject({ size: 0, metadata: {} })
    }))

  it('cannot go on after a restart: 40011 after a kill, 40073 without holders after a clean one', () =>
    withServer({}, async (client, server) => {
      for (const [kind, code] of [
        ['clean', 40073],
        ['kill', 40011],
      ] as const) {
        const { session_id: id } = await open(client, `/${kind}`, 1)
        await server.restart(kind)
        const answer = await chunk(client, id, 0, 'x')
        expect(answer.code).toBe(code)
        expect(answer.data).toBeUndefined()
        expect((await client.info(`/${kind}`)).data).toMatchObject({
          metadata: { 'sys:upload_session_id': id },
        })
        expect((await cancel(client, id, `/${kind}`)).code).toBe(0)
        expect((await client.info(`/${kind}`)).code).toBe(40016)
      }
      expect(server.admin.usedBytes()).toBe(0)
    }))

  it('fails at the last chunk for ever when the metadata or the time cannot be stored', () =>
    withServer({}, async (client) => {
      const bad = [{ metadata: { 'customize:x': 'x'.repeat(65_536) } }, { last_modified: 1e15 }]
      for (const [i, more] of bad.entries()) {
        const { session_id: id } = await open(client, `/f${i}`, 1, more)
        expect((await chunk(client, id, 0, 'x')).code).toBe(50001)
        expect((await chunk(client, id, 0, 'x')).code).toBe(0)
        expect((await client.info(`/f${i}`)).data).toMatchObject({ size: 0 })
        expect((await cancel(client, id, `/f${i}`)).code).toBe(0)
      }
      const tooMany = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`customize:${i}`, '']))
      const answer = await client.call('PUT', '/file/upload', { uri: my('/m'), size: 1, metadata: tooMany })
      expect(answer.code).toBe(40001)
    }))

  it('loses the session when its lock is forced away, or the file moves', () =>
    withServer({}, async (client) => {
      const { session_id: id } = await open(client, '/d/up', 1)
      const conflict = await client.call('DELETE', '/file', { uris: [my('/d')] })
      const [{ token }] = conflict.data as [{ token: string }]
      expect((await client.call('DELETE', '/file/lock', { tokens: [token, 'unknown'] })).code).toBe(40001)
      expect((await client.call('DELETE', '/file/lock', { tokens: [token] })).code).toBe(0)
      const answer = await chunk(client, id, 0, 'x')
      expect([answer.code, answer.data]).toEqual([40073, undefined])
      await client.call('POST', '/file/rename', { uri: my('/d'), new_name: 'e' })
      expect((await chunk(client, id, 0, 'x')).code).toBe(40016)
      expect((await cancel(client, id, '/d/up')).code).toBe(40016)
      expect((await cancel(client, id, '/e/up')).code).toBe(0)
    }))

  it('copies a file that is being uploaded with a stale mark', () =>
    withServer({}, async (client, server) => {
      await client.put('/f', 'old')
      await client.call('POST', '/file/create', { uri: my('/copies'), type: 'folder' })
      const { session_id: id } = await open(client, '/f', 3, { entity_type: 'version' })
      await client.call('POST', '/file/move', { uris: [my('/f')], dst: my('/copies'), copy: true })
      // Old content, new content on its way, and a copy of the old content alone.
      expect(server.admin.usedBytes()).toBe(9)
      expect((await client.info('/copies/f')).data).toMatchObject({
        size: 3,
        metadata: { 'sys:upload_session_id': id },
      })
      expect((await cancel(client, id, '/copies/f')).code).toBe(404)
      expect((await client.put('/copies/f', 'new')).code).toBe(0)
      expect((await client.info('/copies/f')).data).toMatchObject({ metadata: {} })
      expect((await chunk(client, id, 0, 'new')).code).toBe(0)
    }))
})

describe('embedded server: versions', () => {
  it('keeps as many versions as the account says, and only those', () =>
    withServer({}, async (client, server) => {
      server.admin.setRetention({ enabled: true, max: 2 })
      for (const content of ['1', '22', '333']) await client.put('/a.txt', content)
      expect(server.admin.versions('/a.txt')).toHaveLength(2)
      expect(server.admin.usedBytes()).toBe(5)
      const [old, current] = server.admin.versions('/a.txt')
      const set = (version: string) =>
        client.call('POST', '/file/version/current', { uri: my('/a.txt'), version })
      expect((await set(old!)).code).toBe(0)
      expect((await client.info('/a.txt')).data).toMatchObject({ size: 2, primary_entity: old })
      const drop = (version: string) => client.call('DELETE', '/file/version', { uri: my('/a.txt'), version })
      expect((await drop(old!)).code).toBe(403)
      expect((await drop(current!)).code).toBe(0)
      expect((await drop(current!)).code).toBe(40077)
      server.admin.setRetention({ enabled: true, max: 0, extensions: ['md'] })
      await client.put('/a.txt', '4444')
      expect(server.admin.versions('/a.txt')).toHaveLength(1)
      expect((await set(old!)).code).toBe(40077)
      const { id } = (await client.info('/a.txt')).data as WireFile
      expect((await set(id)).code).toBe(40001)
    }))

  it('serves an old version by its id, and NULs for one that is still being uploaded', () =>
    withServer({}, async (client, server) => {
      await client.put('/a', 'one')
      await client.put('/a', 'two')
      const [first] = server.admin.versions('/a')
      expect(await (await fetch(await client.url('/a', first))).text()).toBe('one')
      await open(client, '/a', 3, { entity_type: 'version' })
      const { extended_info } = (await client.info('/a', '&extended=true')).data as WireFile
      const placeholder = extended_info!.entities![0]!.id
      expect(await (await fetch(await client.url('/a', placeholder))).text()).toBe('\0\0\0')
      expect(
        (await client.call('POST', '/file/version/current', { uri: my('/a'), version: placeholder })).code,
      ).toBe(40073)
    }))
})

describe('embedded server: names', () => {
  it('refuses what Cloudreve refuses, and takes what it takes', () =>
    withServer({}, async (client) => {
      for (const name of ['a:b', 'a*b', 'a"b', 'a<b', 'a>b', 'a|b', 'a\\b', 'x'.repeat(256)])
        expect([name, (await client.put(`/${name}`, 'x')).code]).toEqual([name, 40052])
      const rename = { uri: my('/d'), new_name: 'a?b' }
      await client.call('POST', '/file/create', { uri: my('/d'), type: 'folder' })
      expect((await client.call('POST', '/file/rename', rename)).code).toBe(40052)
      await client.call('DELETE', '/file', { uris: [my('/d')] })
      for (const name of [' lead', 'trail ', 'dot.', '%41', '#&+', 'Ünï', 'line\nbreak'])
        expect([name, (await client.put(`/${name}`, 'x')).code]).toEqual([name, 0])
      const names = ((await client.list('/')).data as WireListing).files!.map(({ name }) => name)
      expect(names).toEqual([' lead', '#&+', '%41', 'dot.', 'line\nbreak', 'trail ', 'Ünï'])
    }))

  it('makes files with names of 245 to 255 bytes but cannot store content in them', () =>
    withServer({}, async (client, server) => {
      const long = 'x'.repeat(250)
      expect((await client.call('POST', '/file/create', { uri: my(`/${long}`), type: 'file' })).code).toBe(0)
      expect((await client.put(`/${long}`, 'x')).code).toBe(50004)
      const session = { uri: my(`/${long}`), size: 1, entity_type: 'version' }
      expect((await client.call('PUT', '/file/upload', session)).code).toBe(-1)
      expect((await client.put(`/${'y'.repeat(244)}`, 'x')).code).toBe(0)
      expect([server.admin.usedBytes(), server.admin.lockCount]).toEqual([1, 0])
    }))

  it('demands allowed extensions of files and leaves folders free', () =>
    withServer({ allowedSuffixes: ['txt'] }, async (client) => {
      expect((await client.put('/a.TXT', 'x')).code).toBe(0)
      expect((await client.put('/none', 'x')).code).toBe(40052)
      expect((await client.call('POST', '/file/create', { uri: my('/d'), type: 'folder' })).code).toBe(0)
      const rename = { uri: my('/a.TXT'), new_name: 'a.md' }
      expect((await client.call('POST', '/file/rename', rename)).code).toBe(40052)
    }))
})
