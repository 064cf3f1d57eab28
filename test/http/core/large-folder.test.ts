import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createDrive, ROOT_INO, type Drive } from '../../../src/core/index.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../fakes/embedded-remote.ts'

let embedded: EmbeddedRemote
let folder: string
let drive: Drive

beforeEach(async () => {
  embedded = await embeddedRemote({ maxPageSize: 100 })
  for (let i = 0; i < 950; i += 1) await embedded.server.admin.write(`/big/f${i}`, '')
  folder = await mkdtemp(join(tmpdir(), 'large-folder-'))
  const { remote, clock, log } = embedded
  drive = await createDrive({ remote, clock, log, stateFolder: folder, hostName: 'here' })
})

afterEach(async () => {
  embedded.server.faults.clear()
  await drive.close()
  expect(await embedded.stop()).toEqual([])
  await rm(folder, { recursive: true })
})

const context = () => ({ signal: new AbortController().signal, pid: 1, uid: 0, gid: 0 })

it('a folder of many pages is listed while the server still works on the second [E23]', async () => {
  const { fileSystem } = drive
  const { server } = embedded
  const big = await fileSystem.lookup(ROOT_INO, 'big', context())
  const { fh } = await fileSystem.opendir(big.ino, context())
  const from = server.requests.position
  server.faults.add({ route: 'GET /file', nth: 2, kind: 'stall' })
  const names = (await fileSystem.readdirPlus(fh, 0, context())).map(({ name }) => name)
  expect(names).toHaveLength(100)
  const found = await fileSystem.lookup(big.ino, names[99]!, context())
  expect(found.attr.kind).toBe('file')
  await server.faults.untilStalled()
  server.faults.release()
  for (let batch = names; batch.length > 0;) {
    batch = (await fileSystem.readdirPlus(fh, names.length, context())).map(({ name }) => name)
    names.push(...batch)
  }
  await fileSystem.releasedir(fh)
  expect(new Set(names).size).toBe(950)
  expect(names).toHaveLength(950)
  expect(server.requests.since(from).filter(({ route }) => route === 'GET /file')).toHaveLength(10)
})
