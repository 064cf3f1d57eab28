import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { noKernelCache } from '../../../src/core/ports.ts'
import { createDrive, ROOT_INO, type Drive } from '../../../src/core/index.ts'
import { RemoteError } from '../../../src/remote/errors.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { MemoryRemote } from '../../fakes/memory-remote.ts'

const context = { signal: new AbortController().signal, pid: 1, uid: 0, gid: 0 }
let stateFolder: string
let remote: MemoryRemote
let drive: Drive

beforeEach(async () => {
  stateFolder = await mkdtemp(join(tmpdir(), 'drive-'))
  const clock = new ManualClock()
  remote = new MemoryRemote({ clock })
  remote.putAsOther('Plans/draft.txt', 'x')
  drive = await createDrive({ remote, stateFolder, clock, log: silentLog, hostName: 'here' })
  const folder = await drive.fileSystem.lookup(ROOT_INO, 'Plans', context)
  const places = {
    from: { parent: folder.ino, name: 'draft.txt' },
    to: { parent: folder.ino, name: 'final.txt' },
  }
  await drive.fileSystem.rename(places.from, places.to, {}, context)
})

afterEach(async () => {
  await drive.close()
  await rm(stateFolder, { recursive: true })
})

describe('a question about a file that was renamed a moment ago', () => {
  it('is answered after the server has heard of it', async () => {
    expect(remote.count('rename')).toBe(0)
    const { path } = await drive.top.view(['Plans', 'final.txt'])
    expect(path).toEqual(['Plans', 'final.txt'])
    expect(remote.paths()).toEqual(['Plans/', 'Plans/final.txt'])
  })

  it('so is one about its folder', async () => {
    await drive.top.view(['Plans'])
    expect(remote.paths()).toEqual(['Plans/', 'Plans/final.txt'])
  })

  it('tells that the server refuses the new name', async () => {
    remote.fail('rename', new RemoteError('denied', 'not in this folder'))
    await expect(drive.top.view(['Plans', 'final.txt'])).rejects.toThrow('not in this folder')
    expect((await drive.top.view(['Plans', 'draft.txt'])).path).toEqual(['Plans', 'draft.txt'])
  })
})

describe('a folder made elsewhere, of which a mount knows while the listing above it does not', () => {
  it('is still there for others when that mount is gone', async () => {
    remote.putAsOther('New/file.txt', 'x')
    const options = { uid: 0, gid: 0, entryTtlMs: 0, attrTtlMs: 0, readOnly: false }
    const view = await drive.openView(['New'], options, noKernelCache)
    view.close()
    const folder = await drive.fileSystem.lookup(ROOT_INO, 'New', context)
    expect(folder.attr.kind).toBe('folder')
  })
})
