import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../../../src/base/log.ts'
import { createDrive, ROOT_INO, type Drive } from '../../../src/core/index.ts'
import type { Fh, OpContext } from '../../../src/core/types.ts'
import { RemoteError } from '../../../src/remote/errors.ts'
import { eventually } from '../../fakes/eventually.ts'
import { ManualClock } from '../../fakes/manual-clock.ts'
import { MemoryRemote } from '../../fakes/memory-remote.ts'

const context: OpContext = { signal: new AbortController().signal, pid: 1, uid: 0, gid: 0 }
let stateFolder: string
let clock: ManualClock
let remote: MemoryRemote
let drive: Drive

beforeEach(async () => {
  stateFolder = mkdtempSync(join(tmpdir(), 'parked-'))
  clock = new ManualClock()
  remote = new MemoryRemote({ clock })
  remote.putAsOther('old.txt', 'theirs')
  drive = await createDrive({ remote, stateFolder, clock, log: silentLog, hostName: 'here' })
})
afterEach(async () => {
  await drive.close()
  rmSync(stateFolder, { recursive: true })
})

async function open(name: string): Promise<Fh> {
  const at = { parent: ROOT_INO, name }
  const { opened } = await drive.fileSystem.create(at, 0o644, constants.O_RDWR | constants.O_CREAT, context)
  return opened.fh
}

/** Saves, and has the server refuse it for good. */
async function park(name: string, text: string): Promise<void> {
  remote.fail('upload', new RemoteError('denied', 'the group may not upload'))
  const fh = await open(name)
  await drive.fileSystem.write(fh, 0, Buffer.from(text), context)
  await drive.fileSystem.release(fh)
  await clock.advance(500)
  await eventually(() => drive.writeBack.pending()[0]?.state.state === 'failed')
}

async function read(name: string): Promise<string> {
  const { ino } = await drive.fileSystem.lookup(ROOT_INO, name, context)
  const { fh } = await drive.fileSystem.open(ino, constants.O_RDONLY, context)
  const bytes = await drive.fileSystem.read(fh, 0, 100, context)
  await drive.fileSystem.release(fh)
  drive.fileSystem.forget(ino, 1)
  return Buffer.from(bytes).toString()
}

describe('an upload that was given up', () => {
  it('goes out when it is tried again', async () => {
    await park('old.txt', 'ours!!')
    expect(remote.textAt('old.txt')).toBe('theirs')
    expect(await drive.top.retry(['old.txt'], context)).toBe(true)
    await eventually(() => remote.textAt('old.txt') === 'ours!!')
    await eventually(() => drive.writeBack.pending().length === 0)
    expect(await drive.top.retry(['old.txt'], context)).toBe(false)
  })

  it('goes out with everything else that waits', async () => {
    await park('old.txt', 'ours!!')
    await park('new.txt', 'new')
    await eventually(() => drive.writeBack.pending().every(({ state }) => state.state === 'failed'))
    expect(await drive.top.retryAll(context)).toHaveLength(2)
    await eventually(() => drive.writeBack.pending().length === 0)
    expect([remote.textAt('old.txt'), remote.textAt('new.txt')]).toEqual(['ours!!', 'new'])
  })

  it('can be read out, with the parts that only the server has', async () => {
    await park('new.txt', 'new')
    remote.fail('upload', new RemoteError('denied', 'the group may not upload'))
    const { ino } = await drive.fileSystem.lookup(ROOT_INO, 'old.txt', context)
    const { fh } = await drive.fileSystem.open(ino, constants.O_RDWR, context)
    await drive.fileSystem.write(fh, 0, Buffer.from('TH'), context)
    await drive.fileSystem.release(fh)
    const read = async (name: string) => {
      const parts: string[] = []
      const isUnsent = await drive.top.readUnsent([name], context, async (bytes) => {
        parts.push(Buffer.from(bytes).toString())
      })
      return isUnsent && parts.join('')
    }
    expect(await read('old.txt')).toBe('THeirs')
    expect(await read('new.txt')).toBe('new')
    remote.putAsOther('clean.txt', 'clean')
    await clock.advance(60_000)
    expect(await read('clean.txt')).toBe(false)
  })

  it('is dropped on demand: the file is what the server has, and can be written again', async () => {
    await park('old.txt', 'ours, longer')
    expect(await drive.top.discard(['old.txt'], context)).toBe('content')
    expect(drive.writeBack.pending()).toEqual([])
    expect(await read('old.txt')).toBe('theirs')
    expect(remote.textAt('old.txt')).toBe('theirs')
    const fh = await open('old.txt')
    await drive.fileSystem.write(fh, 0, Buffer.from('THEIR'), context)
    await drive.fileSystem.release(fh)
    await clock.advance(500)
    await eventually(() => remote.textAt('old.txt') === 'THEIRs')
  })

  it('of a file that the server never had is gone with its name', async () => {
    await park('new.txt', 'ours')
    expect(await drive.top.discard(['new.txt'], context)).toBe('content')
    await expect(async () => drive.fileSystem.lookup(ROOT_INO, 'new.txt', context)).rejects.toThrow('ENOENT')
    expect(drive.writeBack.pending()).toEqual([])
    expect(remote.paths()).toEqual(['old.txt'])
  })

  it('is not dropped while a program has the file open', async () => {
    await park('old.txt', 'ours')
    const { ino } = await drive.fileSystem.lookup(ROOT_INO, 'old.txt', context)
    const { fh } = await drive.fileSystem.open(ino, constants.O_RDONLY, context)
    expect(await drive.top.discard(['old.txt'], context)).toBe('open')
    await drive.fileSystem.release(fh)
    expect(await read('old.txt')).toContain('ours')
  })
})

describe('nothing is dropped', () => {
  it('that is still tried, or that the server has', async () => {
    expect(await drive.top.discard(['old.txt'], context)).toBe('nothing to discard')
    const fh = await open('old.txt')
    await drive.fileSystem.write(fh, 0, Buffer.from('ours!!'), context)
    await drive.fileSystem.release(fh)
    expect(await drive.top.discard(['old.txt'], context)).toBe('still tried')
    await clock.advance(500)
    await eventually(() => remote.textAt('old.txt') === 'ours!!')
  })
})
