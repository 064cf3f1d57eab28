import { beforeEach, describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { timespecToMs } from '../../../../src/base/timespec.ts'
import { FsError } from '../../../../src/core/errors.ts'
import { ROOT_INO, type AttrChanges } from '../../../../src/core/types.ts'
import type {
  AddonFuse,
  AddonOperations,
  AddonStat,
  AddonStatfs,
  Signal,
} from '../../../../src/fuse/libfuse2/addon.ts'
import { Answerer } from '../../../../src/fuse/libfuse2/answerer.ts'
import { operationsOf } from '../../../../src/fuse/libfuse2/operations.ts'
import { PathAdapter } from '../../../../src/fuse/libfuse2/path-adapter.ts'
import { takeOverXattrs } from '../../../../src/fuse/libfuse2/xattr-operations.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'
import { MemoryFileSystem } from '../../../fakes/memory-file-system.ts'
import { recordingLog } from '../../../fakes/recording-log.ts'

/** Records what is set of attributes, beside setting it. */
class Recording extends MemoryFileSystem {
  readonly changes: AttrChanges[] = []
  override setattr(...args: Parameters<MemoryFileSystem['setattr']>) {
    this.changes.push(args[1])
    return super.setattr(...args)
  }
}

let fileSystem: Recording
let operations: AddonOperations
let adapter: PathAdapter
let log: ReturnType<typeof recordingLog>
const clock = new ManualClock()

beforeEach(() => {
  fileSystem = new Recording()
  log = recordingLog()
  adapter = new PathAdapter(fileSystem)
  operations = operationsOf({ adapter, clock, log })
})

/** Number and value that a call is answered with. */
function answerOf<T = undefined>(call: (done: (result: number, value?: T) => void) => void) {
  return new Promise<{ result: number; value: T | undefined }>((resolve) =>
    call((result, value) => resolve({ result, value })),
  )
}

/** What a call that was taken over from the addon is answered with. */
function sizeOf(call: (signal: Signal) => void): Promise<number> {
  return new Promise((resolve) => call((result) => resolve(result)))
}

async function created(path: string): Promise<number> {
  const { value } = await answerOf<number>((done) => operations.create(path, 0o100644, done))
  return value!
}

describe('answers', () => {
  it('of writes and reads are numbers of bytes', async () => {
    const fh = await created('/a')
    const data = Buffer.from('hello')
    expect((await answerOf((done) => operations.write('/a', fh, data, 5, 0, done))).result).toBe(5)
    const room = Buffer.alloc(4096)
    expect((await answerOf((done) => operations.read('/a', fh, room, 4096, 1, done))).result).toBe(4)
    expect(room.toString('utf8', 0, 4)).toBe('ello')
    expect((await answerOf((done) => operations.read('/a', fh, room, 4096, 9, done))).result).toBe(0)
  })

  it('of folders begin with the two names that every folder has', async () => {
    await created('/a')
    const names = await new Promise((resolve) => {
      operations.readdir('/', (_, names) => resolve(names))
    })
    expect(names).toEqual(['.', '..', 'a'])
  })

  it('of refusals are the negative errno, logged as loud as the filesystem says', async () => {
    fileSystem.fail('lookup', 'a', Errno.EACCES)
    const { result, value } = await answerOf<AddonStat>((done) => operations.getattr('/a', done))
    expect([result, value]).toEqual([-Errno.EACCES, undefined])
    expect(log.lines).toMatchObject([{ level: 'debug', fields: { op: 'getattr', path: '/a' } }])
  })

  it('of anything unexpected are EIO, with an error in the log', async () => {
    fileSystem.unlink = () => Promise.reject(new TypeError('undefined is not a function'))
    await created('/a')
    expect((await answerOf((done) => operations.unlink('/a', done))).result).toBe(-Errno.EIO)
    expect(log.lines).toMatchObject([
      { level: 'error', message: 'EIO: /a: undefined is not a function', fields: { op: 'unlink' } },
    ])
  })

  it('come also when the filesystem throws at once', async () => {
    fileSystem.statfs = () => {
      throw new FsError(Errno.EHOSTUNREACH, 'the server is gone', { level: 'warn' })
    }
    expect((await answerOf<AddonStatfs>((done) => operations.statfs('/', done))).result).toBe(
      -Errno.EHOSTUNREACH,
    )
    expect(log.lines[0]?.level).toBe('warn')
  })
})

describe('attributes', () => {
  it('-1 in chown changes nothing', async () => {
    await created('/a')
    const uid = process.getuid?.() ?? 0
    await answerOf((done) => operations.chown('/a', uid, 0xffffffff, done))
    await answerOf((done) => operations.chown('/a', 0xffffffff, 7, done))
    expect(fileSystem.changes).toEqual([{ uid }, { gid: 7 }])
  })

  it('chmod passes permission bits alone', async () => {
    await created('/a')
    await answerOf((done) => operations.chmod('/a', 0o104755, done))
    expect(fileSystem.changes).toEqual([{ mode: 0o4755 }])
  })

  it.each([
    [0, true],
    [-4_900, true],
    [4_900, true],
    [-60_000, false],
    [60_000, false],
  ])('a time %d ms from now counts as now: %s', async (offsetMs, isNow) => {
    await created('/a')
    const atMs = clock.now() + offsetMs
    expect((await answerOf((done) => operations.utimens('/a', atMs, atMs, done))).result).toBe(0)
    expect(fileSystem.changes).toEqual(isNow ? [{ mtime: 'now' }] : [])
  })

  it('truncate by handle goes to the file that is open, whatever has its name now', async () => {
    const fh = await created('/a')
    await answerOf((done) => operations.rename('/a', '/b', done))
    await created('/a')
    await answerOf((done) => operations.ftruncate('/a', fh, 10, done))
    expect((await answerOf<AddonStat>((done) => operations.getattr('/a', done))).value?.size).toBe(0)
    expect((await answerOf<AddonStat>((done) => operations.getattr('/b', done))).value?.size).toBe(10)
  })

  it('times travel in milliseconds', async () => {
    const { attr } = await fileSystem.getattr(ROOT_INO, undefined, {
      signal: new AbortController().signal,
      pid: 0,
      uid: 0,
      gid: 0,
    })
    const { value } = await answerOf<AddonStat>((done) => operations.getattr('/', done))
    expect(value?.mtime).toBe(timespecToMs(attr.mtime))
  })
})

describe('extended attributes', () => {
  const fuse = {} as AddonFuse
  beforeEach(async () => {
    takeOverXattrs(fuse, adapter, new Answerer(log))
    await created('/a')
    for (const name of ['user.a', 'user.größe']) {
      await answerOf((done) => operations.setxattr('/a', name, Buffer.from('12345'), 0, 0, done))
    }
  })

  it.each([
    [0, 5],
    [4, -Errno.ERANGE],
    [5, 5],
    [100, 5],
  ])('with room for %d bytes a value of 5 answers %d', async (size, expected) => {
    const room = Buffer.alloc(size)
    expect(await sizeOf((signal) => fuse._op_getxattr(signal, '/a', 'user.a', room, 0))).toBe(expected)
    if (expected === 5 && size > 0) expect(room.toString('utf8', 0, 5)).toBe('12345')
  })

  it.each([
    [0, 20],
    [19, -Errno.ERANGE],
    [20, 20],
  ])('with room for %d bytes a list of 20 answers %d', async (size, expected) => {
    const room = Buffer.alloc(size)
    expect(await sizeOf((signal) => fuse._op_listxattr(signal, '/a', room))).toBe(expected)
    if (size === 20) expect(room.toString()).toBe('user.a\0user.größe\0')
  })

  it('XATTR_CREATE and XATTR_REPLACE are passed on', async () => {
    const answers = [['user.a', 1] as const, ['user.b', 2] as const, ['user.a', 2] as const].map(
      ([name, flags]) => answerOf((done) => operations.setxattr('/a', name, Buffer.from(''), 0, flags, done)),
    )
    const results = (await Promise.all(answers)).map(({ result }) => result)
    expect(results).toEqual([-Errno.EEXIST, -Errno.ENODATA, 0])
  })
})
