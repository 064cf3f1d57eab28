import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a/x', 'ax')
    remote.putAsOther('a/in/deep', 'deep')
    remote.putAsOther('b/y', 'by')
    remote.putAsOther('f', 'f')
    remote.putAsOther('g', 'g')
  })
  for (const folder of ['', 'a', 'a/in', 'b']) await drive.names(folder)
  drive.remote.script.forgetCalls()
})

afterEach(() => drive.stop())

/** What was changed at the server, in order. */
function calls(): string[] {
  const asked = drive.remote.calls.filter(
    ({ method }) => !['capacity', 'list', 'info', 'infoById', 'readRange'].includes(method),
  )
  return asked.map(({ method, subject }) => `${method} ${subject}`)
}

const others = ['a/', 'a/in/', 'a/in/deep', 'a/x', 'b/', 'b/y', 'f', 'g']

/** Everything at the server, and as programs see it, but for the folders' own lines. */
async function arrives(files: Readonly<Record<string, string>>): Promise<void> {
  expect(await shown()).toEqual(files)
  await drive.settleAll()
  const paths = drive.remote.paths().filter((path) => !path.endsWith('/'))
  expect(Object.fromEntries(paths.map((path) => [path, drive.remote.textAt(path)]))).toEqual(files)
  await drive.outdate()
  expect(await shown()).toEqual(files)
  expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
}

async function shown(folder = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of await drive.names(folder)) {
    const path = folder ? `${folder}/${name}` : name
    if ((await drive.stat(path)).kind === 'folder') Object.assign(found, await shown(path))
    else found[path] = await drive.text(path)
  }
  return found
}

describe('a rename or a move', () => {
  it('of a folder is seen at once and sent later [W47]', async () => {
    await drive.rename('a', 'c')
    expect(calls()).toEqual([])
    await arrives({ 'b/y': 'by', 'c/in/deep': 'deep', 'c/x': 'ax', f: 'f', g: 'g' })
    expect(calls().slice(0, 1)).toEqual(['rename a'])
  })

  it('to another folder is one request, with another name two', async () => {
    await drive.rename('a/x', 'b/x')
    await drive.rename('f', 'b/z')
    await drive.settleAll()
    expect(calls()).toEqual(['move a/x', 'rename f', 'move z'])
    await arrives({ 'a/in/deep': 'deep', 'b/x': 'ax', 'b/y': 'by', 'b/z': 'f', g: 'g' })
  })

  it('and back again costs nothing', async () => {
    await drive.rename('a', 'b/a')
    await drive.rename('b/a', 'a')
    await drive.settleAll()
    expect(calls()).toEqual([])
    expect(drive.remote.paths()).toEqual(others)
  })

  it('that is changed before it was sent is sent as it is in the end [W49]', async () => {
    await drive.rename('a', 'c')
    await drive.rename('c', 'b/d')
    await drive.rename('b/d', 'b/a')
    await drive.settleAll()
    expect(calls()).toEqual(['move a'])
  })

  it('of many files to one folder is one request [W50]', async () => {
    for (let i = 0; i < 100; i += 1) drive.remote.putAsOther(`a/n${i}`, `${i}`)
    await drive.outdate()
    await drive.names('a')
    for (let i = 0; i < 100; i += 1) await drive.rename(`a/n${i}`, `b/n${i}`)
    drive.remote.script.forgetCalls()
    await drive.settleAll()
    expect(calls()).toHaveLength(1)
    expect(drive.remote.paths()).toContain('b/n99')
  })

  it('of many that fails together is tried for each', async () => {
    for (const name of ['f', 'g']) await drive.rename(name, `b/${name}`)
    drive.remote.fail('move', new RemoteError('locked', 'f: locked'), 2)
    await drive.clock.advance(1_000)
    await eventually(() => drive.remote.paths().includes('b/g'))
    await arrives({ 'a/in/deep': 'deep', 'a/x': 'ax', 'b/f': 'f', 'b/g': 'g', 'b/y': 'by' })
  })

  it('into a new folder makes that first', async () => {
    await drive.mkdir('n')
    await drive.rename('a', 'n/a')
    await drive.rename('f', 'n/f')
    await arrives({ 'b/y': 'by', 'n/a/in/deep': 'deep', 'n/a/x': 'ax', 'n/f': 'f', g: 'g' })
  })
})

describe('what waits to be renamed', () => {
  it('and is replaced by a new file goes, be it a file or a link', async () => {
    await drive.symlink('f', 'l')
    await drive.settleAll()
    await drive.rename('l', 'b/l')
    await drive.save('new', 'new')
    await drive.rename('new', 'b/l')
    await drive.rename('f', 'b/f')
    await drive.save('newer', 'newer')
    await drive.rename('newer', 'b/f')
    await arrives({ 'a/in/deep': 'deep', 'a/x': 'ax', 'b/f': 'newer', 'b/l': 'new', 'b/y': 'by', g: 'g' })
  })

  it('and is deleted goes from a folder that is moved itself, and that nobody remembers', async () => {
    await drive.rename('a/in/deep', 'deep')
    drive.forgetAll()
    await drive.unlink('deep')
    drive.forgetAll()
    await drive.rename('a', 'c')
    drive.forgetAll()
    await arrives({ 'b/y': 'by', 'c/x': 'ax', f: 'f', g: 'g' })
    expect(await drive.names('c/in')).toEqual([])
  })

  it('and is deleted goes from where the server has it, be it a file or a folder', async () => {
    await drive.rename('a/in', 'b/in')
    await drive.unlink('b/in/deep')
    await drive.rmdir('b/in')
    await drive.rename('a/x', 'x')
    await drive.unlink('x')
    await drive.rmdir('a')
    await arrives({ 'b/y': 'by', f: 'f', g: 'g' })
  })
})

describe('names that wait for each other', () => {
  it('are swapped', async () => {
    await drive.rename('f', 't')
    await drive.rename('g', 'f')
    await drive.rename('t', 'g')
    await arrives({ 'a/in/deep': 'deep', 'a/x': 'ax', 'b/y': 'by', f: 'g', g: 'f' })
  })

  it('are those of folders, too', async () => {
    await drive.rename('a', 't')
    await drive.rename('b', 'a')
    await drive.rename('t', 'b')
    await arrives({ 'a/y': 'by', 'b/in/deep': 'deep', 'b/x': 'ax', f: 'f', g: 'g' })
  })

  it('are those of a folder and of one in it, turned inside out', async () => {
    await drive.rename('a/in', 'in')
    await drive.rename('a', 'in/a')
    await arrives({ 'b/y': 'by', 'in/a/x': 'ax', 'in/deep': 'deep', f: 'f', g: 'g' })
  })

  it('are turned inside out with their names', async () => {
    await drive.rename('a/in', 't')
    await drive.rename('a', 't/in')
    await drive.rename('t', 'a')
    await arrives({ 'a/deep': 'deep', 'a/in/x': 'ax', 'b/y': 'by', f: 'f', g: 'g' })
  })

  it('are that of a new folder and of what is moved into it', async () => {
    await drive.mkdir('t')
    await drive.rename('a', 't/a')
    await drive.rename('t', 'a')
    await arrives({ 'a/a/in/deep': 'deep', 'a/a/x': 'ax', 'b/y': 'by', f: 'f', g: 'g' })
  })

  it('are that of a deleted folder and of the new one that took over what was in it', async () => {
    await drive.mkdir('t')
    await drive.rename('b/y', 't/y')
    await drive.rmdir('b')
    await drive.rename('t', 'b')
    await arrives({ 'a/in/deep': 'deep', 'a/x': 'ax', 'b/y': 'by', f: 'f', g: 'g' })
  })

  it('are those of what is deleted and of what is moved out before', async () => {
    await drive.rename('a/in/deep', 'deep')
    await drive.rmdir('a/in')
    await drive.unlink('a/x')
    await drive.rmdir('a')
    await drive.rename('deep', 'a')
    await arrives({ a: 'deep', 'b/y': 'by', f: 'f', g: 'g' })
  })
})

describe('without the server', () => {
  it('everything can be done with known names, and arrives [W47]', async () => {
    drive.remote.offline = true
    await drive.mkdir('n')
    await drive.rename('a', 'n/a')
    await drive.rename('n/a/x', 'n/x')
    await drive.save('n/x', 'new')
    await drive.rename('n', 'm')
    await drive.unlink('f')
    await drive.rename('b/y', 'f')
    await drive.rmdir('b')
    await drive.clock.advance(20_000)
    await drive.crash(() => {
      drive.remote.offline = false
    })
    await drive.clock.advance(20_000)
    await arrives({ f: 'by', g: 'g', 'm/a/in/deep': 'deep', 'm/x': 'new' })
  })

  it('what is saved after a rename goes out when it is back', async () => {
    drive.remote.offline = true
    await drive.rename('f', 'b/z')
    await drive.save('b/z', 'newer')
    await drive.clock.advance(5_000)
    drive.remote.offline = false
    await arrives({ 'a/in/deep': 'deep', 'a/x': 'ax', 'b/y': 'by', 'b/z': 'newer', g: 'g' })
  })
})

describe('a rename that is held up', () => {
  it('by a lock keeps no save from going out, and says why [W53]', async () => {
    drive.remote.fail('rename', new RemoteError('locked', 'a: locked by an upload'), 2)
    await drive.rename('a', 'c')
    await drive.save('c/x', 'newer')
    await drive.clock.advance(3_000)
    await eventually(() => drive.remote.textAt('a/x') === 'newer')
    expect(await drive.names('c')).toEqual(['in', 'x'])
    expect(await drive.getxattr('c', 'user.cloudreve.sync')).toContain('locked by an upload')
    await drive.clock.advance(60_000)
    await arrives({ 'b/y': 'by', 'c/in/deep': 'deep', 'c/x': 'newer', f: 'f', g: 'g' })
  })

  it('for good shows the old name again, also when half of it was done [W52]', async () => {
    drive.remote.fail('move', new RemoteError('denied', 'no'))
    await drive.rename('f', 'b/z')
    await drive.clock.advance(1_000)
    await drive.settleAll()
    await arrives({ 'a/in/deep': 'deep', 'a/x': 'ax', 'b/y': 'by', f: 'f', g: 'g' })
  })

  it('fails with --sync=close', async () => {
    await drive.stop()
    drive = await TestDrive.open({ settings: { sync: 'close' } }, (remote) => remote.putAsOther('a/x', '1'))
    drive.remote.fail('rename', new RemoteError('denied', 'no'))
    expect(await drive.during(errnoOf(drive.rename('a', 'b')))).toBe('EACCES')
    expect(await drive.names()).toEqual(['a'])
  })
})

describe('a process that is killed', () => {
  it('between the two requests of a move goes on with the second [W54]', async () => {
    drive.remote.fail('move', new RemoteError('locked', 'somebody works on it'), 10)
    await drive.rename('f', 'b/z')
    await drive.rename('a', 'b/c')
    await drive.clock.advance(1_000)
    await eventually(() => drive.remote.paths().includes('z') && drive.remote.paths().includes('c/'))
    await drive.crash(() => drive.remote.script.recover('move'))
    await arrives({ 'b/c/in/deep': 'deep', 'b/c/x': 'ax', 'b/y': 'by', 'b/z': 'f', g: 'g' })
  })
})
