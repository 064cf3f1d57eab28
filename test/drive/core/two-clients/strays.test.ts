/** Somebody else moves a file or its folder while something is saved here: a request by path makes what is not there any more. */
import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { TwoDrives } from '../../../fakes/two-drives.ts'
import type { TestDrive } from '../../../fakes/test-drive.ts'

let both: TwoDrives
let one: TestDrive

const rest = { 'd/f': 'below', 'd/g': 'too' }

beforeEach(async () => {
  both = await TwoDrives.open({ a: 'v1', ...rest })
  ;({ one } = both)
  for (const drive of [one, both.two]) await drive.names('d')
})

afterEach(() => both.stop())

/** Methods of the calls, in order. */
function calls(): string[] {
  return one.remote.calls.map(({ method }) => method).filter((method) => method !== 'capacity')
}

async function saveInPlace(path: string, text: string): Promise<void> {
  const file = await one.open(path, constants.O_WRONLY | constants.O_TRUNC)
  await one.write(file, text)
  await one.close(file)
}

describe('a file that another client renames while it is saved here', () => {
  it.each([
    ['renamed', 'z'],
    ['moved to another folder', 'd/a'],
    ['moved to a folder that nobody here knows', 'new/below/z'],
  ])('is saved where it is by now (%s) [C4]', async (_, to) => {
    const { id } = one.remote.entryAt('a')
    await saveInPlace('a', 'mine')
    one.remote.moveAsOther('a', to)
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, [to]: 'mine' })
    expect(one.remote.entryAt(to).id).toBe(id)
  })

  it('costs the requests that find it, and those that remove what was made under its old name', async () => {
    await saveInPlace('a', 'mine')
    one.remote.moveAsOther('a', 'z')
    one.remote.script.forgetCalls()
    await one.settleAll()
    expect(calls()).toEqual(['upload', 'infoById', 'details', 'upload', 'info', 'remove'])
  })

  it.each([
    ['d/f', 'd', { 'e/g': 'too' }],
    ['x/y/f', 'x', { ...rest, 'e/y/g': 'deep' }],
  ])(
    'and whose former folder it renames as well: nothing is left where that was (%s)',
    async (path, top, others) => {
      for (const name of ['f', 'g']) one.remote.putAsOther(`x/y/${name}`, 'deep')
      if (top === 'd') one.remote.removeAsOther('x')
      await one.outdate()
      await one.names('x/y').catch(() => undefined)
      const info = one.remote.hold('info')
      await saveInPlace(path, 'mine')
      one.remote.moveAsOther(path, 'z')
      one.remote.moveAsOther(top, 'e')
      await one.clock.advance(5_000)
      // Another program looks at the top while what was made is about to go.
      await one.outdate()
      await one.names('')
      info.release()
      await both.settleAll()
      expect(await both.agreed()).toEqual({ a: 'v1', ...others, z: 'mine' })
    },
  )

  it('and changes: ours lies beside it', async () => {
    await saveInPlace('a', 'mine')
    one.remote.moveAsOther('a', 'z')
    one.remote.putAsOther('z', 'v2')
    await both.settleAll()
    expect(await both.agreedWithCopies()).toEqual({ ...rest, z: 'v2', 'z (copy)': 'mine' })
  })

  it('and leaves another one under its name: that stays, and ours is saved where the file is by now', async () => {
    await saveInPlace('a', 'mine')
    one.remote.moveAsOther('a', 'z')
    one.remote.putAsOther('a', 'theirs')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'theirs', z: 'mine' })
  })

  it('and leaves a copy of it under its name: that shows again what it held', async () => {
    await saveInPlace('a', 'mine')
    one.remote.moveAsOther('a', 'z')
    one.remote.copyAsOther('z', 'a')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'v1', z: 'mine' })
  })

  it('and deletes: ours is the file of that name', async () => {
    await saveInPlace('a', 'mine')
    one.remote.removeAsOther('a')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, a: 'mine' })
  })

  it('is saved there after trouble on the way', async () => {
    await saveInPlace('a', 'mine')
    one.remote.moveAsOther('a', 'z')
    one.remote.fail('infoById', new RemoteError('offline', 'away'))
    one.remote.fail('details', new RemoteError('server', 'failed'))
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, z: 'mine' })
  })

  it('is saved there when the answer was lost', async () => {
    await saveInPlace('a', 'mine')
    one.remote.moveAsOther('a', 'z')
    one.remote.loseAnswers('upload')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, z: 'mine' })
  })

  it('and was renamed here meanwhile: has the name that was given here, once', async () => {
    const gate = one.remote.hold('upload')
    await saveInPlace('a', 'mine')
    await one.clock.advance(600)
    one.remote.moveAsOther('a', 'z')
    gate.release()
    await one.rename('a', 'ours').catch(() => undefined)
    await both.settleAll()
    const names = Object.entries(await both.agreed()).filter(([, text]) => text === 'mine')
    expect(names).toHaveLength(1)
  })

  it('leaves nothing behind when the process is killed right after', async () => {
    await saveInPlace('a', 'mine')
    one.remote.moveAsOther('a', 'z')
    const gate = one.remote.hold('upload', 'before')
    await one.clock.advance(600)
    gate.release()
    await one.clock.advance(50)
    await one.crash()
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, z: 'mine' })
  })
})

describe('a folder that another client renames while a new file is saved in it here', () => {
  beforeEach(async () => {
    await one.save('d/new', 'mine')
  })

  it.each([
    ['renamed', 'e'],
    ['moved', 'x/y/d'],
  ])('has it, and does not come back under its old name (%s) [C5]', async (_, to) => {
    one.remote.moveAsOther('d', to)
    await both.settleAll()
    const moved = { [`${to}/f`]: 'below', [`${to}/g`]: 'too', [`${to}/new`]: 'mine' }
    expect(await both.agreed()).toEqual({ a: 'v1', ...moved })
    expect(one.remote.paths()).not.toContain('d/')
  })

  it('has it once, where the process is killed in between', async () => {
    one.remote.moveAsOther('d', 'e')
    const gate = one.remote.hold('move')
    const settling = one.settleAll()
    settling.catch(() => undefined)
    await gate.entered
    await one.crash()
    gate.release()
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'e/f': 'below', 'e/g': 'too', 'e/new': 'mine' })
    expect(one.remote.paths()).not.toContain('d/')
  })

  it('and in which the name is taken by now: it stays where it was made', async () => {
    one.remote.moveAsOther('d', 'e')
    one.remote.putAsOther('e/new', 'theirs')
    await both.settleAll()
    const moved = { 'e/f': 'below', 'e/g': 'too', 'e/new': 'theirs' }
    expect(await both.agreed()).toEqual({ a: 'v1', ...moved, 'd/new': 'mine' })
  })

  it('stays where another client has made a new one of the name', async () => {
    one.remote.moveAsOther('d', 'e')
    one.remote.mkdirAsOther('d')
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ 'e/new': 'mine' })
    expect(one.remote.paths()).toContain('d/')
  })

  it('and deletes: it is made again for it', async () => {
    one.remote.removeAsOther('d')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'd/new': 'mine' })
  })

  it('and in which something is made here in a new folder: has that too', async () => {
    await one.mkdir('d/s')
    await one.save('d/s/x', 'also mine')
    one.remote.moveAsOther('d', 'e')
    await both.settleAll()
    expect(await both.agreed()).toMatchObject({ 'e/new': 'mine', 'e/s/x': 'also mine' })
    expect(one.remote.paths()).not.toContain('d/')
  })
})

describe('new files in a folder', () => {
  it('cost a request each, and one for all of them together', async () => {
    one.remote.script.forgetCalls()
    for (const name of ['1', '2', '3']) await one.save(`d/${name}`, name)
    await one.settleAll()
    expect(calls()).toEqual(['upload', 'upload', 'upload', 'info'])
  })

  it('cost nothing more where the folder was listed since', async () => {
    one.remote.script.forgetCalls()
    await one.save('d/new', 'mine')
    await one.clock.advance(600)
    await one.fs.fsyncdir((await one.fs.opendir(await one.ino('d'), one.context())).fh, one.context())
    await one.settleAll()
    expect(one.remote.count('info')).toBeLessThanOrEqual(1)
  })

  it('in the top folder cost nothing more', async () => {
    one.remote.script.forgetCalls()
    await one.save('new', 'mine')
    await one.settleAll()
    expect(calls()).toEqual(['upload'])
  })
})

describe('a folder that another client renames while a file in it is saved here', () => {
  it('has it, and does not come back under its old name', async () => {
    await saveInPlace('d/f', 'mine')
    one.remote.moveAsOther('d', 'e')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'e/f': 'mine', 'e/g': 'too' })
    expect(one.remote.paths()).not.toContain('d/')
  })

  it('stays where another client has made a new one of the name', async () => {
    await saveInPlace('d/f', 'mine')
    one.remote.moveAsOther('d', 'e')
    await one.clock.advance(100)
    one.remote.putAsOther('d/x', 'theirs')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'd/x': 'theirs', 'e/f': 'mine', 'e/g': 'too' })
  })
})

/** What is being sent arrives under the path that the folder had before. */
async function renamedOnTheWay(to: string): Promise<void> {
  const gate = one.remote.hold('upload')
  await one.clock.advance(600)
  await gate.entered
  one.remote.moveAsOther('d', to)
  await one.outdate()
  await one.names()
  await one.names(to)
  gate.release()
  await both.settleAll()
}

describe('while an upload is on its way, a folder above it is found to have another name by now', () => {
  it.each(['e', 'x/y/d'])(
    'a file of it is in the folder, and nothing is left under the old path (%s) [C4]',
    async (to) => {
      await saveInPlace('d/f', 'mine')
      await renamedOnTheWay(to)
      expect(await both.agreed()).toEqual({ a: 'v1', [`${to}/f`]: 'mine', [`${to}/g`]: 'too' })
      expect(one.remote.paths()).not.toContain('d/')
    },
  )

  it.each(['e', 'x/y/d'])('so is a new file (%s) [C5]', async (to) => {
    await one.save('d/new', 'mine')
    await renamedOnTheWay(to)
    expect(await both.agreed()).toEqual({
      a: 'v1',
      [`${to}/f`]: 'below',
      [`${to}/g`]: 'too',
      [`${to}/new`]: 'mine',
    })
    expect(one.remote.paths()).not.toContain('d/')
  })

  it('so is a new folder with a new file in it', async () => {
    await one.mkdir('d/s')
    await one.save('d/s/x', 'mine')
    await renamedOnTheWay('e')
    expect(await both.agreed()).toEqual({ a: 'v1', 'e/f': 'below', 'e/g': 'too', 'e/s/x': 'mine' })
    expect(one.remote.paths()).not.toContain('d/')
  })
})

describe('when an upload was answered, a folder above it is found to have another name by now', () => {
  it.each([
    ['listed by name', ['']],
    ['listed', ['', 'e']],
    ['and what is under its old name are listed', ['', 'e', 'd']],
  ])(
    'a new file is in the folder, and nothing is left under the old path (the folder is %s) [C5]',
    async (_, listed) => {
      await one.save('d/new', 'mine')
      one.remote.moveAsOther('d', 'e')
      const gate = one.remote.hold('info')
      await one.clock.advance(600)
      expect(one.remote.textAt('d/new')).toBe('mine')
      await one.outdate()
      for (const path of listed) await one.names(path)
      gate.release()
      await both.settleAll()
      expect(await both.agreed()).toEqual({ a: 'v1', 'e/f': 'below', 'e/g': 'too', 'e/new': 'mine' })
      expect(one.remote.paths()).not.toContain('d/')
    },
  )

  it('and one that programs here have renamed meanwhile has what was made in it', async () => {
    await one.save('d/new', 'mine')
    await one.clock.advance(600)
    await one.rename('d', 'e')
    await both.settleAll()
    expect(await both.agreed()).toEqual({ a: 'v1', 'e/f': 'below', 'e/g': 'too', 'e/new': 'mine' })
  })
})

describe('several files of a folder that another client renames while they are on their way', () => {
  it.each([0, 300, 490, 510, 900, 1_100])(
    'are there, and nothing is left under the old path (%i ms apart)',
    async (apartMs) => {
      await one.mkdir('d/s')
      await one.save('d/s/x', 'x')
      await both.settleAll()
      const first = one.remote.hold('upload')
      await saveInPlace('d/f', 'mine')
      await one.clock.advance(600)
      const second = one.remote.hold('upload')
      await saveInPlace('d/s/x', 'mine too')
      await one.clock.advance(600)
      one.remote.moveAsOther('d', 'e')
      first.release()
      await one.clock.advance(apartMs)
      second.release()
      await both.settleAll()
      expect(await both.agreed()).toEqual({ a: 'v1', 'e/f': 'mine', 'e/g': 'too', 'e/s/x': 'mine too' })
      expect(one.remote.paths()).not.toContain('d/')
    },
  )
})

describe('a file that is found under another name while it is on its way', () => {
  it('is there, and nothing is left under the old one', async () => {
    await saveInPlace('a', 'mine')
    const gate = one.remote.hold('upload')
    await one.clock.advance(600)
    await gate.entered
    one.remote.moveAsOther('a', 'z')
    await one.outdate()
    await one.names()
    gate.release()
    await both.settleAll()
    expect(await both.agreed()).toEqual({ ...rest, z: 'mine' })
  })
})
