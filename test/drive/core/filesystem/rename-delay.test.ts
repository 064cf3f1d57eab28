import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually, eventuallyPassing } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.putAsOther('b', 'other')
    remote.putAsOther('d/f', 'below')
  })
})

afterEach(() => test.stop())

describe('a rename within a folder', () => {
  it('is sent a moment later, in one call [W48]', async () => {
    await test.rename('a', 'z')
    expect(test.remote.count('rename')).toBe(0)
    expect(await test.names()).toEqual(['b', 'd', 'z'])
    await test.clock.advance(1_000)
    expect(test.remote.count('rename')).toBe(1)
    expect(test.remote.paths()).toEqual(['b', 'd/', 'd/f', 'z'])
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('is sent before what needs the names: new folders and links under the old name', async () => {
    await test.rename('a', 'z')
    await test.rename('z', 'y')
    await test.mkdir('z')
    await test.rename('b', 'x')
    await test.symlink('y', 'b')
    await test.drain()
    expect(test.remote.paths()).toEqual(['b', 'd/', 'd/f', 'x', 'y', 'z/'])
  })

  it('and back again leaves everything as it was', async () => {
    await test.rename('a', 'z')
    await test.rename('z', 'a')
    await test.settleAll()
    expect(test.remote.paths()).toEqual(['a', 'b', 'd/', 'd/f'])
    expect(await test.text('a')).toBe('v1')
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('that the server refuses, as the file is gone, keeps no folder in memory', async () => {
    test.remote.removeAsOther('b')
    await test.rename('b', 'd/x')
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('that the server refuses is taken back, and both names are asked for again [W52]', async () => {
    await test.rename('a', 'z')
    test.remote.fail('rename', new RemoteError('denied', 'no'))
    await test.clock.advance(1_000)
    expect(await test.names()).toEqual(['a', 'b', 'd'])
    expect(test.notices.filter((notice) => notice.startsWith('entry'))).toEqual(['entry 1 z', 'entry 1 a'])
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('to a name that somebody else took meanwhile is taken back, and theirs shows', async () => {
    await test.rename('a', 'z')
    test.remote.putAsOther('z', 'theirs')
    await test.clock.advance(1_000)
    expect(await test.names()).toEqual(['a', 'b', 'd', 'z'])
    expect(await test.text('z')).toBe('theirs')
    expect(await test.text('a')).toBe('v1')
  })

  it('to a name that somebody else took, while a new file has the old one, keeps all three', async () => {
    await test.rename('a', 'a~')
    test.remote.putAsOther('a~', 'theirs')
    await test.save('a', 'new')
    await test.settleAll()
    expect(test.remote.textAt('a~')).toBe('theirs')
    expect(test.remote.textAt('a')).toBe('new')
    expect(test.copies().map((path) => test.remote.textAt(path))).toEqual(['v1'])
    expect(await test.names()).toEqual(['a', 'a~', test.copies()[0], 'b', 'd'])
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('is not undone by an outage, but sent when the server is back', async () => {
    await test.rename('a', 'z')
    test.remote.offline = true
    await test.clock.advance(200_000)
    test.remote.offline = false
    await test.clock.advance(300_000)
    await eventuallyPassing(test.clock, () => test.remote.textAt('z') === 'v1')
    expect(await test.names()).toEqual(['b', 'd', 'z'])
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('fails no read that joins one which was sent under the old name', async () => {
    const file = await test.open('a')
    const gate = test.remote.hold('readRange')
    const first = test.read(file)
    await gate.entered
    test.remote.fail('readRange', new RemoteError('not-found', 'there is no a'))
    await test.rename('a', 'z')
    await test.clock.advance(1_000)
    const second = test.read(file)
    gate.release()
    expect(await Promise.all([first, second])).toEqual(['v1', 'v1'])
  })

  it('takes unsent bytes along', async () => {
    await test.save('a', 'mine')
    await test.rename('a', 'z')
    await test.settleAll()
    expect(test.remote.textAt('z')).toBe('mine')
    expect(test.remote.paths()).toEqual(['b', 'd/', 'd/f', 'z'])
  })

  it('of a file that somebody else deletes meanwhile is nothing', async () => {
    await test.rename('a', 'z')
    test.remote.removeAsOther('a')
    await test.clock.advance(1_000)
    await test.outdate()
    expect(await test.names()).toEqual(['b', 'd'])
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })
})

describe('an editor that renames the original away', () => {
  it.each([
    ['after the save', async () => undefined],
    ['after the upload', async () => test.clock.advance(20_000)],
  ])('and deletes it %s leaves one file of the old identity', async (_, between) => {
    const { id } = test.remote.entryAt('a')
    await test.rename('a', 'a~')
    await test.save('a', 'v2')
    await between()
    await test.unlink('a~')
    await test.settleAll()
    const paths = test.remote.paths().filter((path) => !path.startsWith('.copying-'))
    expect(paths).toEqual(['a', 'b', 'd/', 'd/f'])
    expect(test.remote.textAt('a')).toBe('v2')
    expect(test.remote.entryAt('a').id).toBe(id)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it.each(['upload', 'rename'] as const)(
    'and deletes it while its own %s is on its way leaves one file, and no conflict copy',
    async (call) => {
      const drive = await TestDrive.open(
        { settings: { quietMs: call === 'upload' ? 500 : 10_000 } },
        (remote) => remote.putAsOther('a', 'v1'),
      )
      await drive.save('a', 'v2')
      await drive.rename('a', 'a~')
      const gate = drive.remote.hold(call, 'after')
      await drive.clock.advance(call === 'upload' ? 600 : 1_000)
      await gate.entered
      await drive.save('a', 'the third version')
      const deleted = drive.unlink('a~')
      await settle()
      gate.release()
      await deleted
      await drive.settleAll()
      expect(drive.remote.paths()).toEqual(['a'])
      expect(drive.remote.textAt('a')).toBe('the third version')
      expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
      await drive.stop()
    },
  )
})

describe('the deletion of an open file', () => {
  it('comes late, and its bytes stay readable', async () => {
    const { mtime } = await test.stat('a')
    const file = await test.open('a')
    await test.clock.advance(60_000)
    await test.unlink('a')
    expect(await test.names()).toEqual(['b', 'd'])
    expect(test.remote.textAt('a')).toBe('v1')
    await test.clock.advance(1_000)
    await eventually(() => test.remote.textAt('a') === undefined)
    expect(await test.read(file)).toBe('v1')
    expect((await test.fs.getattr(file.ino, file.fh, test.context())).attr).toMatchObject({ nlink: 0, mtime })
    await test.close(file)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('spares what somebody else saved meanwhile', async () => {
    const file = await test.open('a')
    await test.unlink('a')
    test.remote.putAsOther('a', 'theirs')
    await test.clock.advance(1_000)
    expect(test.remote.textAt('a')).toBe('theirs')
    await test.close(file)
    await test.outdate()
    expect(await test.text('a')).toBe('theirs')
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('spares another file that somebody else put there', async () => {
    const file = await test.open('a')
    await test.unlink('a')
    test.remote.removeAsOther('a')
    test.remote.putAsOther('a', 'theirs')
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('theirs')
    expect(await test.text('a')).toBe('theirs')
    await test.close(file)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('makes a new file of its name the next version', async () => {
    const { id } = test.remote.entryAt('a')
    const file = await test.open('a')
    await test.unlink('a')
    await test.save('a', 'v2')
    await test.settleAll()
    expect(test.remote.entryAt('a').id).toBe(id)
    expect(await test.read(file)).toBe('v1')
    await test.close(file)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('while its upload is on its way is no conflict with ourselves', async () => {
    const file = await test.open('a', constants.O_RDWR)
    await test.write(file, 'v2')
    const gate = test.remote.hold('upload')
    const drained = test.drive.drain()
    await gate.entered
    const unlinked = test.unlink('a')
    await settle()
    gate.release()
    await unlinked
    await drained
    await test.save('a', 'v3')
    await test.settleAll()
    expect(test.copies()).toEqual([])
    expect(test.remote.textAt('a')).toBe('v3')
    await test.close(file)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('succeeds on a full drive', async () => {
    const file = await test.open('a')
    test.remote.totalBytes = 1
    await test.clock.advance(60_000)
    await test.fs.statfs(test.context())
    await test.unlink('a')
    await test.clock.advance(1_000)
    await eventually(() => test.remote.textAt('a') === undefined)
    await test.close(file)
  })

  it('that the server refuses shows it again, unchanged', async () => {
    const { mtime } = await test.stat('a')
    const file = await test.open('a')
    await test.unlink('a')
    test.remote.fail('remove', new RemoteError('denied', 'no'))
    await test.clock.advance(1_000)
    await eventually(() => test.log.lines.some(({ message }) => message.includes('refuses to delete')))
    expect(await test.stat('a')).toMatchObject({ mtime })
    await test.close(file)
    await test.settleAll()
    expect(test.remote.count('upload')).toBe(0)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })
})

describe('a deletion by name', () => {
  it('leaves alone what somebody else has moved away from it', async () => {
    await test.names()
    test.remote.moveAsOther('a', 'kept')
    await test.clock.advance(5_000)
    await test.unlink('a')
    await test.settleAll()
    await test.outdate()
    expect(await test.names()).toEqual(['b', 'd', 'kept'])
    expect(test.remote.textAt('kept')).toBe('v1')
  })

  it('of a folder waits for what is being made in it', async () => {
    await test.mkdir('e')
    const gate = test.remote.hold('list')
    await test.clock.advance(40_000)
    const removed = errnoOf(test.rmdir('e'))
    await gate.entered
    gate.release()
    const made = errnoOf(test.save('e/new', 'x'))
    expect([await removed, await made].filter((errno) => errno !== undefined)).toHaveLength(1)
    await test.settleAll()
    expect(test.remote.textAt('e/new')).toBe((await test.exists('e/new')) ? 'x' : undefined)
  })
})
