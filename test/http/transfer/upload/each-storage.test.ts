import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PolicyType } from '../../../../src/server/index.ts'
import type { DoneChunk } from '../../../../src/transfer/upload/content-upload.ts'
import { CHUNK_BYTES, StorageBench } from '../../../fakes/storage-bench.ts'
import { eventually } from '../../../fakes/eventually.ts'

interface Storage {
  readonly type: PolicyType
  readonly chunkRoute: string
  /** Requests besides the chunks. */
  readonly ends: readonly string[]
  /** A refusal in the storage's own words. */
  readonly refusal: { readonly status: number; readonly body: string; readonly code: string | undefined }
}

const xml = (code: string) =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>No & no</Message></Error>`
const ofXml = { status: 403, body: xml('InvalidAccessKeyId'), code: 'InvalidAccessKeyId' }

const storages: Storage[] = [
  {
    type: 's3',
    chunkRoute: 'PUT /storage/s3',
    ends: ['POST /storage/s3', 'GET /callback/s3'],
    refusal: ofXml,
  },
  {
    type: 'ks3',
    chunkRoute: 'PUT /storage/ks3',
    ends: ['POST /storage/ks3', 'GET /callback/ks3'],
    refusal: ofXml,
  },
  {
    type: 'cos',
    chunkRoute: 'PUT /storage/cos',
    ends: ['POST /storage/cos', 'GET /callback/cos'],
    refusal: ofXml,
  },
  { type: 'oss', chunkRoute: 'PUT /storage/oss', ends: ['POST /storage/oss'], refusal: ofXml },
  { type: 'obs', chunkRoute: 'PUT /storage/obs', ends: ['POST /storage/obs'], refusal: ofXml },
  {
    type: 'qiniu',
    chunkRoute: 'PUT /storage/qiniu',
    ends: ['POST /storage/qiniu'],
    refusal: { status: 403, body: '{"error":"No & no"}', code: undefined },
  },
  {
    type: 'upyun',
    chunkRoute: 'POST /storage/upyun',
    ends: [],
    refusal: { status: 403, body: '{"code":40300011,"message":"No & no"}', code: '40300011' },
  },
  {
    type: 'onedrive',
    chunkRoute: 'PUT /storage/onedrive',
    ends: ['POST /callback/onedrive'],
    refusal: {
      status: 403,
      body: '{"error":{"code":"accessDenied","message":"No & no"}}',
      code: 'accessDenied',
    },
  },
]

let bench: StorageBench

afterEach(async () => {
  const cut = bench.server.requests.cutRequests.map(({ route }) => route)
  await bench.stop()
  expect(cut).toEqual([])
})

async function wholeFile(bytes: Uint8Array): Promise<void> {
  await eventually(() => bench.server.admin.entry('/a').sizeBytes === bytes.length)
  expect(Buffer.compare(await bench.read('/a'), bytes)).toBe(0)
}

const ascending = (indexes: readonly number[]) => indexes.toSorted((a, b) => a - b)

describe.each(storages)('a storage of the type $type', ({ type, chunkRoute, ends, refusal }) => {
  const isOneRequest = type === 'upyun'
  const size = 4 * CHUNK_BYTES + 123
  const chunkCount = isOneRequest ? 1 : 5

  beforeEach(async () => {
    bench = await StorageBench.start({ policyType: type })
  })

  it('gets every chunk once, and then the file is complete', async () => {
    const bytes = randomBytes(size)
    const done: number[] = []
    const progress: number[] = []
    const session = await bench.open('/a', size)
    bench.server.requests.clear()
    await bench.send(session, bytes, {
      onChunkDone: ({ index }) => done.push(index),
      onProgress: (sent) => progress.push(sent),
    })
    await wholeFile(bytes)
    const expected = Object.fromEntries(ends.map((route) => [route, 1]))
    expect(bench.server.requests.summary()).toEqual({ ...expected, [chunkRoute]: chunkCount })
    expect(ascending(done)).toEqual([...Array(chunkCount).keys()])
    expect(progress).toEqual(ascending(progress))
    expect(progress.at(-1)).toBe(size)
    expect(bench.server.admin.lockCount).toBe(0)
  })

  it('takes a file of one chunk, and one that fills its chunks', async () => {
    const bytes = randomBytes(2 * CHUNK_BYTES)
    await bench.send(await bench.open('/one', 7), bytes.subarray(0, 7))
    await bench.send(await bench.open('/a', bytes.length), bytes)
    await wholeFile(bytes)
    expect(Buffer.compare(await bench.read('/one'), bytes.subarray(0, 7))).toBe(0)
  })

  it.each([
    ['failed', { kind: 'status', status: 500 }],
    ['was turned away', { kind: 'status', status: 503 }],
    ['was cut off', { kind: 'cutAfterBytes', bytes: 500 }],
    ['had its answer lost', { kind: 'lostAnswer' }],
  ] as const)('gets a chunk again that %s', async (_, fault) => {
    const bytes = randomBytes(size)
    const session = await bench.open('/a', size)
    bench.server.faults.add({ route: chunkRoute, nth: Math.min(2, chunkCount), ...fault })
    await bench.send(session, bytes)
    await wholeFile(bytes)
  })

  it('is left alone after a few failures in a row', async () => {
    const session = await bench.open('/a', size)
    bench.server.requests.clear()
    bench.server.faults.add({ route: chunkRoute, times: 100, kind: 'status', status: 500 })
    await expect(bench.send(session, randomBytes(size))).rejects.toMatchObject({
      kind: 'failed',
      status: 500,
    })
    expect(bench.server.requests.count(chunkRoute)).toBeLessThanOrEqual(15)
  })

  it('that refuses is quoted, without what is secret', async () => {
    const session = await bench.open('/a', size)
    const secrets = [...session.upload_urls, session.credential, session.callback_secret].filter(Boolean)
    const { status, body, code } = refusal
    const told = body.replace('No & no', `No ${secrets.join(' ')}`)
    bench.server.faults.add({ route: chunkRoute, times: 100, kind: 'status', status, body: told })
    const error = await bench.send(session, randomBytes(size)).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ kind: 'refused', status, code })
    expect((error as Error).message).toContain('cloudreve://my/a: the storage refuses the upload')
    const shown = inspect(error, { depth: 9, showHidden: true })
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([])
    expect((await bench.read('/a')).length).toBe(0)
  })

  it('whose time for the upload is over asks for a new session', async () => {
    const session = await bench.open('/a', size)
    bench.server.admin.expireUploads()
    await expect(bench.send(session, randomBytes(size))).rejects.toMatchObject({ kind: 'expired' })
  })

  it('is cut off in the middle of a body when the caller gives up', async () => {
    const session = await bench.open('/a', size)
    const stop = new AbortController()
    const reason = new Error('enough')
    const onProgress = (sent: number) => (sent >= 900 ? stop.abort(reason) : undefined)
    const sending = bench.send(session, randomBytes(size), { onProgress, signal: stop.signal })
    await expect(sending).rejects.toBe(reason)
    expect((await bench.read('/a')).length).toBe(0)
  })

  it.skipIf(isOneRequest)('gets no chunk again that an earlier run has sent', async () => {
    await bench.stop()
    bench = await StorageBench.start({ policyType: type, chunkConcurrency: 1 })
    const bytes = randomBytes(size)
    const session = await bench.open('/a', size)
    const before = await bench.sendFirst(session, bytes, 2)
    const done: DoneChunk[] = []
    const progress: number[] = []
    await bench.send(session, bytes, {
      done: before,
      onChunkDone: (chunk) => done.push(chunk),
      onProgress: (sent) => progress.push(sent),
    })
    await wholeFile(bytes)
    expect(bench.server.requests.count(chunkRoute)).toBe(chunkCount - before.length)
    const all = [...before, ...done].map(({ index }) => index)
    expect(ascending(all)).toEqual([...Array(chunkCount).keys()])
    expect(progress[0]).toBeGreaterThanOrEqual(CHUNK_BYTES)
    expect(progress.at(-1)).toBe(size)
  })
})
