/** An editor has kept a backup, and the server, somebody else or the end of the process comes in between. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventuallyPassing } from '../../../fakes/eventually.ts'
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

/** Everything that anybody has written is somewhere. */
async function expectAll(...texts: readonly string[]): Promise<void> {
  await drive.settleAll()
  await drive.outdate()
  await drive.settleAll()
  const found = paths().map((path) => drive.remote.textAt(path))
  for (const text of texts) expect(found).toContain(text)
  expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
}

describe.each([0, 600])('somebody else, %i ms after the save,', (ms) => {
  beforeEach(async () => {
    await saveWithBackup('new')
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
    await saveWithBackup('new')
    await expectKept()
  })

  it.each([10, 1])(
    'that is busy and keeps %i versions holds the save up for some seconds',
    async (versions) => {
      drive.remote.versionsKept = versions
      drive.remote.fail('copy', new RemoteError('locked', 'somebody uploads'), 1_000)
      await saveWithBackup('new')
      await drive.clock.advance(5_000)
      expect(drive.remote.textAt('n')).toBe('old')
      await expectKept()
    },
  )

  it('that is away hears of it when it is back', async () => {
    drive.remote.offline = true
    await saveWithBackup('new')
    await drive.clock.advance(60_000)
    drive.remote.offline = false
    await drive.clock.advance(60_000)
    await expectKept()
  })

  it('that has no room for the backup renames it', async () => {
    drive.remote.totalBytes = 10
    await drive.clock.advance(60_000)
    await drive.fs.statfs(drive.context())
    await saveWithBackup('2')
    await drive.settleAll()
    expect(paths()).toEqual(['n', 'n~', 'other'])
    expect([drive.remote.textAt('n'), drive.remote.textAt('n~')]).toEqual(['2', 'old'])
  })

  it('that has no room by then loses nothing', async () => {
    await drive.text('n')
    await saveWithBackup('new')
    drive.remote.fail('upload', new RemoteError('quota', 'full'), 2)
    await drive.settleAll().catch(() => undefined)
    expect([await drive.text('n'), await drive.text('n~')]).toEqual(['new', 'old'])
    await drive.drive.top.retryAll(drive.context())
    await expectKept()
  })
})

describe('a process that dies', () => {
  it.each(['', 'n'])('after the exchange goes on with it; "%s" was read', async (read) => {
    drive.remote.versionsKept = 1
    if (read) await drive.text(read)
    await saveWithBackup('new')
    const gates = (['copy', 'upload', 'createFolder'] as const).map((method) => drive.remote.hold(method))
    await drive.clock.advance(1_000)
    await Promise.race(gates.map(({ entered }) => entered))
    await drive.crash(() => {
      for (const gate of gates) gate.release()
    })
    await expectKept()
  })

  it('before the exchange makes it later, also of the same bytes', async () => {
    await saveWithBackup('old')
    await drive.crash()
    await expectKept('old')
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
    expect(paths()).toEqual(['n', 'other'])
  })
})
