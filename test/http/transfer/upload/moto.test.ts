import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from '../../../../src/api/client.ts'
import type { WireUploadSession } from '../../../../src/api/schema.ts'
import { StorageClient } from '../../../../src/transfer/storage-client.ts'
import type { ContentUpload, DoneChunk } from '../../../../src/transfer/upload/content-upload.ts'
import { sendContent } from '../../../../src/transfer/upload/send-content.ts'
import { ImpatientClock } from '../../../fakes/impatient-clock.ts'
import { bytesSource } from '../../../fakes/scripted-remote.ts'
import { ScriptedServer } from '../../../fakes/scripted-server.ts'
import { Moto, motoUnavailable } from '../../../harness/moto.ts'
import { presign } from '../../../harness/presign.ts'

/** S3 takes no smaller part, but for the last one. */
const PART_BYTES = 5 * 1024 * 1024
const SIZE = 2 * PART_BYTES + 1234

const CALLBACK = 'GET /callback/s3/S1/secret'

let moto: Moto
let server: ScriptedServer
let client: ApiClient
let storage: StorageClient

function ask(
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  path: string,
  query: Record<string, string> = {},
): Promise<Response> {
  return fetch(presign({ method, url: `${moto.origin}${path}`, query }), { method })
}

function send(
  session: WireUploadSession,
  bytes: Uint8Array,
  more: Partial<ContentUpload> = {},
): Promise<void> {
  return sendContent({ client, storage, session, source: bytesSource(bytes), ...more })
}

/** What the server would hand out for an object that is not there yet. */
async function open(key: string, sizeBytes: number, chunkBytes = PART_BYTES) {
  const begun = await ask('POST', `/bucket/${key}`, { uploads: '' })
  const uploadId = /<UploadId>([^<]+)/.exec(await begun.text())![1]!
  const url = `${moto.origin}/bucket/${key}`
  const part = (index: number) =>
    presign({ method: 'PUT', url, query: { partNumber: String(index + 1), uploadId } })
  const session: WireUploadSession = {
    session_id: 'S1',
    chunk_size: chunkBytes,
    expires: 0,
    uri: 'cloudreve://my/a',
    storage_policy: { id: 'P', name: 'S3', type: 's3', max_size: 0, relay: false, chunk_concurrency: 3 },
    upload_urls: Array.from({ length: Math.ceil(sizeBytes / chunkBytes) }, (_, index) => part(index)),
    completeURL: presign({ method: 'POST', url, query: { uploadId } }),
    callback_secret: 'secret',
    credential: '',
    mime_type: '',
    upload_policy: '',
  }
  return session
}

async function stored(key: string) {
  const answer = await ask('GET', `/bucket/${key}`)
  return {
    status: answer.status,
    bytes: Buffer.from(await answer.arrayBuffer()),
    etag: answer.headers.get('etag'),
  }
}

describe.skipIf(motoUnavailable())('an S3 server that others wrote', { timeout: 30_000 }, () => {
  beforeAll(async () => {
    moto = await Moto.start()
    await ask('PUT', '/bucket')
  }, 30_000)

  afterAll(() => moto.stop())

  beforeEach(async () => {
    server = (await ScriptedServer.start()).on(CALLBACK, {})
    client = new ApiClient({ origin: server.origin, clock: new ImpatientClock() })
    storage = new StorageClient({ client })
  })

  afterEach(async () => {
    await client.close()
    storage.close()
    await server.stop()
  })

  it('has the file after its parts were sent and put together, and then the server is told', async () => {
    const bytes = randomBytes(SIZE)
    const session = await open('whole', SIZE)
    await send(session, bytes)
    const { bytes: got, etag } = await stored('whole')
    expect(Buffer.compare(got, bytes)).toBe(0)
    // How S3 names an object of three parts.
    expect(etag).toMatch(/-3"$/)
    expect(server.counts).toEqual({ [CALLBACK]: 1 })
  })

  it('gets the rest alone after an earlier run', async () => {
    const bytes = randomBytes(SIZE)
    const session = await open('resumed', SIZE)
    const one = { ...session, storage_policy: { ...session.storage_policy!, chunk_concurrency: 1 } }
    const done: DoneChunk[] = []
    const stop = new AbortController()
    const onChunkDone = (chunk: DoneChunk) => {
      done.push(chunk)
      stop.abort(new Error('the process ends'))
    }
    await expect(send(one, bytes, { onChunkDone, signal: stop.signal })).rejects.toThrow('the process ends')
    expect(done).toEqual([{ index: 0, etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) as string }])
    const resumed: number[] = []
    await send(one, bytes, { done, onChunkDone: ({ index }) => resumed.push(index) })
    expect(resumed).toEqual([1, 2])
    expect(Buffer.compare((await stored('resumed')).bytes, bytes)).toBe(0)
  })

  it('that refuses parts which are too small is quoted, and the server hears nothing', async () => {
    const session = await open('small', 3000, 1000)
    await expect(send(session, randomBytes(3000))).rejects.toMatchObject({
      kind: 'refused',
      code: 'EntityTooSmall',
      message: expect.stringContaining('EntityTooSmall') as string,
    })
    expect((await stored('small')).status).toBe(404)
    expect(server.seen).toEqual([])
  })

  it('that does not know a part by the name of an earlier run is quoted', async () => {
    const session = await open('renamed', 3000)
    const done = [{ index: 0, etag: `"${'0'.repeat(32)}"` }]
    await expect(send(session, randomBytes(3000), { done })).rejects.toMatchObject({
      kind: 'refused',
      code: 'InvalidPart',
    })
  })
})
