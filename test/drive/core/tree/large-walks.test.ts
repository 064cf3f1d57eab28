import { afterEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { MemoryRemote } from '../../../fakes/memory-remote.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'
import { find } from './find.ts'

const pageSize = 20
/** Objects that one walk brings. */
const limit = 200
const wasted = limit / pageSize

let test: TestDrive
afterEach(() => test.stop())

async function open(prepare: (remote: MemoryRemote) => void, settings = {}): Promise<void> {
  const scaled = { remote: { pageSize }, settings: { walkObjects: limit, ...settings } }
  test = await TestDrive.open(scaled, prepare)
  // What a delta names as changed since then is not believed.
  await test.clock.advance(1)
}

/** 10 folders of 10 folders of 10 files: 1,110 objects. */
function wide(remote: MemoryRemote): void {
  for (let i = 0; i < 1_000; i += 1)
    remote.putAsOther(`tree/a${Math.floor(i / 100)}/b${Math.floor(i / 10) % 10}/f${i}`, 'x')
}

/** 4 folders of 5 folders of 6 folders of 2 folders of 2 files: 864 objects, and those in the first level hold more than a walk brings. */
function deep(remote: MemoryRemote): void {
  for (let i = 0; i < 480; i += 1) {
    const [a, b, c, d] = [Math.floor(i / 120), Math.floor(i / 24) % 5, Math.floor(i / 4) % 6, (i >> 1) % 2]
    remote.putAsOther(`tree/a${a}/b${b}/c${c}/d${d}/f${i}`, 'x')
  }
}

const below = (path: string) =>
  test.remote
    .paths()
    .filter((at) => at.startsWith(`${path}/`) && at !== `${path}/`)
    .sort()

const pages = (objects: number) => Math.floor(objects / pageSize) + 1

const lists = () => test.remote.calls.filter(({ method }) => method === 'list').map(({ subject }) => subject)

const subtreesAsked = () =>
  [
    ...new Set(
      test.remote.calls.filter(({ method }) => method === 'listSubtree').map((call) => call.subject),
    ),
  ].sort()

describe('a program that walks a tree too large for one walk', () => {
  it('costs one walk in vain, and one for each lower folder', async () => {
    await open(wide)
    expect((await find(test, 'tree')).sort()).toEqual(below('tree'))
    expect(test.remote.count('listSubtree')).toBe(wasted + 10 * pages(110))
    // The way down: the names of the lower folders come with the walk that was cut.
    expect(lists()).toEqual(['tree', 'tree/a0', 'tree/a0/b0'])
    expect(test.remote.count('changesSince')).toBe(11)
  })

  it('costs a walk in vain for each folder that is too large, whatever its depth', async () => {
    await open(deep)
    expect((await find(test, 'tree')).sort()).toEqual(below('tree'))
    const folders = [0, 1, 2, 3].flatMap((a) => [0, 1, 2, 3, 4].map((b) => `tree/a${a}/b${b}`))
    expect(subtreesAsked()).toEqual(['tree', ...[0, 1, 2, 3].map((a) => `tree/a${a}`), ...folders].sort())
    expect(test.remote.count('listSubtree')).toBe(5 * wasted + folders.length * pages(42))
    expect(lists()).toEqual(['tree', 'tree/a0'])
  })

  it('walks over nothing twice that is too large, also hours later', async () => {
    await open(wide, { metadataTtlMs: 1_000, revalidateMs: 1_000 })
    await find(test, 'tree')
    await test.clock.advance(6 * 3_600_000)
    test.remote.script.forgetCalls()
    expect((await find(test, 'tree')).sort()).toEqual(below('tree'))
    expect(subtreesAsked()).not.toContain('tree')
    expect(test.remote.count('listSubtree')).toBe(10 * pages(110))
  })

  it('begins below what is too large where another program begins above it', async () => {
    await open((remote) => {
      wide(remote)
      remote.putAsOther('other', 'x')
    })
    await find(test, 'tree/a0')
    await find(test, 'tree')
    await test.clock.advance(3_000)
    test.remote.script.forgetCalls()
    expect((await find(test)).sort()).toEqual(test.remote.paths().sort())
    expect(subtreesAsked()).not.toContain('')
    expect(subtreesAsked()).not.toContain('tree')
  })

  it('goes down as well where the server stops at so many folders', async () => {
    await open((remote) => {
      for (let i = 0; i < 100; i += 1) remote.putAsOther(`tree/a${Math.floor(i / 25)}/b${i % 25}/f`, 'x')
    })
    for (let page = 0; page < 3; page += 1) test.remote.script.pass('listSubtree')
    test.remote.fail('listSubtree', new RemoteError('unsupported', 'too many folders'))
    expect((await find(test, 'tree')).sort()).toEqual(below('tree'))
    expect(test.remote.count('listSubtree')).toBe(4 + 4 * pages(50))
    // `tree`, its folders, which have two pages each, and the way down.
    expect(lists()).toHaveLength(1 + 4 * 2 + 1)
  })

  it('waits for a walk that is slow, and for the next ones no less', async () => {
    await open(wide)
    const gate = test.remote.hold('listSubtree')
    const finding = find(test, 'tree')
    await gate.entered
    // Longer than folders may be apart that are opened by the same walk.
    await test.clock.advance(3_500)
    gate.release()
    expect((await test.during(finding)).sort()).toEqual(below('tree'))
    expect(lists()).toEqual(['tree', 'tree/a0', 'tree/a0/b0', 'tree/a0/b1', 'tree/a0/b2', 'tree/a1/b0'])
  })

  it('believes nothing of a walk that was cut in which something was changed meanwhile', async () => {
    await open(deep)
    // The folders of the second level have come by then.
    const gate = test.remote.script.hold('listSubtree', 'before', 8)
    const finding = find(test, 'tree')
    await gate.entered
    test.remote.putAsOther('tree/a1/new', 'x')
    gate.release()
    expect((await finding).sort()).toEqual(below('tree'))
  })

  it('believes nothing of a walk over a lower folder in which something was changed meanwhile', async () => {
    await open(deep)
    const gate = test.remote.script.hold('listSubtree', 'before', 2 * wasted + 1)
    const finding = find(test, 'tree')
    await gate.entered
    expect(test.remote.calls.at(-1)?.subject).toBe('tree/a0/b0')
    test.remote.moveAsOther('tree/a0/b0/c5/d1/f23', 'tree/a0/b0/c2/moved')
    gate.release()
    expect((await finding).sort()).toEqual(below('tree'))
  })
})
