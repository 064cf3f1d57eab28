/** An editor renames a file to its backup, writes it anew, and leaves the backup there. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive
let id: string

async function open(options: Parameters<typeof TestDrive.open>[0] = {}): Promise<void> {
  drive = await TestDrive.open(options, (remote) => {
    remote.putAsOther('n', 'old')
    remote.putAsOther('other', 'other')
  })
  await drive.names()
  drive.remote.script.forgetCalls()
  ;({ id } = drive.remote.entryAt('n'))
}

beforeEach(() => open())

afterEach(() => drive.stop())

/** What was asked of the server, the rest of the drive aside. */
function calls(): string[] {
  return drive.remote.calls.map(({ method }) => method).filter((method) => method !== 'capacity')
}

/** Where copies get their names; it goes some time later. */
function isScratch(path: string): boolean {
  return path.startsWith('.copying-')
}

/** What is at the server. */
function paths(): string[] {
  return drive.remote.paths().filter((path) => !isScratch(path))
}

async function saveWithBackup(text: string, backup = 'n~'): Promise<void> {
  await drive.rename('n', backup)
  await drive.save('n', text)
}

/** `n` is the same file as ever, and the backup a new one, for programs and at the server. */
async function expectKept(text = 'new', old = 'old', backup = 'n~'): Promise<void> {
  expect([await drive.text('n'), await drive.text(backup)]).toEqual([text, old])
  await drive.settleAll()
  expect(paths()).toEqual(['n', backup, 'other'])
  expect([drive.remote.textAt('n'), drive.remote.textAt(backup)]).toEqual([text, old])
  expect(drive.remote.entryAt('n').id).toBe(id)
  expect(drive.remote.entryAt(backup).id).not.toBe(id)
  expect([await drive.text('n'), await drive.text(backup)]).toEqual([text, old])
  expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
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
    await saveWithBackup('new')
    await drive.settleAll()
    expect(calls()).toEqual(['list', 'createFolder', 'copy', 'rename', 'move', 'upload', 'patchMetadata'])
    await expectKept()
  })

  it('is sent where its content is here, and the id stays with the name [S6]', async () => {
    await drive.text('n')
    drive.remote.script.forgetCalls()
    await saveWithBackup('new')
    await drive.settleAll()
    expect(changes()).toEqual(['upload', 'upload'])
    await expectKept()
  })

  it('looks as before, and so does who asks for it', async () => {
    await drive.setattr('n', { mode: 0o640, mtime: { seconds: 1_000, nanoseconds: 5 } })
    await drive.setxattr('n', 'user.note', 'mine')
    await drive.settleAll()
    const { ino, mtime, mode } = await drive.stat('n')
    await saveWithBackup('new')
    await drive.settleAll()
    for (let round = 0; round < 2; round += 1) {
      expect(await drive.stat('n~')).toMatchObject({ mtime, mode, ...(round === 0 && { ino }) })
      expect(await drive.getxattr('n~', 'user.note')).toBe('mine')
      expect(await drive.stat('n')).toMatchObject({ mode: 0o644 })
      await drive.remount()
    }
    expect(drive.notices.some((notice) => notice.endsWith('n~'))).toBe(true)
    await expectKept()
  })

  it('keeps an empty file as well', async () => {
    await drive.save('n', '')
    await drive.settleAll()
    await saveWithBackup('new')
    await expectKept('new', '')
  })

  it('keeps the id also where everything is to be sent at once', async () => {
    await saveWithBackup('new')
    await drive.drain()
    expect(drive.remote.entryAt('n').id).toBe(id)
    await expectKept()
  })

  it('is renamed where somebody waits for its name', async () => {
    await saveWithBackup('new')
    await drive.drive.top.view(['n~'])
    expect(drive.remote.entryAt('n~').id).toBe(id)
  })

  it('leaves what is open readable, where the server keeps no versions', async () => {
    drive.remote.versionsKept = 1
    const file = await drive.open('n')
    await saveWithBackup('new')
    await drive.settleAll()
    expect(await drive.read(file)).toBe('old')
    await drive.close(file)
    await expectKept()
  })

  it('of a file that is open elsewhere is copied before it is replaced, where the server keeps no versions [S6]', async () => {
    drive.remote.versionsKept = 1
    const gate = drive.remote.hold('copy')
    await saveWithBackup('new')
    await drive.clock.advance(2_000)
    await gate.entered
    expect(drive.remote.textAt('n')).toBe('old')
    gate.release()
    await expectKept()
  })
})

describe('what becomes of the two meanwhile', () => {
  it('is one upload where the backup goes before anything was sent', async () => {
    await saveWithBackup('new')
    await drive.unlink('n~')
    await drive.settleAll()
    expect(calls()).toEqual(['upload'])
    expect(drive.remote.entryAt('n').id).toBe(id)
  })

  it.each(['copy', 'upload', 'rename', 'move'] as const)(
    'may be that the backup goes while there is a request to %s',
    async (method) => {
      const gate = drive.remote.hold(method, 'after')
      await saveWithBackup('new')
      await drive.clock.advance(1_000)
      await gate.entered
      const gone = drive.unlink('n~')
      await settle()
      gate.release()
      await drive.during(gone)
      await drive.settleAll()
      expect(paths()).toEqual(['n', 'other'])
      expect([drive.remote.textAt('n'), drive.remote.entryAt('n').id]).toEqual(['new', id])
      expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
    },
  )

  it.each([0, 600, 2_000, 20_000])('may be that the backup is renamed back after %i ms', async (ms) => {
    await saveWithBackup('new')
    await drive.clock.advance(ms)
    await drive.rename('n~', 'n')
    expect(await drive.names()).toEqual(['n', 'other'])
    await drive.settleAll()
    expect(paths()).toEqual(['n', 'other'])
    expect([drive.remote.textAt('n'), drive.remote.entryAt('n').id]).toEqual(['old', id])
    expect(drive.copies()).toEqual([])
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it.each(['copy', 'upload', 'rename', 'move'] as const)(
    'may be that the backup is renamed back while there is a request to %s',
    async (method) => {
      const gate = drive.remote.hold(method, 'after')
      await saveWithBackup('new')
      await drive.clock.advance(1_000)
      await gate.entered
      const back = drive.rename('n~', 'n')
      await settle()
      gate.release()
      await drive.during(back)
      await drive.settleAll()
      expect(paths()).toEqual(['n', 'other'])
      expect([drive.remote.textAt('n'), drive.remote.entryAt('n').id]).toEqual(['old', id])
      expect(drive.copies()).toEqual([])
    },
  )

  it('may be that the new file is renamed away before: the old one is renamed', async () => {
    await saveWithBackup('new')
    await drive.rename('n', 'm')
    await drive.settleAll()
    expect(paths()).toEqual(['m', 'n~', 'other'])
    expect(drive.remote.entryAt('n~').id).toBe(id)
  })

  it('may be that the new file is renamed away after: it has the id', async () => {
    await saveWithBackup('new')
    await drive.clock.advance(600)
    await drive.rename('n', 'm')
    await drive.settleAll()
    expect(paths()).toEqual(['m', 'n~', 'other'])
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
    await saveWithBackup('new')
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
    await saveWithBackup('new')
    await drive.settleAll()
    expect(drive.remote.entryAt('n~').id).toBe(id)
    expect((await drive.stat('n~')).mode).toBe(0o600)
  })
})

describe('one save after the other', () => {
  it.each([0, 600, 5_000])('%i ms later leaves the last two contents', async (ms) => {
    await saveWithBackup('second')
    await drive.clock.advance(ms)
    await saveWithBackup('third')
    await drive.settleAll()
    expect(paths()).toEqual(['n', 'n~', 'other'])
    expect([drive.remote.textAt('n'), drive.remote.textAt('n~')]).toEqual(['third', 'second'])
    if (ms === 5_000) expect(drive.remote.entryAt('n').id).toBe(id)
    expect(drive.copies()).toEqual([])
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('keeps both ids, also that of the backup', async () => {
    await saveWithBackup('second')
    await drive.settleAll()
    const backup = drive.remote.entryAt('n~').id
    await saveWithBackup('third')
    await drive.settleAll()
    expect([drive.remote.entryAt('n').id, drive.remote.entryAt('n~').id]).toEqual([id, backup])
  })

  it('replaces a large backup by a copy', async () => {
    const large = 'L'.repeat(4 * 1024 ** 2 + 1)
    drive.remote.putAsOther('n', large)
    drive.remote.putAsOther('n~', 'older')
    await drive.outdate()
    await drive.names()
    drive.remote.script.forgetCalls()
    await saveWithBackup('new')
    await drive.settleAll()
    expect(calls()).not.toContain('readRange')
    expect(drive.remote.entryAt('n').id).toBe(id)
    expect(drive.remote.textAt('n~') === large).toBe(true)
  })
})
