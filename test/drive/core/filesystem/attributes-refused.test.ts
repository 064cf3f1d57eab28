import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CoreSettings } from '../../../../src/core/create-drive.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

/** 2001-02-03 04:05:06.123456789 UTC */
const once = { seconds: 981_173_106, nanoseconds: 123_456_789 }
const mode = 'customize:cloudreve-mount.mode'

async function open(settings: Partial<CoreSettings> = {}): Promise<void> {
  drive = await TestDrive.open({ settings }, (remote) => {
    for (let i = 0; i < 10; i += 1) remote.putAsOther(`docs/f${i}`, `text ${i}`)
    remote.putAsOther('docs/sub/deep', 'deep')
    remote.putAsOther('letter', 'old letter')
  })
  await drive.names('docs/sub')
  await drive.names('docs')
  drive.remote.script.forgetCalls()
}

beforeEach(() => open())
afterEach(() => drive.stop())

function calls(): string[] {
  return drive.remote.calls.map(({ method, subject }) => `${method} ${subject}`)
}

function modeAt(path: string): string | undefined {
  return drive.remote.entryAt(path).metadata[mode]
}

/** The permission bits that programs see. */
async function shown(path: string): Promise<number> {
  return (await drive.stat(path)).mode
}

describe('attributes that the server refuses', () => {
  beforeEach(async () => {
    await drive.setattr('letter', { mode: 0o600 })
    drive.remote.fail('patchMetadata', new RemoteError('denied', 'not yours'))
    await drive.clock.advance(600)
  })

  it('show again as the server has them, and it is said where people look [A24][A25]', async () => {
    expect(await shown('letter')).toBe(0o644)
    expect(drive.drive.unsentAttributes).toBe(0)
    expect(await drive.getxattr('letter', 'user.cloudreve.sync')).toBe(
      'failed: the server refused new attributes of it: not yours',
    )
    expect(drive.drive.top.refused()).toMatchObject([{ label: '/letter', state: { state: 'failed' } }])
    expect(drive.drive.top.pending()).toEqual([])
    expect(
      drive.log.lines.some(({ level, message }) => level === 'warn' && message.includes('refuses')),
    ).toBe(true)
    expect(drive.notices).toContain(`attributes ${await drive.ino('letter')}`)
  })

  it('are forgotten with the next ones, or when somebody has taken note [A25]', async () => {
    expect(await drive.drive.top.discard(['letter'], drive.context())).toBe('refusal')
    expect(drive.drive.top.refused()).toEqual([])
    expect(await drive.getxattr('letter', 'user.cloudreve.sync')).toBe('synced')
    await drive.setattr('letter', { mode: 0o640 })
    await drive.settleAll()
    expect(modeAt('letter')).toBe('0640')
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('do not take those along that are set meanwhile', async () => {
    const gate = drive.remote.hold('patchMetadata')
    await drive.setattr('letter', { mode: 0o600 })
    drive.remote.fail('patchMetadata', new RemoteError('denied', 'not yours'))
    const passed = drive.clock.advance(600)
    await gate.entered
    await drive.setxattr('letter', 'user.colour', 'blue')
    gate.release()
    await passed
    await drive.settleAll()
    expect(await shown('letter')).toBe(0o644)
    expect(await drive.getxattr('letter', 'user.colour')).toBe('blue')
    await drive.remount()
    expect(await drive.getxattr('letter', 'user.colour')).toBe('blue')
  })
})

describe('what can be known to be impossible', () => {
  it('is refused at once', async () => {
    expect(await errnoOf(drive.setattr('', { mode: 0o700 }))).toBe('EPERM')
    expect(await errnoOf(drive.setxattr('', 'user.k', 'v'))).toBe('EPERM')
    expect(await errnoOf(drive.setxattr('letter', `user.${'k'.repeat(251)}`, 'v'))).toBe('ERANGE')
    expect(await errnoOf(drive.setxattr('letter', 'user.k', 'v'.repeat(60_000)))).toBe('ENOSPC')
    await drive.settleAll()
    expect(drive.remote.count('patchMetadata')).toBe(0)
  })
})

async function arrived(): Promise<void> {
  await drive.drain()
  await drive.remount()
  expect(await drive.stat('letter')).toMatchObject({ mode: 0o600, mtime: once })
  expect(await drive.getxattr('docs', 'user.colour')).toBe('blue')
  expect(await shown('docs/f3')).toBe(0o600)
  await drive.crash()
  expect(drive.drive.leftChanges).toBe(0)
}

describe('while the server is away', () => {
  beforeEach(async () => {
    drive.remote.offline = true
    await drive.setattr('letter', { mode: 0o600, mtime: once })
    await drive.setxattr('docs', 'user.colour', 'blue')
    await drive.setattr('docs/f3', { mode: 0o600 })
  })

  it('they are accepted and shown, and sent when it is back [A18]', async () => {
    await drive.clock.advance(20_000)
    expect(await drive.stat('letter')).toMatchObject({ mode: 0o600, mtime: once })
    expect(drive.drive.top.pending()).toHaveLength(3)
    drive.remote.offline = false
    await arrived()
  })

  it('folders are looked at anew before they are sent, each once', async () => {
    for (let i = 0; i < 10; i += 1) await drive.setattr(`docs/f${i}`, { mode: 0o600 })
    await drive.clock.advance(20_000)
    drive.remote.offline = false
    drive.remote.script.forgetCalls()
    await drive.clock.advance(60_000)
    expect(calls().filter((call) => call.startsWith('list'))).toEqual(['list docs'])
    expect(drive.remote.count('patchMetadata')).toBe(3)
    expect(drive.drive.unsentAttributes).toBe(0)
  })

  it('they survive kill -9, and the next process sends them [A19]', async () => {
    await drive.crash(() => {
      drive.remote.offline = false
    })
    expect(await drive.stat('letter')).toMatchObject({ mode: 0o600, mtime: once })
    expect(await drive.getxattr('docs', 'user.colour')).toBe('blue')
    await arrived()
  })

  it('those of a file that was renamed too go on with it', async () => {
    await drive.rename('letter', 'renamed')
    await drive.crash(() => {
      drive.remote.offline = false
    })
    expect(await drive.stat('renamed')).toMatchObject({ mode: 0o600, mtime: once })
    await drive.settleAll()
    await drive.remount()
    expect(await drive.stat('renamed')).toMatchObject({ mode: 0o600, mtime: once })
  })

  it('the time is not given to a version that somebody else has saved meanwhile', async () => {
    await drive.crash(() => {
      drive.remote.offline = false
      drive.remote.putAsOther('letter', 'theirs')
    })
    await drive.drain()
    expect(await shown('letter')).toBe(0o600)
    expect((await drive.stat('letter')).mtime).not.toEqual(once)
  })
})

describe('who waits for the server', () => {
  it('--sync=close: chmod and setfattr end when it has them [W16]', async () => {
    await drive.stop()
    await open({ sync: 'close' })
    await drive.setattr('letter', { mode: 0o600 })
    expect(modeAt('letter')).toBe('0600')
    await drive.setxattr('letter', 'user.colour', 'blue')
    expect(drive.remote.count('patchMetadata')).toBe(2)
  })

  it('--sync=close: attributes of a file that is being written go with its content [A23]', async () => {
    await drive.stop()
    await open({ sync: 'close' })
    const file = await drive.open('letter', constants.O_RDWR)
    await drive.write(file, 'new')
    await drive.setattr('letter', { mode: 0o600 })
    expect(calls()).not.toContain('upload letter')
    await drive.close(file)
    expect(modeAt('letter')).toBe('0600')
    expect(drive.remote.count('upload')).toBe(1)
    expect(drive.remote.count('patchMetadata')).toBe(0)
  })

  it('--sync=close: a refusal is the errno, and a server that is away is one after two minutes', async () => {
    await drive.stop()
    await open({ sync: 'close' })
    drive.remote.fail('patchMetadata', new RemoteError('denied', 'not yours'))
    expect(await errnoOf(drive.setattr('letter', { mode: 0o600 }))).toBe('EACCES')
    expect(await shown('letter')).toBe(0o644)
    drive.remote.offline = true
    expect(await drive.during(errnoOf(drive.setattr('letter', { mode: 0o600 })), 1_000)).toBe('EHOSTUNREACH')
    drive.remote.offline = false
    await drive.drain()
    expect(modeAt('letter')).toBe('0600')
  })

  it('--sync=fsync: fsync of a file and of a folder sends what was set on them [W11]', async () => {
    await drive.stop()
    await open({ sync: 'fsync' })
    await drive.setattr('letter', { mode: 0o600 })
    const file = await drive.open('letter')
    await drive.fs.fsync(file.fh, false, drive.context())
    expect(modeAt('letter')).toBe('0600')
    await drive.setattr('docs', { mode: 0o700 })
    const { fh } = await drive.fs.opendir(await drive.ino('docs'), drive.context())
    await drive.fs.fsyncdir(fh, drive.context())
    expect(modeAt('docs')).toBe('0700')
    await drive.fs.releasedir(fh)
    await drive.close(file)
  })

  it('the history of a file has what was set a moment ago', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    await drive.getxattr('letter', 'user.cloudreve.activities')
    expect(calls()).toEqual(['patchMetadata letter', 'activities letter'])
  })
})
