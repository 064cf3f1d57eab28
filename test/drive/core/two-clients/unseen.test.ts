/** Nothing that a program did not see is overwritten or deleted. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TwoDrives } from '../../../fakes/two-drives.ts'
import { whileHeld } from '../../../fakes/while-held.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'

let both: TwoDrives
let one: TestDrive
let two: TestDrive

beforeEach(async () => {
  both = await TwoDrives.open({ a: 'v1', 'd/f': 'below', 'd/g': 'too' })
  ;({ one, two } = both)
  for (const drive of [one, two]) await drive.names('d')
})

afterEach(() => both.stop())

const editor = 7
const thumbnailer = 8

async function saveInPlace(path: string, text: string): Promise<void> {
  const file = await one.open(path, constants.O_WRONLY | constants.O_TRUNC, editor)
  await one.write(file, text)
  await one.close(file)
}

const ways: Record<string, (text: string) => Promise<void>> = {
  'in place': (text) => saveInPlace('a', text),
  'by a temporary file': async (text) => {
    await one.save('.a.tmp', text, editor)
    await one.rename('.a.tmp', 'a', {}, editor)
  },
  'after renaming it away': async (text) => {
    await one.rename('a', 'a~', {}, editor)
    await one.save('a', text, editor)
    await one.unlink('a~', editor)
  },
}

async function removeFolder(): Promise<void> {
  for (const name of ['f', 'g']) await one.unlink(`d/${name}`)
  await one.rmdir('d')
}

describe.each(Object.keys(ways))('an editor that saves %s', (way) => {
  it('after another client wrote and a thumbnailer here saw that, makes a conflict copy [C1]', async () => {
    expect(await one.text('a', editor)).toBe('v1')
    await two.save('a', 'v2')
    await both.settleAll()
    expect(await one.text('a', thumbnailer)).toBe('v2')
    await ways[way]!('mine')
    await both.settleAll()
    const files = await both.agreedWithCopies()
    expect(files).toMatchObject({ a: 'v2', 'a (copy)': 'mine' })
    expect(Object.keys(files)).toHaveLength(4)
  })

  it('after another client put a new file in its place, makes a conflict copy [C3]', async () => {
    expect(await one.text('a', editor)).toBe('v1')
    await two.rename('a', 'z')
    await two.drain()
    await two.save('a', 'theirs')
    await both.settleAll()
    expect(await one.text('a', thumbnailer)).toBe('theirs')
    await ways[way]!('mine')
    await both.settleAll()
    const files = await both.agreedWithCopies()
    expect(files).toEqual({ a: 'theirs', 'a (copy)': 'mine', z: 'v1', 'd/f': 'below', 'd/g': 'too' })
  })

  it('after another client put a file in its place that it has read elsewhere, makes a conflict copy', async () => {
    expect(await one.text('a', editor)).toBe('v1')
    expect(await one.text('d/f', editor)).toBe('below')
    await two.rename('a', 'z')
    await two.drain()
    await two.rename('d/f', 'a')
    await both.settleAll()
    await ways[way]!('mine')
    await both.settleAll()
    const files = await both.agreedWithCopies()
    expect(files).toEqual({ a: 'below', 'a (copy)': 'mine', z: 'v1', 'd/g': 'too' })
  })

  it('after another program here put a file in its place, replaces that: the last one wins', async () => {
    expect(await one.text('a', editor)).toBe('v1')
    await one.rename('d/f', 'a', {}, thumbnailer)
    await both.settleAll()
    await ways[way]!('mine')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'mine', 'd/g': 'too' })
  })

  it('after another program here deleted it and made it anew, replaces that: the last one wins', async () => {
    expect(await one.text('a', editor)).toBe('v1')
    await one.unlink('a')
    await both.settleAll()
    await one.save('a', 'another', thumbnailer)
    await both.settleAll()
    await ways[way]!('mine')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'mine', 'd/f': 'below', 'd/g': 'too' })
  })

  it('after another program here moved another folder to where it is: the last one wins', async () => {
    one.remote.putAsOther('e/f', 'of e')
    await one.outdate()
    expect(await one.text('d/f', editor)).toBe('below')
    await one.rename('d', 'x', {}, thumbnailer)
    await one.rename('e', 'd', {}, thumbnailer)
    await both.settleAll()
    await saveInPlace('d/f', 'mine')
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ 'd/f': 'mine', 'x/f': 'below' })
    expect(Object.keys(await both.agreed())).toHaveLength(4)
  })

  it('having seen what another client wrote, replaces that', async () => {
    await one.text('a', editor)
    await two.save('a', 'v2')
    await both.settleAll()
    expect(await one.text('a', editor)).toBe('v2')
    await ways[way]!('mine')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'mine', 'd/f': 'below', 'd/g': 'too' })
  })
})

describe('a program that has read a new file of this machine', () => {
  it('replaces nothing that another client has put under its name meanwhile', async () => {
    await one.save('new', 'mine')
    expect(await one.text('new', editor)).toBe('mine')
    one.remote.putAsOther('new', 'theirs')
    await both.settleAll()
    await one.text('new', thumbnailer)
    await saveInPlace('new', 'edited')
    await both.settleAll()
    const texts = Object.values(await both.agreed())
    expect(new Set(texts)).toEqual(new Set(['v1', 'below', 'too', 'mine', 'theirs', 'edited']))
  })

  it('replaces that, uploaded or not', async () => {
    for (const pause of [0, 5_000]) {
      await one.save('new', 'mine', thumbnailer)
      expect(await one.text('new', editor)).toBe('mine')
      await one.clock.advance(pause)
      await saveInPlace('new', 'edited')
      await both.settleAll()
      expect(await both.agreed()).toEqual({ a: 'v1', 'd/f': 'below', 'd/g': 'too', new: 'edited' })
    }
  })
})

describe('an editor whose save went into a conflict copy', () => {
  it('replaces what another client wrote only once it has seen that', async () => {
    expect(await one.text('a', editor)).toBe('v1')
    one.remote.putAsOther('a', 'theirs')
    for (const text of ['mine', 'mine again']) {
      await saveInPlace('a', text)
      await both.settleAll()
    }
    const texts = Object.values(await both.agreed())
    expect(new Set(texts)).toEqual(new Set(['theirs', 'mine', 'mine again', 'below', 'too']))
    expect(await one.text('a', editor)).toBe('theirs')
    await saveInPlace('a', 'the last')
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ a: 'the last' })
  })
})

describe('both without a network', () => {
  it('save the same file: the one that is back first has the name, the other a copy', async () => {
    await one.text('a')
    await two.text('a')
    for (const { remote } of [one, two]) remote.offline = true
    await one.save('a', 'by one')
    await two.save('a', 'by two')
    await one.clock.advance(5_000)
    two.remote.offline = false
    await one.clock.advance(120_000)
    one.remote.offline = false
    await both.settleAll()
    expect(await both.agreedWithCopies()).toMatchObject({ a: 'by two', 'a (copy)': 'by one' })
  })

  it('make a file of the same name: both are kept', async () => {
    for (const { remote } of [one, two]) remote.offline = true
    await one.save('new', 'by one')
    await two.save('new', 'by two')
    for (const { remote } of [one, two]) remote.offline = false
    await both.settleAll()
    const files = await both.agreedWithCopies()
    expect(new Set([files['new'], files['new (copy)']])).toEqual(new Set(['by one', 'by two']))
  })

  it('change different parts of a file: neither is mixed into the other', async () => {
    for (const drive of [one, two]) expect(await drive.text('d/f')).toBe('below')
    for (const { remote } of [one, two]) remote.offline = true
    for (const [drive, offset] of [
      [one, 0],
      [two, 5],
    ] as const) {
      const file = await drive.open('d/f', constants.O_RDWR)
      await drive.write(file, 'XX', offset)
      await drive.close(file)
    }
    for (const { remote } of [one, two]) remote.offline = false
    await both.settleAll()
    const files = await both.agreedWithCopies()
    expect(new Set([files['d/f'], files['d/f (copy)']])).toEqual(new Set(['XXlow', 'belowXX']))
  })
})

describe('a file that is deleted here', () => {
  it('stays when another client has changed it meanwhile [D7]', async () => {
    await two.save('a', 'v2')
    await one.unlink('a')
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ a: 'v2' })
  })

  it('stays when another client has changed it while there was no network here', async () => {
    one.remote.offline = true
    await one.unlink('a')
    await two.save('a', 'v2')
    await one.clock.advance(60_000)
    one.remote.offline = false
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ a: 'v2' })
  })

  it('with unsent changes: what another client wrote meanwhile stays', async () => {
    const file = await one.open('a', constants.O_RDWR)
    await one.write(file, 'mine')
    await two.save('a', 'v2')
    await two.drain()
    await one.outdate()
    await one.names()
    await one.unlink('a')
    await one.close(file)
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ a: 'v2' })
  })

  it('new and unsent, by a process that was killed: what another client has under the name stays', async () => {
    await one.save('new', 'mine')
    await two.save('new', 'theirs')
    await two.drain()
    await one.crash()
    expect(await one.text('new')).toBe('mine')
    await one.unlink('new')
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ new: 'theirs' })
  })

  it('and was renamed by another client is found under the new name, as it was', async () => {
    await two.rename('a', 'b')
    await both.two.drain()
    await one.unlink('a')
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ b: 'v1' })
  })
})

describe('a folder that is deleted here', () => {
  it('stays with what another client put in it [D7]', async () => {
    await two.save('d/new', 'theirs')
    await two.drain()
    await removeFolder()
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'd/new': 'theirs' })
  })

  it('stays with what another client changed in it', async () => {
    await two.save('d/g', 'theirs')
    await two.drain()
    await removeFolder()
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'd/g': 'theirs' })
  })

  it('does not take along what another client moved into it', async () => {
    await two.rename('a', 'd/a')
    await two.drain()
    await removeFolder()
    await both.settleAll()
    expect(await both.agreed()).toEqual({ 'd/a': 'v1' })
  })

  it('takes nothing along that another client moved out of it', async () => {
    await two.rename('d/f', 'f')
    await two.drain()
    await removeFolder()
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', f: 'below' })
  })

  it('and a part of which another client has moved onto a folder that is made here, goes without that', async () => {
    one.remote.putAsOther('d/s/x', 'moved')
    await one.outdate()
    await one.names('d/s')
    one.remote.moveAsOther('d/s', 'e')
    await one.mkdir('e')
    await one.unlink('d/s/x')
    await one.rmdir('d/s')
    await removeFolder()
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'e/x': 'moved' })
    expect(one.drive.unsentNames).toBe(0)
  })

  it('is made again by what another client saves in it without a network', async () => {
    two.remote.offline = true
    await two.save('d/f', 'theirs')
    await removeFolder()
    await one.drain()
    two.remote.offline = false
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'd/f': 'theirs' })
  })
})

describe('a file that another client has changed, while ours is on its way to lie beside it', () => {
  it.each(['a', 'new'])('is not deleted by who deletes ours (%s) [D7]', async (path) => {
    await two.save(path, 'theirs')
    await two.drain()
    const gate = one.remote.script.hold('upload', 'before', 1)
    if (path === 'a') await saveInPlace(path, 'mine')
    else await one.save(path, 'mine')
    await one.clock.advance(600)
    await whileHeld(one, gate, () => one.unlink(path))
    await both.settleAll()
    expect(await both.agreedWithCopies()).toMatchObject({ [path]: 'theirs', [`${path} (copy)`]: 'mine' })
  })

  it('is not replaced by who renames another one over ours [C1]', async () => {
    await two.save('a', 'theirs')
    await two.drain()
    const gate = one.remote.script.hold('upload', 'before', 1)
    await saveInPlace('a', 'mine')
    await one.clock.advance(600)
    await whileHeld(one, gate, () => one.rename('d/f', 'a'))
    await both.settleAll()
    const texts = Object.values(await both.agreed())
    for (const text of ['theirs', 'mine', 'below']) expect(texts).toContain(text)
  })
})
