import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type {
  EntityId,
  OpenUpload,
  SentChunk,
  UploadRequest,
  UploadSession,
} from '../../../../src/remote/types.ts'
import type { PolicyType, ServerOptions } from '../../../../src/server/index.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../../fakes/embedded-remote.ts'
import { bytesSource } from '../../../fakes/scripted-remote.ts'

const CHUNK_BYTES = 1000
const bytes = randomBytes(5 * CHUNK_BYTES + 17)
const chunkCount = 6

let embedded: EmbeddedRemote

afterEach(async () => {
  expect(await embedded.stop()).toEqual([])
})

async function start(options: ServerOptions) {
  embedded = await embeddedRemote({ chunkSizeBytes: CHUNK_BYTES, chunkConcurrency: 1, ...options })
}

const upload = (more: Partial<UploadRequest> = {}, signal?: AbortSignal) =>
  embedded.remote.upload(
    {
      path: ['a.bin'],
      previous: 'absent',
      source: bytesSource(bytes),
      modifiedAtMs: 1_600_000_000_123,
      ...more,
    },
    { signal },
  )

/** The process ends when two chunks were taken: what it has on record then. */
async function endEarly(more: Partial<UploadRequest> = {}): Promise<OpenUpload> {
  const stop = new AbortController()
  let session: UploadSession | undefined
  const chunks: SentChunk[] = []
  const sending = upload(
    {
      keepsSession: () => true,
      onSession: (begun) => {
        session = begun
        return Promise.resolve()
      },
      onChunk: (chunk) => {
        chunks.push(chunk)
        if (chunks.length === 2) stop.abort()
      },
      ...more,
    },
    stop.signal,
  )
  await expect(sending).rejects.toMatchObject({ kind: 'aborted' })
  expect(chunks).toHaveLength(2)
  embedded.server.requests.clear()
  // As it is read back from a file.
  return JSON.parse(JSON.stringify({ session, chunks })) as OpenUpload
}

async function expectStored(path: string, entity: EntityId | undefined): Promise<void> {
  const content = { path: () => [path], entity: entity!, sizeBytes: bytes.length }
  const stored = await embedded.remote.readRange(content, { start: 0, end: bytes.length })
  expect(Buffer.compare(stored, bytes)).toBe(0)
  expect(embedded.server.admin.lockCount).toBe(0)
}

/** Those with more than one chunk: upyun, and what goes through the server to its storage, take everything in one request. */
const chunkRoutes: Partial<Record<PolicyType, string>> = {
  local: 'POST /file/upload',
  remote: 'POST /storage/remote',
  s3: 'PUT /storage/s3',
  ks3: 'PUT /storage/ks3',
  cos: 'PUT /storage/cos',
  oss: 'PUT /storage/oss',
  obs: 'PUT /storage/obs',
  qiniu: 'PUT /storage/qiniu',
  onedrive: 'PUT /storage/onedrive',
}

describe.each(Object.entries(chunkRoutes))('an upload to a storage of the type %s', (type, route) => {
  const policyType = type as PolicyType

  it('is gone on with by another process: only the missing chunks are sent', async () => {
    await start({ policyType })
    const resume = await endEarly()
    const entry = await upload({ resume })
    await expectStored('a.bin', entry.entity)
    expect(entry.updatedAtMs).toBe(1_600_000_000_123)
    expect(embedded.server.requests.count(route)).toBe(chunkCount - 2)
    expect(embedded.server.requests.count('PUT /file/upload')).toBe(0)
  })

  it('starts over when its time is over', async () => {
    await start({ policyType })
    const resume = await endEarly()
    embedded.server.admin.expireUploads()
    const entry = await upload({ resume })
    await expectStored('a.bin', entry.entity)
    expect(embedded.server.requests.count(route)).toBeGreaterThanOrEqual(chunkCount)
  })

  it('is cancelled when the file has another name now', async () => {
    await start({ policyType })
    const resume = await endEarly()
    const entry = await upload({ resume, path: ['b.bin'] })
    await expectStored('b.bin', entry.entity)
    expect(embedded.server.admin.exists('/a.bin')).toBe(false)
    expect(embedded.server.requests.count(route)).toBe(chunkCount)
  })

  it('stays open over trouble of the storage, if the caller wants that', async () => {
    await start({ policyType })
    let session: UploadSession | undefined
    const chunks: SentChunk[] = []
    const keeping = {
      keepsSession: () => chunks.length > 0,
      onSession: (begun: UploadSession) => Promise.resolve(void (session = begun)),
      onChunk: (chunk: SentChunk) => {
        chunks.push(chunk)
        if (chunks.length === 2) embedded.server.faults.add({ route, times: 60, kind: 'status', status: 503 })
      },
    }
    await expect(upload(keeping)).rejects.toMatchObject({ isTransient: true })
    embedded.server.faults.clear()
    embedded.server.requests.clear()
    const taken = chunks.length
    const entry = await upload({ ...keeping, resume: { session: session!, chunks } })
    await expectStored('a.bin', entry.entity)
    expect(taken).toBeGreaterThan(0)
    expect(embedded.server.requests.count(route)).toBe(chunkCount - taken)
  })
})

describe('an encrypted upload', () => {
  it('is gone on with under the same key', async () => {
    await start({ policyType: 's3', encryption: true })
    const resume = await endEarly()
    const entry = await upload({ resume })
    await expectStored('a.bin', entry.entity)
    expect(embedded.server.requests.count('PUT /storage/s3')).toBe(chunkCount - 2)
  })
})

describe('a server that was started anew', () => {
  it.each(['clean', 'kill'] as const)('(%s) has forgotten the upload: it starts over', async (kind) => {
    await start({})
    const resume = await endEarly()
    await embedded.server.restart(kind)
    embedded.server.requests.clear()
    const entry = await upload({ resume })
    await expectStored('a.bin', entry.entity)
    expect(embedded.server.requests.count('PUT /file/upload')).toBe(1)
  })
})

describe('what is on record of an upload', () => {
  it('is not believed when it cannot be read', async () => {
    await start({})
    const resume = await endEarly()
    const session = { ...resume.session, ticket: JSON.stringify({ wire: {}, sizeBytes: bytes.length }) }
    const entry = await upload({ resume: { ...resume, session } })
    await expectStored('a.bin', entry.entity)
    expect(embedded.server.requests.count('PUT /file/upload')).toBe(1)
  })
})
