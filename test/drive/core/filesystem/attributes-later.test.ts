import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

/** 2001-02-03 04:05:06.123456789 UTC */
const once = { seconds: 981_173_106, nanoseconds: 123_456_789 }
const mode = 'customize:cloudreve-mount.mode'

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => {
    for (let i = 0; i < 10; i += 1) remote.putAsOther(`docs/f${i}`, `text ${i}`)
    remote.putAsOther('docs/sub/deep', 'deep')
    remote.putAsOther('letter', 'old letter')
  })
  await drive.names('docs/sub')
  await drive.names('docs')
  drive.remote.script.forgetCalls()
})

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

describe('attributes of what the server has', () => {
  it('show at once, and reach the server a moment after the last change [A18][A20]', async () => {
    await drive.setattr('letter', { mode: 0o600, mtime: once })
    await drive.setxattr('letter', 'user.colour', 'blue')
    expect(await drive.stat('letter')).toMatchObject({ mode: 0o600, mtime: once })
    expect(await drive.getxattr('letter', 'user.colour')).toBe('blue')
    await drive.clock.advance(400)
    expect(calls()).toEqual([])
    await drive.clock.advance(200)
    expect(calls()).toEqual(['patchMetadata letter'])
    await drive.remount()
    expect(await drive.stat('letter')).toMatchObject({ mode: 0o600, mtime: once })
    expect(await drive.getxattr('letter', 'user.colour')).toBe('blue')
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('go together where they are the same, in one call [A21]', async () => {
    for (let i = 0; i < 10; i += 1) await drive.setattr(`docs/f${i}`, { mode: 0o600 })
    await drive.settleAll()
    expect(calls()).toEqual(['patchMetadata docs/f0'])
    for (let i = 0; i < 10; i += 1) expect(modeAt(`docs/f${i}`)).toBe('0600')
  })

  it('go in a call for each kind where they differ', async () => {
    for (let i = 0; i < 10; i += 1) await drive.setattr(`docs/f${i}`, { mode: i % 2 === 0 ? 0o600 : 0o640 })
    await drive.settleAll()
    expect(calls()).toEqual(['patchMetadata docs/f0', 'patchMetadata docs/f1'])
  })

  it('never name a folder together with what is in it', async () => {
    for (const path of ['docs', 'docs/f0', 'docs/sub', 'docs/sub/deep'])
      await drive.setxattr(path, 'user.tag', 'x')
    await drive.settleAll()
    expect(calls()).toEqual(['patchMetadata docs', 'patchMetadata docs/f0', 'patchMetadata docs/sub/deep'])
  })

  it('are not sent where they are as before', async () => {
    await drive.setattr('letter', { mode: 0o644 })
    await drive.setattr('letter', { mode: 0o600 })
    await drive.setattr('letter', { mode: 0o644 })
    await drive.settleAll()
    expect(calls()).toEqual([])
    expect(drive.drive.unsentAttributes).toBe(0)
  })

  it('wait while programs go on setting some, but not for ever [A20]', async () => {
    for (let i = 0; i < 14; i += 1) {
      await drive.setxattr(`docs/f${i % 10}`, 'user.n', String(i))
      await drive.clock.advance(400)
    }
    expect(drive.remote.count('patchMetadata')).toBeGreaterThan(0)
  })

  it('that are set while others are on their way follow them', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    const gate = drive.remote.hold('patchMetadata', 'after')
    const passed = drive.clock.advance(600)
    await gate.entered
    await drive.setattr('letter', { mode: 0o644 })
    gate.release()
    await passed
    await drive.settleAll()
    expect(modeAt('letter')).toBeUndefined()
    expect(await shown('letter')).toBe(0o644)
  })

  it('count as pending until the server has them', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    expect(drive.drive.top.pending()).toMatchObject([{ label: '/letter', state: { state: 'waiting' } }])
    expect(await drive.getxattr('letter', 'user.cloudreve.sync')).toMatch(/^waiting/)
    await drive.drain()
    expect(drive.drive.top.pending()).toEqual([])
    expect(await drive.getxattr('letter', 'user.cloudreve.sync')).toBe('synced')
    expect(modeAt('letter')).toBe('0600')
  })
})

describe('the order with other changes', () => {
  it('a rename is not hurried, and they go to where the server has the file', async () => {
    await drive.rename('letter', 'renamed')
    await drive.setattr('renamed', { mode: 0o600 })
    expect(calls()).toEqual([])
    await drive.settleAll()
    expect(calls()).toEqual(['patchMetadata letter', 'rename letter'])
    expect(modeAt('renamed')).toBe('0600')
  })

  it('a rename waits for them where they are on their way', async () => {
    await drive.setattr('docs/f0', { mode: 0o600 })
    const gate = drive.remote.hold('patchMetadata')
    const passed = drive.clock.advance(600)
    await gate.entered
    await drive.rename('docs', 'papers')
    await passed
    await drive.clock.advance(1_000)
    expect(drive.remote.count('rename')).toBe(0)
    gate.release()
    await drive.settleAll()
    expect(modeAt('papers/f0')).toBe('0600')
  })

  it('they travel with content that is not sent yet [A22]', async () => {
    await drive.save('letter', 'new letter')
    await drive.setattr('letter', { mode: 0o600, mtime: once })
    await drive.settleAll()
    expect(drive.remote.count('patchMetadata')).toBe(0)
    expect(modeAt('letter')).toBe('0600')
    await drive.remount()
    expect((await drive.stat('letter')).mtime).toEqual(once)
  })

  it('content that is written before they are sent takes them along', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    await drive.save('letter', 'new letter')
    await drive.settleAll()
    expect(drive.remote.count('patchMetadata')).toBe(0)
    expect(modeAt('letter')).toBe('0600')
  })

  it('and nobody who waits for everything to arrive waits for those', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    await drive.save('letter', 'new letter')
    await drive.drain()
    expect(modeAt('letter')).toBe('0600')
    expect(drive.drive.unsentAttributes).toBe(0)
  })

  it('an upload waits for those that are on their way', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    const gate = drive.remote.hold('patchMetadata')
    const passed = drive.clock.advance(600)
    await gate.entered
    await drive.save('letter', 'new letter')
    await drive.clock.advance(600)
    expect(drive.remote.count('upload')).toBe(0)
    gate.release()
    await passed
    await drive.settleAll()
    expect(drive.remote.textAt('letter')).toBe('new letter')
    expect(modeAt('letter')).toBe('0600')
  })

  it('those of a deleted file are not sent', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    await drive.unlink('letter')
    await drive.settleAll()
    expect(drive.remote.count('patchMetadata')).toBe(0)
    expect(drive.remote.paths()).not.toContain('letter')
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('those of a file that is to be deleted, and comes back, are sent', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    await drive.unlink('letter')
    drive.remote.fail('remove', new RemoteError('denied', 'not yours'))
    await drive.settleAll()
    expect(await shown('letter')).toBe(0o600)
    await drive.settleAll()
    expect(modeAt('letter')).toBe('0600')
  })

  it('those of a file that is renamed over another follow its content', async () => {
    await drive.setattr('docs/f0', { mode: 0o600 })
    const gate = drive.remote.hold('patchMetadata')
    const passed = drive.clock.advance(600)
    await gate.entered
    const renamed = drive.rename('docs/f0', 'letter')
    await settle()
    gate.release()
    await Promise.all([passed, renamed])
    await drive.settleAll()
    expect(await shown('letter')).toBe(0o600)
    expect(modeAt('letter')).toBe('0600')
  })

  it('those of a file that arrived unheard of go with what takes its place', async () => {
    drive.remote.script.loseAnswers('patchMetadata', 9)
    await drive.setattr('letter', { mode: 0o600 })
    await drive.clock.advance(1_000)
    await settle()
    expect(modeAt('letter')).toBe('0600')
    await drive.save('tmp', 'new letter')
    await drive.rename('tmp', 'letter')
    drive.remote.script.forgetTrouble()
    await drive.drain()
    expect(await shown('letter')).toBe(0o644)
    expect(modeAt('letter')).toBeUndefined()
  })

  it('those of two files that took its place, one after the other, are those of the last', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    await drive.clock.advance(1_000)
    await eventually(() => modeAt('letter') === '0600')
    for (const text of ['second', 'third']) {
      await drive.save('tmp', text)
      await drive.rename('tmp', 'letter')
    }
    await drive.drain()
    expect(drive.remote.textAt('letter')).toBe('third')
    expect(modeAt('letter')).toBeUndefined()
  })

  it('those of a file on their way are not given to the new one that takes its place', async () => {
    await drive.setattr('letter', { mode: 0o600 })
    const gate = drive.remote.hold('patchMetadata')
    const passed = drive.clock.advance(600)
    await gate.entered
    await drive.save('new', 'new letter')
    await drive.rename('new', 'letter')
    gate.release()
    await passed
    await drive.settleAll()
    expect(drive.remote.textAt('letter')).toBe('new letter')
    expect(await shown('letter')).toBe(0o644)
    expect(modeAt('letter')).toBeUndefined()
  })
})

describe('what somebody else has done meanwhile', () => {
  beforeEach(async () => {
    await drive.setattr('docs/f0', { mode: 0o600, mtime: once })
  })

  it('a file that was moved away gets them where it is now [A26]', async () => {
    drive.remote.moveAsOther('docs/f0', 'away/here')
    await drive.settleAll()
    expect(modeAt('away/here')).toBe('0600')
    expect(drive.drive.unsentAttributes).toBe(0)
  })

  it('a file whose folder was deleted is no trouble', async () => {
    drive.remote.offline = true
    await drive.clock.advance(1_000)
    drive.remote.removeAsOther('docs')
    drive.remote.offline = false
    await drive.settleAll()
    expect(drive.drive.unsentAttributes).toBe(0)
    expect(drive.drive.top.pending()).toEqual([])
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('another file that has long been under the name does not get them', async () => {
    await drive.settleAll()
    const file = await drive.open('docs/f0')
    drive.remote.moveAsOther('docs/f0', 'away/here')
    drive.remote.putAsOther('docs/f0', 'another')
    await drive.clock.advance(61_000)
    await drive.fs.setattr(file.ino, { mode: 0o640 }, file.fh, drive.context())
    await drive.settleAll()
    expect(modeAt('away/here')).toBe('0640')
    expect(modeAt('docs/f0')).toBeUndefined()
    await drive.close(file)
  })

  it('a file that was deleted is no trouble, nor for the others', async () => {
    for (let i = 1; i < 10; i += 1) await drive.setattr(`docs/f${i}`, { mode: 0o600, mtime: once })
    drive.remote.removeAsOther('docs/f0')
    drive.remote.removeAsOther('docs/f7')
    await drive.settleAll()
    for (const i of [1, 2, 3, 4, 5, 6, 8, 9]) expect(modeAt(`docs/f${i}`)).toBe('0600')
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('a new version keeps its own time', async () => {
    drive.remote.offline = true
    await drive.clock.advance(1_000)
    drive.remote.putAsOther('docs/f0', 'theirs')
    drive.remote.offline = false
    await drive.outdate()
    await drive.names('docs')
    await drive.settleAll()
    expect(modeAt('docs/f0')).toBe('0600')
    expect((await drive.stat('docs/f0')).mtime).not.toEqual(once)
  })

  it('a locked file keeps the others from nothing', async () => {
    await drive.settleAll()
    for (let i = 1; i < 6; i += 1) await drive.setattr(`docs/f${i}`, { mode: 0o600 })
    // The call for all five is refused, then those for the first three, two and one.
    drive.remote.fail('patchMetadata', new RemoteError('locked', 'an editor has it', { holder: 'viewer' }), 4)
    await drive.clock.advance(600)
    for (let i = 2; i < 6; i += 1) expect(modeAt(`docs/f${i}`)).toBe('0600')
    expect(modeAt('docs/f1')).toBeUndefined()
    expect(drive.drive.top.pending()).toMatchObject([
      { label: '/docs/f1', state: { state: 'retrying', detail: 'an editor has it' } },
    ])
    await drive.settleAll()
    expect(modeAt('docs/f1')).toBe('0600')
  })
})
