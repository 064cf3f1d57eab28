import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SentChunk, UploadRequest, UploadSession } from '../../../../src/remote/types.ts'
import { bytesSource, scriptedRemote, type ScriptedRemote } from '../../../fakes/scripted-remote.ts'
import { NEW_ENTITY, OLD_ENTITY, serveFile } from '../../../fakes/remote-file.ts'
import type { Exchange } from '../../../fakes/scripted-server.ts'

const OLD = OLD_ENTITY
const NEW = NEW_ENTITY

let scripted: ScriptedRemote

beforeEach(async () => {
  scripted = await scriptedRemote()
})

afterEach(async () => {
  // Nothing of what these tests provoke may cut a request that the server works on.
  expect(scripted.server.cut.filter((route) => !expectedCuts.has(route))).toEqual([])
  expectedCuts.clear()
  await scripted.stop()
})

const expectedCuts = new Set<string>()

const upload = (bytes: Uint8Array, request: Partial<UploadRequest> = {}, signal?: AbortSignal) =>
  scripted.remote.upload(
    { path: ['a.txt'], previous: OLD, source: bytesSource(bytes), ...request },
    { signal },
  )

/** The work is done, the answer is not sent. */
function loseAnswer(exchange: Exchange): undefined {
  expectedCuts.add(`${exchange.method} ${exchange.path}`)
  exchange.response.socket?.destroy()
}

describe('a file with a time or attributes', () => {
  const timed = { modifiedAtMs: 1_600_000_000_123, metadata: { 'customize:mode': '0644' } }

  it('costs a session, its chunks and a confirmation', async () => {
    const file = serveFile(scripted.server)
    const bytes = randomBytes(2500)
    const progress: number[] = []
    const entry = await upload(bytes, { ...timed, onProgress: (sent) => progress.push(sent) })
    expect(entry).toMatchObject({ entity: NEW, sizeBytes: 2500 })
    expect(Buffer.compare(file.bytes, bytes)).toBe(0)
    expect(scripted.server.counts).toEqual({
      'PUT /file/upload': 1,
      'POST /file/upload/S1/0': 1,
      'POST /file/upload/S1/1': 1,
      'POST /file/upload/S1/2': 1,
      'GET /file/info': 1,
    })
    expect(JSON.parse(scripted.server.seen[0]?.body.toString() ?? '')).toEqual({
      uri: 'cloudreve://my/a.txt',
      size: 2500,
      entity_type: 'version',
      previous: OLD,
      encryption_supported: ['aes-256-ctr'],
      last_modified: timed.modifiedAtMs,
      metadata: timed.metadata,
    })
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(progress.at(-1)).toBe(2500)
  })

  it('tells of the session before it asks for it, and before its first chunk leaves', async () => {
    serveFile(scripted.server)
    const seen: number[] = []
    const onAsked = ({ uri, sizeBytes }: { uri: string; sizeBytes: number }) => {
      expect([uri, sizeBytes]).toEqual(['cloudreve://my/a.txt', 10])
      seen.push(scripted.server.seen.length)
      return Promise.resolve()
    }
    const onSession = ({ id, uri }: { id: string; uri: string }) => {
      expect([id, uri]).toEqual(['S1', 'cloudreve://my/a.txt'])
      seen.push(scripted.server.seen.length)
      return Promise.resolve()
    }
    await upload(randomBytes(10), { ...timed, onAsked, onSession })
    expect(seen).toEqual([0, 1])
  })

  it('sends its chunks in order, and the last one alone and last', async () => {
    const file = serveFile(scripted.server)
    let underWay = 0
    const most: number[] = []
    scripted.server.on('PUT /file/upload', (exchange) => file.open(exchange, { chunk_concurrency: 3 }))
    scripted.server.on('POST /file/upload/*/*', async (exchange) => {
      underWay += 1
      most.push(underWay)
      await new Promise((resolve) => setImmediate(resolve))
      underWay -= 1
      return file.chunk(exchange)
    })
    await upload(randomBytes(7500), timed)
    const indexes = scripted.server.seen.flatMap(({ path }) => /upload\/S1\/(\d)/.exec(path)?.[1] ?? [])
    expect(indexes.at(-1)).toBe('7')
    expect(indexes.slice(0, 3).toSorted()).toEqual(['0', '1', '2'])
    expect(Math.max(...most)).toBeLessThanOrEqual(3)
    expect(most.at(-1)).toBe(1)
  })

  it('goes through the server in one piece where it relays', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('PUT /file/upload', (exchange) => file.open(exchange, { type: 's3', relay: true }))
    const bytes = randomBytes(3000)
    await upload(bytes, timed)
    expect(Buffer.compare(file.bytes, bytes)).toBe(0)
    expect(scripted.server.counts['POST /file/upload/S1/0']).toBe(1)
  })

  it('sends its chunks one after the other where the storage wants them so', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('PUT /file/upload', (exchange) => file.open(exchange, { chunk_concurrency: 4 }))
    scripted.server.on('POST /file/upload/*/*', (exchange) => {
      const index = Number(exchange.path.split('/').at(-1))
      return index > file.chunks.size ? { code: 50004, msg: 'beyond the end' } : file.chunk(exchange)
    })
    const bytes = randomBytes(6500)
    await upload(bytes, timed)
    expect(Buffer.compare(file.bytes, bytes)).toBe(0)
  })

  describe.each([
    ['the answer of the last chunk was lost', loseAnswer],
    ['the last chunk says that the session is gone', () => ({ code: 40011, msg: '' })],
    ['the last chunk says that its lock is gone', () => ({ code: 40073, msg: 'Lock expired' })],
    ['the server could not be told of the end', () => ({ code: 50007, msg: 'Callback failed' })],
  ])('when %s', (_, answer) => {
    it('is done if the file has its bytes, which are read once', async () => {
      const file = serveFile(scripted.server)
      scripted.server.on('POST /file/upload/*/*', (exchange) => {
        if (exchange.nth === 0) file.chunk(exchange)
        return answer(exchange)
      })
      await expect(upload(randomBytes(10), timed)).resolves.toMatchObject({ entity: NEW })
      const { 'POST /file/upload/S1/0': chunks, ...others } = scripted.server.counts
      expect(chunks).toBeGreaterThan(0)
      expect(others).toEqual({
        'PUT /file/upload': 1,
        'GET /file/info': 1,
        'POST /file/url': 1,
        'GET /file/content/E-new/0/a.txt': 1,
      })
    })

    it('does not take bytes of somebody else for its own, of the same size though they are', async () => {
      const file = serveFile(scripted.server)
      scripted.server.on('POST /file/upload/*/*', (exchange) => {
        file.store(Buffer.from('theirs'))
        return answer(exchange)
      })
      await expect(upload(Buffer.from('mine_!'), timed)).rejects.toMatchObject({ kind: 'stale' })
      expect(file.bytes.toString()).toBe('theirs')
      expect(scripted.server.counts).toMatchObject({ 'PUT /file/upload': 1, 'DELETE /file/upload': 1 })
    })
  })

  it('has an unknown outcome when what the file has cannot be read, and the next attempt finds it', async () => {
    const file = serveFile(scripted.server)
    const bytes = randomBytes(10)
    scripted.server.on('POST /file/upload/*/*', (exchange) => {
      file.chunk(exchange)
      return { code: 40011, msg: '' }
    })
    scripted.server.on('POST /file/url', loseAnswer)
    await expect(upload(bytes, timed)).rejects.toMatchObject({ kind: 'unknown-outcome' })
    scripted.server.on('PUT /file/upload', { code: 40076, msg: 'updated' })
    const url = `${scripted.server.origin}/api/v4/file/content/${NEW}/0/a.txt?sign=x`
    const data = { urls: [{ url }], expires: '2100-01-01T00:00:00Z' }
    scripted.server.on('POST /file/url', { data })
    await expect(upload(bytes, timed)).resolves.toMatchObject({ entity: NEW })
    expect(scripted.server.counts['POST /file/upload/S1/0']).toBe(1)
  })

  it('is stale when what the file had is gone before it was read', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('POST /file/upload/*/*', (exchange) => {
      file.chunk(exchange)
      return { code: 40011, msg: '' }
    })
    scripted.server.on('GET /file/content/*/0/*', { code: 40077, msg: 'Entity not exist' })
    await expect(upload(randomBytes(10), timed)).rejects.toMatchObject({ kind: 'stale' })
  })

  it('starts over, after cancelling, when all chunks were taken and nothing came of it', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('POST /file/upload/*/*', (exchange) =>
      exchange.path.includes('/S1/') ? {} : file.chunk(exchange),
    )
    await expect(upload(randomBytes(10), timed)).resolves.toMatchObject({ entity: NEW })
    expect(scripted.server.counts).toMatchObject({ 'PUT /file/upload': 2, 'DELETE /file/upload': 1 })
  })

  it('gives up after a few sessions that come to nothing, and leaves none behind', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('POST /file/upload/*/*', {})
    await expect(upload(randomBytes(10), timed)).rejects.toMatchObject({ kind: 'server' })
    expect(scripted.server.counts).toMatchObject({ 'PUT /file/upload': 3, 'DELETE /file/upload': 3 })
    expect(file.mark).toBeUndefined()
  })

  it.each([
    [40051, 'quota'],
    [40013, 'invalid'],
    [40016, 'not-found'],
  ])('refused with %i is %s and its session cancelled', async (code, kind) => {
    const file = serveFile(scripted.server)
    scripted.server.on('POST /file/upload/*/*', { code, msg: 'no' })
    await expect(upload(randomBytes(2500), timed)).rejects.toMatchObject({ kind })
    expect(file.mark).toBeUndefined()
    expect(scripted.server.requests('DELETE /file/upload').length).toBe(1)
  })

  it('given up by its caller leaves no session behind', async () => {
    const file = serveFile(scripted.server)
    const stop = new AbortController()
    const onProgress = (sent: number) => (sent >= 1000 ? stop.abort(new Error('enough')) : undefined)
    await expect(upload(randomBytes(5000), { ...timed, onProgress }, stop.signal)).rejects.toMatchObject({
      kind: 'aborted',
    })
    expect(file.mark).toBeUndefined()
    expect(scripted.server.requests('DELETE /file/upload').length).toBe(1)
  })

  it('given up by its caller does not take what somebody else has stored for its own', async () => {
    const file = serveFile(scripted.server)
    const stop = new AbortController()
    scripted.server.on('POST /file/upload/*/*', () => {
      file.store(Buffer.from('theirs'))
      stop.abort(new Error('enough'))
      return {}
    })
    await expect(upload(Buffer.from('mine_!'), timed, stop.signal)).rejects.toMatchObject({ kind: 'aborted' })
    expect(scripted.server.counts).not.toHaveProperty('POST /file/url')
  })

  it('that was all sent by an earlier process does not take what somebody else has stored for its own', async () => {
    const file = serveFile(scripted.server)
    const stop = new AbortController()
    let session: UploadSession | undefined
    const chunks: SentChunk[] = []
    scripted.server.on('PUT /file/upload', (exchange) => {
      const { data } = file.open(exchange)
      return { data: { ...data, expires: Date.now() / 1000 + 3600 } }
    })
    scripted.server.on('POST /file/upload/*/*', {})
    const keeping = {
      ...timed,
      keepsSession: () => true,
      onSession: (begun: UploadSession) => Promise.resolve(void (session = begun)),
      onChunk: (chunk: SentChunk) => {
        chunks.push(chunk)
        stop.abort()
      },
    }
    await expect(upload(Buffer.from('mine_!'), keeping, stop.signal)).rejects.toMatchObject({
      kind: 'aborted',
    })
    scripted.server.on('GET /file/info', () => {
      const before = file.info()
      file.store(Buffer.from('theirs'))
      return before
    })
    const again = upload(Buffer.from('mine_!'), { ...timed, resume: { session: session!, chunks } })
    await expect(again).rejects.toMatchObject({ kind: 'stale' })
    expect(scripted.server.counts['POST /file/upload/S1/0']).toBe(1)
  })

  it('whose session was made but not answered finds that session by its content and starts over', async () => {
    const file = serveFile(scripted.server)
    const made = new Date().toISOString()
    scripted.server.on('PUT /file/upload', (exchange) => {
      const answer = file.open(exchange)
      return exchange.nth === 0 ? loseAnswer(exchange) : answer
    })
    scripted.server.on('GET /file/info', ({ query }) => {
      const answer = file.info()
      if (!query.has('extended') || !answer.data) return answer
      const created_by = { id: 'U1', nickname: 'Ann' }
      const entities = [{ id: 'E-placeholder', type: 0, size: file.size, created_at: made, created_by }]
      return { data: { ...answer.data, extended_info: { storage_used: 0, entities } } }
    })
    await expect(upload(randomBytes(10), timed)).resolves.toMatchObject({ entity: NEW })
    expect(scripted.server.counts).toMatchObject({ 'PUT /file/upload': 2, 'DELETE /file/upload': 1 })
  })

  it.each([
    ['of another size', { size: 11 }],
    ['by somebody else', { created_by: { id: 'U2', nickname: 'Bob' } }],
    ['that began before', { created_at: '2020-01-01T00:00:00Z' }],
    ['that began much later', { created_at: '2100-01-01T00:00:00Z' }],
  ])('whose session was not answered leaves an upload %s alone', async (_, members) => {
    const file = serveFile(scripted.server)
    scripted.server.on('PUT /file/upload', (exchange) => {
      const data = [{ owner: { application: { type: 'upload' } }, type: 0 }]
      if (exchange.nth > 0) return { code: 40073, msg: 'Lock conflict', data }
      file.mark = 'theirs'
      return loseAnswer(exchange)
    })
    const created = { created_at: new Date().toISOString(), created_by: { id: 'U1', nickname: 'Ann' } }
    const entities = [{ id: 'E-placeholder', type: 0, size: 10, ...created, ...members }]
    scripted.server.on('GET /file/info', () => ({
      data: { ...file.info().data, extended_info: { storage_used: 0, entities } },
    }))
    await expect(upload(randomBytes(10), timed)).rejects.toMatchObject({ kind: 'locked' })
    expect(scripted.server.counts).not.toHaveProperty('DELETE /file/upload')
  })

  it.each([
    ['is ended: its content is of that size', 10, 1],
    ['is not one of another size, which is left alone', 11, 0],
  ])('that an earlier process asked for %s', async (_, sizeBytes, ended) => {
    const file = serveFile(scripted.server)
    file.mark = 'S7'
    const created = { created_at: new Date().toISOString(), created_by: { id: 'U1', nickname: 'Ann' } }
    const entities = [{ id: 'E-placeholder', type: 0, size: 10, ...created }]
    scripted.server.on('GET /file/info', () => ({
      data: { ...file.info().data, extended_info: { storage_used: 0, entities } },
    }))
    const asked = { uri: 'cloudreve://my/a.txt', sizeBytes, askedAtMs: Date.now() }
    await expect(scripted.remote.cancelUpload(asked)).resolves.toBe(ended > 0)
    expect(scripted.server.requests('DELETE /file/upload').length).toBe(ended)
  })

  it('left behind when the server went away is cancelled when it stands in the way', async () => {
    const file = serveFile(scripted.server)
    let down = false
    scripted.server.on('POST /file/upload/*/*', (exchange) => {
      if (exchange.path.includes('/S1/')) down = true
      return down ? { code: 40051, msg: 'full' } : file.chunk(exchange)
    })
    scripted.server.on('DELETE /file/upload', () => (down ? { code: -1, msg: '' } : file.cancel()))
    await expect(upload(randomBytes(10), timed)).rejects.toMatchObject({ kind: 'quota' })
    expect(scripted.log.lines.join('\n')).toContain('could not be cancelled')
    down = false
    const data = [{ owner: { application: { type: 'upload' } }, type: 0 }]
    scripted.server.on('PUT /file/upload', (exchange) =>
      file.mark ? { code: 40073, msg: 'Lock', data } : file.open(exchange),
    )
    await expect(upload(randomBytes(10), timed)).resolves.toMatchObject({ entity: NEW })
  })

  it('on a storage whose way is not known is one request, and its attributes follow', async () => {
    const file = serveFile(scripted.server)
    scripted.server
      .on('PUT /file/upload', (exchange) => file.open(exchange, { type: 'tape' }))
      .on('PATCH /file/metadata', {})
    const entry = await upload(randomBytes(10), timed)
    expect(entry).toMatchObject({ entity: NEW, metadata: timed.metadata })
    expect(file.mark).toBeUndefined()
    scripted.server.clear()
    await upload(randomBytes(10), { ...timed, previous: NEW })
    expect(scripted.server.counts).toEqual({ 'PUT /file/content': 1, 'PATCH /file/metadata': 1 })
  })

  it('on such a storage beyond one request is refused in words', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('PUT /file/upload', (exchange) =>
      file.open(exchange, { type: 'tape', name: 'Bucket' }),
    )
    const source = { sizeBytes: 51 * 1024 * 1024, read: () => Promise.reject(new Error('must not be read')) }
    const uploading = scripted.remote.upload({ path: ['a.txt'], previous: OLD, source })
    await expect(uploading).rejects.toMatchObject({
      kind: 'unsupported',
      message: expect.stringContaining('"Bucket" (tape)') as string,
    })
    expect(file.mark).toBeUndefined()
  })

  it.each([
    ['an attribute beyond 65,535 bytes', { 'customize:x': 'ü'.repeat(33_000) }],
    [
      'more than 256 attributes',
      Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`customize:${i}`, '1'])),
    ],
  ])('with %s is refused before the server would fail on it', async (_, metadata) => {
    serveFile(scripted.server)
    await expect(upload(Buffer.from('x'), { metadata })).rejects.toMatchObject({ kind: 'invalid' })
    expect(scripted.server.seen).toEqual([])
  })

  it.each([-5, 0, Date.UTC(9999, 11, 31) + 86_400_000])(
    'leaves out the time %i, which the server cannot keep',
    async (modifiedAtMs) => {
      serveFile(scripted.server)
      await upload(Buffer.from('x'), { ...timed, modifiedAtMs })
      expect(scripted.server.seen[0]?.body.toString()).not.toContain('last_modified')
    },
  )
})
