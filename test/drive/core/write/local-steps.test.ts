import { afterEach, beforeEach, expect, it } from 'vitest'
import { nodeFileLayer, type FileLayer, type LocalFile } from '../../../../src/base/file-layer.ts'
import { nothingInline } from '../../../../src/core/inline/index.ts'
import { TestDrive, type TestDriveOptions } from '../../../fakes/test-drive.ts'

let drive: TestDrive
/** Steps on the local disk, by what is done to which kind of file. */
let steps: Record<string, number>

function count(step: string, path: string): void {
  const kind = /inline|journal|staging|times/.exec(path.slice(drive?.folder.length ?? 0))?.[0]
  if (kind) steps[`${step} ${kind}`] = (steps[`${step} ${kind}`] ?? 0) + 1
}

function counted(file: LocalFile, path: string): LocalFile {
  return {
    ...file,
    append: (data) => (count('append', path), file.append(data)),
    write: (data, at) => (count('write', path), file.write(data, at)),
    datasync: () => (count('sync', path), file.datasync()),
  }
}

const layer: FileLayer = {
  ...nodeFileLayer,
  open: async (path, how) => (count('open', path), counted(await nodeFileLayer.open(path, how), path)),
  replace: (path, ...words) => (count('replace', path), nodeFileLayer.replace(path, ...words)),
  remove: (path) => (count('remove', path), nodeFileLayer.remove(path)),
  syncFolder: (folder) => (count('sync', folder), nodeFileLayer.syncFolder(folder)),
}

async function start(options: TestDriveOptions = {}): Promise<void> {
  drive = await TestDrive.open({ fileLayer: layer, ...options })
  // The first one syncs names that an earlier process may have left.
  await drive.save('first', 'first')
  steps = {}
}

beforeEach(() => (steps = {}))
afterEach(() => drive.stop())

it('a small new file costs two syncs of the local disk, and no file', async () => {
  await start()
  await drive.save('letter', 'hello')
  const made = { 'append inline': 3, 'append journal': 1 }
  expect(steps).toEqual({ ...made, 'sync inline': 1, 'sync journal': 1 })
  steps = {}
  await drive.drain()
  expect(Object.keys(steps).filter((step) => step.endsWith('staging'))).toEqual([])
})

it('a file of its own costs what its two files do', async () => {
  await start({ inlineLimits: nothingInline })
  await drive.save('letter', 'hello')
  expect(steps).toMatchObject({
    'write staging': 1,
    'sync staging': 3,
    'sync journal': 1,
    'replace staging': 1,
  })
})
