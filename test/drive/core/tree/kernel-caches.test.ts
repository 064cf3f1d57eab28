import { constants } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeLinkTarget } from '../../../../src/core/attributes/index.ts'
import { NoSuchNameError } from '../../../../src/core/errors.ts'
import { ROOT_INO } from '../../../../src/core/types.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

const { O_RDWR } = constants
let test: TestDrive

beforeEach(async () => {
  test = await TestDrive.open({}, (remote) => {
    remote.putAsOther('a', 'v1')
    remote.putAsOther('d/f', 'below')
  })
})

afterEach(() => test.stop())

/** What the kernel was told while `work` ran. */
async function told(work: () => Promise<unknown>): Promise<string[]> {
  test.notices.length = 0
  await work()
  return [...test.notices]
}

/** As `ls`: whether the kernel was allowed to show what it was given last, and else what it is given. */
async function list(path = ''): Promise<'kept' | string[]> {
  const ino = await test.ino(path)
  const { fh, keepCache } = await test.fs.opendir(ino, test.context())
  const names: string[] = []
  if (!keepCache)
    for (;;) {
      const batch = await test.fs.readdir(fh, names.length, test.context())
      if (batch.length === 0) break
      names.push(...batch.map(({ name }) => name))
    }
  await test.fs.releasedir(fh)
  return keepCache ? 'kept' : names
}

/** For how long the kernel may believe that a name is absent, ms. */
async function absentFor(name: string): Promise<number> {
  const answer = await test.fs.lookup(ROOT_INO, name, test.context()).catch((error: unknown) => error)
  if (!(answer instanceof NoSuchNameError)) throw new Error(`${name} is there`)
  return answer.trustMs
}

describe('names that the kernel listed', () => {
  it('may be shown again at once [K4]', async () => {
    expect(await list()).toEqual(['a', 'd'])
    expect(await list()).toBe('kept')
    await test.stat('a')
    await test.stat('d/f')
    test.forgetAll()
    expect(await list()).toBe('kept')
  })

  it('are given anew once their attributes are not trusted any more, in the same order', async () => {
    await test.save('b', 'new')
    await test.settleAll()
    const first = await list()
    await test.clock.advance(1_000)
    await test.stat('b')
    expect(await list()).toEqual(first)
  })

  it.each([
    ['a file is made', () => test.save('b', '')],
    ['a folder is made', () => test.mkdir('b')],
    ['a link is made', () => test.symlink('a', 'b')],
    ['a file is removed', () => test.unlink('a')],
    ['a name changes', () => test.rename('a', 'b')],
    ['a file moves away', () => test.rename('a', 'd/a')],
    ['a file moves in', () => test.rename('d/f', 'f')],
  ])('are given anew after %s here', async (_what, change) => {
    await list()
    await change()
    const names = await list()
    expect(names).not.toBe('kept')
    expect([...(names as string[])].sort()).toEqual(await test.names())
  })

  it('are dropped when somebody else changed them, and only then [K4]', async () => {
    await list()
    await test.outdate()
    expect(await told(() => list())).toEqual([])
    test.remote.putAsOther('b', 'theirs')
    await test.outdate()
    expect(await told(() => test.stat('a'))).toEqual([`inode ${ROOT_INO}`])
    expect(await list()).toEqual(['a', 'd', 'b'])
    expect(await list()).toBe('kept')
  })
})

describe('a name that is not there', () => {
  it('may be believed to be absent as long as the listing that says so [K2]', async () => {
    expect(await absentFor('x')).toBe(30_000)
    await test.clock.advance(20_000)
    expect(await absentFor('x')).toBe(10_000)
    await settle() // asked for anew behind that
    expect(await absentFor('x')).toBe(30_000)
  })

  it('is told of when somebody else makes it, and only then [K2]', async () => {
    await absentFor('x')
    await absentFor('a:b')
    await absentFor('y')
    test.remote.putAsOther('x', 'theirs')
    test.remote.putAsOther('w', 'nobody asked')
    await test.outdate()
    expect(await told(() => test.stat('a'))).toEqual([`entry ${ROOT_INO} x`, `inode ${ROOT_INO}`])
    test.remote.putAsOther('z', 'more')
    await test.outdate()
    expect(await told(() => test.stat('a'))).toEqual([`inode ${ROOT_INO}`])
  })

  it('cannot be believed beyond a thousand in a folder [K2]', async () => {
    for (let i = 0; i < 1_000; i += 1) await absentFor(`x${i}`)
    expect(await absentFor('y')).toBe(0)
    await test.outdate()
    expect(await absentFor('y')).toBe(30_000)
  })
})

describe('attributes and pages', () => {
  it('of what was written here stay: the kernel knows', async () => {
    const notices = await told(async () => {
      await test.save('a', 'mine')
      const file = await test.open('a', O_RDWR)
      await test.write(file, 'more')
      await test.close(file)
      await test.settleAll()
    })
    expect(notices).toEqual([])
  })

  it('go when somebody else saves a file', async () => {
    const ino = await test.ino('a')
    test.remote.putAsOther('a', 'second')
    await test.outdate()
    expect(await told(() => test.stat('a'))).toEqual([`inode ${ino}`])
  })

  it('go also when whoever asked for the listing that shows it has stopped waiting', async () => {
    const ino = await test.ino('a')
    await absentFor('x')
    test.remote.putAsOther('a', 'second')
    test.remote.putAsOther('x', 'theirs')
    await test.outdate()
    const gate = test.remote.hold('list')
    const interrupt = new AbortController()
    const asked = test.fs.getattr(ino, undefined, test.context({ signal: interrupt.signal }))
    await gate.entered
    interrupt.abort()
    expect(await errnoOf(asked)).toBe('EINTR')
    const notices = await told(async () => {
      gate.release()
      await settle()
    })
    expect(notices).toEqual([`inode ${ino}`, `entry ${ROOT_INO} x`, `inode ${ROOT_INO}`])
    expect((await test.stat('a')).sizeBytes).toBe(6)
  })

  it('of a file whose metadata alone is new are asked for again, and its pages stay', async () => {
    const ino = await test.ino('a')
    await test.remote.patchMetadata([['a']], [{ key: 'cloudreve-mount:mode', value: '600' }])
    await test.outdate()
    expect(await told(() => test.names())).toEqual([`attributes ${ino}`])
  })

  it('of a link go with its target', async () => {
    await test.symlink('a', 'link')
    await test.settleAll()
    const ino = await test.ino('link')
    await test.remote.patchMetadata([['link']], [encodeLinkTarget('d')])
    await test.outdate()
    expect(await told(() => test.names())).toEqual([`inode ${ino}`])
    expect(await test.fs.readlink(ino, test.context())).toBe('d')
  })

  it('of a file that somebody else removes are gone with its name', async () => {
    const ino = await test.ino('a')
    test.remote.removeAsOther('a')
    await test.outdate()
    expect(await told(() => test.names())).toEqual([`gone ${ROOT_INO} ${ino} a`, `inode ${ROOT_INO}`])
  })

  it('are kept from open to open while the content is the same, and no longer [K5]', async () => {
    const kept = async () => {
      const { fh, keepCache } = await test.fs.open(await test.ino('a'), 0, test.context())
      await test.fs.release(fh)
      return keepCache
    }
    expect([await kept(), await kept()]).toEqual([false, true])
    test.remote.putAsOther('a', 'second')
    await test.outdate()
    expect([await kept(), await kept()]).toEqual([false, true])
    await test.save('a', 'mine')
    expect([await kept(), await kept()]).toEqual([false, false])
    await test.settleAll()
    expect([await kept(), await kept()]).toEqual([false, true])
  })

  it('go when what was written here is discarded', async () => {
    const ino = await test.ino('a')
    await test.save('a', 'mine')
    test.remote.maxSizeBytes = 1
    await test.drain()
    const notices = await told(() => test.drive.top.discard(['a'], test.context()))
    expect(notices).toEqual([`inode ${ino}`])
  })
})
