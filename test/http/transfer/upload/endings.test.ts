import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { Fault, PolicyType } from '../../../../src/server/index.ts'
import { CHUNK_BYTES, StorageBench } from '../../../fakes/storage-bench.ts'

let bench: StorageBench

afterEach(async () => {
  await bench.stop()
})

const size = 3 * CHUNK_BYTES + 1

async function uploadDespite(
  policyType: PolicyType,
  ...faults: Fault[]
): Promise<{ sent: Buffer; error: unknown }> {
  bench = await StorageBench.start({ policyType })
  const sent = randomBytes(size)
  const session = await bench.open('/a', size)
  for (const fault of faults) bench.server.faults.add(fault)
  const error = await bench.send(session, sent).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { sent, error }
}

const isStored = async (sent: Buffer) => Buffer.compare(await bench.read('/a'), sent) === 0

describe('the end of a multipart upload', () => {
  it.each(['s3', 'ks3', 'cos', 'oss', 'obs', 'qiniu'] as const)(
    'on %s survives an answer that was lost: the upload is gone because it is complete',
    async (type) => {
      const { sent, error } = await uploadDespite(type, {
        route: `POST /storage/${type}`,
        kind: 'lostAnswer',
      })
      expect(error).toBeUndefined()
      expect(await isStored(sent)).toBe(true)
    },
  )

  it('survives a storage that fails at first', async () => {
    const route = 'POST /storage/s3'
    const { sent, error } = await uploadDespite('s3', { route, times: 2, kind: 'status', status: 503 })
    expect(error).toBeUndefined()
    expect(await isStored(sent)).toBe(true)
  })

  it('survives an error in an answer with status 200', async () => {
    const body = '<?xml version="1.0"?><Error><Code>InternalError</Code><Message>Try again</Message></Error>'
    const route = 'POST /storage/s3'
    const { sent, error } = await uploadDespite('s3', { route, kind: 'status', status: 200, body })
    expect(error).toBeUndefined()
    expect(await isStored(sent)).toBe(true)
  })

  it('that the storage refuses is quoted', async () => {
    const body = '<Error><Code>EntityTooSmall</Code><Message>Too small</Message></Error>'
    const { error } = await uploadDespite('s3', {
      route: 'POST /storage/s3',
      kind: 'status',
      status: 400,
      body,
    })
    expect(error).toMatchObject({
      kind: 'refused',
      code: 'EntityTooSmall',
      message: expect.stringContaining('EntityTooSmall: Too small (HTTP 400)') as string,
    })
    expect(bench.server.requests.count('GET /callback/s3')).toBe(0)
  })

  it('that the storage has cleaned away needs a new session', async () => {
    const body = '<Error><Code>NoSuchUpload</Code><Message>It is not there</Message></Error>'
    const { error } = await uploadDespite('s3', {
      route: 'PUT /storage/s3',
      kind: 'status',
      status: 404,
      body,
    })
    expect(error).toMatchObject({ kind: 'expired', code: 'NoSuchUpload' })
  })

  it.each([
    ['oss', 203],
    ['obs', 203],
    ['qiniu', 579],
  ] as const)('that %s cannot tell the server of is no success', async (type, status) => {
    const route = `POST /storage/${type}`
    const { error } = await uploadDespite(type, { route, kind: 'status', status, body: '' })
    expect(error).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('could not tell the server') as string,
    })
    expect(bench.server.requests.count(route)).toBe(1)
  })

  it.each([
    ['s3', 'GET'],
    ['onedrive', 'POST'],
  ] as const)('on %s without the callback leaves the file as it was', async (type, method) => {
    const route = `${method} /callback/${type}`
    const { error } = await uploadDespite(type, { route, times: 9, kind: 'code', code: 40055 })
    expect(error).toMatchObject({ kind: 'refused', code: 40055 })
    expect((await bench.read('/a')).length).toBe(0)
  })
})

describe('fragments to OneDrive', () => {
  const route = 'PUT /storage/onedrive'
  const ranges = () => bench.server.requests.count(route)

  it('go on where the storage is after an answer was lost, without sending anything twice', async () => {
    const { sent, error } = await uploadDespite('onedrive', { route, nth: 2, kind: 'lostAnswer' })
    expect(error).toBeUndefined()
    expect(await isStored(sent)).toBe(true)
    expect([ranges(), bench.server.requests.count('GET /storage/onedrive')]).toEqual([4, 1])
  })

  it('are complete when the answer to the last one was lost', async () => {
    const { sent, error } = await uploadDespite('onedrive', { route, nth: 4, kind: 'lostAnswer' })
    expect(error).toBeUndefined()
    expect(await isStored(sent)).toBe(true)
  })

  it('go on where the storage is when it says that it has them', async () => {
    const body = JSON.stringify({ error: { code: 'invalidRange', innererror: { code: 'fragmentOverlap' } } })
    const { sent, error } = await uploadDespite('onedrive', {
      route,
      nth: 2,
      kind: 'status',
      status: 416,
      body,
    })
    expect(error).toBeUndefined()
    expect(await isStored(sent)).toBe(true)
  })

  it('end when the storage keeps saying so and never gets further', async () => {
    const body = JSON.stringify({ error: { code: 'invalidRange', innererror: { code: 'fragmentOverlap' } } })
    const { error } = await uploadDespite('onedrive', { route, times: 99, kind: 'status', status: 416, body })
    expect(error).toMatchObject({ kind: 'failed' })
    expect(ranges()).toBeLessThanOrEqual(5)
  })

  it('are never sent side by side, whatever the policy allows', async () => {
    bench = await StorageBench.start({ policyType: 'onedrive', chunkConcurrency: 4 })
    const session = await bench.open('/a', size)
    bench.server.faults.add({ route, times: 1, kind: 'stall' })
    const sending = bench.send(session, randomBytes(size))
    await bench.server.faults.untilStalled()
    expect(ranges()).toBe(1)
    bench.server.faults.release()
    await sending
  })

  it('ask how far an earlier run came, whatever that run remembers', async () => {
    bench = await StorageBench.start({ policyType: 'onedrive' })
    const bytes = randomBytes(size)
    const session = await bench.open('/a', size)
    const stop = new AbortController()
    const onChunkDone = ({ index }: { index: number }) =>
      index === 1 ? stop.abort(new Error('ends')) : undefined
    await expect(bench.send(session, bytes, { onChunkDone, signal: stop.signal })).rejects.toThrow('ends')
    bench.server.requests.clear()
    await bench.send(session, bytes, { done: [{ index: 0, etag: undefined }] })
    expect([ranges(), bench.server.requests.count('GET /storage/onedrive')]).toEqual([2, 1])
    expect(await isStored(bytes)).toBe(true)
  })
})
