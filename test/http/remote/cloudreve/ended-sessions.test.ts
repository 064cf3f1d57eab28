import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { UploadRequest } from '../../../../src/remote/types.ts'
import { NEW_ENTITY, OLD_ENTITY, serveFile, type RemoteFile } from '../../../fakes/remote-file.ts'
import { bytesSource, scriptedRemote, type ScriptedRemote } from '../../../fakes/scripted-remote.ts'

let scripted: ScriptedRemote
let file: RemoteFile

beforeEach(async () => {
  scripted = await scriptedRemote()
  file = serveFile(scripted.server)
  scripted.server.on('PUT /file/upload', (exchange) => (file.mark === undefined ? file.open(exchange) : held))
})

afterEach(() => scripted.stop())

const uri = 'cloudreve://my/a.txt'
/** What the server says where an upload has the lock. */
const held = { code: 40073, msg: 'Lock', data: [{ owner: { application: { type: 'upload' } }, type: 0 }] }
const timed = { modifiedAtMs: 1_600_000_000_123 }

const upload = (request: Partial<UploadRequest> = {}) =>
  scripted.remote.upload({
    path: ['a.txt'],
    previous: OLD_ENTITY,
    source: bytesSource(Buffer.from('ten bytes!')),
    ...timed,
    ...request,
  })

const asked = (sizeBytes: number, askedAtMs = Date.now()) => ({ uri, sizeBytes, askedAtMs })
const ends = () => scripted.server.requests('DELETE /file/upload').length

/** An upload of this account, of so many bytes, is open, and nobody has heard its id. */
function openUnheard(sizeBytes: number): void {
  file.mark = 'S7'
  const created = { created_at: new Date().toISOString(), created_by: { id: 'U1', nickname: 'Ann' } }
  const placeholder = { id: 'E-placeholder', type: 0, size: sizeBytes, ...created }
  scripted.server.on('GET /file/info', ({ query }) => {
    const answer = file.info()
    if (file.mark !== 'S7' || !query.has('extended') || !answer.data) return answer
    return { data: { ...answer.data, extended_info: { storage_used: 0, entities: [placeholder] } } }
  })
}

describe('a session that was asked for', () => {
  it('and is not there may still come: for five minutes', async () => {
    await expect(scripted.remote.cancelUpload(asked(10))).resolves.toBe(false)
    await expect(scripted.remote.cancelUpload(asked(10, Date.now() - 310_000))).resolves.toBe(true)
    expect(scripted.server.counts).toEqual({ 'GET /file/info': 2 })
  })

  it('first of two, of different sizes, is ended when it stands in the way', async () => {
    await scripted.remote.cancelUpload(asked(11))
    await scripted.remote.cancelUpload(asked(12))
    openUnheard(11)
    await expect(upload()).resolves.toMatchObject({ entity: NEW_ENTITY })
    expect(ends()).toBe(1)
  })

  it('is over when its file goes while it is ended', async () => {
    openUnheard(10)
    scripted.server.on('DELETE /file/upload', { code: 40016, msg: 'Path not exist' })
    await expect(scripted.remote.cancelUpload(asked(10))).resolves.toBe(true)
  })

  it('is not taken for the one that an upload is just being given', async () => {
    let whileOpening: boolean | undefined
    scripted.server.on('PUT /file/upload', async (exchange) => {
      openUnheard(10)
      whileOpening = await scripted.remote.cancelUpload(asked(10))
      return file.open(exchange)
    })
    await expect(upload()).resolves.toMatchObject({ entity: NEW_ENTITY })
    expect(whileOpening).toBe(false)
    expect(ends()).toBe(0)
  })
})

describe('a session of an earlier process', () => {
  it('that could not be ended is when it stands in the way', async () => {
    file.mark = 'S7'
    scripted.server.on('DELETE /file/upload', ({ nth }) =>
      nth === 0 ? { code: -1, msg: '' } : file.cancel(),
    )
    await expect(scripted.remote.cancelUpload({ id: 'S7', uri })).rejects.toMatchObject({ kind: 'server' })
    await expect(upload()).resolves.toMatchObject({ entity: NEW_ENTITY })
    expect(ends()).toBe(2)
  })

  it('is over where its file is gone', async () => {
    scripted.server.on('DELETE /file/upload', { code: 40016, msg: 'Path not exist' })
    await expect(scripted.remote.cancelUpload({ id: 'S7', uri })).resolves.toBe(true)
  })

  it('is left to the upload that goes on with it', async () => {
    let whileSending: boolean | undefined
    scripted.server.on('POST /file/upload/*/*', async (exchange) => {
      whileSending = await scripted.remote.cancelUpload({ id: 'S1', uri })
      return file.chunk(exchange)
    })
    await expect(upload()).resolves.toMatchObject({ entity: NEW_ENTITY })
    expect(whileSending).toBe(false)
    expect(ends()).toBe(0)
  })
})

describe('an upload says that its session is over', () => {
  let calls: string[]
  const watched = {
    onAsked: () => Promise.resolve(void calls.push('asked')),
    onSession: () => Promise.resolve(void calls.push('open')),
    onSessionOver: () => Promise.resolve(void calls.push('over')),
  }

  beforeEach(() => {
    calls = []
  })

  it('when it was refused', async () => {
    scripted.server.on('PUT /file/upload', { code: 40051, msg: 'full' })
    await expect(upload(watched)).rejects.toMatchObject({ kind: 'quota' })
    expect(calls).toEqual(['asked', 'over'])
  })

  it('when it was cancelled, before another one is asked for', async () => {
    scripted.server.on('POST /file/upload/S1/*', { code: 40011, msg: '' })
    await expect(upload(watched)).resolves.toMatchObject({ entity: NEW_ENTITY })
    expect(calls).toEqual(['asked', 'open', 'over', 'asked', 'open'])
  })

  it('not when it could not be cancelled', async () => {
    scripted.server.on('POST /file/upload/*/*', { code: 40051, msg: 'full' })
    scripted.server.on('DELETE /file/upload', { code: -1, msg: '' })
    await expect(upload(watched)).rejects.toMatchObject({ kind: 'quota' })
    expect(calls).toEqual(['asked', 'open'])
  })

  it('not when the answer is no answer', async () => {
    scripted.server.on('PUT /file/upload', ({ response }) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>')
      return undefined
    })
    await expect(upload(watched)).rejects.toThrow()
    expect(calls).toEqual(['asked'])
  })
})
