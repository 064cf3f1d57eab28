import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHash } from 'node:crypto'
import { constants, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { nothingInline } from '../../../../src/core/inline/index.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { takenUnheard } from '../../../fakes/taken-unheard.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'
import { whileHeld } from '../../../fakes/while-held.ts'

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => void remote.putAsOther('docs/letter', 'old letter'))
})

afterEach(() => drive.stop())

async function expectOnly(path: string, text: string): Promise<void> {
  await drive.drain()
  expect(drive.remote.textAt(path)).toBe(text)
  expect(drive.copies()).toEqual([])
  expect(await drive.text(path)).toBe(text)
}

describe.each(['docs/letter', 'docs/new'])(
  'an upload of %s that was done before the process died',
  (path) => {
    beforeEach(async () => {
      await drive.save(path, 'first')
      await takenUnheard(drive)
    })

    it('is ours, when nothing was changed', async () => {
      await drive.crash()
      await expectOnly(path, 'first')
    })

    it('is ours, when the file was saved again before', async () => {
      await drive.save(path, 'second')
      await drive.crash()
      await expectOnly(path, 'second')
    })

    it('is ours, when the file was saved again, and again, before', async () => {
      await drive.save(path, 'second')
      await drive.save(path, 'third')
      await drive.crash()
      await expectOnly(path, 'third')
    })

    it('is ours, when the file is saved again after that', async () => {
      await drive.crash()
      await drive.save(path, 'second')
      await expectOnly(path, 'second')
    })

    it('is ours, when another process died in between', async () => {
      await drive.save(path, 'second')
      await drive.crash()
      await drive.save(path, 'third')
      await drive.crash()
      await expectOnly(path, 'third')
    })

    it('is not taken for what somebody else has written since', async () => {
      await drive.save(path, 'second')
      await drive.crash(() => void drive.remote.putAsOther(path, 'other'))
      await drive.drain()
      expect(drive.remote.textAt(path)).toBe('other')
      expect(drive.copies().map((copy) => drive.remote.textAt(copy))).toEqual(['second'])
    })

    describe.each(['first', 'second'])('with %s here when the next process begins', (text) => {
      beforeEach(async () => {
        if (text !== 'first') await drive.save(path, text)
        await drive.crash()
      })

      it('goes with the file, when that is deleted', async () => {
        await drive.unlink(path)
        await drive.drain()
        await drive.crash()
        expect(await drive.exists(path)).toBe(false)
        expect(drive.remote.textAt(path)).toBeUndefined()
        expect(drive.copies()).toEqual([])
      })

      it('is replaced by what is saved in its place', async () => {
        await drive.open(path)
        await drive.unlink(path)
        await drive.save(path, 'another')
        await expectOnly(path, 'another')
      })

      it('is replaced by what is renamed over it', async () => {
        await drive.save('docs/draft', 'another')
        await drive.during(drive.rename('docs/draft', path))
        await expectOnly(path, 'another')
        expect(drive.remote.textAt('docs/draft')).toBeUndefined()
      })

      it('moves with the file', async () => {
        await drive.during(drive.rename(path, 'docs/moved'))
        await expectOnly('docs/moved', text)
        expect(drive.remote.textAt(path)).toBeUndefined()
      })

      it('stays when somebody else has changed it before it is deleted', async () => {
        drive.remote.putAsOther(path, 'other')
        await drive.unlink(path)
        await drive.drain()
        expect(drive.remote.textAt(path)).toBe('other')
      })

      it('costs one request more to delete', async () => {
        drive.remote.script.forgetCalls()
        await drive.unlink(path)
        expect(drive.remote.script.count('info')).toBe(1)
      })

      describe('while the server is away', () => {
        beforeEach(() => {
          drive.remote.offline = true
        })

        it('goes with the file, when that is deleted [C6]', async () => {
          await drive.during(drive.unlink(path))
          expect(await drive.exists(path)).toBe(false)
          await backAgain()
          expect(drive.remote.textAt(path)).toBeUndefined()
          expect(await drive.exists(path)).toBe(false)
        })

        it('goes with the file, when the process dies after it was deleted', async () => {
          await drive.during(drive.unlink(path))
          await drive.crash(() => void (drive.remote.offline = false))
          expect(await drive.exists(path)).toBe(false)
          await drive.crash()
          expect(await drive.names('docs')).not.toContain(path.slice('docs/'.length))
          await backAgain()
          expect(drive.remote.textAt(path)).toBeUndefined()
          expect(await drive.exists(path)).toBe(false)
        })

        it('is replaced by what is saved in its place [C6]', async () => {
          await drive.open(path)
          await drive.during(drive.unlink(path))
          await drive.save(path, 'another')
          await backAgain()
          await expectOnly(path, 'another')
        })

        it('is replaced by what is renamed over it [C6]', async () => {
          await drive.save('docs/draft', 'another')
          await drive.during(drive.rename('docs/draft', path))
          await backAgain()
          await expectOnly(path, 'another')
        })

        it('moves with the file [C6]', async () => {
          await drive.during(drive.rename(path, 'docs/moved'))
          await backAgain()
          await expectOnly('docs/moved', text)
          expect(drive.remote.textAt(path)).toBeUndefined()
        })

        it('stays when somebody else has changed it before it is deleted', async () => {
          drive.remote.putAsOther(path, 'other')
          await drive.during(drive.unlink(path))
          await backAgain()
          expect(drive.remote.textAt(path)).toBe('other')
          expect(await drive.text(path)).toBe('other')
        })
      })
    })
  },
)

async function backAgain(): Promise<void> {
  drive.remote.offline = false
  await drive.clock.advance(60_000)
  await drive.drain()
}

describe.each(['some text', ''])('a new file of which the answer is lost, of "%s"', (text) => {
  beforeEach(async () => {
    await drive.save('docs/new', text)
    drive.remote.loseAnswers('upload')
    await drive.clock.advance(500)
    await eventually(() => drive.remote.textAt('docs/new') !== undefined)
  })

  it.each([false, true])('is gone where it is deleted, the server being away: %s', async (isAway) => {
    drive.remote.offline = isAway
    await drive.during(drive.unlink('docs/new'))
    await backAgain()
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/letter'])
  })

  it('gives way to one that is renamed over it while the server is away', async () => {
    drive.remote.offline = true
    await drive.during(drive.rename('docs/letter', 'docs/new'))
    await backAgain()
    await expectOnly('docs/new', 'old letter')
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/new'])
  })
})

/** What is on record of all staged files. */
function recorded(): string {
  const folder = join(drive.folder, 'staging')
  const sideCars = readdirSync(folder).filter((name) => name.endsWith('.side'))
  return sideCars.map((name) => readFileSync(join(folder, name), 'utf8')).join()
}

describe('a large file that is changed while it is being sent', () => {
  const large = 'x'.repeat(17 * 1024 ** 2)
  const digest = createHash('sha256').update(large).digest('hex')

  beforeEach(async () => {
    await drive.stop()
    drive = await TestDrive.open({ remote: { chunkBytes: 8 * 1024 ** 2 }, inlineLimits: nothingInline })
    await drive.save('film', large)
  })

  it('is on record by its digest before its last byte leaves', async () => {
    const chunks = drive.remote.hold('uploadChunk')
    await drive.clock.advance(500)
    await chunks.entered
    await drive.write(await drive.open('film', 1), 'new')
    expect(recorded()).not.toContain(digest)
    const done = drive.remote.hold('upload', 'after')
    chunks.release()
    await done.entered
    drive.remote.hold('upload').release()
    expect(recorded()).toContain(digest)
    await drive.crash()
    await drive.drain()
    expect(drive.remote.textAt('film')!.slice(0, 4)).toBe('newx')
    expect(drive.copies()).toEqual([])
  })

  it('is on record a moment later when the server had it already', async () => {
    await takenUnheard(drive)
    await drive.write(await drive.open('film', 1), 'new')
    await eventually(() => recorded().includes(digest))
    await drive.crash()
    await drive.drain()
    expect(drive.remote.textAt('film')!.slice(0, 4)).toBe('newx')
    expect(drive.copies()).toEqual([])
  })
})

describe('an upload that was done before the process died', () => {
  it('is looked for under the new name where the file is deleted while it is being renamed', async () => {
    await drive.save('docs/letter', 'first')
    await takenUnheard(drive)
    await drive.crash()
    await drive.open('docs/letter', constants.O_RDWR)
    await drive.rename('docs/letter', 'docs/moved')
    const gate = drive.remote.hold('rename', 'after')
    await drive.clock.advance(2_000)
    await whileHeld(drive, gate, () => drive.unlink('docs/moved'))
    await drive.drain()
    expect(drive.remote.paths()).toEqual(['docs/'])
  })
})

describe('a file that was renamed away before the process died', () => {
  it('is not taken for an upload of the same bytes under its old name', async () => {
    await drive.rename('docs/letter', 'docs/kept')
    await drive.save('docs/letter', 'old letter')
    await drive.crash()
    await drive.during(drive.rename('docs/letter', 'docs/new'))
    await drive.drain()
    expect(await drive.names('docs')).toEqual(['kept', 'new'])
    expect(drive.remote.paths()).toEqual(['docs/', 'docs/kept', 'docs/new'])
  })
})
