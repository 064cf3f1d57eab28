import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { EntityId, UploadRequest } from '../../../../src/remote/types.ts'
import { policyTypes, type PolicyType, type ServerOptions } from '../../../../src/server/index.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../../fakes/embedded-remote.ts'
import { bytesSource } from '../../../fakes/scripted-remote.ts'

const CHUNK_BYTES = 1000
const MODIFIED_AT_MS = 1_600_000_000_123

let embedded: EmbeddedRemote

afterEach(async () => {
  expect(await embedded.stop()).toEqual([])
})

async function start(options: ServerOptions) {
  embedded = await embeddedRemote({ chunkSizeBytes: CHUNK_BYTES, chunkConcurrency: 3, ...options })
}

/** With a time, which one request cannot carry: so it is a session. */
const upload = (bytes: Uint8Array, more: Partial<UploadRequest> = {}) =>
  embedded.remote.upload({
    path: ['a.bin'],
    previous: 'absent',
    source: bytesSource(bytes),
    modifiedAtMs: MODIFIED_AT_MS,
    metadata: { 'customize:mode': '0644' },
    ...more,
  })

async function stored(entity: EntityId | undefined, sizeBytes: number): Promise<Uint8Array> {
  const content = { path: () => ['a.bin'], entity: entity!, sizeBytes }
  return embedded.remote.readRange(content, { start: 0, end: sizeBytes })
}

/** The request of a chunk, as the embedded server names it. */
const chunkRoutes: Record<PolicyType, string> = {
  local: 'POST /file/upload',
  remote: 'POST /storage/remote',
  s3: 'PUT /storage/s3',
  ks3: 'PUT /storage/ks3',
  cos: 'PUT /storage/cos',
  oss: 'PUT /storage/oss',
  obs: 'PUT /storage/obs',
  qiniu: 'PUT /storage/qiniu',
  upyun: 'POST /storage/upyun',
  onedrive: 'PUT /storage/onedrive',
}

describe.each(policyTypes)('on a storage of the type %s', (policyType) => {
  const route = chunkRoutes[policyType]

  it('a file comes back as it was written, with its time and attributes', async () => {
    await start({ policyType })
    const bytes = randomBytes(5 * CHUNK_BYTES + 17)
    const entry = await upload(bytes)
    expect(entry).toMatchObject({
      sizeBytes: bytes.length,
      updatedAtMs: MODIFIED_AT_MS,
      metadata: { 'customize:mode': '0644' },
      uploadSessionId: undefined,
    })
    expect(Buffer.compare(await stored(entry.entity, bytes.length), bytes)).toBe(0)
    expect(embedded.server.requests.count('PUT /file/upload')).toBe(1)
    expect(embedded.server.requests.count(route)).toBeGreaterThan(0)
    expect(embedded.server.admin.lockCount).toBe(0)
  })

  it('a new version replaces the one before, and only that one', async () => {
    await start({ policyType })
    const first = await upload(randomBytes(1500))
    const bytes = randomBytes(2500)
    const second = await upload(bytes, { previous: first.entity! })
    expect(second.id).toBe(first.id)
    expect(Buffer.compare(await stored(second.entity, bytes.length), bytes)).toBe(0)
    await expect(upload(randomBytes(10), { previous: first.entity! })).rejects.toMatchObject({
      kind: 'stale',
    })
  })

  it('an empty file can have a time or attributes', async () => {
    await start({ policyType })
    const entry = await upload(Buffer.alloc(0))
    expect(entry).toMatchObject({ sizeBytes: 0, metadata: { 'customize:mode': '0644' } })
    await upload(Buffer.alloc(0), { path: ['b.bin'] })
    await upload(randomBytes(10), { path: ['c.bin'] })
    expect(embedded.server.requests.count(route)).toBeGreaterThan(0)
    expect(embedded.server.admin.lockCount).toBe(0)
  })

  it('a file survives a storage that fails now and then', async () => {
    await start({ policyType })
    embedded.server.faults.add({ route, every: 3, kind: 'status', status: 502 })
    const bytes = randomBytes(6 * CHUNK_BYTES)
    const entry = await upload(bytes)
    expect(Buffer.compare(await stored(entry.entity, bytes.length), bytes)).toBe(0)
    expect(embedded.server.requests.count('PUT /file/upload')).toBe(1)
  })

  it('a refusal leaves nothing behind', async () => {
    await start({ policyType })
    embedded.server.faults.add({ route, times: 99, kind: 'status', status: 400, body: 'no' })
    await expect(upload(randomBytes(2500))).rejects.toMatchObject({ kind: 'denied' })
    expect(embedded.server.admin.exists('/a.bin')).toBe(false)
    expect([embedded.server.admin.lockCount, embedded.server.admin.usedBytes()]).toEqual([0, 0])
  })

  it('an upload whose time is over starts over by itself', async () => {
    await start({ policyType })
    const bytes = randomBytes(2500)
    let sessions = 0
    const onSession = () => {
      if (++sessions === 1) embedded.server.admin.expireUploads()
      return Promise.resolve()
    }
    const entry = await upload(bytes, { onSession })
    expect(sessions).toBe(2)
    expect(Buffer.compare(await stored(entry.entity, bytes.length), bytes)).toBe(0)
    expect(embedded.server.admin.lockCount).toBe(0)
  })

  it('a lost answer of the last request is no failure, and no conflict with ourselves', async () => {
    await start({ policyType })
    const { requests, faults } = embedded.server
    await upload(randomBytes(1500), { path: ['other.bin'] })
    const ends = requests.all
      .map((request) => request.route)
      .filter((name) => /storage|callback|upload/.test(name))
    faults.add({ route: ends.at(-1)!, times: 99, kind: 'lostAnswer' })
    const bytes = randomBytes(700)
    const entry = await upload(bytes)
    expect(Buffer.compare(await stored(entry.entity, bytes.length), bytes)).toBe(0)
  })

  it('a save of somebody else is not taken for its own where no answer comes, of the same size though it is', async () => {
    await start({ policyType })
    const { admin, faults } = embedded.server
    const theirs = randomBytes(700)
    const onSession = async () => {
      admin.expireUploads()
      await admin.write('/a.bin', theirs)
    }
    faults.add({ route, times: 99, kind: 'cut' })
    await expect(upload(randomBytes(700), { onSession })).rejects.toMatchObject({ name: 'RemoteError' })
    expect(Buffer.compare(await admin.read('/a.bin'), theirs)).toBe(0)
  })
})

describe('a policy that relays', () => {
  it.each(['remote', 's3', 'qiniu', 'onedrive'] as const)(
    'takes %s at the server, in one piece',
    async (policyType) => {
      await start({ policyType, relay: true })
      const bytes = randomBytes(5 * CHUNK_BYTES)
      const entry = await upload(bytes)
      expect(Buffer.compare(await stored(entry.entity, bytes.length), bytes)).toBe(0)
      expect(embedded.server.requests.count('POST /file/upload')).toBe(1)
    },
  )
})

describe('a policy that encrypts', () => {
  it.each(policyTypes)(
    'of the type %s never gets the plain bytes, which come back all the same',
    async (policyType) => {
      await start({ policyType, encryption: true })
      const bytes = Buffer.alloc(3 * CHUNK_BYTES + 5, 'plain')
      embedded.server.faults.add({ route: chunkRoutes[policyType], kind: 'lostAnswer' })
      const entry = await upload(bytes)
      const atStorage = await embedded.server.admin.readStored('/a.bin')
      expect(atStorage.length).toBe(bytes.length)
      expect(atStorage.includes('plainplain')).toBe(false)
      expect(Buffer.compare(await stored(entry.entity, bytes.length), bytes)).toBe(0)
    },
  )

  it('gives every content a key of its own', async () => {
    await start({ policyType: 's3', encryption: true })
    const bytes = Buffer.alloc(100, 'plain')
    const first = await upload(bytes)
    const before = await embedded.server.admin.readStored('/a.bin')
    await upload(bytes, { previous: first.entity! })
    expect(Buffer.compare(await embedded.server.admin.readStored('/a.bin'), before)).not.toBe(0)
  })

  it('encrypts by itself what it relays', async () => {
    await start({ policyType: 's3', encryption: true, relay: true })
    const bytes = randomBytes(1500)
    const entry = await upload(bytes)
    expect(Buffer.compare(await stored(entry.entity, bytes.length), bytes)).toBe(0)
  })
})
