/** A file stays open for writing after a conflict, over the real client and the embedded server. */
import { constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createDrive, ROOT_INO, type Drive } from '../../../src/core/index.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../fakes/embedded-remote.ts'
import { promised } from '../../fakes/promised.ts'

const context = { signal: new AbortController().signal, pid: 100, uid: 0, gid: 0 }
let embedded: EmbeddedRemote
let folder: string
let drive: Drive

beforeEach(async () => {
  embedded = await embeddedRemote()
  await embedded.server.admin.write('/f', 'first')
  folder = await mkdtemp(join(tmpdir(), 'conflict-'))
  drive = await openDrive()
})

function openDrive(): Promise<Drive> {
  const { remote, clock, log } = embedded
  const settings = { sync: 'fsync' } as const
  return createDrive({ remote, clock, log, stateFolder: folder, hostName: 'here', settings })
}

/** As a new process, over the same connection. */
async function restart(): Promise<void> {
  const { remote } = embedded
  const close = remote.close.bind(remote)
  remote.close = () => Promise.resolve()
  await drive.close()
  remote.close = close
  drive = await openDrive()
}

afterEach(async () => {
  await drive.close()
  expect(await embedded.stop()).toEqual([])
  await rm(folder, { recursive: true })
})

/** The file, open, with what was written to it saved beside what somebody else has put there. */
async function openInConflict() {
  const fs = promised(drive.fileSystem)
  const { ino } = await fs.lookup(ROOT_INO, 'f', context)
  const { fh } = await fs.open(ino, constants.O_RDWR, context)
  await fs.write(fh, 0, Buffer.from('mine is longer'), context)
  await embedded.server.admin.write('/f', 'theirs')
  await fs.fsync(fh, false, context)
  return { fs, fh }
}

it('what was written before is read, and written on, from the copy', async () => {
  const { fs, fh } = await openInConflict()
  const text = async () => Buffer.from(await fs.read(fh, 0, 100, context)).toString()
  expect(await text()).toBe('mine is longer')
  await fs.write(fh, 0, Buffer.from('MINE'), context)
  expect(await text()).toBe('MINE is longer')
  await fs.fsync(fh, false, context)
  await fs.release(fh)
  await drive.drain()
  expect(await atServer()).toEqual(['theirs', 'MINE is longer'])
})

it('what is written in part after it survives the end of the process [W28]', async () => {
  const { fs, fh } = await openInConflict()
  await fs.write(fh, 0, Buffer.from('MINE'), context)
  await restart()
  await drive.drain()
  expect((await atServer())[0]).toBe('theirs')
  expect(await atServer()).toContain('MINE is longer')
})

async function atServer(): Promise<string[]> {
  const { admin } = embedded.server
  return Promise.all(admin.tree().map(async ({ path }) => (await admin.read(path)).toString()))
}
