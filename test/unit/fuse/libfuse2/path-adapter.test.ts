import { constants } from 'node:fs'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { FsError } from '../../../../src/core/errors.ts'
import { ROOT_INO, type OpContext } from '../../../../src/core/types.ts'
import { PathAdapter } from '../../../../src/fuse/libfuse2/path-adapter.ts'
import { MemoryFileSystem } from '../../../fakes/memory-file-system.ts'

const context: OpContext = { signal: new AbortController().signal, pid: 0, uid: 0, gid: 0 }
const hiddenName = '.fuse_hidden0000000700000001'

let fileSystem: MemoryFileSystem
let adapter: PathAdapter

beforeEach(() => {
  fileSystem = new MemoryFileSystem()
  adapter = new PathAdapter(fileSystem)
})

async function put(path: string, text: string): Promise<void> {
  const fh = await adapter.create(path, 0o644, context)
  await adapter.write(fh, 0, Buffer.from(text), context)
  await adapter.release(fh)
}

async function textOf(fh: number): Promise<string> {
  return Buffer.from(await adapter.read(fh, 0, 1_000, context)).toString()
}

async function names(path: string): Promise<string[]> {
  return (await adapter.readdir(path, context)).map(({ name }) => name)
}

describe('walking', () => {
  it('leads through folders, and takes back every look-up', async () => {
    await adapter.mkdir('/a', 0o755, context)
    await adapter.mkdir('/a/b', 0o755, context)
    await put('/a/b/c', 'hello')
    expect((await adapter.getattr('/a/b/c', context)).sizeBytes).toBe(5)
    expect(fileSystem.lookups).toBe(0)
    expect(fileSystem.openHandles).toBe(0)
  })

  it('takes back every look-up also when an element is missing or no folder', async () => {
    await adapter.mkdir('/a', 0o755, context)
    await put('/a/file', 'hello')
    await expect(adapter.getattr('/a/b/c', context)).rejects.toMatchObject({ errno: Errno.ENOENT })
    await expect(adapter.getattr('/a/file/c', context)).rejects.toMatchObject({ errno: Errno.ENOTDIR })
    await expect(adapter.rename('/a/file', '/b/file', context)).rejects.toMatchObject({ errno: Errno.ENOENT })
    expect(fileSystem.lookups).toBe(0)
  })

  it('the root can be looked at, and is not renamed or removed', async () => {
    expect((await adapter.getattr('/', context)).kind).toBe('folder')
    await expect(adapter.rmdir('/', context)).rejects.toMatchObject({ errno: Errno.EBUSY })
  })

  it('a folder of many pages is read whole', async () => {
    for (let i = 0; i < 1_234; i += 1) await adapter.mknod(`/file-${i}`, 0o100644, context)
    expect(await names('/')).toHaveLength(1_234)
    expect(fileSystem.openHandles).toBe(0)
  })
})

describe('names that were not UTF-8', () => {
  const broken = '/caf\uFFFD'

  it('are not there', async () => {
    await expect(adapter.getattr(broken, context)).rejects.toMatchObject({ errno: Errno.ENOENT })
    await expect(adapter.unlink(broken, context)).rejects.toMatchObject({ errno: Errno.ENOENT })
  })

  it('are refused when something new would get one', async () => {
    await put('/a', '')
    const refused = { errno: Errno.EILSEQ }
    await expect(adapter.create(broken, 0o644, context)).rejects.toMatchObject(refused)
    await expect(adapter.mkdir(broken, 0o755, context)).rejects.toMatchObject(refused)
    await expect(adapter.rename('/a', broken, context)).rejects.toMatchObject(refused)
    expect([...fileSystem.namesSeen]).toEqual(['a'])
  })
})

describe('a file that is unlinked while it is open', () => {
  it('has no name any more, and can be read, written, cut and asked for by its handle and hidden path', async () => {
    await adapter.mkdir('/d', 0o755, context)
    await put('/d/x', 'hello')
    const fh = await adapter.open('/d/x', 0, context)
    await adapter.rename('/d/x', `/d/${hiddenName}`, context)
    expect(await names('/d')).toEqual([])
    expect(await textOf(fh)).toBe('hello')
    await adapter.write(fh, 5, Buffer.from('!'), context)
    await adapter.setattr(`/d/${hiddenName}`, { sizeBytes: 3 }, context)
    expect((await adapter.getattr(`/d/${hiddenName}`, context)).sizeBytes).toBe(3)
    await adapter.ftruncate(fh, 2, context)
    expect(await textOf(fh)).toBe('he')
    await adapter.release(fh)
    await adapter.unlink(`/d/${hiddenName}`, context)
    expect(fileSystem.nodeCount).toBe(2)
    expect(adapter.hiddenCount).toBe(0)
    expect(fileSystem.lookups).toBe(0)
    expect([...fileSystem.namesSeen]).toEqual(['d', 'x'])
  })

  it('is found by its hidden name also after its folder was renamed', async () => {
    await adapter.mkdir('/d', 0o755, context)
    await put('/d/x', 'hello')
    await adapter.open('/d/x', 0, context)
    await adapter.rename('/d/x', `/d/${hiddenName}`, context)
    await adapter.rename('/d', '/e', context)
    expect((await adapter.getattr(`/e/${hiddenName}`, context)).sizeBytes).toBe(5)
  })

  it('stays as long as one of several handles is open', async () => {
    await put('/x', 'hello')
    const first = await adapter.open('/x', 0, context)
    const second = await adapter.open('/x', 0, context)
    await adapter.rename('/x', `/${hiddenName}`, context)
    await adapter.release(first)
    expect((await adapter.getattr(`/${hiddenName}`, context)).sizeBytes).toBe(5)
    await adapter.release(second)
    await expect(adapter.getattr(`/${hiddenName}`, context)).rejects.toMatchObject({ errno: Errno.ENOENT })
    expect(fileSystem.nodeCount).toBe(1)
  })

  it('keeps its name when it may not be unlinked', async () => {
    await put('/x', 'hello')
    const fh = await adapter.open('/x', 0, context)
    fileSystem.fail('unlink', 'x', Errno.EACCES)
    const unlinking = adapter.rename('/x', `/${hiddenName}`, context)
    await expect(unlinking).rejects.toMatchObject({ errno: Errno.EACCES })
    expect(adapter.hiddenCount).toBe(0)
    await adapter.release(fh)
    expect(fileSystem.lookups).toBe(0)
  })

  it('a new file may take its name', async () => {
    await put('/x', 'old')
    const fh = await adapter.open('/x', 0, context)
    await adapter.rename('/x', `/${hiddenName}`, context)
    await put('/x', 'new!')
    expect(await textOf(fh)).toBe('old')
    expect((await adapter.getattr('/x', context)).sizeBytes).toBe(4)
  })
})

/** Another client puts something else in the place of a file of the root: another node has the name from now on. */
async function replaceElsewhere(name: string, text: string): Promise<void> {
  await fileSystem.unlink(ROOT_INO, name, context)
  const at = { parent: ROOT_INO, name }
  const { entry, opened } = await fileSystem.create(at, 0o644, constants.O_RDWR, context)
  await fileSystem.write(opened.fh, 0, Buffer.from(text), context)
  await fileSystem.release(opened.fh)
  fileSystem.forget(entry.ino, 1)
}

/** The kernel has one node for both, with one set of pages, which each handle may fill. */
describe('a file that is replaced elsewhere while it is open', () => {
  it('is read as it was, until somebody opens the new one: then all read that [V11]', async () => {
    await put('/x', 'old')
    const old = await adapter.open('/x', constants.O_RDONLY, context)
    await replaceElsewhere('x', 'new')
    expect(await textOf(old)).toBe('old')
    const fresh = await adapter.open('/x', constants.O_RDONLY, context)
    expect([await textOf(fresh), await textOf(old)]).toEqual(['new', 'new'])
    await adapter.release(fresh)
    expect(await textOf(old)).toBe('new')
    await adapter.release(old)
    expect(fileSystem.openHandles).toBe(0)
    expect(fileSystem.lookups).toBe(0)
    expect(fileSystem.nodeCount).toBe(2)
  })

  it('is read on by a request that was on its way when its handle went over to the new one', async () => {
    await put('/x', 'old')
    const old = await adapter.open('/x', constants.O_RDONLY, context)
    await replaceElsewhere('x', 'second')
    const second = await adapter.open('/x', constants.O_RDONLY, context)
    await replaceElsewhere('x', 'third')
    let third: number | undefined
    vi.spyOn(fileSystem, 'read').mockImplementationOnce(async (...request) => {
      third = await adapter.open('/x', constants.O_RDONLY, context)
      return MemoryFileSystem.prototype.read.apply(fileSystem, request)
    })
    expect(await textOf(old)).toBe('third')
    await adapter.release(third!)
    for (const fh of [old, second]) await adapter.release(fh)
    expect(fileSystem.openHandles).toBe(0)
  })

  it('is written to by who has it open for that, whatever has its name', async () => {
    await put('/x', 'old')
    const old = await adapter.open('/x', constants.O_RDWR, context)
    await replaceElsewhere('x', 'new')
    const fresh = await adapter.open('/x', constants.O_RDONLY, context)
    await adapter.write(old, 3, Buffer.from('er'), context)
    expect([await textOf(fresh), await textOf(old)]).toEqual(['new', 'older'])
  })

  it('can be unlinked, also when something else has its name', async () => {
    await put('/x', 'old')
    const old = await adapter.open('/x', constants.O_RDONLY, context)
    await replaceElsewhere('x', 'new')
    await adapter.rename('/x', `/${hiddenName}`, context)
    expect(await names('/')).toEqual([])
    expect(await textOf(old)).toBe('old')
  })

  it('is not opened when that cannot be', async () => {
    await put('/x', 'old')
    const old = await adapter.open('/x', constants.O_RDONLY, context)
    await replaceElsewhere('x', 'new')
    vi.spyOn(fileSystem, 'open')
      .mockImplementationOnce((...request) => MemoryFileSystem.prototype.open.apply(fileSystem, request))
      .mockRejectedValueOnce(new FsError(Errno.EHOSTUNREACH, 'away'))
    const opening = adapter.open('/x', constants.O_RDONLY, context)
    await expect(opening).rejects.toMatchObject({ errno: Errno.EHOSTUNREACH })
    expect(await textOf(old)).toBe('old')
    expect(adapter.openCount).toBe(1)
    expect(fileSystem.openHandles).toBe(1)
  })

  it('never is one version to one and another to another, wherever it was renamed to', async () => {
    const name = fc.constantFrom('a', 'b')
    const step = fc.oneof(
      fc.record({ op: fc.constantFrom('open', 'replace', 'release'), name }),
      fc.record({ op: fc.constant('rename'), name, to: name }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        fileSystem = new MemoryFileSystem()
        adapter = new PathAdapter(fileSystem)
        for (const file of ['a', 'b']) await put(`/${file}`, file)
        let open: { fh: number; name: string }[] = []
        let hiddenCount = 0
        const move = async (from: string, to: string) => {
          await adapter.rename(`/${from}`, `/${to}`, context)
          open = open.map(({ fh, name: at }) => ({ fh, name: at === from ? to : at }))
        }
        for (const [number, { op, name: at, ...rest }] of steps.entries()) {
          const there = await names('/')
          if (op === 'replace' && there.includes(at)) await replaceElsewhere(at, `${number}`)
          else if (op === 'release' && open.length > 0) await adapter.release(open.shift()!.fh)
          else if (op === 'open' && there.includes(at)) {
            open.push({ fh: await adapter.open(`/${at}`, constants.O_RDONLY, context), name: at })
            const texts = await Promise.all(
              open.filter((file) => file.name === at).map(({ fh }) => textOf(fh)),
            )
            expect(new Set(texts).size).toBe(1)
          } else if (op === 'rename' && 'to' in rest && rest.to !== at && there.includes(at)) {
            const isOpen = open.some((file) => file.name === rest.to)
            const hidden = `.fuse_hidden00000001${String(hiddenCount++).padStart(8, '0')}`
            if (isOpen && there.includes(rest.to)) await move(rest.to, hidden)
            await move(at, rest.to)
          }
        }
        for (const { fh } of open) await adapter.release(fh)
        expect(fileSystem.openHandles).toBe(0)
        expect(fileSystem.lookups).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})

it('a closed file is not lost by a rename to a name of that kind', async () => {
  await put('/x', 'hello')
  await expect(adapter.rename('/x', `/${hiddenName}`, context)).rejects.toMatchObject({ errno: Errno.EPERM })
  expect(await names('/')).toEqual(['x'])
})

it('a handle that is not open is EBADF', async () => {
  await expect(adapter.release(99)).rejects.toMatchObject({ errno: Errno.EBADF })
})

describe('any sequence of calls', () => {
  const path = fc.constantFrom('/a', '/b', '/a/a', '/a/b')
  const making = fc.constantFrom('mkdir', 'create', 'open')
  const others = fc.constantFrom('unlink', 'rmdir', 'readdir', 'getattr')
  const step = fc.oneof(
    fc.record({ op: making, path }),
    fc.record({ op: others, path }),
    fc.record({ op: fc.constant('rename'), path, to: path }),
    fc.record({ op: fc.constant('hide'), path }),
    fc.record({ op: fc.constant('release'), path }),
  )

  it('leaves no look-up behind, and nothing at all once everything is closed and removed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 100 }), async (steps) => {
        const memory = new MemoryFileSystem()
        const paths = new PathAdapter(memory)
        const open: number[] = []
        let counter = 0
        // The kernel opens no folder in this way.
        const isFile = async (at: string) => ((await paths.getattr(at, context)).mode & 0o170000) === 0o100000
        const hide = (at: string) => {
          const folder = at.slice(0, at.lastIndexOf('/'))
          return paths.rename(
            at,
            `${folder}/.fuse_hidden00000001${String(counter++).padStart(8, '0')}`,
            context,
          )
        }
        for (const { op, path, ...rest } of steps) {
          try {
            if (op === 'mkdir') await paths.mkdir(path, 0o755, context)
            else if (op === 'create') open.push(await paths.create(path, 0o644, context))
            else if (op === 'open' && (await isFile(path))) open.push(await paths.open(path, 0, context))
            else if (op === 'unlink') await paths.unlink(path, context)
            else if (op === 'rmdir') await paths.rmdir(path, context)
            else if (op === 'readdir') await paths.readdir(path, context)
            else if (op === 'getattr') await paths.getattr(path, context)
            else if (op === 'rename' && 'to' in rest) await paths.rename(path, rest.to, context)
            else if (op === 'hide') await hide(path)
            else if (op === 'release' && open.length > 0) await paths.release(open.shift()!)
          } catch (error) {
            // Refusals are ordinary here; a broken invariant of the strict filesystem has no errno.
            if (!('errno' in (error as object))) throw error
          }
          expect(memory.lookups).toBe(0)
          // A second one each for those who have gone over to what took the place of their file.
          expect(memory.openHandles).toBeGreaterThanOrEqual(open.length)
          expect(memory.openHandles).toBeLessThanOrEqual(2 * open.length)
        }
        for (const fh of open) await paths.release(fh)
        expect(memory.openHandles).toBe(0)
        expect(paths.hiddenCount).toBe(0)
        expect([...memory.namesSeen].filter((name) => name.startsWith('.fuse_hidden'))).toEqual([])
        const reachable = await countNodes(paths, '/')
        expect(memory.nodeCount).toBe(reachable)
      }),
      { numRuns: 200 },
    )
  })
})

async function countNodes(paths: PathAdapter, path: string): Promise<number> {
  let count = 1
  for (const { name, kind } of await paths.readdir(path, context)) {
    count += kind === 'folder' ? await countNodes(paths, `${path}${name}/`) : 1
  }
  return count
}
