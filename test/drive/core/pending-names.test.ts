import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DriveProgress, LeftChange } from '../../../src/core/index.ts'
import { RemoteError } from '../../../src/remote/errors.ts'
import { eventually } from '../../fakes/eventually.ts'
import { errnoOf, TestDrive } from '../../fakes/test-drive.ts'

let drive: TestDrive
let told: LeftChange[]

beforeEach(async () => {
  told = []
  drive = await TestDrive.open({ onGivenUp: (change) => void told.push(change) }, (remote) => {
    for (const path of ['a', 'b', 'd/f', 'd/g', 'e/x']) remote.putAsOther(path, path)
  })
  for (const path of ['', 'd', 'e']) await drive.names(path)
})

afterEach(() => drive.stop())

const locked = new RemoteError('locked', 'a is locked', { holder: 'upload' })
const refusal = new RemoteError('denied', 'no')
const pending = () => drive.drive.top.pending()
const discard = (path: string) =>
  drive.during(drive.drive.top.discard(path.split('/'), drive.context()), 1_000)
const retry = (path: string) => drive.during(drive.drive.top.retry(path.split('/'), drive.context()))

async function nothingIsLeft(): Promise<void> {
  await drive.settleAll()
  expect(pending()).toEqual([])
  expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
}

describe('what is pending', () => {
  it('are renames, deletions, new folders and links, each with what it is [W58]', async () => {
    await drive.rename('a', 'c')
    await drive.unlink('b')
    await drive.mkdir('n')
    await drive.symlink('d', 'l')
    expect(pending()).toMatchObject([
      { label: '/n', kind: 'new folder', state: { state: 'waiting' }, count: 1 },
      { label: '/l', kind: 'new link', state: { state: 'waiting' } },
      { label: '/c', kind: 'rename', from: '/a', state: { state: 'waiting' } },
      { label: '/b', kind: 'deletion', state: { state: 'waiting' } },
    ])
    await nothingIsLeft()
  })

  it('counts what was deleted with its folder there, and many deletions in one folder together [W58]', async () => {
    await drive.unlink('d/f')
    await drive.unlink('d/g')
    await drive.rmdir('d')
    expect(pending()).toMatchObject([{ label: '/d', kind: 'deletion', count: 3 }])
    for (let i = 0; i < 20; i += 1) drive.remote.putAsOther(`e/y${i}`, 'y')
    await drive.outdate()
    for (let i = 0; i < 20; i += 1) await drive.unlink(`e/y${i}`)
    expect(pending()).toMatchObject([{ label: '/e/', kind: 'deletion', count: 20 }])
    await nothingIsLeft()
  })

  it('says who holds a lock, of a rename and of a deletion [W58]', async () => {
    drive.remote.fail('rename', locked, 2)
    drive.remote.fail('remove', locked, 1_000)
    await drive.rename('a', 'c')
    await drive.unlink('b')
    await drive.clock.advance(10_000)
    const state = { state: 'retrying', detail: 'upload holds a lock on it at the server (a is locked)' }
    await eventually(() => pending().length === 1 || pending()[0]?.state.state === 'retrying')
    expect(pending()).toMatchObject([
      { label: '/c', state },
      { label: '/b', state },
    ])
    drive.remote.script.recover('remove')
    await nothingIsLeft()
  })

  it('says that the server is away [W58]', async () => {
    drive.remote.offline = true
    await drive.rename('a', 'c')
    await drive.mkdir('n')
    await drive.clock.advance(5_000)
    expect(pending()).toMatchObject([
      {
        label: '/n',
        state: { state: 'retrying', detail: expect.stringContaining('cannot be reached') as unknown },
      },
      {
        label: '/c',
        state: { state: 'retrying', detail: expect.stringContaining('cannot be reached') as unknown },
      },
    ])
    drive.remote.offline = false
    await nothingIsLeft()
  })

  it('is what a mount of a folder shows, by its path there', async () => {
    const view = await drive.drive.openView(['d'], viewOptions, silentKernel)
    await drive.rename('d/f', 'd/h')
    await drive.rename('a', 'c')
    expect(view.folder.pending()).toMatchObject([{ label: '/h', from: '/f' }])
    view.close()
    await nothingIsLeft()
  })
})

const viewOptions = { uid: 0, gid: 0, entryTtlMs: 1_000, attrTtlMs: 1_000, readOnly: false }
const silentKernel = {
  invalidateInode: () => undefined,
  invalidateAttributes: () => undefined,
  expireEntry: () => undefined,
  deleteEntry: () => undefined,
}

describe('who waits for everything to arrive', () => {
  it('hears what a lock has held up, and that it has [W57]', async () => {
    drive.remote.fail('rename', locked, 1_000)
    await drive.rename('a', 'c')
    await drive.unlink('b')
    expect(await drive.drain()).toMatchObject([
      {
        label: '/c',
        kind: 'rename',
        state: { state: 'retrying', detail: expect.stringContaining('holds a lock') as unknown },
      },
    ])
    expect(drive.remote.paths()).not.toContain('b')
    drive.remote.script.recover('rename')
    expect(await drive.drain()).toEqual([])
    await nothingIsLeft()
  })

  it('hears of a server that stays away, and of a folder that it refuses [W57]', async () => {
    drive.remote.fail('createFolder', refusal)
    await drive.mkdir('n')
    expect(await drive.drain()).toMatchObject([
      { label: '/n', kind: 'new folder', state: { state: 'failed', detail: 'no' } },
    ])
    drive.remote.offline = true
    await drive.unlink('b')
    const left = await drive.during(drive.drive.drain(), 1_000)
    expect(left).toMatchObject([
      { label: '/n' },
      { label: '/b', kind: 'deletion', state: { state: 'retrying' } },
    ])
    drive.remote.offline = false
    await drive.drive.top.retryAll(drive.context())
    await nothingIsLeft()
  })

  it('is told on the way why it does not go on', async () => {
    drive.remote.fail('rename', locked, 1_000)
    await drive.rename('a', 'c')
    const troubles: (string | undefined)[] = []
    const onProgress = ({ others, trouble }: DriveProgress) => others > 0 && troubles.push(trouble)
    await drive.during(drive.drive.drain({ onProgress }), 1_000)
    expect(troubles).toContain('upload holds a lock on it at the server (a is locked)')
    drive.remote.script.recover('rename')
    expect(await drive.drain()).toEqual([])
    await nothingIsLeft()
  })
})

describe('what the server refuses is told', () => {
  it.each([
    ['createFolder', 'new folder', '/n', () => drive.mkdir('n')],
    ['createFile', 'new link', '/n', () => drive.symlink('d', 'n')],
    ['rename', 'rename', '/a', () => drive.rename('a', 'c')],
    ['remove', 'deletion', '/a', () => drive.unlink('a')],
  ] as const)('and tried again by who asks for it (%s) [F21][W59]', async (method, kind, label, work) => {
    drive.remote.fail(method, refusal)
    await work()
    await drive.clock.advance(5_000)
    await eventually(() => told.length > 0)
    expect(told).toMatchObject([{ label, kind, reason: 'no' }])
    expect(
      drive.log.lines.some(({ level, message }) => level === 'error' && message.includes('server')),
    ).toBe(true)
    expect([...pending(), ...drive.drive.top.refused()]).toMatchObject([
      { label, kind, state: { state: 'failed' } },
    ])
    // Tried again as it was meant, and done.
    expect(await retry(label.slice(1))).toBe(true)
    await drive.settleAll()
    expect(drive.drive.top.refused()).toEqual([])
    const expected = { 'new folder': 'n/', 'new link': 'n', rename: 'c', deletion: 'b' }[kind]
    expect(drive.remote.paths()).toContain(expected)
    if (kind === 'rename' || kind === 'deletion') expect(drive.remote.paths()).not.toContain('a')
    expect(told).toHaveLength(1)
    await nothingIsLeft()
  })
})

describe('trying again', () => {
  it('everything that was refused, also a folder with what was in it [W59]', async () => {
    drive.remote.fail('remove', refusal)
    await drive.unlink('d/f')
    await drive.unlink('d/g')
    await drive.rmdir('d')
    await drive.clock.advance(5_000)
    await eventually(() => told.length > 0)
    expect(await drive.names('d')).toEqual(['f', 'g'])
    expect(drive.drive.top.refused()).toMatchObject([{ label: '/d', kind: 'deletion', count: 3 }])
    expect(await drive.during(drive.drive.top.retryAll(drive.context()))).toHaveLength(1)
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a', 'b', 'e/', 'e/x'])
    await nothingIsLeft()
  })

  it('a rename that waits for a lock, at once [W59]', async () => {
    drive.remote.fail('rename', locked, 2)
    await drive.rename('a', 'c')
    await drive.clock.advance(10_000)
    await eventually(() => pending()[0]?.state.state === 'retrying')
    drive.remote.script.recover('rename')
    expect(await retry('c')).toBe(true)
    await drive.clock.advance(10)
    await eventually(() => drive.remote.paths().includes('c'))
    expect(await retry('c')).toBe(false)
    await nothingIsLeft()
  })

  it('a refused rename to a name that something else has by now is refused at once', async () => {
    drive.remote.fail('rename', refusal)
    await drive.rename('a', 'c')
    await drive.clock.advance(2_000)
    await eventually(() => told.length > 0)
    await drive.save('c', 'mine')
    expect(await errnoOf(retry('a'))).toBe('EEXIST')
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a', 'b', 'c', 'd/', 'd/f', 'd/g', 'e/', 'e/x'])
  })

  it('is over when a program has changed the name, or somebody has taken note of it', async () => {
    for (const [from, to] of [
      ['a', 'c'],
      ['b', 'z'],
    ] as const) {
      drive.remote.fail('rename', refusal)
      await drive.rename(from, to)
      await drive.clock.advance(2_000)
      await eventually(() => drive.drive.top.refused().length > 0)
      if (from === 'a') await drive.rename('a', 'k')
      else expect(await discard('b')).toBe('refusal')
      expect(drive.drive.top.refused()).toEqual([])
      await drive.settleAll()
    }
    await nothingIsLeft()
  })
})

describe('throwing away', () => {
  it('a rename that waits: programs see the old name, and so does the server [W60]', async () => {
    drive.remote.fail('rename', locked, 1_000)
    await drive.rename('a', 'c')
    await drive.clock.advance(2_000)
    expect(await discard('c')).toBe('rename')
    expect(await drive.names()).toEqual(['a', 'b', 'd', 'e'])
    expect(drive.notices).toContain('entry 1 c')
    drive.remote.script.recover('rename')
    await drive.settleAll()
    expect(drive.remote.paths()).toContain('a')
    await nothingIsLeft()
  })

  it('a move of which half is done, to where it was', async () => {
    drive.remote.fail('move', locked, 1_000)
    await drive.rename('a', 'e/c')
    await drive.clock.advance(2_000)
    await eventually(() => drive.remote.paths().includes('c'))
    expect(await discard('e/c')).toBe('rename')
    await drive.settleAll()
    expect(drive.remote.paths()).toEqual(['a', 'b', 'd/', 'd/f', 'd/g', 'e/', 'e/x'])
    await nothingIsLeft()
  })

  it('not a rename whose old name something else has, nor one that has replaced something [W60]', async () => {
    drive.remote.mkdirAsOther('z')
    await drive.outdate()
    for (const path of ['', 'z']) await drive.names(path)
    drive.remote.offline = true
    await drive.rename('a', 'c')
    await drive.save('a', 'new')
    expect(await discard('c')).toBe('name taken')
    await drive.rename('d', 'z')
    expect(await discard('z')).toBe('has replaced')
    drive.remote.offline = false
    await drive.settleAll()
    const paths = drive.remote.paths().filter((path) => !path.startsWith('.copying-'))
    expect(paths).toEqual(['a', 'b', 'c', 'e/', 'e/x', 'z/', 'z/f', 'z/g'])
    await nothingIsLeft()
  })

  it('a deletion that waits: it is there again, with what was in it [W60]', async () => {
    drive.remote.offline = true
    await drive.unlink('d/f')
    await drive.unlink('d/g')
    await drive.rmdir('d')
    expect(await discard('d/f')).toBe('folder deleted')
    expect(await discard('d')).toBe('deletion')
    drive.remote.offline = false
    await drive.settleAll()
    expect(await drive.names('d')).toEqual(['f', 'g'])
    expect(await drive.text('d/g')).toBe('d/g')
    expect(drive.remote.paths()).toContain('d/f')
    expect(drive.notices).toContain('entry 1 d')
    await nothingIsLeft()
  })

  it('a new folder that is refused, unless something in it is only here [W60]', async () => {
    drive.remote.fail('createFolder', refusal, 1_000)
    drive.remote.fail('upload', refusal, 1_000)
    await drive.mkdir('n')
    expect(await discard('n')).toBe('still tried')
    await drive.save('n/f', 'text')
    await drive.clock.advance(120_000)
    await eventually(() => told.some(({ kind }) => kind === 'new folder'))
    expect(await discard('n')).toBe('not empty')
    expect(await drive.text('n/f')).toBe('text')
    await drive.unlink('n/f')
    expect(await discard('n')).toBe('new name')
    expect(await drive.exists('n')).toBe(false)
    await nothingIsLeft()
  })

  it('nothing of what the server has', async () => {
    expect(await discard('a')).toBe('nothing to discard')
    expect(await errnoOf(discard('zzz'))).toBe('ENOENT')
  })

  it('survives the end of the process', async () => {
    drive.remote.offline = true
    await drive.rename('a', 'c')
    await drive.unlink('b')
    expect([await discard('c'), await discard('b')]).toEqual(['rename', 'deletion'])
    await drive.crash(() => {
      drive.remote.offline = false
    })
    expect(pending()).toEqual([])
    expect(await drive.names()).toEqual(['a', 'b', 'd', 'e'])
  })
})
