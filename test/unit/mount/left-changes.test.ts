import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { nodeFileLayer } from '../../../src/base/file-layer.ts'
import { accountFolders } from '../../../src/config/paths.ts'
import { Journal } from '../../../src/core/journal/index.ts'
import { leftChanges } from '../../../src/mount/left-changes.ts'

const account = { url: 'https://cloud.example.com', userId: 'ann' }
let paths: { stateFolder: string; cacheFolder: string }
beforeEach(async () => {
  const stateFolder = await mkdtemp(join(tmpdir(), 'left-'))
  paths = { stateFolder, cacheFolder: stateFolder }
})
afterEach(() => rm(paths.stateFolder, { recursive: true }))

async function leave(drive: string, keys: readonly string[]): Promise<void> {
  const { stateFolder } = accountFolders(paths, account.url, account.userId)
  const folder = join(stateFolder, drive, 'journal')
  await nodeFileLayer.makeFolder(folder)
  const { journal } = await Journal.open({ folder, layer: nodeFileLayer, log: silentLog })
  await journal.change(keys.map((key) => ({ key, value: { label: `/${key}` } })))
  await journal.change([{ key: keys[0]! }])
  await journal.close()
}

it('an account that was never mounted has left nothing', async () => {
  expect(await leftChanges(paths, account)).toBe(0)
})

it('what counts in the journals of all drives is left', async () => {
  await leave('', ['a', 'b', 'c'])
  await leave('share%20x', ['d', 'e'])
  expect(await leftChanges(paths, account)).toBe(3)
  expect(await leftChanges(paths, { ...account, userId: 'bob' })).toBe(0)
})
