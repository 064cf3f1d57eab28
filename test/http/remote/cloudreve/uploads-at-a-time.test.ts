/** Small uploads as the queue starts them, counted where they arrive: the lanes of the client hold none of them back. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { defaultLaneWidths } from '../../../../src/api/lanes.ts'
import { silentLog } from '../../../../src/base/log.ts'
import { WriteBack } from '../../../../src/core/write/index.ts'
import type { RemotePath } from '../../../../src/remote/types.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../../fakes/embedded-remote.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { ManualClock, settle } from '../../../fakes/manual-clock.ts'

const route = 'PUT /file/content'
const files = 120

let embedded: EmbeddedRemote
let folder: string
let clock: ManualClock
let writeBack: WriteBack

async function start(concurrency = 32): Promise<void> {
  const lanes = { ...defaultLaneWidths, uploads: concurrency }
  embedded = await embeddedRemote({ chunkConcurrency: 4 }, { lanes })
  folder = await mkdtemp(join(tmpdir(), 'at-a-time-'))
  clock = new ManualClock()
  writeBack = await WriteBack.create({
    remote: embedded.remote,
    stagingFolder: join(folder, 'staging'),
    clock,
    log: silentLog,
    hostName: 'here',
    concurrency,
  })
}

afterEach(async () => {
  embedded.server.faults.clear()
  await writeBack.close()
  const cut = await embedded.stop()
  await rm(folder, { recursive: true })
  expect(cut).toEqual([])
})

async function save(path: RemotePath, sizeBytes: number): Promise<void> {
  const owner = {
    label: path.join('/'),
    path: () => path,
    known: () => undefined,
    copied: () => undefined,
    id: undefined,
    follow: () => Promise.resolve(false),
    leave: () => Promise.resolve(),
    uploadFacts: () => ({}),
    beforeUpload: () => Promise.resolve(),
    recorded: () => Promise.resolve(),
    released: () => Promise.resolve(),
    confirmed: () => undefined,
    found: () => undefined,
    displaced: () => undefined,
    changed: () => undefined,
    replaced: () => undefined,
  }
  const content = writeBack.content(owner, { entity: 'absent', sizeBytes: 0 })
  await content.write(sizeBytes - 1, Buffer.from('x'))
}

async function saveMany(): Promise<void> {
  embedded.server.faults.add({ route, times: files, kind: 'stall' })
  for (let i = 0; i < files; i += 1) await save([`note ${i}`], 10)
  await clock.advance(500)
}

describe('small uploads that the server works on at a time', () => {
  it('are sixteen and more when each takes 100 ms, however many there are', async () => {
    await start()
    const { faults } = embedded.server
    await saveMany()
    for (const inFlight of [4, 6, 9, 13, 19]) {
      await faults.untilStalled(inFlight)
      await settle()
      expect(faults.stalled).toBe(inFlight)
      await clock.advance(100)
      faults.release()
    }
  })

  it('are eight at most when it does one after the other', async () => {
    await start()
    const { faults } = embedded.server
    await saveMany()
    let most = 0
    for (let left = files; left > 0; left -= 1) {
      await faults.untilStalled(Math.min(4, left))
      most = Math.max(most, faults.stalled)
      await clock.advance(10)
      faults.release(1)
    }
    await eventually(() => writeBack.pending().length === 0)
    expect(most).toBeLessThanOrEqual(8)
  })

  it('do not wait for the chunks of large ones, however few there may be', async () => {
    await start(2)
    embedded.server.faults.add({ route: 'POST /file/upload', times: 1000, kind: 'stall' })
    for (let i = 0; i < 2; i += 1) await save([`film ${i}`], 200 * 1024 ** 2)
    await clock.advance(500)
    await embedded.server.faults.untilStalled(8)
    for (let i = 0; i < 20; i += 1) await save([`letter ${i}`], 10)
    await clock.advance(500)
    await eventually(() => writeBack.pending().length === 2)
  })
})
