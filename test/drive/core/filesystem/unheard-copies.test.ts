/** The server has made a copy, and nobody has heard of it. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../../../fakes/eventually.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => {
    remote.putAsOther('letter', 'a letter')
    remote.putAsOther('docs/note', 'a note')
  })
  await drive.setattr('letter', { mode: 0o600 })
  await drive.setxattr('letter', 'user.colour', 'red')
  await drive.settleAll()
})

afterEach(() => drive.stop())

function files(): string[] {
  return drive.remote.paths().filter((path) => !path.endsWith('/'))
}

/** As `cp`. */
async function copyUnheard(to: string): Promise<void> {
  const source = await drive.open('letter')
  const target = await drive.create(to)
  const places = [source, target].map(({ fh }) => ({ fh, offset: 0 })) as [never, never]
  await drive.fs.copyRange(places[0], places[1], 1024, drive.context())
  await drive.close(source)
  await drive.close(target)
  const gate = drive.remote.hold('move', 'after')
  drive.remote.loseAnswers('move')
  await drive.clock.advance(500)
  await gate.entered
  gate.release()
  await eventually(() => drive.drive.writeBack.pending().some(({ state }) => state.state !== 'uploading'))
  expect(drive.remote.textAt(to)).toBe('a letter')
}

async function writtenTo(path: string): Promise<void> {
  const file = await drive.open(path, constants.O_WRONLY)
  await drive.write(file, 'A')
  await drive.close(file)
}

async function backAgain(): Promise<void> {
  drive.remote.offline = false
  await drive.clock.advance(60_000)
  await drive.drain()
  await drive.settleAll()
}

/** The attributes of the original are not the copy's. */
async function expectNothingOfTheOriginal(path: string): Promise<void> {
  expect((await drive.stat(path)).mode & 0o777).toBe(0o644)
  expect(await errnoOf(drive.getxattr(path, 'user.colour'))).toBe('ENODATA')
}

describe.each(['a letter', 'A letter'])('a copy that was made unheard, and says "%s" here', (text) => {
  beforeEach(async () => {
    await copyUnheard('docs/copy')
    if (text !== 'a letter') await writtenTo('docs/copy')
  })

  it('is ours', async () => {
    await backAgain()
    expect(files()).toEqual(['docs/copy', 'docs/note', 'letter'])
    expect(drive.remote.textAt('docs/copy')).toBe(text)
    await drive.remount()
    await expectNothingOfTheOriginal('docs/copy')
  })

  describe.each(['there', 'away', 'there, and the process dies before', 'away, and the process dies before'])(
    'the server being %s',
    (how) => {
      beforeEach(async () => {
        if (how.endsWith('before')) await drive.crash()
        drive.remote.offline = how.startsWith('away')
      })

      it('goes with the file, when that is deleted [C6]', async () => {
        await drive.during(drive.unlink('docs/copy'))
        await backAgain()
        expect(files()).toEqual(['docs/note', 'letter'])
        expect(await drive.exists('docs/copy')).toBe(false)
      })

      it('is replaced by what is renamed over it [C6]', async () => {
        await drive.save('docs/draft', 'another')
        await drive.during(drive.rename('docs/draft', 'docs/copy'))
        await backAgain()
        expect(files()).toEqual(['docs/copy', 'docs/note', 'letter'])
        expect(drive.remote.textAt('docs/copy')).toBe('another')
      })

      it('moves with the file [C6]', async () => {
        await drive.during(drive.rename('docs/copy', 'docs/moved'))
        await backAgain()
        expect(files()).toEqual(['docs/moved', 'docs/note', 'letter'])
        expect(drive.remote.textAt('docs/moved')).toBe(text)
        await drive.remount()
        await expectNothingOfTheOriginal('docs/moved')
      })

      it('stays when somebody else has changed it before it is deleted', async () => {
        drive.remote.putAsOther('docs/copy', 'other')
        await drive.during(drive.unlink('docs/copy'))
        await backAgain()
        expect(drive.remote.textAt('docs/copy')).toBe('other')
        expect(await drive.text('docs/copy')).toBe('other')
      })

      it('is not taken for its original, which somebody else has put there', async () => {
        drive.remote.removeAsOther('docs/copy')
        drive.remote.moveAsOther('letter', 'docs/copy')
        await drive.during(drive.unlink('docs/copy'))
        await backAgain()
        expect(drive.remote.textAt('docs/copy')).toBe('a letter')
      })
    },
  )
})

it('a copy of which nothing was asked yet costs no request to delete', async () => {
  const source = await drive.open('letter')
  const target = await drive.create('docs/copy')
  const places = [source, target].map(({ fh }) => ({ fh, offset: 0 })) as [never, never]
  await drive.fs.copyRange(places[0], places[1], 1024, drive.context())
  drive.remote.script.forgetCalls()
  await drive.unlink('docs/copy')
  expect(drive.remote.script.calls).toEqual([])
})
