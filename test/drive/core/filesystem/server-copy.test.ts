import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

const mebibyte = 1024 ** 2
/** Larger than what is read or written in one step. */
const big = 'a film '.repeat(mebibyte)

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => {
    remote.putAsOther('film', big)
    remote.putAsOther('docs/letter', 'a letter')
    remote.putAsOther('away/note', 'x')
  })
})
afterEach(() => drive.stop())

interface CopyOptions {
  /** Bytes a call; all of it if left out. */
  readonly stepBytes?: number
  /** Before the target is closed. */
  readonly meanwhile?: (copied: number) => Promise<unknown> | void
}

/** As `cp` does where the kernel offers copy_file_range(2): it asks for more than there is, until there is nothing more. */
async function cp(from: string, to: string, { stepBytes = 2 ** 30, meanwhile }: CopyOptions = {}) {
  const source = await drive.open(from)
  const target = (await drive.exists(to))
    ? await drive.open(to, constants.O_WRONLY | constants.O_TRUNC)
    : await drive.create(to)
  let calls = 0
  for (let offset = 0; ; calls += 1) {
    const places = [source, target].map(({ fh }) => ({ fh, offset })) as [never, never]
    const copied = await drive.fs.copyRange(places[0], places[1], stepBytes, drive.context())
    if (copied === 0) break
    offset += copied
    await meanwhile?.(offset)
  }
  await drive.close(source)
  await drive.close(target)
  return calls
}

function calls(): string[] {
  return drive.remote.script.calls.map(({ method }) => method)
}

/** As `settleAll`, where something is tried again after a while. */
function arrived(): Promise<void> {
  const { drive: mounted } = drive
  const isDone = () => mounted.unsentNames === 0 && mounted.writeBack.pending().length === 0
  return drive.during(eventually(isDone))
}

describe('a copy of a whole file', () => {
  it('is made by the server, under the same name elsewhere [P1]', async () => {
    drive.remote.script.forgetCalls()
    expect(await cp('film', 'docs/film')).toBe(1)
    expect((await drive.stat('docs/film')).sizeBytes).toBe(big.length)
    await drive.settleAll()
    expect(calls().filter((method) => method !== 'list' && method !== 'capacity')).toEqual(['copy', 'info'])
    expect(drive.remote.textAt('docs/film')).toBe(big)
    expect(drive.remote.entryAt('docs/film').entity).toBe(drive.remote.entryAt('film').entity)
  })

  it('has the versions and the tags of the original, and the attributes that programs gave it [P2]', async () => {
    const { remote } = drive
    remote.putAsOther('docs/letter', 'a longer letter')
    remote.tree.get(['docs', 'letter']).metadata['tag:red'] = '#f00'
    await drive.setattr('docs/letter', { mode: 0o600 })
    await drive.setxattr('docs/letter', 'user.old', 'of the original')
    await drive.settleAll()
    const { usedBytes } = await remote.capacity()
    await cp('docs/letter', 'away/letter')
    const mtime = { seconds: 978_307_200, nanoseconds: 5 }
    await drive.setattr('away/letter', { mode: 0o640, mtime })
    await drive.setxattr('away/letter', 'user.mine', 'of the copy')
    await drive.settleAll()
    expect(calls()).toContain('copy')
    const { versions, entry } = await remote.details(['away', 'letter'])
    expect(versions.map(({ sizeBytes }) => sizeBytes)).toEqual([15, 8])
    expect((await remote.capacity()).usedBytes).toBe(usedBytes + 15 + 8)
    expect(entry.metadata['tag:red']).toBe('#f00')
    await drive.remount()
    const shown = await drive.stat('away/letter')
    expect([shown.mode & 0o777, shown.mtime]).toEqual([0o640, mtime])
    expect(await drive.getxattr('away/letter', 'user.mine')).toBe('of the copy')
    expect(await errnoOf(drive.getxattr('away/letter', 'user.old'))).toBe('ENODATA')
    expect((await drive.stat('docs/letter')).mode & 0o777).toBe(0o600)
  })

  it('is made by the server under another name, in a folder that is not left behind [P6]', async () => {
    await cp('film', 'docs/copy of film', { stepBytes: 3 * mebibyte })
    drive.remote.script.forgetCalls()
    await drive.settleAll()
    expect(calls()).toEqual(['list', 'createFolder', 'copy', 'rename', 'move'])
    drive.remote.script.forgetCalls()
    await cp('film', 'film 2')
    await drive.settleAll()
    expect(calls()).toEqual(['copy', 'rename', 'move'])
    expect(drive.remote.textAt('docs/copy of film')).toBe(big)
    expect(drive.remote.textAt('film 2')).toBe(big)
    await drive.clock.advance(10_000)
    expect(drive.remote.paths().filter((path) => path.startsWith('.'))).toEqual([])
    expect(drive.remote.tree.trash).toEqual([])
  })

  it('shows its bytes before and after', async () => {
    await cp('docs/letter', 'letter 2')
    expect(await drive.text('letter 2')).toBe('a letter')
    await drive.settleAll()
    expect(await drive.text('letter 2')).toBe('a letter')
    expect(await drive.leftovers()).toMatchObject({ held: 0 })
  })

  it('is a file of its own: changes of one do not show in the other', async () => {
    await cp('docs/letter', 'letter')
    await drive.settleAll()
    await drive.save('letter', 'another letter')
    await drive.settleAll()
    expect([drive.remote.textAt('docs/letter'), drive.remote.textAt('letter')]).toEqual([
      'a letter',
      'another letter',
    ])
  })

  it('has a time and attributes of its own', async () => {
    const past = { seconds: 1_000_000_000, nanoseconds: 7 }
    await drive.setattr('docs/letter', { mtime: past, mode: 0o600 })
    await drive.setxattr('docs/letter', 'user.colour', 'red')
    await drive.settleAll()
    await cp('docs/letter', 'plain')
    await cp('docs/letter', 'away/letter')
    await drive.setattr('away/letter', { mtime: past })
    await drive.settleAll()
    expect((await drive.stat('docs/letter')).mtime).toEqual(past)
    for (const look of ['before', 'after']) {
      expect([look, (await drive.stat('plain')).mode, (await drive.stat('plain')).mtime.seconds]).toEqual([
        look,
        0o644,
        Math.floor(Date.UTC(2026, 10, 23, 14, 3) / 1000) + 2,
      ])
      expect([look, (await drive.stat('away/letter')).mtime]).toEqual([look, past])
      await drive.remount()
    }
  })

  it.each([
    ['while it is copied', async () => undefined],
    ['and the process dies before it is copied', () => drive.crash()],
  ])('has nothing of what the original is just being given, %s [P2]', async (_, meanwhile) => {
    const gate = drive.remote.hold('patchMetadata', 'after')
    await drive.setattr('docs/letter', { mode: 0o600 })
    await drive.clock.advance(200)
    await cp('docs/letter', 'docs/copy')
    await drive.during(gate.entered, 10)
    expect(calls()).not.toContain('copy')
    await meanwhile()
    await drive.during(eventually(() => drive.drive.writeBack.pending().length === 0))
    gate.release()
    await arrived()
    await drive.remount()
    expect((await drive.stat('docs/copy')).mode & 0o777).toBe(0o644)
    expect((await drive.stat('docs/letter')).mode & 0o777).toBe(0o600)
  })

  it('is not made of what is not sent yet [P3]', async () => {
    await drive.save('new', 'new')
    await cp('new', 'docs/new')
    await drive.settleAll()
    expect(calls()).not.toContain('copy')
    expect(drive.remote.textAt('docs/new')).toBe('new')
  })

  it('is not made of a file to which an upload is running', async () => {
    drive.remote.tree.find(['film'])!.sessionId = 's1'
    await drive.outdate()
    await drive.names()
    await cp('film', 'docs/film')
    await drive.settleAll()
    expect(calls()).not.toContain('copy')
    expect(drive.remote.textAt('docs/film')).toBe(big)
  })

  it('is no copy at the server when something else was written too', async () => {
    await cp('film', 'docs/film', {
      meanwhile: async () => {
        const target = await drive.open('docs/film', constants.O_WRONLY)
        await drive.write(target, 'A', 3 * mebibyte)
        await drive.close(target)
      },
    })
    await drive.settleAll()
    expect(calls()).not.toContain('copy')
    expect(drive.remote.textAt('docs/film')).toBe(
      `${big.slice(0, 3 * mebibyte)}A${big.slice(3 * mebibyte + 1)}`,
    )
  })

  it('is no copy at the server when only a part was copied', async () => {
    const source = await drive.open('film')
    const target = await drive.create('part')
    const at = ({ fh }: typeof source) => ({ fh, offset: 0 })
    expect(await drive.fs.copyRange(at(source), at(target), mebibyte, drive.context())).toBe(mebibyte)
    await drive.close(source)
    await drive.close(target)
    await drive.settleAll()
    expect(calls()).not.toContain('copy')
    expect(drive.remote.textAt('part')).toBe(big.slice(0, mebibyte))
  })
})

describe('when the server does not copy what was shown', () => {
  it.each(['docs/film', 'film 2'])('because somebody was faster, the bytes are sent: %s', async (to) => {
    await cp('film', to)
    drive.remote.putAsOther('film', 'a newer film')
    await drive.settleAll()
    expect(drive.remote.textAt(to)).toBe(big)
    expect(drive.copies()).toEqual([])
    expect(drive.remote.textAt('film')).toBe('a newer film')
  })

  it.each(['docs/film', 'film 2'])(
    'because it is full or forbids it, the bytes are sent: %s [P3]',
    async (to) => {
      await cp('film', to)
      drive.remote.script.fail('copy', new RemoteError('denied', 'no'))
      await drive.settleAll()
      expect(drive.remote.textAt(to)).toBe(big)
    },
  )

  it.each(['docs/film', 'film 2'])('because the name was taken, both are kept: %s', async (to) => {
    await cp('film', to)
    drive.remote.putAsOther(to, 'theirs')
    await drive.settleAll()
    expect(drive.remote.textAt(to)).toBe('theirs')
    expect(drive.copies().map((path) => drive.remote.textAt(path))).toEqual([big])
  })

  it.each(['docs/film', 'film 2'])('because it was moved away, it is found: %s', async (to) => {
    await cp('film', to)
    drive.remote.moveAsOther('film', 'away/film')
    await drive.settleAll()
    expect(drive.remote.textAt(to)).toBe(big)
    expect(calls()).not.toContain('upload')
  })

  it.each(['copy', 'rename', 'move', 'info'] as const)(
    'but loses the answer to %s, one is made',
    async (method) => {
      await cp('film', 'docs/film')
      await cp('film', 'film 2')
      drive.remote.script.loseAnswers(method)
      await drive.during(drive.drive.drain())
      expect([drive.remote.textAt('docs/film'), drive.remote.textAt('film 2')]).toEqual([big, big])
      expect(calls()).not.toContain('upload')
      await drive.clock.advance(20_000)
      expect(drive.remote.paths().filter((path) => !path.endsWith('/'))).toEqual([
        'away/note',
        'docs/film',
        'docs/letter',
        'film',
        'film 2',
      ])
    },
  )
})

describe('what a copy rests on', () => {
  it('is not deleted before the copy is made [P4]', async () => {
    await cp('film', 'docs/film')
    await drive.unlink('film')
    await arrived()
    expect(drive.remote.textAt('docs/film')).toBe(big)
    expect(drive.remote.bytesAt('film')).toBeUndefined()
    expect(calls()).not.toContain('upload')
  })

  it('is brought here before it is deleted, where the copy cannot be made', async () => {
    drive.remote.versionsKept = 1
    await cp('film', 'docs/film')
    drive.remote.script.fail('copy', new RemoteError('offline', 'away'), 1_000)
    await drive.unlink('film')
    await drive.during(drive.drive.drain())
    expect(drive.remote.textAt('docs/film')).toBe(big)
  })

  it.each([false, true])(
    'is not replaced before the copy has its bytes; the server copies nothing: %s [P4]',
    async (isStuck) => {
      drive.remote.versionsKept = 1
      if (isStuck) drive.remote.fail('copy', new RemoteError('locked', 'locked'), 1_000)
      await cp('docs/letter', 'backup')
      await drive.save('docs/letter', 'a changed letter')
      await drive.during(drive.drive.drain())
      expect([drive.remote.textAt('backup'), drive.remote.textAt('docs/letter')]).toEqual([
        'a letter',
        'a changed letter',
      ])
    },
  )

  it('is given up in words when somebody else has deleted it for good [P5]', async () => {
    await cp('film', 'docs/film')
    drive.remote.removeAsOther('film')
    drive.remote.tree.trash.length = 0
    await drive.clock.advance(2_000)
    const failures = await drive.drain()
    expect(failures.map(({ state }) => state.detail)).toEqual([
      expect.stringContaining('/film, of which this is a copy, was deleted'),
    ])
  })
})

describe('after kill -9', () => {
  it('a copy that was not made yet is made by the next process', async () => {
    await cp('film', 'docs/film')
    await cp('film', 'film 2')
    await drive.crash()
    expect(await drive.text('film 2')).toBe(big.slice(0, mebibyte))
    drive.remote.script.forgetCalls()
    await drive.drain()
    await drive.settleAll()
    expect([drive.remote.textAt('docs/film'), drive.remote.textAt('film 2')]).toEqual([big, big])
    expect(calls()).not.toContain('upload')
  })

  it('half a copy is what it was', async () => {
    await cp('film', 'docs/film', { stepBytes: 2 * mebibyte, meanwhile: () => undefined })
    const source = await drive.open('film')
    const target = await drive.create('half')
    const at = ({ fh }: typeof source) => ({ fh, offset: 0 })
    await drive.fs.copyRange(at(source), at(target), 3 * mebibyte, drive.context())
    await drive.crash(() => void drive.remote.putAsOther('film', 'newer'))
    expect(await drive.text('half')).toBe(big.slice(0, mebibyte))
    await drive.drain()
    expect(drive.remote.textAt('half')).toBe(big.slice(0, 3 * mebibyte))
    expect(drive.remote.textAt('docs/film')).toBe(big)
  })

  it('what the copy rests on is still deleted after it', async () => {
    await cp('film', 'docs/film')
    await drive.unlink('film')
    await drive.crash()
    await arrived()
    expect(drive.remote.textAt('docs/film')).toBe(big)
    expect(drive.remote.bytesAt('film')).toBeUndefined()
  })

  it('the folder in which copies get their names is removed before the next one is made', async () => {
    await cp('film', 'film 2')
    await drive.settleAll()
    expect(drive.remote.paths().some((path) => path.startsWith('.copying-laptop-'))).toBe(true)
    await drive.crash()
    await cp('film', 'film 3')
    await drive.settleAll()
    expect(drive.remote.paths().filter((path) => path.startsWith('.copying-laptop-'))).toHaveLength(1)
  })
})
