/** A drive that deletes for good, over the real client and the embedded server: what is asked, and what is left. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { createDrive, ROOT_INO, type Drive } from '../../../src/core/index.ts'
import type { Ino } from '../../../src/core/types.ts'
import { eventually } from '../../fakes/eventually.ts'
import { embeddedRemote, type EmbeddedRemote } from '../../fakes/embedded-remote.ts'
import { promised } from '../../fakes/promised.ts'

let embedded: EmbeddedRemote
let folder: string
let drive: Drive

async function open(deletePermanently: boolean, files: readonly string[]): Promise<void> {
  embedded = await embeddedRemote()
  for (const path of files) await embedded.server.admin.write(path, path)
  folder = await mkdtemp(join(tmpdir(), 'permanent-'))
  const { remote, clock, log } = embedded
  const settings = { deletePermanently, quietMs: 10_000 }
  drive = await createDrive({ remote, clock, log, stateFolder: folder, hostName: 'here', settings })
}

async function close(): Promise<void> {
  await drive.close()
  expect(await embedded.stop()).toEqual([])
  await rm(folder, { recursive: true })
}

afterEach(close)

const context = { signal: new AbortController().signal, pid: 100, uid: 0, gid: 0 }

async function ino(names: readonly string[]): Promise<Ino> {
  let at = ROOT_INO
  for (const name of names) at = (await promised(drive.fileSystem).lookup(at, name, context)).ino
  return at
}

async function unlink(path: string): Promise<void> {
  const names = path.split('/').slice(1)
  await promised(drive.fileSystem).unlink(await ino(names.slice(0, -1)), names.at(-1)!, context)
}

async function rmdir(path: string): Promise<void> {
  const names = path.split('/').slice(1)
  await promised(drive.fileSystem).rmdir(await ino(names.slice(0, -1)), names.at(-1)!, context)
}

/** Programs delete these, and the moment passes that removals wait for more: from here on the server is asked. */
async function remove(files: readonly string[], folders: readonly string[] = []): Promise<void> {
  for (const path of [...files, ...folders]) await ino(path.split('/').slice(1))
  for (const path of files) await unlink(path)
  for (const path of folders) await rmdir(path)
  embedded.server.requests.clear()
  embedded.clock.expire()
}

/** What was asked until everything was deleted. */
async function asked(): Promise<Record<string, number>> {
  await eventually(() => drive.unsentNames === 0)
  return embedded.server.requests.summary()
}

const files = ['/a', '/b', '/c', '/d/f', '/d/sub/g']

describe('what is asked of the server', () => {
  it.each([
    [
      'one file',
      ['/a'],
      [],
      { 'GET /file/info': 1, 'DELETE /file': 1 },
      { 'GET /file': 1, 'DELETE /file': 1 },
    ],
    [
      'a batch of files',
      ['/a', '/b', '/c'],
      [],
      { 'GET /file': 1, 'DELETE /file': 1 },
      { 'GET /file': 1, 'DELETE /file': 1 },
    ],
    [
      'a tree',
      ['/d/f', '/d/sub/g'],
      ['/d/sub', '/d'],
      { 'GET /file': 1, 'DELETE /file': 1 },
      // The files on their own, the listing of the trash, the count of the folder, and the purge.
      { 'GET /file': 1, 'GET /file/info': 1, 'DELETE /file': 2 },
    ],
  ] as const)(
    'for %s: two requests more than into the trash, for a tree four [D16]',
    async (...[, paths, folders, plain, more]) => {
      await open(false, files)
      await remove(paths, folders)
      expect(await asked()).toEqual(plain)
      expect(embedded.server.admin.trash()).toHaveLength(1 + (folders.length > 0 ? 0 : paths.length - 1))
      await close()
      await open(true, files)
      await remove(paths, folders)
      const sum: Record<string, number> = { ...plain }
      for (const [route, count] of Object.entries(more)) sum[route] = (sum[route] ?? 0) + count
      expect(await asked()).toEqual(sum)
      expect(embedded.server.admin.trash()).toEqual([])
      expect(embedded.server.admin.usedBytes()).toBe(
        files.filter((path) => !(paths as readonly string[]).includes(path)).join('').length,
      )
    },
  )
})

describe('what another client saves between the last look and the deletion', () => {
  it('is put back, and the rest is purged [D12]', async () => {
    await open(true, files)
    embedded.server.faults.add({ route: 'DELETE /file', kind: 'stall' })
    await remove(['/a', '/b', '/d/f', '/d/sub/g'], ['/d/sub', '/d'])
    await embedded.server.faults.untilStalled()
    const { admin } = embedded.server
    for (const path of ['/a', '/d/sub/g', '/d/new']) await admin.write(path, `theirs in ${path}`)
    embedded.server.faults.release()
    await asked()
    expect(admin.trash()).toEqual([])
    expect(
      admin
        .tree()
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['/a', '/c', '/d', '/d/new', '/d/sub', '/d/sub/g'])
    for (const path of ['/a', '/d/sub/g', '/d/new'])
      expect((await admin.read(path)).toString()).toBe(`theirs in ${path}`)
    expect(await ino(['d', 'sub', 'g'])).toBeGreaterThan(0)
  })
})

describe('a trash that cannot be had', () => {
  it.each([
    ['is not open to the account', { route: 'GET /file', nth: 1, kind: 'code', code: 40089 }],
    ['is not purged', { route: 'DELETE /file', nth: 2, kind: 'code', code: 403 }],
  ] as const)('as it %s keeps what was deleted, and nobody waits for it [D14]', async (_, fault) => {
    await open(true, files)
    embedded.server.faults.add(fault)
    await remove(['/a'])
    await asked()
    expect(embedded.server.admin.trash()).toEqual(['cloudreve://my/a'])
    expect(embedded.log.lines.slice(1)).toEqual([
      expect.stringMatching(/could not be purged and stay in the trash/),
    ])
    await expect(ino(['a'])).rejects.toMatchObject({ errno: 2 })
  })
})
