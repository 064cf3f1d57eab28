import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { UploadRequest } from '../../../../src/remote/types.ts'
import { bytesSource, scriptedRemote, type ScriptedRemote } from '../../../fakes/scripted-remote.ts'
import { NEW_ENTITY, OLD_ENTITY, serveFile } from '../../../fakes/remote-file.ts'
import { wireFile, wireListing, type Exchange } from '../../../fakes/scripted-server.ts'

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

describe('a small file', () => {
  it('is one request with its length and the content that it replaces', async () => {
    const file = serveFile(scripted.server)
    const entry = await upload(Buffer.from('hello'))
    expect(entry).toMatchObject({ entity: NEW, sizeBytes: 5 })
    expect(file.bytes.toString()).toBe('hello')
    expect(scripted.server.counts).toEqual({ 'PUT /file/content': 1 })
    const [put] = scripted.server.seen
    expect(put?.headers['content-length']).toBe('5')
    expect(Object.fromEntries(put?.query ?? [])).toEqual({ uri: 'cloudreve://my/a.txt', previous: OLD })
  })

  it('that should be new replaces "no content"', async () => {
    serveFile(scripted.server)
    await upload(Buffer.from('hello'), { previous: 'absent' })
    expect(scripted.server.seen[0]?.query.get('previous')).toBe('E0')
  })

  it('goes in chunks where the operator allows less in one request', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('PUT /file/content', { code: 40049, msg: 'File too large' })
    await expect(upload(Buffer.from('hello'))).resolves.toMatchObject({ entity: NEW })
    expect(file.bytes.toString()).toBe('hello')
  })

  it('is too large when chunks are refused for their size as well', async () => {
    serveFile(scripted.server)
    const refusal = { code: 40049, msg: 'File too large' }
    scripted.server.on('PUT /file/content', refusal).on('PUT /file/upload', refusal)
    await expect(upload(Buffer.from('hello'))).rejects.toMatchObject({ kind: 'too-large' })
  })

  it('is read back on a storage whose success proves nothing', async () => {
    await scripted.stop()
    const storage_policy = { id: 'P1', name: 'Q', type: 'qiniu', max_size: 0 }
    scripted = await scriptedRemote({}, (server) =>
      server.on('GET /file', { data: wireListing([], { storage_policy }) }),
    )
    const file = serveFile(scripted.server)
    await expect(upload(Buffer.from('hello'))).resolves.toMatchObject({ entity: NEW })
    scripted.server.on('PUT /file/content', (exchange) => {
      const answer = file.put(exchange)
      file.bytes = Buffer.from('other')
      return answer
    })
    await expect(upload(Buffer.from('hello'))).rejects.toMatchObject({ kind: 'server' })
  })

  it('is stale when the server has another content', async () => {
    serveFile(scripted.server)
    scripted.server.on('PUT /file/content', { code: 40076, msg: 'updated' })
    await expect(upload(Buffer.from('x'))).rejects.toMatchObject({ kind: 'stale' })
    expect(scripted.server.counts).toEqual({ 'PUT /file/content': 1 })
  })

  it('whose answer was lost is recognised as stored by its bytes', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('PUT /file/content', (exchange) => {
      file.put(exchange)
      return loseAnswer(exchange)
    })
    await expect(upload(Buffer.from('hello'))).resolves.toMatchObject({ entity: NEW, sizeBytes: 5 })
    expect(scripted.server.requests('PUT /file/content').length).toBe(1)
  })

  it('whose answer was lost is not taken for what somebody else stored', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('PUT /file/content', (exchange) => {
      file.store(Buffer.from('theirs'))
      return loseAnswer(exchange)
    })
    await expect(upload(Buffer.from('mine_!'))).rejects.toMatchObject({ kind: 'stale' })
    expect(file.bytes.toString()).toBe('theirs')
  })

  it('whose answer was lost before anything was done is sent again', async () => {
    const file = serveFile(scripted.server)
    scripted.server.on('PUT /file/content', (exchange) =>
      exchange.nth === 0 ? loseAnswer(exchange) : file.put(exchange),
    )
    await expect(upload(Buffer.from('hello'))).resolves.toMatchObject({ entity: NEW })
    expect(scripted.server.requests('PUT /file/content').length).toBe(2)
  })

  it('whose answer was lost is waited for while the server works on it', async () => {
    const file = serveFile(scripted.server)
    let looks = 0
    file.mark = 'P1'
    scripted.server.on('GET /file/info', () => {
      looks += 1
      if (looks === 3) file.store(Buffer.from('hello'))
      return file.info()
    })
    scripted.server.on('PUT /file/content', loseAnswer)
    await expect(upload(Buffer.from('hello'))).resolves.toMatchObject({ entity: NEW })
    expect([looks, scripted.server.requests('PUT /file/content').length]).toEqual([3, 1])
  })

  it('that arrives twice is not a conflict with ourselves', async () => {
    const file = serveFile(scripted.server)
    let looks = 0
    // The first look comes before the first attempt was done, the second attempt after it.
    scripted.server.on('GET /file/info', () => {
      looks += 1
      const before = file.info()
      if (looks === 1) file.store(Buffer.from('hello'))
      return before
    })
    scripted.server.on('PUT /file/content', (exchange) => {
      return exchange.nth === 0 ? loseAnswer(exchange) : { code: 40076, msg: 'updated' }
    })
    await expect(upload(Buffer.from('hello'))).resolves.toMatchObject({ entity: NEW })
  })

  it('has an unknown outcome when asking does not help, and the next attempt finds it', async () => {
    const file = serveFile(scripted.server)
    let down = true
    scripted.server.on('GET /file/info', (exchange) => (down ? loseAnswer(exchange) : file.info()))
    scripted.server.on('PUT /file/content', (exchange) => {
      if (exchange.nth > 0) return { code: 40076, msg: 'updated' }
      file.put(exchange)
      return loseAnswer(exchange)
    })
    await expect(upload(Buffer.from('hello'))).rejects.toMatchObject({ kind: 'unknown-outcome' })
    down = false
    await expect(upload(Buffer.from('hello'))).resolves.toMatchObject({ entity: NEW })
  })

  it('is locked when an upload of somebody else is under way, which is left alone', async () => {
    const file = serveFile(scripted.server)
    file.mark = 'theirs'
    const data = [
      { path: 'cloudreve://my/a.txt', token: 't', owner: { application: { type: 'upload' } }, type: 0 },
    ]
    scripted.server.on('PUT /file/content', { code: 40073, msg: 'Lock conflict', data })
    await expect(upload(Buffer.from('x'))).rejects.toMatchObject({ kind: 'locked', holder: 'upload' })
    expect(scripted.server.counts).not.toHaveProperty('DELETE /file/upload')
  })
})

describe('an empty file', () => {
  it('that is new has no content at all', async () => {
    serveFile(scripted.server)
    scripted.server.on('POST /file/create', { data: wireFile({ metadata: null }) })
    const entry = await upload(Buffer.alloc(0), { previous: 'absent', metadata: { 'customize:mode': '755' } })
    expect(entry).toMatchObject({ entity: undefined, metadata: { 'customize:mode': '755' } })
    expect(scripted.server.counts).toEqual({ 'POST /file/create': 1 })
    expect(scripted.server.seen[0]?.body.toString()).toContain('"err_on_conflict":true')
  })

  it.each([
    ['is as good as an empty one that somebody else made', 'E0', undefined],
    ['is stale when somebody else was faster with a content', NEW, 'stale'],
  ])('%s', async (_, entity, kind) => {
    const file = serveFile(scripted.server)
    file.entity = entity
    file.bytes = Buffer.alloc(entity === 'E0' ? 0 : 3)
    scripted.server.on('POST /file/create', { code: 40004, msg: 'Object existed' })
    const uploading = upload(Buffer.alloc(0), { previous: 'absent' })
    if (kind) await expect(uploading).rejects.toMatchObject({ kind })
    else await expect(uploading).resolves.toMatchObject({ entity: undefined })
  })

  it('is not what an upload of somebody else is going to fill', async () => {
    const file = serveFile(scripted.server)
    Object.assign(file, { entity: 'E0', bytes: Buffer.alloc(0), mark: 'theirs' })
    scripted.server.on('POST /file/create', { code: 40004, msg: 'Object existed' })
    const uploading = upload(Buffer.alloc(0), { previous: 'absent' })
    await expect(uploading).rejects.toMatchObject({ kind: 'locked', holder: 'upload' })
    expect(scripted.server.counts).not.toHaveProperty('DELETE /file/upload')
  })

  it('that replaces a content is one request of length 0', async () => {
    serveFile(scripted.server)
    await upload(Buffer.alloc(0))
    expect(scripted.server.seen[0]?.headers['content-length']).toBe('0')
    expect(scripted.server.counts).toEqual({ 'PUT /file/content': 1 })
  })
})

describe('a read-only mount', () => {
  it('refuses every change without asking', async () => {
    await scripted.stop()
    scripted = await scriptedRemote({ readOnly: true })
    const { remote, server } = scripted
    const denied = { kind: 'denied' }
    await expect(upload(Buffer.from('x'))).rejects.toMatchObject(denied)
    await expect(remote.createFolder(['d'])).rejects.toMatchObject(denied)
    await expect(remote.createFile(['f'], {})).rejects.toMatchObject(denied)
    await expect(remote.rename(['a'], 'b')).rejects.toMatchObject(denied)
    await expect(remote.move([['a']], [])).rejects.toMatchObject(denied)
    await expect(remote.copy([['a']], [])).rejects.toMatchObject(denied)
    await expect(remote.remove([['a']])).rejects.toMatchObject(denied)
    await expect(remote.patchMetadata([['a']], [])).rejects.toMatchObject(denied)
    expect(server.seen).toEqual([])
  })
})
