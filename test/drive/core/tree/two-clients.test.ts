import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

const { O_RDWR, O_WRONLY, O_TRUNC } = constants
let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.putAsOther('b', 'other')
    remote.putAsOther('d/f', 'below')
  })
})

afterEach(() => test.stop())

describe('a file that somebody else', () => {
  it('changes shows its new content [E1]', async () => {
    expect(await test.text('a')).toBe('v1')
    test.remote.putAsOther('a', 'second')
    await test.outdate()
    expect((await test.stat('a')).sizeBytes).toBe(6)
    expect(await test.text('a')).toBe('second')
  })

  it('changes while it is open for reading keeps its old content for that handle, never a mixture [E3][E4]', async () => {
    const file = await test.open('a')
    expect(await test.read(file, 0, 1)).toBe('v')
    test.remote.putAsOther('a', 'second')
    await test.outdate()
    expect(await test.text('a')).toBe('second')
    expect(await test.read(file)).toBe('v1')
    expect((await test.fs.getattr(file.ino, file.fh, test.context())).attr.sizeBytes).toBe(2)
    const before = (await test.lookup(1 as never, 'a')).attr.ino
    await test.close(file)
    expect((await test.stat('a')).ino).toBe(before)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('changes beyond recall is ESTALE for who still reads the old content', async () => {
    test.remote.versionsKept = 1
    const file = await test.open('a')
    test.remote.putAsOther('a', 'second')
    await test.outdate()
    expect(await test.text('a')).toBe('second')
    expect(await errnoOf(test.read(file))).toBe('ESTALE')
    await test.close(file)
  })

  it('changes while somebody here may write to it shows one version to all who have it open, until the last writer is gone [E5]', async () => {
    const [writer, reader] = [await test.open('a', O_RDWR), await test.open('a')]
    expect(await test.read(reader, 0, 1)).toBe('v')
    test.remote.putAsOther('a', 'second')
    await test.outdate()
    const late = await test.open('a')
    expect(late.ino).toBe(writer.ino)
    for (const file of [writer, reader, late]) expect(await test.read(file)).toBe('v1')
    expect((await test.stat('a')).sizeBytes).toBe(2)
    await test.close(writer)
    expect(await test.text('a')).toBe('second')
    for (const file of [reader, late]) {
      expect(await test.read(file)).toBe('v1')
      await test.close(file)
    }
    expect((await test.stat('a')).sizeBytes).toBe(6)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('changes while it is open for writing, in vain, shows its new content afterwards', async () => {
    const file = await test.open('a', O_RDWR)
    test.remote.putAsOther('a', 'second')
    await test.outdate()
    await test.names()
    test.notices.length = 0
    await test.close(file)
    expect(test.notices).toEqual([`inode ${file.ino}`])
    expect((await test.stat('a')).sizeBytes).toBe(6)
    expect(await test.text('a')).toBe('second')
  })

  it('changes while it is open for writing here is kept, and ours beside it [C1]', async () => {
    const file = await test.open('a', O_RDWR)
    test.remote.putAsOther('a', 'theirs')
    await test.outdate()
    await test.names()
    await test.write(file, 'ours')
    await test.close(file)
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('theirs')
    expect(test.copies().map((path) => test.remote.textAt(path))).toEqual(['ours'])
    expect(await test.text('a')).toBe('theirs')
    expect(await test.text(test.copies()[0]!)).toBe('ours')
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('changes is not seen through the gaps of unsent changes', async () => {
    test.remote.putAsOther('big', 'x'.repeat(100))
    await test.outdate()
    const file = await test.open('big', O_RDWR)
    await test.write(file, 'ours')
    test.remote.putAsOther('big', 'y'.repeat(100))
    await test.outdate()
    await test.names()
    const second = await test.open('big')
    expect(await test.read(second)).toBe(`ours${'x'.repeat(96)}`)
    await test.close(second)
    await test.close(file)
  })

  it('deletes while it is open for writing is saved again', async () => {
    const file = await test.open('a', O_WRONLY)
    test.remote.removeAsOther('a')
    await test.outdate()
    expect(await test.names()).toContain('b')
    await test.write(file, 'ours')
    await test.close(file)
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('ours')
    expect(await test.text('a')).toBe('ours')
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('deletes cannot be opened any more by a number from before', async () => {
    const ino = await test.ino('a')
    test.remote.removeAsOther('a')
    await test.outdate()
    await test.names()
    expect(await errnoOf(test.fs.open(ino, O_WRONLY | O_TRUNC, test.context()))).toBe('ESTALE')
    expect(await errnoOf(test.fs.setattr(ino, { sizeBytes: 0 }, undefined, test.context()))).toBe('ESTALE')
    expect(await errnoOf(test.fs.getattr(ino, undefined, test.context()))).toBe('ESTALE')
    expect(await test.exists('a')).toBe(false)
  })

  it('deletes and makes anew under its name is another file', async () => {
    const before = await test.stat('a')
    test.remote.removeAsOther('a')
    test.remote.putAsOther('a', 'new')
    await test.outdate()
    expect((await test.stat('a')).ino).not.toBe(before.ino)
    expect(await test.text('a')).toBe('new')
  })

  it('renames follows to its new name', async () => {
    const { ino } = await test.stat('a')
    test.remote.moveAsOther('a', 'z')
    await test.outdate()
    expect(await test.names()).toEqual(['b', 'd', 'z'])
    expect((await test.stat('z')).ino).toBe(ino)
    expect(await test.exists('a')).toBe(false)
  })

  it('renames while unsent bytes wait here gets them under its new name', async () => {
    const file = await test.open('a', O_RDWR)
    await test.write(file, 'ours')
    test.remote.moveAsOther('a', 'z')
    await test.outdate()
    expect(await test.names()).toEqual(['b', 'd', 'z'])
    await test.close(file)
    await test.settleAll()
    expect(test.remote.textAt('z')).toBe('ours')
    expect(test.remote.textAt('a')).toBeUndefined()
  })

  it('swaps with another one is found at its new name at once', async () => {
    await test.names()
    await test.ino('a')
    await test.ino('b')
    test.remote.moveAsOther('a', 't')
    test.remote.moveAsOther('b', 'a')
    test.remote.moveAsOther('t', 'b')
    await test.outdate()
    expect(await test.names()).toEqual(['a', 'b', 'd'])
    expect(await test.text('a')).toBe('other')
    expect(await test.text('b')).toBe('v1')
  })

  it('rotates, as log files are, is found at its new name at once', async () => {
    for (const name of ['log', 'log.1', 'log.2']) test.remote.putAsOther(name, name)
    await test.outdate()
    for (const name of ['log', 'log.1', 'log.2']) await test.ino(name)
    test.remote.moveAsOther('log.2', 'log.3')
    test.remote.moveAsOther('log.1', 'log.2')
    test.remote.moveAsOther('log', 'log.1')
    test.remote.putAsOther('log', 'new')
    await test.outdate()
    const texts = []
    for (const name of ['log', 'log.1', 'log.2', 'log.3']) texts.push(await test.text(name))
    expect(texts).toEqual(['new', 'log', 'log.1', 'log.2'])
  })

  it('moves to another folder is not fetched back by what was listed there before', async () => {
    await test.names()
    await test.names('d')
    const ino = await test.ino('a')
    test.remote.moveAsOther('a', 'd/a')
    await test.clock.advance(20_000)
    await test.names() // root is asked before the other folder, which is 20 s old
    await test.clock.advance(10_001)
    await test.names('d')
    expect(await test.ino('d/a')).toBe(ino)
    expect(await test.text('d/a')).toBe('v1')
    await test.exists('a')
    expect(await test.ino('d/a')).toBe(ino)
  })

  it('moves away stays where the newer listing shows it', async () => {
    await test.clock.advance(15_000)
    const ino = await test.ino('d/f') // its folder is listed 15 s after the top one
    await test.clock.advance(10_000)
    test.remote.moveAsOther('d/f', 'f')
    await test.clock.advance(10_000)
    expect(await test.ino('f')).toBe(ino)
    expect(await test.names('d')).toEqual([])
    expect(await test.exists('d/f')).toBe(false)
    expect(await test.text('f')).toBe('below')
  })

  it('puts where a new file of ours waits to be sent is kept, and ours beside it', async () => {
    await test.save('new', 'ours')
    test.remote.putAsOther('new', 'theirs')
    await test.settleAll()
    expect(test.remote.textAt('new')).toBe('theirs')
    expect(test.copies().map((path) => test.remote.textAt(path))).toEqual(['ours'])
    expect(await test.text('new')).toBe('theirs')
    expect(await test.names()).toEqual(['a', 'b', 'd', 'new', test.copies()[0]])
    expect(await test.text(test.copies()[0]!)).toBe('ours')
  })
})

describe('an editor that', () => {
  it('loaded a version, and saves after somebody else did, makes a conflict copy', async () => {
    expect(await test.text('a', 7)).toBe('v1')
    test.forgetAll()
    test.remote.putAsOther('a', 'theirs')
    await test.outdate()
    await test.names()
    await test.save('a', 'ours', 7)
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('theirs')
    expect(test.copies().map((path) => test.remote.textAt(path))).toEqual(['ours'])
  })

  it('loaded a version, and saves by a rename after somebody else did, makes a conflict copy', async () => {
    expect(await test.text('a', 100)).toBe('v1')
    test.remote.putAsOther('a', 'theirs')
    await test.outdate()
    await test.names()
    await test.save('.a.tmp', 'ours', 100)
    await test.rename('.a.tmp', 'a')
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('theirs')
    expect(test.copies().map((path) => test.remote.textAt(path))).toEqual(['ours'])
  })

  it('loaded the newer version replaces it', async () => {
    await test.text('a', 7)
    test.remote.putAsOther('a', 'theirs')
    await test.outdate()
    await test.text('a', 7)
    await test.save('a', 'ours', 7)
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('ours')
    expect(test.copies()).toEqual([])
  })

  it('is overtaken by a program on this machine replaces that, as anywhere', async () => {
    await test.text('a', 7)
    await test.save('a', 'by another program', 8)
    await test.settleAll()
    await test.save('a', 'ours', 7)
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('ours')
    expect(test.copies()).toEqual([])
  })
})

describe('a folder that somebody else', () => {
  it('deletes with unsent files in it is made again', async () => {
    const file = await test.open('d/f', O_RDWR)
    await test.write(file, 'ours')
    await test.save('d/new', 'new')
    test.remote.removeAsOther('d')
    await test.outdate()
    expect(await test.names()).toEqual(['a', 'b', 'd'])
    await test.drain()
    await test.write(file, 'more')
    await test.close(file)
    await test.settleAll()
    expect(test.remote.textAt('d/new')).toBe('new')
    expect(test.remote.textAt('d/f')).toBe('morew')
    await test.outdate()
    expect(await test.names('d')).toEqual(['f', 'new'])
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('renames is followed, though it was listed by its old name', async () => {
    const ino = await test.ino('d')
    test.remote.moveAsOther('d', 'e')
    await test.outdate()
    await test.lookup(ino, 'f')
    expect(await test.names()).toEqual(['a', 'b', 'e'])
    expect(await test.text('e/f')).toBe('below')
  })

  it('replaced by another one of its name is not taken for it', async () => {
    const ino = await test.ino('d')
    const file = await test.open('d/f', O_RDWR)
    test.remote.moveAsOther('d', 'old')
    test.remote.putAsOther('d/x', 'x')
    await test.outdate()
    await test.write(file, 'ours!')
    expect(await errnoOf(test.lookup(ino, 'x'))).toBe('ENOENT')
    expect(await test.names('d')).toEqual(['x'])
    await test.close(file)
    await test.settleAll()
    expect(test.remote.textAt('old/f')).toBe('ours!')
    expect(await test.names('old')).toEqual(['f'])
  })

  it('deletes is ENOENT to look into, and gone', async () => {
    const ino = await test.ino('d')
    test.remote.removeAsOther('d')
    await test.outdate()
    expect(await errnoOf(test.lookup(ino, 'f'))).toBe('ENOENT')
    expect(await test.names()).toEqual(['a', 'b'])
  })
})
