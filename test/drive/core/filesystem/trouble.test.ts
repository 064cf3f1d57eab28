import { constants } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RemoteMethod } from '../../../fakes/memory-remote.ts'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { eventually } from '../../../fakes/eventually.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

let test: TestDrive

async function fresh(settings = {}): Promise<TestDrive> {
  return TestDrive.open({ settings }, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.putAsOther('b', 'other')
    remote.putAsOther('d/f', 'below')
    remote.mkdirAsOther('e')
  })
}

beforeEach(async () => {
  test = await fresh()
})

afterEach(() => test.stop())

const namespaceCalls: [RemoteMethod, (drive: TestDrive) => Promise<void>, string[]][] = [
  ['move', (drive) => drive.rename('a', 'e/a'), ['b', 'd/', 'd/f', 'e/', 'e/a']],
  ['rename', (drive) => drive.rename('d', 'n'), ['a', 'b', 'e/', 'n/', 'n/f']],
  [
    'patchMetadata',
    (drive) => drive.setattr('a', { mode: 0o600 }).then(() => undefined),
    ['a', 'b', 'd/', 'd/f', 'e/'],
  ],
]

describe('a call whose answer is lost', () => {
  it.each(namespaceCalls)('(%s, %#) is known to be done', async (method, work, paths) => {
    test.remote.loseAnswers(method)
    expect(await test.during(errnoOf(work(test)))).toBeUndefined()
    await test.settleAll()
    expect(test.remote.paths()).toEqual(paths)
    const shown = paths
      .filter((path) => !path.slice(0, -1).includes('/'))
      .map((path) => path.replace('/', ''))
    expect(await test.names()).toEqual(shown)
    await test.outdate()
    expect(await test.names()).toEqual(shown)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('(upload) of a file that replaces another one is known to be done, or not, and is done', async () => {
    const { id } = test.remote.entryAt('a')
    test.remote.loseAnswers('upload')
    expect(await test.during(errnoOf(test.rename('b', 'a')))).toBeUndefined()
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('other')
    expect(test.remote.entryAt('a').id).toBe(id)
    expect(test.remote.textAt('b')).toBeUndefined()
    expect(test.copies()).toEqual([])
    test.remote.putAsOther('c', 'third')
    await test.outdate()
    test.remote.fail('upload', new RemoteError('unknown-outcome', 'a proxy says 504'))
    expect(await test.during(errnoOf(test.rename('c', 'a')))).toBeUndefined()
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('third')
    expect(test.remote.textAt('c')).toBeUndefined()
  })

  it.each(namespaceCalls)(
    '(%s, %#) waits for a server that is away for 10 s',
    async (method, work, paths) => {
      await test.names()
      test.remote.offline = true
      const done = errnoOf(work(test))
      await test.clock.advance(10_000)
      test.remote.offline = false
      expect(await test.during(done)).toBeUndefined()
      await test.settleAll()
      expect([method, ...test.remote.paths()]).toEqual([method, ...paths])
    },
  )
})

describe('a folder that is renamed', () => {
  it('takes along what is saved in it while the server works on it', async () => {
    await test.save('d/early', '1')
    const gate = test.remote.hold('rename', 'after')
    await test.rename('d', 'n')
    const sent = test.clock.advance(1_000)
    await gate.entered
    await sent
    await test.save('n/f', 'saved meanwhile')
    await test.clock.advance(5_000)
    await settle()
    gate.release()
    await test.settleAll()
    expect(test.remote.paths()).toEqual(['a', 'b', 'e/', 'n/', 'n/early', 'n/f'])
    expect(test.remote.textAt('n/f')).toBe('saved meanwhile')
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('waits for an upload below that is on its way', async () => {
    await test.save('d/f', 'v2')
    const gate = test.remote.hold('upload')
    const advanced = test.clock.advance(500)
    await gate.entered
    await test.rename('d', 'n')
    await Promise.all([advanced, test.clock.advance(1_000)])
    expect(test.remote.count('rename')).toBe(0)
    gate.release()
    await test.settleAll()
    expect(test.remote.textAt('n/f')).toBe('v2')
    expect(test.remote.paths()).toEqual(['a', 'b', 'e/', 'n/', 'n/f'])
  })
})

describe('a rename over a file', () => {
  it('by a small clean one makes it the next version, and takes its attributes', async () => {
    const { id } = test.remote.entryAt('b')
    await test.setattr('a', { mode: 0o600 })
    await test.setxattr('b', 'user.old', 'x')
    await test.rename('a', 'b')
    await test.settleAll()
    expect(test.remote.entryAt('b').id).toBe(id)
    expect(test.remote.textAt('b')).toBe('v1')
    expect((await test.stat('b')).mode).toBe(0o600)
    expect(await errnoOf(test.getxattr('b', 'user.old'))).toBe('ENODATA')
    expect(test.remote.paths()).toEqual(['b', 'd/', 'd/f', 'e/'])
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('is done though the old name cannot be removed, and the leftover shows', async () => {
    await test.names()
    test.remote.fail('remove', new RemoteError('denied', 'no'))
    await test.rename('a', 'b')
    await test.settleAll()
    expect(test.remote.textAt('b')).toBe('v1')
    expect(await test.text('b')).toBe('v1')
    expect(await test.text('a')).toBe('v1')
  })

  it('takes what was seen of a source that somebody else has changed by then, and leaves what he made of it', async () => {
    await test.names()
    await test.clock.advance(20_000)
    test.remote.putAsOther('a', 'newer')
    await test.rename('a', 'b')
    await test.settleAll()
    expect(test.remote.textAt('b')).toBe('v1')
    expect(await test.text('a')).toBe('newer')
  })
})

describe('attributes', () => {
  it('that are set while others are on their way are sent too', async () => {
    await test.save('a', 'v2')
    await test.setattr('a', { mode: 0o600 })
    await test.settleAll()
    expect((await test.stat('a')).mode).toBe(0o600)
  })

  it('set before, while and after an upload all arrive', async () => {
    const file = await test.open('a', constants.O_RDWR)
    await test.write(file, 'v2')
    await test.setxattr('a', 'user.before', '1')
    const gate = test.remote.hold('upload', 'after')
    const drained = test.drive.drain()
    await gate.entered
    await test.setxattr('a', 'user.while', '2')
    gate.release()
    const second = test.remote.hold('patchMetadata')
    await second.entered
    await test.setxattr('a', 'user.later', '3')
    await test.setxattr('a', 'user.while', '4')
    second.release()
    await drained
    await test.close(file)
    await test.drain()
    await test.remount()
    for (const [name, value] of [
      ['before', '1'],
      ['while', '4'],
      ['later', '3'],
    ] as const)
      expect(await test.getxattr('a', `user.${name}`)).toBe(value)
    expect(await test.leftovers()).toEqual({ kept: 0, held: 0 })
  })

  it('keep a time over rename and remount', async () => {
    await test.save('a', 'v2')
    const { mtime } = await test.stat('a')
    await test.settleAll()
    await test.clock.advance(100_000)
    await test.rename('a', 'e/z')
    expect((await test.stat('e/z')).mtime).toEqual(mtime)
    await test.remount()
    expect((await test.stat('e/z')).mtime).toEqual(mtime)
    const set = { seconds: 1_000_000_000, nanoseconds: 5 }
    await test.setattr('e/z', { mtime: set })
    await test.rename('e/z', 'z')
    await test.settleAll()
    await test.remount()
    expect((await test.stat('z')).mtime).toEqual(set)
  })
})

describe('a drive that is read-only', () => {
  it('says EROFS to everything that writes, and sends nothing', async () => {
    await test.stop()
    test = await fresh({ readOnly: true })
    const works = [
      test.create('n'),
      test.mkdir('n'),
      test.symlink('a', 'n'),
      test.unlink('a'),
      test.rmdir('e'),
      test.rename('a', 'n'),
      test.rename('a', 'b'),
      test.open('a', constants.O_WRONLY),
      test.open('a', constants.O_RDONLY | constants.O_TRUNC).then(() => test.setattr('a', { sizeBytes: 0 })),
      test.setattr('a', { mode: 0o600 }),
      test.setattr('a', { mtime: 'now' }),
      test.setxattr('a', 'user.x', 'y'),
    ]
    const answers = []
    for (const work of works) answers.push(await errnoOf(work))
    expect(new Set(answers)).toEqual(new Set(['EROFS']))
    expect(test.remote.calls.filter(({ method }) => method !== 'list')).toEqual([])
  })
})

describe('an unmount', () => {
  it('sends what is unsent though a rename is refused', async () => {
    await test.rename('b', 'z')
    await test.save('a', 'v2')
    test.remote.fail('rename', new RemoteError('denied', 'no'))
    await test.drain()
    expect(test.remote.textAt('a')).toBe('v2')
  })

  it('that is called off stops waiting while the server is away', async () => {
    await test.rename('b', 'z')
    test.remote.offline = true
    const stop = new AbortController()
    const drained = test.drive.drain({ signal: stop.signal }).then(
      () => 'done',
      () => 'called off',
    )
    await test.clock.advance(1_000)
    stop.abort()
    expect(await drained).toBe('called off')
    test.remote.offline = false
    await test.settleAll()
  })
})

describe('a file whose upload was given up', () => {
  it('can be saved anew', async () => {
    await test.save('a', 'refused')
    test.remote.fail('upload', new RemoteError('denied', 'no'))
    await test.clock.advance(1_000)
    await eventually(() => test.drive.writeBack.pending()[0]?.state.state === 'failed')
    const handle = await test.open('a', constants.O_WRONLY)
    expect(await errnoOf(test.write(handle, 'x'))).toBe('EACCES')
    await test.fs.release(handle.fh)
    await test.save('a', 'again')
    await test.settleAll()
    expect(test.remote.textAt('a')).toBe('again')
  })
})

describe('look-ups', () => {
  const names = ['a', 'b', 'd', 'e', 'd/f', 'd/x', 'e/x', 'x']
  const path = fc.constantFrom(...names)
  const step = fc.oneof(
    ...(['save', 'unlink', 'mkdir', 'rmdir', 'text', 'stat', 'names', 'theirs', 'gone'] as const).map((op) =>
      fc.record({ op: fc.constant(op), path, to: path }),
    ),
    fc.record({
      op: fc.constantFrom('rename', 'moved', 'open', 'wait', 'outdate', 'forget'),
      path,
      to: path,
    }),
  )

  it('are balanced after anything that we and somebody else do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const drive = await fresh()
        try {
          const open = []
          for (const { op, path, to } of steps) {
            const file = await run(drive, op, path, to)
            if (file) open.push(file)
            drive.drive.checkInvariants()
          }
          for (const file of open) await drive.during(drive.close(file))
          expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
          expect(drive.log.lines.filter(({ level }) => level === 'error')).toEqual([])
        } finally {
          await drive.stop()
        }
      }),
      { numRuns: 20 },
    )
  })
})

type Opened = ReturnType<TestDrive['open']>

/** One step of a random history; what it answers is to be closed. Refusals are part of life. */
async function run(
  drive: TestDrive,
  op: string,
  path: string,
  to: string,
): Promise<Awaited<Opened> | undefined> {
  const works: Record<string, () => unknown> = {
    save: () => drive.save(path, to),
    unlink: () => drive.unlink(path),
    mkdir: () => drive.mkdir(path),
    rmdir: () => drive.rmdir(path),
    text: () => drive.text(path),
    stat: () => drive.stat(path),
    names: () => drive.names(path),
    rename: () => drive.rename(path, to),
  }
  const others: Record<string, () => unknown> = {
    theirs: () => drive.remote.putAsOther(path, `theirs ${to}`),
    gone: () => drive.remote.removeAsOther(path),
    moved: () => !to.startsWith(path) && drive.remote.moveAsOther(path, to),
    forget: () => drive.forgetAll(),
  }
  if (op === 'wait') await drive.clock.advance(700)
  else if (op === 'outdate') await drive.outdate()
  else if (others[op]) refusable(others[op])
  else if (works[op]) await drive.during(errnoOf(Promise.resolve(works[op]())))
  else {
    const opened = drive.open(path, constants.O_RDWR)
    if ((await drive.during(errnoOf(opened))) === undefined) return opened
  }
  return undefined
}

function refusable(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error
  }
}
