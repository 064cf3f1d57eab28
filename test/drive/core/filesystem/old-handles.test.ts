import fc from 'fast-check'
import { constants } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive, type OpenedFile } from '../../../fakes/test-drive.ts'

const MIB = 1024 ** 2
const bytes = (sizeBytes: number) => Buffer.alloc(sizeBytes, 'old content, ')

let drive: TestDrive | undefined

afterEach(() => drive?.stop())

async function opened(old: string | Uint8Array, versionsKept: number, remote = {}): Promise<OpenedFile> {
  // No memory for what was read or written before: what is kept is kept for who has it open.
  const settings = { readMemoryBytes: 0 }
  const options = { remote: { versionsKept, ...remote }, settings }
  drive = await TestDrive.open(options, (remote) => remote.putAsOther('a', old))
  const handle = await drive.open('a')
  drive.remote.script.forgetCalls()
  return handle
}

/** What programs do to replace the content of a file whose old content is open elsewhere. */
const replacements: Record<string, (drive: TestDrive, text?: string) => Promise<void>> = {
  'a temporary file that is renamed over it': async (drive, text = 'new') => {
    await drive.save('tmp', text)
    await drive.rename('tmp', 'a')
  },
  'the save of an editor that renames it away': async (drive, text = 'new') => {
    await drive.rename('a', 'a~')
    await drive.save('a', text)
    await drive.unlink('a~')
  },
  'its removal and a new file': async (drive, text = 'new') => {
    await drive.unlink('a')
    await drive.save('a', text)
  },
  'two temporary files one after the other': async (drive, text = 'new') => {
    await drive.save('tmp1', 'newer')
    await drive.rename('tmp1', 'a')
    await drive.save('tmp2', text)
    await drive.rename('tmp2', 'a')
  },
}

async function readAll(drive: TestDrive, handle: OpenedFile, sizeBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for (let at = 0; at < sizeBytes; at += MIB)
    parts.push(await drive.fs.read(handle.fh, at, MIB, drive.context()))
  return Buffer.concat(parts)
}

describe('where the drive keeps no versions, who has the old content open reads it on after', () => {
  it.each(Object.entries(replacements))('%s [O2]', async (_, replace) => {
    const old = await opened('old content', 1)
    await replace(drive!)
    await drive!.settleAll()
    expect(drive!.remote.textAt('a')).toBe('new')
    expect(await drive!.read(old)).toBe('old content')
    expect(drive!.remote.count('readRange')).toBe(1)
    await drive!.close(old)
    expect(await drive!.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('the replacement of a large file, of which it has read a part [O2]', async () => {
    const content = bytes(6 * MIB)
    const old = await opened(content, 1)
    const first = await drive!.fs.read(old.fh, 0, MIB, drive!.context())
    await replacements['a temporary file that is renamed over it']!(drive!)
    await drive!.settleAll()
    expect(drive!.remote.textAt('a')).toBe('new')
    const rest = await readAll(drive!, old, content.length)
    expect(Buffer.compare(rest, content)).toBe(0)
    expect(Buffer.compare(Buffer.from(first), content.subarray(0, MIB))).toBe(0)
    const fetched = drive!.remote.count('readRange')
    expect(fetched).toBeLessThanOrEqual(4)
    await drive!.close(old)
  })

  it('the replacement of what it had changed in part and not saved', async () => {
    const content = bytes(MIB)
    drive = await TestDrive.open({ remote: { versionsKept: 1 } }, (remote) => remote.putAsOther('a', content))
    const old = await drive.open('a', constants.O_RDWR)
    await drive.write(old, 'mine', 10)
    await replacements['a temporary file that is renamed over it']!(drive)
    await drive.settleAll()
    expect(drive.remote.textAt('a')).toBe('new')
    content.write('mine', 10)
    expect(Buffer.compare(await readAll(drive, old, MIB), content)).toBe(0)
    await drive.close(old)
  })

  it('and sees the times and the size that it had', async () => {
    const old = await opened('old content', 1)
    const stat = () => drive!.fs.getattr(old.ino, old.fh, drive!.context())
    const { attr: before } = await stat()
    await replacements['a temporary file that is renamed over it']!(drive!)
    await drive!.settleAll()
    const { attr } = await stat()
    expect(attr).toMatchObject({ sizeBytes: before.sizeBytes, mtime: before.mtime, nlink: 0 })
  })
})

describe('where versions are kept', () => {
  it.each(Object.entries(replacements))('nothing is fetched for %s [O4]', async (_, replace) => {
    const old = await opened('old content', 10)
    await replace(drive!)
    await drive!.settleAll()
    expect(drive!.remote.count('readRange')).toBe(0)
    expect(await drive!.read(old)).toBe('old content')
  })

  it('but not all of them, the content comes before the save that drops it [O2]', async () => {
    const old = await opened('old content', 3)
    const replace = async (...texts: string[]) => {
      for (const text of texts) {
        await replacements['a temporary file that is renamed over it']!(drive!, text)
        await drive!.settleAll()
      }
    }
    await replace('1', '2')
    expect(drive!.remote.count('readRange')).toBe(0)
    await replace('3', '4')
    expect(drive!.remote.textAt('a')).toBe('4')
    expect(await drive!.read(old)).toBe('old content')
    expect(drive!.remote.count('readRange')).toBe(1)
  })
})

describe('a save', () => {
  it('fetches nothing where nobody has the old content open', async () => {
    const old = await opened('old content', 1)
    await drive!.close(old)
    await replacements['a temporary file that is renamed over it']!(drive!)
    await drive!.settleAll()
    expect(drive!.remote.count('readRange')).toBe(0)
  })

  it('waits no longer than a minute for the old content [O3]', async () => {
    const old = await opened('old content', 1)
    const gate = drive!.remote.hold('readRange')
    await replacements['a temporary file that is renamed over it']!(drive!)
    await drive!.clock.advance(500)
    await gate.entered
    await drive!.clock.advance(50_000)
    expect(drive!.remote.textAt('a')).not.toBe('new')
    await drive!.clock.advance(11_000)
    await drive!.settleAll()
    expect(drive!.remote.textAt('a')).toBe('new')
    gate.release()
    expect(await errnoOf(drive!.read(old))).toBe('ESTALE')
  })

  it('is made where the server refuses to hand the old content out [O3]', async () => {
    const old = await opened('old content', 1)
    // Each time that it is asked: a save that is tried twice asks twice.
    drive!.remote.fail('readRange', new RemoteError('denied', 'no'), 100)
    await replacements['a temporary file that is renamed over it']!(drive!)
    await drive!.settleAll()
    drive!.remote.script.recover('readRange')
    expect(drive!.remote.textAt('a')).toBe('new')
    expect(await errnoOf(drive!.read(old))).toBe('ESTALE')
  })

  it('is made where the local disk has no room for the old content [O3]', async () => {
    const content = bytes(MIB)
    drive = await TestDrive.open(
      { remote: { versionsKept: 1 }, settings: { stagingLimitBytes: MIB / 2 } },
      (remote) => remote.putAsOther('a', content),
    )
    const old = await drive.open('a')
    await replacements['a temporary file that is renamed over it']!(drive)
    await drive.settleAll()
    expect(drive.remote.textAt('a')).toBe('new')
    expect(await errnoOf(drive.read(old))).toBe('ESTALE')
  })

  it('is made although a full drive could not take the old content once more', async () => {
    const old = await opened('old content', 1, { totalBytes: 20 })
    await replacements['a temporary file that is renamed over it']!(drive!)
    await drive!.settleAll()
    expect(drive!.remote.textAt('a')).toBe('new')
    expect(await drive!.read(old)).toBe('old content')
  })

  it('goes on with the next process, which knows nothing of the old content', async () => {
    const old = await opened('old content', 1)
    await replacements['a temporary file that is renamed over it']!(drive!)
    await drive!.settleAll()
    expect(await drive!.read(old)).toBe('old content')
    await drive!.crash()
    expect(drive!.drive.writeBack.lostAndFound).toEqual([])
    expect(await drive!.text('a')).toBe('new')
    await drive!.settleAll()
    expect(drive!.remote.textAt('a')).toBe('new')
  })
})

describe('a read that is on its way while its file is saved', () => {
  it('answers what the file has by then', async () => {
    const old = await opened('old content', 10)
    const gate = drive!.remote.hold('readRange')
    const reading = drive!.read(old)
    await gate.entered
    const writer = await drive!.open('a', constants.O_WRONLY | constants.O_TRUNC)
    await drive!.write(writer, 'new')
    await drive!.close(writer)
    await drive!.settleAll()
    expect(drive!.remote.textAt('a')).toBe('new')
    gate.release()
    expect(await reading).toBe('new')
    await drive!.close(old)
    expect(await drive!.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('fails when the file is closed, and leaves nothing open', async () => {
    const old = await opened('old content', 10)
    const gate = drive!.remote.hold('readRange')
    const reading = errnoOf(drive!.read(old))
    await gate.entered
    await drive!.close(old)
    gate.release()
    expect(await reading).toBe('EINTR')
    expect(await drive!.leftovers()).toEqual({ kept: 0, held: 0 })
  })
})

describe('a file that is deleted while it is open', () => {
  it('is read on after the trash was emptied', async () => {
    const old = await opened('old content', 10)
    await drive!.unlink('a')
    await drive!.settleAll()
    drive!.remote.tree.trash.length = 0
    expect(await drive!.read(old)).toBe('old content')
    await drive!.close(old)
    expect(await drive!.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('stays until its content can be had, and nothing of it is taken for a change', async () => {
    const old = await opened('old content', 10)
    drive!.remote.fail('readRange', new RemoteError('denied', 'not now'))
    await drive!.unlink('a')
    await drive!.clock.advance(500)
    await eventually(() => drive!.remote.count('readRange') === 1)
    await settle()
    expect(drive!.remote.textAt('a')).toBe('old content')
    expect(drive!.drive.writeBack.pending()).toEqual([])
    await drive!.settleAll()
    expect(drive!.remote.textAt('a')).toBeUndefined()
    expect(await drive!.read(old)).toBe('old content')
  })
})

describe('whatever is done with a file', () => {
  it('each handle reads what it opened, and the last save is at the server [O2]', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('open' as const) }),
      fc.record({ do: fc.constant('replace' as const), how: fc.constantFrom(...Object.keys(replacements)) }),
      fc.record({ do: fc.constant('settle' as const) }),
      fc.record({ do: fc.constant('peek' as const) }),
    )
    const check = async (steps: readonly { readonly do: string; readonly how?: string }[], kept: number) => {
      await opened('0'.repeat(10), kept).then((file) => drive!.close(file))
      const test = drive!
      drive = undefined
      const handles: { file: OpenedFile; text: string }[] = []
      let [now, count] = ['0'.repeat(10), 0]
      try {
        for (const { do: what, how } of steps) {
          if (what === 'open') handles.push({ file: await test.open('a'), text: now })
          if (what === 'replace') {
            now = `content ${(count += 1)}`
            await replacements[how!]!(test, now)
          }
          if (what === 'settle') await test.settleAll()
          if (what === 'peek')
            for (const { file, text } of handles) expect(await test.read(file, 0, 1)).toBe(text[0])
        }
        await test.settleAll()
        for (const { file, text } of handles) expect(await test.read(file)).toBe(text)
        expect(test.remote.textAt('a')).toBe(now)
        for (const { file } of handles) await test.close(file)
      } finally {
        await test.stop()
      }
    }
    const steps = fc.array(step, { minLength: 3, maxLength: 7 })
    await fc.assert(fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), check), { numRuns: 25 })
  }, 30_000)
})
