import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { CHUNK_BYTES, StorageBench } from '../../../fakes/storage-bench.ts'

let bench: StorageBench

afterEach(async () => {
  const cut = bench.server.requests.cutRequests.map(({ route }) => route)
  await bench.stop()
  expect(cut).toEqual([])
})

const size = 4 * CHUNK_BYTES + 123

describe.each([
  { policyType: 'local', route: 'POST /file/upload' },
  { policyType: 'remote', route: 'POST /storage/remote' },
] as const)('chunks to $policyType', ({ policyType, route }) => {
  const indexes = () =>
    bench.server.requests.of(route).map(({ path }) => Number(/(?:chunk=|\/)(\d+)$/.exec(path)?.[1]))

  it('are sent once each, the last one last', async () => {
    bench = await StorageBench.start({ policyType })
    const bytes = randomBytes(size)
    const done: number[] = []
    const progress: number[] = []
    await bench.send(await bench.open('/a', size), bytes, {
      onChunkDone: ({ index }) => done.push(index),
      onProgress: (sent) => progress.push(sent),
    })
    expect(Buffer.compare(await bench.read('/a'), bytes)).toBe(0)
    expect(indexes().at(-1)).toBe(4)
    expect(indexes().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
    expect(done.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
    expect(progress.at(-1)).toBe(size)
  })

  it('that an earlier run has sent are not sent again', async () => {
    bench = await StorageBench.start({ policyType, chunkConcurrency: 1 })
    const bytes = randomBytes(size)
    const session = await bench.open('/a', size)
    const done = await bench.sendFirst(session, bytes, 2)
    const progress: number[] = []
    await bench.send(session, bytes, { done, onProgress: (sent) => progress.push(sent) })
    expect(indexes()).toEqual([2, 3, 4])
    expect(Buffer.compare(await bench.read('/a'), bytes)).toBe(0)
    expect([progress[0], progress.at(-1)]).toEqual([CHUNK_BYTES, size])
  })

  it('are sent again where one got lost', async () => {
    bench = await StorageBench.start({ policyType })
    const bytes = randomBytes(size)
    bench.server.faults.add({ route, nth: 2, kind: 'cutAfterBytes', bytes: 300 })
    bench.server.faults.add({ route, nth: 4, kind: 'status', status: 502 })
    await bench.send(await bench.open('/a', size), bytes)
    expect(Buffer.compare(await bench.read('/a'), bytes)).toBe(0)
  })
})

describe('a slave node', () => {
  it('whose credential has expired asks for a new session', async () => {
    bench = await StorageBench.start({ policyType: 'remote' })
    const session = await bench.open('/a', size)
    bench.server.admin.expireUploads()
    await expect(bench.send(session, randomBytes(size))).rejects.toMatchObject({ kind: 'expired' })
  })

  it('that refuses is quoted, without its credential', async () => {
    bench = await StorageBench.start({ policyType: 'remote' })
    const session = await bench.open('/a', size)
    const { credential } = session
    const told = JSON.stringify({ code: 40071, msg: `invalid sign in ${credential}` })
    bench.server.faults.add({
      route: 'POST /storage/remote',
      times: 9,
      kind: 'status',
      status: 200,
      body: told,
    })
    const error = await bench.send(session, randomBytes(size)).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ kind: 'refused', code: 40071 })
    expect((error as Error).message).not.toContain(credential.slice('Bearer Cr '.length))
  })
})
