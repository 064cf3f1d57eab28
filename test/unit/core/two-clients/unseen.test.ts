/** Nothing that a program did not see is overwritten or deleted. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TwoDrives } from '../../../fakes/two-drives.ts'
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

const ways: Record<string, (text: string) => Promise<void>> = {
  'in place': async (text) => {
    const file = await one.open('a', constants.O_WRONLY | constants.O_TRUNC, editor)
    await one.write(file, text)
    await one.close(file)
  },
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
