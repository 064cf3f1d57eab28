/** An editor has kept a backup, and the server, somebody else or the end of the process comes in between. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventuallyPassing } from '../../../fakes/eventually.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'
import { BackupSaves, isScratch } from './backup-saves.ts'

let drive: TestDrive
let saves: BackupSaves

beforeEach(async () => {
  saves = await BackupSaves.open()
  ;({ drive } = saves)
})

afterEach(() => drive.stop())

/** Everything that anybody has written is somewhere. */
async function expectAll(...texts: readonly string[]): Promise<void> {
  await drive.settleAll()
  await drive.outdate()
  await drive.settleAll()
  const found = saves.paths().map((path) => drive.remote.textAt(path))
  for (const text of texts) expect(found).toContain(text)
  expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
}

describe.each([0, 600])('somebody else, %i ms after the save,', (ms) => {
  beforeEach(async () => {
    await saves.save('new')
    await drive.clock.advance(ms)
  })

  it('moves it: the save follows', async () => {
    drive.remote.moveAsOther('n', 'moved')
    await expectAll('new', 'old', 'other')
  })

  it('deletes it: it is there again', async () => {
    drive.remote.removeAsOther('n')
    await expectAll('new', 'other')
  })

  it('deletes it for good, without versions: what is left is there', async () => {
    drive.remote.versionsKept = 1
    drive.remote.removeAsOther('n')
    drive.remote.tree.trash.length = 0
    await eventuallyPassing(drive.clock, () => drive.remote.textAt('n') === 'new')
    const failures = await drive.drain()
    expect(failures.map(({ label }) => label)).toEqual(['/n~'])
  })

  it('puts something where the backup is', async () => {
    drive.remote.putAsOther('n~', 'theirs')
    await expectAll('new', 'old', 'theirs', 'other')
  })
})

describe('a server', () => {
  it.each([10, 1])('that copies nothing and keeps %i versions is sent the bytes [S6]', async (versions) => {
    drive.remote.versionsKept = versions
    drive.remote.fail('copy', new RemoteError('denied', 'no'), 1_000)
    await saves.save('new')
    await saves.expectKept()
  })

  it.each([10, 1])(
    'that is busy and keeps %i versions holds the save up for some seconds',
    async (versions) => {
      drive.remote.versionsKept = versions
      drive.remote.fail('copy', new RemoteError('locked', 'somebody uploads'), 1_000)
      await saves.save('new')
      await drive.clock.advance(5_000)
      expect(drive.remote.textAt('n')).toBe('old')
      await saves.expectKept()
    },
  )

  it('that is away hears of it when it is back', async () => {
    drive.remote.offline = true
    await saves.save('new')
    await drive.clock.advance(60_000)
    drive.remote.offline = false
    await drive.clock.advance(60_000)
    await saves.expectKept()
  })

  it('that has no room for the backup renames it', async () => {
    drive.remote.totalBytes = 10
    await drive.clock.advance(60_000)
    await drive.fs.statfs(drive.context())
    await saves.save('2')
    await drive.settleAll()
    expect(saves.paths()).toEqual(['n', 'n~', 'other'])
    expect([drive.remote.textAt('n'), drive.remote.textAt('n~')]).toEqual(['2', 'old'])
  })

  it('that has no room by then loses nothing', async () => {
    await drive.text('n')
    await saves.save('new')
    drive.remote.fail('upload', new RemoteError('quota', 'full'), 2)
    await drive.settleAll().catch(() => undefined)
    expect([await drive.text('n'), await drive.text('n~')]).toEqual(['new', 'old'])
    await drive.drive.top.retryAll(drive.context())
    await saves.expectKept()
  })
})

describe('a process that dies', () => {
  it.each(['', 'n'])('after the exchange goes on with it; "%s" was read', async (read) => {
    drive.remote.versionsKept = 1
    if (read) await drive.text(read)
    await saves.save('new')
    const gates = (['copy', 'upload', 'createFolder'] as const).map((method) => drive.remote.hold(method))
    await drive.clock.advance(1_000)
    await Promise.race(gates.map(({ entered }) => entered))
    await drive.crash(() => {
      for (const gate of gates) gate.release()
    })
    await saves.expectKept()
  })

  it('before the exchange makes it later, also of the same bytes', async () => {
    await saves.save('old')
    await drive.crash()
    await saves.expectKept('old')
  })

  it('before the exchange keeps what is renamed back and saved again', async () => {
    await drive.rename('n', 'n~')
    await drive.crash()
    await drive.save('n', 'new')
    await drive.clock.advance(600)
    await drive.rename('n~', 'n')
    await drive.setattr('n', { mtime: { seconds: 1_000, nanoseconds: 5 } })
    await drive.save('n', 'last')
    await drive.crash()
    expect((await drive.names()).filter((name) => !isScratch(name))).toEqual(['n', 'other'])
    await drive.settleAll()
    expect([await drive.text('n'), drive.remote.textAt('n')]).toEqual(['last', 'last'])
    expect(saves.paths()).toEqual(['n', 'other'])
  })
})

describe('a folder', () => {
  let idBelow: string

  beforeEach(async () => {
    drive.remote.putAsOther('d/n', 'old')
    await drive.outdate()
    await drive.names('d')
    idBelow = drive.remote.entryAt('d/n').id
    await drive.rename('d/n', 'd/n~')
    await drive.save('d/n', 'new')
  })

  it.each([0, 600])('that is renamed here %i ms after the save takes both along [S6]', async (ms) => {
    await drive.clock.advance(ms)
    await drive.rename('d', 'e')
    await drive.settleAll()
    expect([drive.remote.textAt('e/n'), drive.remote.textAt('e/n~')]).toEqual(['new', 'old'])
    expect(drive.remote.entryAt('e/n').id).toBe(idBelow)
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it.each([0, 600])('that somebody else renames %i ms after the save keeps both [S6]', async (ms) => {
    await drive.clock.advance(ms)
    drive.remote.moveAsOther('d', 'e')
    await drive.settleAll()
    const found = drive.remote.paths().map((path) => drive.remote.textAt(path))
    for (const text of ['new', 'old']) expect(found).toContain(text)
    expect(drive.copies()).toEqual([])
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it.each([0, 600])('that is removed with both %i ms after the save is gone', async (ms) => {
    await drive.clock.advance(ms)
    for (const name of ['n', 'n~']) await drive.unlink(`d/${name}`)
    await drive.rmdir('d')
    await drive.settleAll()
    expect(saves.paths()).toEqual(['n', 'other'])
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  })
})

describe('a server that refuses the backup', () => {
  it.each(['is here', 'is not here'])('has the save all the same; the content %s [S6]', async (where) => {
    if (where === 'is here') await drive.text('n')
    drive.remote.fail('copy', new RemoteError('denied', 'no'), 1_000)
    // What is fetched first is sent last.
    if (where === 'is not here') drive.remote.script.pass('upload')
    drive.remote.fail('upload', new RemoteError('denied', 'this kind of file is not allowed'))
    await saves.save('new')
    await eventuallyPassing(drive.clock, () => drive.remote.textAt('n') === 'new')
    expect(drive.remote.entryAt('n').id).toBe(saves.id)
    expect(await drive.text('n~')).toBe('old')
    expect((await drive.drain()).map(({ label }) => label)).toEqual(['/n~'])
  })
})
