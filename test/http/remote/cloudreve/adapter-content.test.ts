import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { ContentAddress, Remote } from '../../../../src/remote/remote.ts'
import type { EntityId, RemoteEntry, UploadRequest } from '../../../../src/remote/types.ts'
import type { ServerOptions } from '../../../../src/server/index.ts'
import { embeddedRemote, listAll, type EmbeddedRemote } from '../../../fakes/embedded-remote.ts'
import { bytesSource } from '../../../fakes/scripted-remote.ts'

let embedded: EmbeddedRemote

afterEach(async () => {
  expect(await embedded.stop()).toEqual([])
})

async function start(...options: Parameters<typeof embeddedRemote>): Promise<Remote> {
  embedded = await embeddedRemote(...options)
  return embedded.remote
}

function put(path: string, bytes: Uint8Array, request: Partial<UploadRequest> = {}): Promise<RemoteEntry> {
  const source = bytesSource(bytes)
  return embedded.remote.upload({ path: path.split('/'), previous: 'absent', source, ...request })
}

function contentOf(path: string, { entity, sizeBytes }: RemoteEntry): ContentAddress {
  return { path: () => path.split('/'), entity: entity ?? ('' as EntityId), sizeBytes }
}

function read(entry: RemoteEntry, path: string, start = 0, end = entry.sizeBytes): Promise<Uint8Array> {
  return embedded.remote.readRange(contentOf(path, entry), { start, end })
}

const counts = () => embedded.server.requests.summary()
/** Routes of the requests whose answer was lost. */
const unanswered = () =>
  embedded.server.requests.all.filter(({ status }) => status === undefined).map(({ route }) => route)

describe('contents', () => {
  it('are saved in one request and read with one URL and one range', async () => {
    await start()
    const bytes = randomBytes(100_000)
    const entry = await put('dir/a # 1%.bin', bytes)
    expect(Buffer.compare(await read(entry, 'dir/a # 1%.bin', 10, 90_001), bytes.subarray(10, 90_001))).toBe(
      0,
    )
    expect(counts()).toEqual({
      'PUT /file/content': 1,
      'POST /file/url': 1,
      'GET /file/content': 1,
    })
  })

  it('stay readable after an overwrite while the server keeps versions', async () => {
    await start()
    const old = await put('a', Buffer.from('old bytes'))
    const now = await put('a', Buffer.from('new'), { previous: old.entity! })
    expect(now.entity).not.toBe(old.entity)
    expect(Buffer.from(await read(old, 'a')).toString()).toBe('old bytes')
    expect(Buffer.from(await read(now, 'a')).toString()).toBe('new')
  })

  it('are gone after an overwrite where it keeps none, with and without a URL at hand', async () => {
    await start({ users: [{ email: 'a@example.com', password: 'secret', retention: false }] })
    const old = await put('a', Buffer.from('old bytes'))
    const other = await put('b', Buffer.from('old bytes'))
    await read(old, 'a')
    await put('a', Buffer.from('new'), { previous: old.entity! })
    await put('b', Buffer.from('new'), { previous: other.entity! })
    await expect(read(old, 'a')).rejects.toMatchObject({ kind: 'entity-gone' })
    await expect(read(other, 'b')).rejects.toMatchObject({ kind: 'entity-gone' })
  })

  it('are read on when token and URL expire in the middle', async () => {
    await start()
    const bytes = randomBytes(3000)
    const entry = await put('a', bytes)
    await read(entry, 'a', 0, 1000)
    // The server's clock jumps; the client, which trusts the Date header, notices nothing.
    embedded.clock.advance(4 * 3_600_000)
    expect(Buffer.compare(await read(entry, 'a', 1000, 2000), bytes.subarray(1000, 2000))).toBe(0)
    expect(await embedded.remote.info(['a'])).toMatchObject({ entity: entry.entity })
    expect(counts()).toMatchObject({ 'POST /session/token/refresh': 1, 'POST /file/url': 2 })
  })

  it('that are announced get their URLs in one call, also for who asks meanwhile', async () => {
    const remote = await start()
    const entries = new Map<string, RemoteEntry>()
    for (let i = 0; i < 30; i += 1) entries.set(`f${i}`, await put(`f${i}`, Buffer.from(`content ${i}`)))
    const contents = [...entries].map(([path, entry]) => contentOf(path, entry))
    const announced = remote.prepareReads(contents)
    expect(Buffer.from(await read(entries.get('f7')!, 'f7')).toString()).toBe('content 7')
    await announced
    await remote.prepareReads(contents)
    for (const [path, entry] of entries) await read(entry, path)
    expect(counts()).toMatchObject({ 'POST /file/url': 1, 'GET /file/content': 31 })
  })

  it('that were replaced or deleted when they are announced are no failure, and never another version', async () => {
    const remote = await start()
    const old = await put('a', Buffer.from('old bytes'))
    const gone = await put('b', Buffer.from('gone'))
    await put('a', Buffer.from('new'), { previous: old.entity! })
    await remote.remove([['b']], { permanently: true })
    await remote.prepareReads([contentOf('a', old), contentOf('b', gone)])
    expect(Buffer.from(await read(old, 'a')).toString()).toBe('old bytes')
    await expect(read(gone, 'b')).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('are read when the server forgets token and URL before their time', async () => {
    await start()
    const entry = await put('a', Buffer.from('hello'))
    await read(entry, 'a', 0, 1)
    embedded.server.admin.expireAccessTokens()
    embedded.server.admin.expireUrls()
    expect(Buffer.from(await read(entry, 'a')).toString()).toBe('hello')
    expect(counts()).toMatchObject({ 'POST /session/token/refresh': 1 })
  })

  it('are saved when the server forgets the token in the middle of the chunks', async () => {
    await start({ chunkSizeBytes: 1000 })
    const bytes = randomBytes(4500)
    let expired = false
    const onProgress = (sent: number) => {
      if (sent <= 1500 || expired) return
      expired = true
      embedded.server.admin.expireAccessTokens()
    }
    await put('a', bytes, { modifiedAtMs: 1_500_000_000_000, onProgress })
    expect(Buffer.compare(await embedded.server.admin.read('/a'), bytes)).toBe(0)
    expect(embedded.server.admin.versions('/a').length).toBe(1)
  })

  it('are resumed at the byte when the stream is cut', async () => {
    await start()
    const bytes = randomBytes(200_000)
    const entry = await put('a', bytes)
    const route = 'GET /file/content'
    embedded.server.faults.add({ route, kind: 'cutAfterBytes', bytes: 30_000, times: 4 })
    expect(Buffer.compare(await read(entry, 'a'), bytes)).toBe(0)
    expect(counts()[route]).toBe(5)
  })

  it.each<[string, ServerOptions]>([
    ['one after the other', {}],
    ['several at a time', { chunkConcurrency: 3 }],
    ['as one where the server relays', { relay: true }],
  ])('are sent in chunks, %s, with their time and attributes', async (_, options) => {
    const remote = await start({ chunkSizeBytes: 10_000, ...options })
    const bytes = randomBytes(95_000)
    const request = { modifiedAtMs: 1_500_000_000_000, metadata: { 'customize:mode': '0600' } }
    const entry = await put('big', bytes, request)
    expect(entry).toMatchObject({
      sizeBytes: 95_000,
      updatedAtMs: request.modifiedAtMs,
      metadata: request.metadata,
      uploadSessionId: undefined,
    })
    expect(Buffer.compare(await embedded.server.admin.read('/big'), bytes)).toBe(0)
    expect(counts()['GET /file/info']).toBe(1)
    expect((await remote.info(['big'])).entity).toBe(entry.entity)
  })

  it.each(['PUT /file/upload', 'POST /file/upload', 'GET /file/info'])(
    'are sent once and whole when an answer of %s is lost',
    async (route) => {
      await start({ chunkSizeBytes: 1000 })
      const bytes = randomBytes(2500)
      embedded.server.faults.add({ route, kind: 'lostAnswer', nth: route.startsWith('POST') ? 3 : 1 })
      const entry = await put('a', bytes, { modifiedAtMs: 1_500_000_000_000 })
      expect(entry).toMatchObject({ sizeBytes: 2500, uploadSessionId: undefined })
      expect(Buffer.compare(await embedded.server.admin.read('/a'), bytes)).toBe(0)
      expect(embedded.server.admin.versions('/a').length).toBe(1)
      expect(unanswered()).toEqual([route])
    },
  )

  it('make no second version when the answer of a small save is lost', async () => {
    await start()
    embedded.server.faults.add({ route: 'PUT /file/content', kind: 'lostAnswer' })
    const entry = await put('a', Buffer.from('once'))
    expect(embedded.server.admin.versions('/a')).toEqual([entry.entity])
    expect(unanswered()).toEqual(['PUT /file/content'])
  })

  it.each(['kill', 'clean'] as const)(
    'are sent again when the server is restarted (%s) in the middle',
    async (kind) => {
      await start({ chunkSizeBytes: 1000 })
      const bytes = randomBytes(3500)
      let restarted = false
      const source = {
        sizeBytes: bytes.length,
        read: async (from: number, to: number) => {
          if (from >= 2000 && !restarted) {
            restarted = true
            await embedded.server.restart(kind)
          }
          return bytes.subarray(from, to)
        },
      }
      const entry = await put('a', bytes, { source, modifiedAtMs: 1_500_000_000_000 })
      expect(entry).toMatchObject({ sizeBytes: 3500, uploadSessionId: undefined })
      expect(Buffer.compare(await embedded.server.admin.read('/a'), bytes)).toBe(0)
    },
  )

  it('given up by the caller leave an older empty file as it was', async () => {
    const remote = await start({ chunkSizeBytes: 1000 })
    await remote.createFile(['a'], { 'customize:k': 'v' })
    embedded.clock.advance(60_000)
    const stop = new AbortController()
    const source = bytesSource(randomBytes(5000))
    const onProgress = (sent: number) => (sent > 2000 ? stop.abort(new Error('enough')) : undefined)
    const uploading = remote.upload(
      { path: ['a'], previous: 'absent', source, modifiedAtMs: 1_500_000_000_000, onProgress },
      { signal: stop.signal },
    )
    await expect(uploading).rejects.toMatchObject({ kind: 'aborted' })
    expect(await remote.info(['a'])).toMatchObject({
      sizeBytes: 0,
      metadata: { 'customize:k': 'v' },
      uploadSessionId: undefined,
    })
  })

  it.each(['answered', 'lost'])(
    'given up by the caller tell under which id an empty file is there again: %s',
    async (answer) => {
      const remote = await start({ chunkSizeBytes: 1000 })
      const before = await remote.createFile(['a'], {})
      const stop = new AbortController()
      const source = bytesSource(randomBytes(5000))
      const onProgress = (sent: number) => (sent > 2000 ? stop.abort(new Error('enough')) : undefined)
      const made: RemoteEntry[] = []
      const onRemade = (entry: RemoteEntry) => void made.push(entry)
      if (answer === 'lost') embedded.server.faults.add({ route: 'POST /file/create', kind: 'lostAnswer' })
      const request = {
        path: ['a'],
        previous: 'absent',
        source,
        modifiedAtMs: 1,
        onProgress,
        onRemade,
      } as const
      await expect(remote.upload(request, { signal: stop.signal })).rejects.toMatchObject({ kind: 'aborted' })
      const { id } = await remote.info(['a'])
      expect(id).not.toBe(before.id)
      expect(made.map((entry) => entry.id)).toEqual([id])
    },
  )

  it('of somebody faster are never replaced', async () => {
    await start({ chunkSizeBytes: 1000 })
    const first = await put('a', Buffer.from('first'))
    const stale = { kind: 'stale' }
    await expect(put('a', Buffer.from('second'))).rejects.toMatchObject(stale)
    await expect(put('a', randomBytes(2000), { modifiedAtMs: 1 })).rejects.toMatchObject(stale)
    await expect(put('a', Buffer.alloc(0))).rejects.toMatchObject(stale)
    await put('a', Buffer.from('theirs'), { previous: first.entity! })
    await expect(put('a', Buffer.from('mine'), { previous: first.entity! })).rejects.toMatchObject(stale)
    expect((await embedded.server.admin.read('/a')).toString()).toBe('theirs')
  })

  it('that do not fit are "quota"', async () => {
    const remote = await start({ totalBytes: 5000, chunkSizeBytes: 1000 })
    await expect(put('a', randomBytes(6000))).rejects.toMatchObject({ kind: 'quota' })
    await expect(put('b', randomBytes(6000), { modifiedAtMs: 1_500_000_000_000 })).rejects.toMatchObject({
      kind: 'quota',
    })
    expect(await remote.capacity()).toEqual({ totalBytes: 5000, usedBytes: 0 })
    expect(await listAll(remote, [])).toEqual([])
  })
})
