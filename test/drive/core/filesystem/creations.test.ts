import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'
import { whileHeld } from '../../../fakes/while-held.ts'

let drive: TestDrive

beforeEach(async () => {
  drive = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.putAsOther('d/f', 'below')
  })
  await drive.names()
  await drive.names('d')
  drive.remote.script.forgetCalls()
})

afterEach(() => drive.stop())

/** What was asked of the server, in order. */
function calls(): string[] {
  const asked = drive.remote.calls.filter(({ method }) => method !== 'capacity')
  return asked.map(({ method, subject }) => `${method} ${subject}`)
}

async function nothingIsLeft(): Promise<void> {
  expect(drive.drive.unsentNames).toBe(0)
  expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
}

describe('a new folder', () => {
  it('is there at once, also while the server is away, and is made by one call after the quiet time [W41][W43]', async () => {
    drive.remote.offline = true
    await drive.mkdir('n')
    expect((await drive.stat('n')).kind).toBe('folder')
    expect(await drive.names('n')).toEqual([])
    expect(calls()).toEqual([])
    drive.remote.offline = false
    await drive.clock.advance(500)
    expect(calls()).toEqual(['createFolder n'])
    expect(await drive.names('n')).toEqual([])
    expect(calls()).toEqual(['createFolder n'])
    await nothingIsLeft()
  })

  it('that is removed again within the quiet time never reaches the server [W44]', async () => {
    await drive.mkdir('n')
    await drive.mkdir('n/m')
    await drive.save('n/f', 'x')
    expect(await errnoOf(drive.rmdir('n'))).toBe('ENOTEMPTY')
    await drive.unlink('n/f')
    await drive.rmdir('n/m')
    await drive.rmdir('n')
    await drive.settleAll()
    expect(calls()).toEqual([])
    expect(await drive.names()).toEqual(['a', 'd'])
    await nothingIsLeft()
  })

  it('is made by the files in it: theirs, and one listing [W42]', async () => {
    await drive.mkdir('n')
    for (const name of ['x', 'y', 'z']) await drive.save(`n/${name}`, name)
    // The disk takes its own time: a minute of the test's clock must not pass meanwhile.
    await drive.clock.advance(500)
    await eventually(() => drive.drive.writeBack.pending().length === 0)
    await drive.settleAll()
    expect(calls().sort()).toEqual(['list n', 'upload n/x', 'upload n/y', 'upload n/z'])
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f', 'n/', 'n/x', 'n/y', 'n/z'])
    drive.remote.script.forgetCalls()
    expect(await drive.names('n')).toEqual(['x', 'y', 'z'])
    expect(calls()).toEqual([])
    await nothingIsLeft()
  })

  it('and many beside it, with files in them, cost one listing of the folder above', async () => {
    for (let i = 0; i < 20; i += 1) {
      await drive.mkdir(`d/n${i}`)
      await drive.save(`d/n${i}/f`, 'x')
    }
    await drive.clock.advance(500)
    await eventually(() => drive.drive.writeBack.pending().length === 0)
    await drive.settleAll()
    expect(calls().filter((call) => !call.startsWith('upload'))).toEqual(['list d'])
    expect(await drive.names('d/n7')).toEqual(['f'])
    await nothingIsLeft()
  })

  it('in new folders is made from the top', async () => {
    await drive.mkdir('n')
    await drive.mkdir('n/m')
    await drive.mkdir('n/m/l')
    await drive.settleAll()
    expect(calls()).toEqual(['createFolder n', 'createFolder n/m', 'createFolder n/m/l'])
    await nothingIsLeft()
  })

  it('is the one that somebody else has made meanwhile, with what is in it [W45]', async () => {
    await drive.mkdir('n')
    await drive.save('n/ours', '1')
    await drive.mkdir('n/both')
    drive.remote.putAsOther('n/theirs', '2')
    drive.remote.putAsOther('n/both/deep', '3')
    await drive.settleAll()
    expect(await drive.names('n')).toEqual(['both', 'ours', 'theirs'])
    expect(await drive.names('n/both')).toEqual(['deep'])
    expect(drive.remote.paths()).toEqual([
      ...['a', 'd/', 'd/f', 'n/', 'n/both/', 'n/both/deep', 'n/ours', 'n/theirs'],
    ])
    await nothingIsLeft()
  })

  it('gets another name where somebody else has put a file, and keeps what is in it [W46]', async () => {
    await drive.mkdir('n')
    await drive.save('n/f', 'ours')
    drive.remote.putAsOther('n', 'theirs')
    await drive.clock.advance(10_000)
    await drive.settleAll()
    expect(drive.remote.textAt('n')).toBe('theirs')
    const [copy] = (await drive.names()).filter((name) => name.includes('conflict'))
    expect(drive.remote.textAt(`${copy}/f`)).toBe('ours')
    expect(await drive.text('n')).toBe('theirs')
    await nothingIsLeft()
  })

  it('keeps its mode, its attributes and its number', async () => {
    await drive.mkdir('n', 0o700)
    await drive.setxattr('n', 'user.k', 'v')
    const { ino } = await drive.stat('n')
    await drive.settleAll()
    expect(calls()).toEqual(['createFolder n', 'patchMetadata n'])
    await drive.outdate()
    expect(await drive.stat('n')).toMatchObject({ ino, mode: 0o700 })
    expect(await drive.getxattr('n', 'user.k')).toBe('v')
    await nothingIsLeft()
  })

  it('shows the time that was chosen for it, before and after the server hears of it', async () => {
    const mtime = { seconds: 1_000, nanoseconds: 5 }
    await drive.mkdir('n')
    await drive.setattr('n', { mtime })
    expect((await drive.stat('n')).mtime).toEqual(mtime)
    await drive.settleAll()
    expect((await drive.stat('n')).mtime).toEqual(mtime)
    await drive.remount()
    expect((await drive.stat('n')).mtime).toEqual(mtime)
  })

  it('can be renamed and moved before the server hears of it', async () => {
    await drive.mkdir('n')
    await drive.save('n/f', 'x')
    await drive.rename('n', 'm')
    await drive.rename('m', 'd/k')
    await drive.settleAll()
    expect(calls().sort()).toEqual(['info d', 'list d/k', 'upload d/k/f'])
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f', 'd/k/', 'd/k/f'])
    await nothingIsLeft()
  })

  it('can be renamed while an upload makes it', async () => {
    await drive.mkdir('n')
    await drive.save('n/f', 'x')
    await drive.save('n/g', 'y')
    const gate = drive.remote.hold('upload', 'after')
    await drive.clock.advance(500)
    await whileHeld(drive, gate, () => drive.rename('n', 'm'))
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f', 'm/', 'm/f', 'm/g'])
    await nothingIsLeft()
  })

  it('under the name of what is deleted or renamed waits for that', async () => {
    await drive.unlink('a')
    await drive.mkdir('a')
    await drive.save('a/f', '1')
    await drive.unlink('d/f')
    await drive.rmdir('d')
    await drive.mkdir('d')
    await drive.save('d/f', '2')
    await drive.settleAll()
    await drive.outdate()
    expect(await drive.names('a')).toEqual(['f'])
    expect(await drive.text('d/f')).toBe('2')
    expect(drive.remote.paths()).toEqual(['a/', 'a/f', 'd/', 'd/f'])
    await nothingIsLeft()
  })

  it('takes in what is moved to it', async () => {
    await drive.mkdir('n')
    await drive.rename('a', 'n/b')
    await drive.rename('d', 'n/d')
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['n/', 'n/b', 'n/d/', 'n/d/f'])
    await nothingIsLeft()
  })

  it('that the server refuses stays here, says why, and goes out under another name [F17]', async () => {
    drive.remote.fail('createFolder', new RemoteError('bad-name', 'n: the server refuses this name'))
    await drive.mkdir('n')
    await drive.clock.advance(120_000)
    expect(await drive.names()).toEqual(['a', 'd', 'n'])
    expect(await drive.getxattr('n', 'user.cloudreve.sync')).toContain('failed: n: the server refuses')
    await drive.rename('n', 'm')
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f', 'm/'])
    await nothingIsLeft()
  })

  it.each([
    ['its answer is lost', () => drive.remote.loseAnswers('createFolder', 3)],
    ['the server fails', () => drive.remote.fail('createFolder', new RemoteError('server', 'no'), 3)],
  ])('is made once when %s', async (_what, fail) => {
    fail()
    await drive.mkdir('n')
    await drive.mkdir('n/m')
    await drive.clock.advance(30_000)
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f', 'n/', 'n/m/'])
    await nothingIsLeft()
  })

  it('is waited for with --sync=close [W16]', async () => {
    await drive.stop()
    drive = await TestDrive.open({ settings: { sync: 'close' } })
    await drive.mkdir('n')
    await drive.symlink('n', 'l')
    expect(drive.remote.paths()).toEqual(['l', 'n/'])
  })

  it('that the server never had is taken away with what is in it only here', async () => {
    await drive.mkdir('n')
    await drive.save('n/f', 'x')
    await drive.settleAll()
    await drive.unlink('n/f')
    await drive.rmdir('n')
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f'])
    await nothingIsLeft()
  })
})

describe('a new symbolic link', () => {
  it('is there at once, and is made by one call [W41]', async () => {
    drive.remote.offline = true
    await drive.symlink('a', 'l')
    expect(await drive.fs.readlink(await drive.ino('l'), drive.context())).toBe('a')
    drive.remote.offline = false
    await drive.settleAll()
    expect(calls()).toEqual(['createFile l'])
    await drive.outdate()
    expect(await drive.fs.readlink(await drive.ino('l'), drive.context())).toBe('a')
    await nothingIsLeft()
  })

  it('takes the place of a file, as ln -sf does', async () => {
    await drive.symlink('d', 'l.tmp')
    await drive.rename('l.tmp', 'a')
    await drive.settleAll()
    await drive.outdate()
    expect(await drive.fs.readlink(await drive.ino('a'), drive.context())).toBe('d')
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f'])
    await nothingIsLeft()
  })

  it('gives its place to a file, whether that is new or not', async () => {
    await drive.symlink('d', 'l')
    await drive.save('new', 'text')
    await drive.rename('new', 'l')
    await drive.symlink('d', 'k')
    await drive.rename('a', 'k')
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['d/', 'd/f', 'k', 'l'])
    expect(await drive.text('l')).toBe('text')
    expect(await drive.text('k')).toBe('v1')
    await nothingIsLeft()
  })

  it('that is removed again never reaches the server [W44]', async () => {
    await drive.symlink('a', 'l')
    await drive.unlink('l')
    await drive.settleAll()
    expect(calls()).toEqual([])
    await nothingIsLeft()
  })

  it('gets another name where somebody else has made another one', async () => {
    await drive.symlink('a', 'l')
    drive.remote.putAsOther('l', 'theirs')
    await drive.settleAll()
    expect(await drive.text('l')).toBe('theirs')
    expect((await drive.names()).filter((name) => name.startsWith('l (conflict'))).toHaveLength(1)
    await nothingIsLeft()
  })
})

describe('a process that is killed', () => {
  it.each([0, 500, 600, 1_500])('after %i ms: the next one makes what is missing', async (ms) => {
    await drive.mkdir('n', 0o700)
    await drive.mkdir('n/m')
    await drive.save('n/m/f', 'x')
    await drive.symlink('f', 'n/m/l')
    await drive.rename('n/m/f', 'n/m/g')
    await drive.clock.advance(ms)
    await drive.crash()
    expect(await drive.names('n/m')).toEqual(['g', 'l'])
    expect((await drive.stat('n')).mode).toBe(0o700)
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f', 'n/', 'n/m/', 'n/m/g', 'n/m/l'])
    await drive.remount()
    expect(await drive.text('n/m/g')).toBe('x')
    expect((await drive.stat('n')).mode).toBe(0o700)
    expect(await drive.fs.readlink(await drive.ino('n/m/l'), drive.context())).toBe('f')
    await nothingIsLeft()
  })

  it('before it heard the answers makes nothing twice', async () => {
    const gate = drive.remote.hold('createFolder', 'after')
    await drive.mkdir('n')
    await drive.symlink('a', 'l')
    await drive.clock.advance(500)
    await gate.entered
    await drive.crash()
    gate.release()
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a', 'd/', 'd/f', 'l', 'n/'])
    await nothingIsLeft()
  })

  it('over a folder whose name was taken from something else', async () => {
    await drive.rename('a', 'b')
    await drive.mkdir('a')
    await drive.save('a/f', 'x')
    await drive.crash()
    expect(await drive.names()).toEqual(['a', 'b', 'd'])
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a/', 'a/f', 'b', 'd/', 'd/f'])
    expect(drive.remote.textAt('b')).toBe('v1')
    await nothingIsLeft()
  })
})
