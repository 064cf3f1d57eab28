import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'
import { calls, logged, removeTree, sent } from './deleting.ts'

let drive: TestDrive

/** `a`, `b`, `d/f0`, `d/f1`, `d/sub/g0` and the empty folder `e`. */
async function openDrive(): Promise<TestDrive> {
  const opened = await TestDrive.open({ settings: { deletePermanently: true } }, (remote) => {
    for (const path of ['a', 'b', 'd/f0', 'd/f1', 'd/sub/g0']) remote.putAsOther(path, path)
    remote.mkdirAsOther('e')
  })
  for (const folder of ['', 'd', 'd/sub', 'e']) await opened.names(folder)
  opened.remote.script.forgetCalls()
  return opened
}

beforeEach(async () => {
  drive = await openDrive()
})

afterEach(() => drive.stop())

/** What is deleted is sent; `other` does something after everything was looked at, and before the first of it is deleted. */
async function sentAfter(other: () => unknown): Promise<void> {
  const gate = drive.remote.hold('remove')
  await drive.clock.advance(500)
  await gate.entered
  await other()
  gate.release()
  await eventually(() => drive.drive.unsentNames === 0)
}

/** Where what lies in the trash was deleted. */
function trash(): string[] {
  const { deletions, trash } = drive.remote.tree
  return trash.map((node) => deletions.get(node)!.from.join('/')).sort()
}

const putBack = 'changed by somebody else while it was deleted here, so it was put back'
const stays = 'deleted for good, but it stays in the trash of the drive: look at it there, and purge it'
const unpurged = 'deleted files could not be purged and stay in the trash of the drive: purge them there'

describe('what is deleted for good', () => {
  it('is found in the trash and purged from there: two calls for a batch [D2]', async () => {
    await drive.unlink('a')
    await drive.unlink('b')
    await sent(drive)
    expect(calls(drive)).toEqual(['info a', 'info b', 'remove a', 'listTrash ', 'purge a b'])
    expect(trash()).toEqual([])
    expect(drive.log.lines).toEqual([])
  })

  it('of a tree are the files first, then the folder, which is counted in the trash [D2][D16]', async () => {
    await removeTree(drive, 'd')
    await sent(drive)
    expect(calls(drive)).toEqual([
      'listSubtree d',
      'remove d/f0',
      'remove d',
      'listTrash d',
      'countTrashed d',
      'purge d d/f0 d/f1 d/sub/g0',
    ])
    expect(drive.remote.paths()).toEqual(['a', 'b', 'e/'])
    expect(trash()).toEqual([])
  })

  it('leaves alone what else lies in the trash, under the same name too', async () => {
    drive.remote.removeAsOther('a')
    drive.remote.putAsOther('a', 'another a')
    await drive.clock.advance(60_000)
    await drive.outdate()
    await drive.names()
    await drive.unlink('a')
    await sent(drive)
    expect(trash()).toEqual(['a'])
    expect(drive.remote.paths()).not.toContain('a')
    const [node] = drive.remote.tree.trash
    expect(Buffer.from(drive.remote.tree.currentBytes(node!)).toString()).toBe('a')
  })
})

describe('what somebody else saves after the last look', () => {
  it('into a file is put back, and the log says so [D12][D13]', async () => {
    await drive.unlink('a')
    await drive.unlink('b')
    await sentAfter(() => drive.remote.putAsOther('a', 'theirs'))
    expect(drive.remote.textAt('a')).toBe('theirs')
    expect(await drive.text('a')).toBe('theirs')
    expect(await drive.exists('b')).toBe(false)
    expect(trash()).toEqual([])
    expect(logged(drive)).toEqual([[putBack, 'a']])
  })

  it('into a file of a tree is put back in its folders [D12][D13]', async () => {
    await removeTree(drive, 'd')
    await sentAfter(() => drive.remote.putAsOther('d/sub/g0', 'theirs'))
    expect(drive.remote.paths()).toEqual(['a', 'b', 'd/', 'd/sub/', 'd/sub/g0', 'e/'])
    expect(await drive.text('d/sub/g0')).toBe('theirs')
    expect(await drive.names('d')).toEqual(['sub'])
    expect(trash()).toEqual([])
  })

  it('as a new file of a tree is put back, and the rest is purged [D12][D13]', async () => {
    await removeTree(drive, 'd')
    await sentAfter(() => drive.remote.putAsOther('d/new', 'theirs'))
    expect(drive.remote.paths()).toEqual(['a', 'b', 'd/', 'd/new', 'd/sub/', 'e/'])
    expect(await drive.text('d/new')).toBe('theirs')
    expect(trash()).toEqual([])
  })

  it('into an empty folder is put back with it [D12][D13]', async () => {
    await drive.rmdir('e')
    await sentAfter(() => drive.remote.putAsOther('e/new', 'theirs'))
    expect(await drive.text('e/new')).toBe('theirs')
    expect(trash()).toEqual([])
  })

  it('in place of a file that they deleted is put back; theirs in the trash stays there [D12]', async () => {
    await drive.unlink('a')
    await sentAfter(async () => {
      drive.remote.removeAsOther('a')
      await drive.clock.advance(2_000)
      drive.remote.putAsOther('a', 'theirs')
    })
    expect(drive.remote.textAt('a')).toBe('theirs')
    expect(trash()).toEqual(['a'])
    await drive.outdate()
    expect(await drive.text('a')).toBe('theirs')
  })

  it('stays in the trash where its name is taken by then, and the log says where it is [D13]', async () => {
    await drive.unlink('a')
    const gate = drive.remote.hold('listTrash')
    await sentAfter(() => {
      drive.remote.putAsOther('a', 'theirs')
      void gate.entered.then(() => {
        drive.remote.putAsOther('a', 'another one')
        gate.release()
      })
    })
    expect(trash()).toEqual(['a'])
    expect(drive.remote.textAt('a')).toBe('another one')
    expect(logged(drive)).toEqual([
      [
        'changed by somebody else while it was deleted here, and cannot be put back: restore it from the trash',
        'a',
      ],
    ])
  })

  it('where the server has counted the folder before, as that count shows nothing of it [D12]', async () => {
    drive.remote.countAsOther('e')
    await drive.clock.advance(10_000)
    await drive.rmdir('e')
    await sentAfter(() => drive.remote.putAsOther('e/new', 'theirs'))
    expect(trash()).toEqual(['e'])
    expect(logged(drive)).toEqual([[stays, 'e']])
  })

  it('is never lost, whatever it is and whatever fails [D12]', { timeout: 60_000 }, async () => {
    const files = ['a', 'b', 'd/f0', 'd/f1', 'd/sub/g0', 'd/new', 'd/sub/new', 'e/new']
    const failing = fc.constantFrom('remove', 'listTrash', 'countTrashed', 'putBack', 'purge')
    const kinds = fc.constantFrom('denied', 'offline', 'locked', 'unknown-outcome')
    await fc.assert(
      fc.asyncProperty(
        fc.subarray(files),
        fc.array(fc.tuple(failing, kinds), { maxLength: 3 }),
        async (saved, failures) => {
          await drive.stop()
          drive = await openDrive()
          for (const path of ['a', 'b']) await drive.unlink(path)
          await removeTree(drive, 'd')
          await drive.rmdir('e')
          const gate = drive.remote.hold('remove')
          await drive.clock.advance(500)
          await gate.entered
          for (const path of saved) drive.remote.putAsOther(path, `theirs in ${path}`)
          for (const [method, kind] of failures) drive.remote.fail(method, new RemoteError(kind, 'no'))
          gate.release()
          await drive.settleAll()
          const { tree } = drive.remote
          const kept = [tree.root, ...tree.trash].flatMap((top) => [...tree.walk(top)])
          const texts = kept.flatMap(({ versions }) =>
            versions.map(({ bytes }) => Buffer.from(bytes).toString()),
          )
          for (const path of saved) expect(texts, path).toContain(`theirs in ${path}`)
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('what cannot be purged', () => {
  it.each([
    ['the trash is not open to the account', 'listTrash', 'denied'],
    ['the server does not answer that it was purged', 'purge', 'unknown-outcome'],
    ['the server refuses it', 'purge', 'denied'],
  ] as const)('where %s stays in the trash, and nobody waits for it [D14]', async (_, method, kind) => {
    drive.remote.fail(method, new RemoteError(kind, 'no'), 1_000)
    await drive.unlink('a')
    await sent(drive)
    expect(await drive.names()).toEqual(['b', 'd', 'e'])
    expect(trash()).toEqual(['a'])
    expect(logged(drive)).toEqual([[unpurged, 'a']])
  })

  it('where the server does not count folders are these; their files are gone [D14]', async () => {
    drive.remote.fail('countTrashed', new RemoteError('unsupported', 'no'), 1_000)
    await removeTree(drive, 'd')
    await sent(drive)
    expect(trash()).toEqual(['d'])
    expect(logged(drive)).toEqual([[stays, 'd']])
  })

  it('where the process dies in between stays in the trash [D14]', async () => {
    const gate = drive.remote.hold('purge')
    await drive.unlink('a')
    await drive.clock.advance(500)
    await gate.entered
    drive.remote.fail('purge', new RemoteError('offline', 'dead'))
    await drive.crash(() => gate.release())
    await drive.settleAll()
    expect(await drive.names()).toEqual(['b', 'd', 'e'])
    expect(trash()).toEqual(['a'])
    expect(drive.remote.count('purge')).toBe(0)
  })

  it('is a folder with more than 30,000 on a level, and the log says what to do [D15]', async () => {
    await drive.rmdir('e')
    await drive.unlink('a')
    const { tree } = drive.remote
    // Uploads that were begun and stored nothing: nobody here need have seen them.
    for (let i = 0; i < 30_001; i += 1) tree.node('file', `f${i}`, tree.get(['e'])).sessionId = `s${i}`
    await sent(drive)
    expect(trash()).toEqual(['e'])
    expect(calls(drive).filter((call) => !/^(info|list e|listSubtree)/.test(call))).toEqual([
      'remove a',
      'remove e',
      'listTrash a',
      'purge a',
    ])
    expect(logged(drive)).toEqual([
      [expect.stringMatching(/^more than 30,000 files on one level.*bit by bit$/), 'e'],
    ])
  })
})
