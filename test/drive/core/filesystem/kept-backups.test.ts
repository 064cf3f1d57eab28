/** An editor renames a file to its backup, writes it anew, and leaves the backup there. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { PowerLossDisk } from '../../../fakes/power-loss.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'
import { BackupSaves } from './backup-saves.ts'
import { whileHeld } from '../../../fakes/while-held.ts'

let drive: TestDrive
let id: string
let saves: BackupSaves

beforeEach(async () => {
  // A disk that takes no time: how much is done by a moment must not depend on the machine.
  saves = await BackupSaves.open({ fileLayer: await PowerLossDisk.with('/') })
  ;({ drive, id } = saves)
})

afterEach(() => drive.stop())

/** What was asked of the server, the rest of the drive aside. */
function calls(): string[] {
  return drive.remote.calls.map(({ method }) => method).filter((method) => method !== 'capacity')
}

/** What was asked of the server, but for listings. */
function changes(): string[] {
  return calls().filter(
    (method) => !['list', 'info', 'infoById', 'readRange', 'uploadChunk'].includes(method),
  )
}

const aRename = ['rename', 'upload']

describe('a backup that is kept', () => {
  it('is copied by the server where its content is not here, and the id stays with the name [S6]', async () => {
    await saves.save('new')
    await drive.settleAll()
    expect(calls()).toEqual(['list', 'createFolder', 'copy', 'rename', 'move', 'upload', 'patchMetadata'])
    await saves.expectKept()
  })

  it('is sent where its content is here, and the id stays with the name [S6]', async () => {
    await drive.text('n')
    drive.remote.script.forgetCalls()
    await saves.save('new')
    await drive.settleAll()
    expect(changes()).toEqual(['upload', 'upload'])
    await saves.expectKept()
  })

  it('looks as before, and so does who asks for it', async () => {
    await drive.setattr('n', { mode: 0o640, mtime: { seconds: 1_000, nanoseconds: 5 } })
    await drive.setxattr('n', 'user.note', 'mine')
    await drive.settleAll()
    const { ino, mtime, mode } = await drive.stat('n')
    await saves.save('new')
    await drive.settleAll()
    for (let round = 0; round < 2; round += 1) {
      expect(await drive.stat('n~')).toMatchObject({ mtime, mode, ...(round === 0 && { ino }) })
      expect(await drive.getxattr('n~', 'user.note')).toBe('mine')
      expect(await drive.stat('n')).toMatchObject({ mode: 0o644 })
      await drive.remount()
    }
    expect(drive.notices.some((notice) => notice.endsWith('n~'))).toBe(true)
    await saves.expectKept()
  })

  it('keeps an empty file as well', async () => {
    await drive.save('n', '')
    await drive.settleAll()
    await saves.save('new')
    await saves.expectKept('new', '')
  })

  it('keeps the id also where everything is to be sent at once', async () => {
    await saves.save('new')
    await drive.drain()
    expect(drive.remote.entryAt('n').id).toBe(id)
    await saves.expectKept()
  })

  it('is renamed where somebody waits for its name', async () => {
    await saves.save('new')
    await drive.drive.top.view(['n~'])
    expect(drive.remote.entryAt('n~').id).toBe(id)
  })

  it('leaves what is open readable, where the server keeps no versions', async () => {
    drive.remote.versionsKept = 1
    const file = await drive.open('n')
    await saves.save('new')
    await drive.settleAll()
    expect(await drive.read(file)).toBe('old')
    await drive.close(file)
    await saves.expectKept()
  })

  it('of a file that is open elsewhere is copied before it is replaced, where the server keeps no versions [S6]', async () => {
    drive.remote.versionsKept = 1
    const gate = drive.remote.hold('copy')
    await saves.save('new')
    await drive.clock.advance(2_000)
    await gate.entered
    expect(drive.remote.textAt('n')).toBe('old')
    gate.release()
    await saves.expectKept()
  })
})

describe('what becomes of the two meanwhile', () => {
  it('is one upload where the backup goes before anything was sent', async () => {
    await saves.save('new')
    await drive.unlink('n~')
    await drive.settleAll()
    expect(calls()).toEqual(['upload'])
    expect(drive.remote.entryAt('n').id).toBe(id)
  })

  it.each(['copy', 'upload', 'rename', 'move'] as const)(
    'may be that the backup goes while there is a request to %s',
    async (method) => {
      const gate = drive.remote.hold(method, 'after')
      await saves.save('new')
      await drive.clock.advance(1_000)
      await whileHeld(drive, gate, () => drive.unlink('n~'))
      await drive.settleAll()
      expect(saves.paths()).toEqual(['n', 'other'])
      expect([drive.remote.textAt('n'), drive.remote.entryAt('n').id]).toEqual(['new', id])
      expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
    },
  )

  it.each([0, 600, 2_000, 20_000])('may be that the backup is renamed back after %i ms', async (ms) => {
    await saves.save('new')
    await drive.clock.advance(ms)
    await drive.rename('n~', 'n')
    expect(await drive.names()).toEqual(['n', 'other'])
    await drive.settleAll()
    expect(saves.paths()).toEqual(['n', 'other'])
    expect([drive.remote.textAt('n'), drive.remote.entryAt('n').id]).toEqual(['old', id])
    expect(drive.copies()).toEqual([])
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it.each(['copy', 'upload', 'rename', 'move'] as const)(
    'may be that the backup is renamed back while there is a request to %s',
    async (method) => {
      const gate = drive.remote.hold(method, 'after')
      await saves.save('new')
      await drive.clock.advance(1_000)
      await whileHeld(drive, gate, () => drive.rename('n~', 'n'))
      await drive.settleAll()
      expect(saves.paths()).toEqual(['n', 'other'])
      expect([drive.remote.textAt('n'), drive.remote.entryAt('n').id]).toEqual(['old', id])
      expect(drive.copies()).toEqual([])
    },
  )

  it('may be that the new file is renamed away before: the old one is renamed', async () => {
    await saves.save('new')
    await drive.rename('n', 'm')
    await drive.settleAll()
    expect(saves.paths()).toEqual(['m', 'n~', 'other'])
    expect(drive.remote.entryAt('n~').id).toBe(id)
  })

  it('may be that the new file is renamed away after: it has the id', async () => {
    await saves.save('new')
    await drive.clock.advance(600)
    await drive.rename('n', 'm')
    await drive.settleAll()
    expect(saves.paths()).toEqual(['m', 'n~', 'other'])
    expect([drive.remote.textAt('m'), drive.remote.textAt('n~')]).toEqual(['new', 'old'])
    expect(drive.remote.entryAt('m').id).toBe(id)
  })

  it('may be that the old one is being renamed already', async () => {
    const gate = drive.remote.hold('rename')
    await drive.rename('n', 'n~')
    await drive.clock.advance(1_000)
    await gate.entered
    await drive.save('n', 'new')
    await drive.clock.advance(1_000)
    gate.release()
    await drive.settleAll()
    expect(changes()).toEqual(aRename)
    expect([drive.remote.textAt('n'), drive.remote.textAt('n~')]).toEqual(['new', 'old'])
  })

  it('may be that somebody else saves it: a conflict, and the backup is what was shown', async () => {
    await saves.save('new')
    drive.remote.putAsOther('n', 'theirs')
    await drive.settleAll()
    expect([drive.remote.textAt('n'), drive.remote.textAt('n~')]).toEqual(['theirs', 'old'])
    expect(drive.copies().map((path) => drive.remote.textAt(path))).toEqual(['new'])
  })

  it('may be that it is written on and on: the old one is renamed', async () => {
    await drive.rename('n', 'n~')
    const file = await drive.create('n')
    await drive.write(file, 'a log')
    await drive.clock.advance(2_000)
    expect(drive.remote.entryAt('n~').id).toBe(id)
    await drive.close(file)
  })

  it('may be that attributes of the old one are not sent: it is renamed', async () => {
    drive.remote.fail('patchMetadata', new RemoteError('locked', 'somebody uploads'))
    await drive.setattr('n', { mode: 0o600 })
    await saves.save('new')
    await drive.settleAll()
    expect(drive.remote.entryAt('n~').id).toBe(id)
    expect((await drive.stat('n~')).mode).toBe(0o600)
  })
})

describe('one save after the other', () => {
  it.each([0, 600, 5_000])('%i ms later leaves the last two contents', async (ms) => {
    await saves.save('second')
    await drive.clock.advance(ms)
    await saves.save('third')
    await drive.settleAll()
    expect(saves.paths()).toEqual(['n', 'n~', 'other'])
    expect([drive.remote.textAt('n'), drive.remote.textAt('n~')]).toEqual(['third', 'second'])
    if (ms === 5_000) expect(drive.remote.entryAt('n').id).toBe(id)
    expect(drive.copies()).toEqual([])
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('keeps both ids, also that of the backup', async () => {
    await saves.save('second')
    await drive.settleAll()
    const backup = drive.remote.entryAt('n~').id
    await saves.save('third')
    await drive.settleAll()
    expect([drive.remote.entryAt('n').id, drive.remote.entryAt('n~').id]).toEqual([id, backup])
  })

  it.each([
    ['is here', true, ['upload', 'upload']],
    // What the server copies cannot be a version of what is there.
    ['is not here', false, ['remove', 'createFolder', 'copy', 'rename', 'move', 'upload', 'patchMetadata']],
  ])('that removes the last backup first; its content %s [S6]', async (_, isHere, expected) => {
    drive.remote.putAsOther('n~', 'older')
    await drive.outdate()
    await drive.names()
    const backup = drive.remote.entryAt('n~').id
    if (isHere) await drive.text('n')
    drive.remote.script.forgetCalls()
    await drive.unlink('n~')
    await saves.save('new')
    await drive.settleAll()
    expect(changes()).toEqual(expected)
    await saves.expectKept()
    expect(drive.remote.entryAt('n~').id === backup).toBe(isHere)
  })

  it('replaces a large backup by a copy', async () => {
    const large = 'L'.repeat(4 * 1024 ** 2 + 1)
    drive.remote.putAsOther('n', large)
    drive.remote.putAsOther('n~', 'older')
    await drive.outdate()
    await drive.names()
    drive.remote.script.forgetCalls()
    await saves.save('new')
    await drive.settleAll()
    expect(calls()).not.toContain('readRange')
    expect(drive.remote.entryAt('n').id).toBe(id)
    expect(drive.remote.textAt('n~') === large).toBe(true)
  })
})

describe('with --sync=close', () => {
  it('the server has renamed it before anybody could write it anew: the backup takes the id along [W16]', async () => {
    await drive.stop()
    saves = await BackupSaves.open({ settings: { sync: 'close' } })
    ;({ drive, id } = saves)
    await drive.rename('n', 'n~')
    expect(saves.paths()).toEqual(['n~', 'other'])
    await drive.save('n', 'new')
    expect([drive.remote.textAt('n'), drive.remote.textAt('n~')]).toEqual(['new', 'old'])
    expect(drive.remote.entryAt('n~').id).toBe(id)
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })
})
