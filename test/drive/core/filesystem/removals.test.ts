import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually, eventuallyPassing } from '../../../fakes/eventually.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'
import { calls, logged, removeTree, sent } from './deleting.ts'

let drive: TestDrive

/** `d/f0` … and `d/sub/g0` … */
beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => {
    for (let i = 0; i < 4; i += 1) {
      remote.putAsOther(`d/f${i}`, `f${i}`)
      remote.putAsOther(`d/sub/g${i}`, `g${i}`)
    }
    remote.putAsOther('a', 'a')
  })
  for (const folder of ['', 'd', 'd/sub']) await drive.names(folder)
  drive.remote.script.forgetCalls()
})

afterEach(() => drive.stop())

describe('what was deleted here', () => {
  it('is gone for programs at once, and at the server after a moment [D3]', async () => {
    await drive.unlink('a')
    expect(await drive.names()).toEqual(['d'])
    expect(await errnoOf(drive.stat('a'))).toBe('ENOENT')
    expect(calls(drive)).toEqual([])
    await sent(drive)
    expect(drive.remote.textAt('a')).toBeUndefined()
    expect(calls(drive)).toEqual(['info a', 'remove a'])
  })

  it('goes in one call, with one listing, where it is many files of a folder [D5]', async () => {
    for (let i = 0; i < 4; i += 1) await drive.unlink(`d/f${i}`)
    await sent(drive)
    expect(calls(drive)).toEqual(['list d', 'remove d/f0'])
    expect(await drive.names('d')).toEqual(['sub'])
  })

  it('goes in one call where it is a whole tree, which is looked through before [D1][D5]', async () => {
    await removeTree(drive, 'd')
    expect(calls(drive)).toEqual([])
    expect(await drive.names()).toEqual(['a'])
    await sent(drive)
    expect(calls(drive)).toEqual(['listSubtree d', 'remove d'])
    expect(drive.remote.paths()).toEqual(['a'])
    expect(drive.remote.tree.trash.map(({ name }) => name)).toEqual(['d'])
  })

  it('waits while programs go on deleting, for 30 s at most [D4]', async () => {
    for (let i = 0; i < 80; i += 1) drive.remote.putAsOther(`many/f${i}`, 'x')
    await drive.outdate()
    await drive.names('many')
    const startedAt = drive.clock.monotonic()
    for (let i = 0; drive.remote.count('remove') === 0; i += 1) {
      await drive.unlink(`many/f${i}`)
      await drive.clock.advance(400)
      expect(drive.clock.monotonic() - startedAt).toBeLessThanOrEqual(30_400)
    }
    expect(drive.clock.monotonic() - startedAt).toBeGreaterThan(29_000)
  })

  it('never reaches the server where the server never had it [S3]', async () => {
    await drive.save('d/new', 'x')
    await drive.unlink('d/new')
    await drive.settleAll()
    expect(calls(drive)).toEqual([])
  })
})

describe('before the server deletes it', () => {
  it('a file that somebody else has changed is seen again, and the log says so [D7][D9]', async () => {
    await drive.unlink('a')
    drive.remote.putAsOther('a', 'theirs')
    await sent(drive)
    expect(await drive.text('a')).toBe('theirs')
    expect(drive.notices.some((notice) => notice.endsWith(' a'))).toBe(true)
    expect(logged(drive)).toEqual([['changed by somebody else, so it is not deleted', 'a']])
  })

  it('a folder with something new in it stays, and only that and what leads to it [D7]', async () => {
    await removeTree(drive, 'd')
    drive.remote.putAsOther('d/sub/theirs', 'theirs')
    await sent(drive)
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/sub/', 'd/sub/theirs'])
    expect(await drive.names('d')).toEqual(['sub'])
    expect(await drive.names('d/sub')).toEqual(['theirs'])
    expect(await drive.text('d/sub/theirs')).toBe('theirs')
  })

  it('a file in a deleted folder that somebody else has changed stays', async () => {
    await removeTree(drive, 'd')
    drive.remote.putAsOther('d/f1', 'theirs')
    await sent(drive)
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f1'])
    expect(await drive.text('d/f1')).toBe('theirs')
  })

  it('a file that somebody else has moved into a deleted folder and changed is seen there, and nowhere else', async () => {
    await drive.text('a')
    await drive.unlink('a')
    await removeTree(drive, 'd')
    drive.remote.moveAsOther('a', 'd/sub/theirs')
    drive.remote.putAsOther('d/sub/theirs', 'theirs')
    await sent(drive)
    expect(drive.remote.paths()).toEqual(['d/', 'd/sub/', 'd/sub/theirs'])
    expect(await drive.names()).toEqual(['d'])
    expect(await drive.text('d/sub/theirs')).toBe('theirs')
  })

  it('what somebody else has put where a file was that he has moved into a deleted folder stays', async () => {
    await drive.unlink('a')
    await removeTree(drive, 'd')
    drive.remote.moveAsOther('a', 'd/sub/a')
    drive.remote.putAsOther('a', 'theirs')
    drive.remote.putAsOther('d/sub/theirs', 'theirs')
    await sent(drive)
    expect(drive.remote.textAt('a')).toBe('theirs')
    await drive.outdate()
    expect(await drive.text('a')).toBe('theirs')
    expect(await drive.names('d/sub')).toEqual(['a', 'theirs'])
  })

  it('a tree that is too large to be walked at once is looked through folder by folder', async () => {
    await removeTree(drive, 'd')
    drive.remote.fail('listSubtree', new RemoteError('unsupported', 'too many folders'))
    await sent(drive)
    expect(calls(drive)).toEqual(['listSubtree d', 'list d/sub', 'list d', 'remove d'])
    expect(drive.remote.paths()).toEqual(['a'])
  })

  it('what somebody else has deleted already is no trouble', async () => {
    await drive.unlink('a')
    drive.remote.removeAsOther('a')
    await sent(drive)
    expect(calls(drive)).toEqual(['info a'])
    expect(await drive.names()).toEqual(['d'])
  })
})

describe('a name of what was deleted', () => {
  it('is free for a folder at once', async () => {
    await drive.unlink('a')
    await drive.mkdir('a')
    expect((await drive.stat('a')).kind).toBe('folder')
    await drive.settleAll()
    expect(drive.remote.paths()).toContain('a/')
  })

  it('is free for a file that is renamed', async () => {
    await drive.unlink('a')
    await drive.rename('d/f0', 'a')
    await drive.settleAll()
    expect(drive.remote.textAt('a')).toBe('f0')
    expect(await drive.text('a')).toBe('f0')
  })

  it('leads a new file to the history of the old one [D10]', async () => {
    const { id } = drive.remote.entryAt('a')
    await drive.unlink('a')
    await drive.save('a', 'new')
    await drive.settleAll()
    expect(drive.remote.entryAt('a').id).toBe(id)
    expect(drive.remote.textAt('a')).toBe('new')
    expect(drive.remote.count('remove')).toBe(0)
  })

  it('of a folder is free for a new file', async () => {
    await removeTree(drive, 'd')
    await drive.save('d', 'a file now')
    await drive.settleAll()
    expect(drive.remote.textAt('d')).toBe('a file now')
  })
})

describe('a server in trouble', () => {
  it('that is away is asked again until it deletes', async () => {
    await drive.unlink('a')
    drive.remote.offline = true
    await drive.clock.advance(500)
    await drive.clock.advance(300_000)
    drive.remote.offline = false
    await drive.clock.advance(60_000)
    await eventually(() => drive.remote.textAt('a') === undefined)
    expect(await drive.names()).toEqual(['d'])
  })

  it('that loses its answer has done it', async () => {
    await drive.unlink('a')
    drive.remote.loseAnswers('remove')
    await drive.clock.advance(500)
    await drive.clock.advance(60_000)
    await eventually(() => drive.drive.unsentNames === 0)
    expect(drive.remote.count('remove')).toBe(1)
  })

  it('that refuses one of many deletes the others; that one is seen again, and the log says so [D8][D9]', async () => {
    for (let i = 0; i < 4; i += 1) await drive.unlink(`d/f${i}`)
    drive.remote.fail('remove', new RemoteError('denied', 'no'), 2)
    await sent(drive)
    expect(drive.remote.paths().filter((path) => path.startsWith('d/f'))).toEqual(['d/f0'])
    expect(await drive.names('d')).toEqual(['f0', 'sub'])
    expect(logged(drive)).toEqual([
      ['the server refuses to delete what was deleted here; it is shown again', 'd/f0'],
    ])
  })

  it('where one of many is locked deletes the others, and that one later', async () => {
    for (let i = 0; i < 4; i += 1) await drive.unlink(`d/f${i}`)
    const locked = new RemoteError('locked', 'f0 is locked')
    drive.remote.fail('remove', locked, 1_000)
    await drive.clock.advance(500)
    for (let i = 0; i < 40; i += 1) await drive.clock.advance(1_000)
    expect(await drive.names('d')).toEqual(['sub'])
    drive.remote.script.forgetFailures('remove')
    await drive.clock.advance(60_000)
    await drive.clock.advance(60_000)
    await eventually(() => drive.remote.paths().every((path) => !path.startsWith('d/f')))
  })
})

describe('the source of a rename over another file', () => {
  beforeEach(async () => {
    await drive.text('a')
  })

  it('goes with the call that follows the new version', async () => {
    await drive.rename('a', 'd/f0')
    await drive.settleAll()
    expect(drive.remote.textAt('d/f0')).toBe('a')
    expect(drive.remote.paths()).not.toContain('a')
    expect(calls(drive).filter((call) => call.startsWith('remove'))).toEqual(['remove a'])
  })

  it('goes later where the server does not answer that call', async () => {
    drive.remote.fail('remove', new RemoteError('unknown-outcome', 'no answer'), 3)
    await drive.rename('a', 'd/f0')
    await eventuallyPassing(drive.clock, () => drive.remote.textAt('d/f0') === 'a')
    expect(await drive.names()).toEqual(['d'])
    expect(drive.remote.paths()).toContain('a')
    await drive.clock.advance(60_000)
    await drive.settleAll()
    expect(drive.remote.paths()).not.toContain('a')
  })

  it('goes after a crash in between', async () => {
    const gate = drive.remote.hold('remove')
    await drive.rename('a', 'd/f0')
    await eventuallyPassing(drive.clock, () => drive.remote.textAt('d/f0') === 'a')
    await drive.clock.advance(2_000)
    await gate.entered
    await drive.crash(() => gate.release())
    expect(await drive.names()).toEqual(['d'])
    await drive.settleAll()
    expect(drive.remote.paths()).not.toContain('a')
    expect(drive.remote.textAt('d/f0')).toBe('a')
  })
})

describe('after kill -9', () => {
  it('a tree that was deleted stays away, and is deleted [W28][D6]', async () => {
    await removeTree(drive, 'd')
    await drive.crash()
    expect(await drive.names()).toEqual(['a'])
    drive.remote.script.forgetCalls()
    await sent(drive)
    await eventually(() => drive.remote.paths().length === 1)
    expect(drive.remote.count('remove')).toBe(1)
  })

  it('half of a tree that was deleted stays away, and the other half stays', async () => {
    for (let i = 0; i < 4; i += 1) await drive.unlink(`d/sub/g${i}`)
    await drive.rmdir('d/sub')
    await drive.crash()
    expect(await drive.names('d')).toEqual(['f0', 'f1', 'f2', 'f3'])
    await sent(drive)
    await eventually(() => !drive.remote.paths().includes('d/sub/'))
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f0', 'd/f1', 'd/f2', 'd/f3'])
  })
})

describe('a folder', () => {
  it('with something in it is not removed', async () => {
    expect(await errnoOf(drive.rmdir('d'))).toBe('ENOTEMPTY')
    await drive.save('d/sub/new', 'x')
    for (let i = 0; i < 4; i += 1) await drive.unlink(`d/sub/g${i}`)
    expect(await errnoOf(drive.rmdir('d/sub'))).toBe('ENOTEMPTY')
  })

  it('that is empty costs its listing and the deletion', async () => {
    await drive.mkdir('e')
    await drive.settleAll()
    drive.remote.script.forgetCalls()
    await drive.rmdir('e')
    await sent(drive)
    expect(calls(drive)).toEqual(['list e', 'remove e'])
    expect(drive.remote.paths()).not.toContain('e/')
  })

  it('of files goes with them after its listing', async () => {
    await removeTree(drive, 'd/sub')
    await sent(drive)
    expect(calls(drive)).toEqual(['list d/sub', 'remove d/sub'])
  })

  it.each([
    ['a file', () => drive.remote.putAsOther('d/sub/theirs', 'theirs')],
    ['a folder', () => drive.remote.putAsOther('d/sub/below/theirs', 'theirs')],
  ])('in which somebody else has put %s is shown again [D7]', async (_, put) => {
    await removeTree(drive, 'd/sub')
    put()
    await sent(drive)
    const { length } = 'd/sub/'
    expect(
      drive.remote.paths().filter((path) => path.startsWith('d/sub/') && path.length > length),
    ).not.toEqual([])
    expect(drive.remote.textAt('d/sub/g0')).toBeUndefined()
    expect(await drive.names('d')).toContain('sub')
  })

  it.each<[string, string, (path: string) => unknown]>(
    ['d/sub', 'd'].flatMap((path) => [
      [path, 'nothing', () => undefined],
      [path, 'a file', () => drive.remote.putAsOther(path, 'theirs')],
      [path, 'another folder', () => drive.remote.putAsOther(`${path}/theirs/one`, 'theirs')],
    ]),
  )('%s, in the place of which somebody else has put %s, is not deleted again', async (path, _, put) => {
    await removeTree(drive, path)
    drive.remote.removeAsOther(path)
    put(path)
    await sent(drive)
    expect(drive.remote.count('remove')).toBe(0)
  })

  it('that a folder was put into while it was deleted here is walked, and asked for no more', async () => {
    await removeTree(drive, 'd/sub')
    drive.remote.putAsOther('d/sub/below/theirs', 'theirs')
    await sent(drive)
    expect(calls(drive).slice(0, 2)).toEqual(['list d/sub', 'listSubtree d/sub'])
    expect(drive.remote.count('info')).toBe(0)
  })

  it('that somebody else has emptied is asked for once more', async () => {
    for (let i = 0; i < 4; i += 1) drive.remote.removeAsOther(`d/sub/g${i}`)
    await drive.rmdir('d/sub')
    await sent(drive)
    expect(drive.remote.paths()).not.toContain('d/sub/')
  })
})
