import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import type { MemoryRemote } from '../../../fakes/memory-remote.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'
import { find } from './find.ts'

let test: TestDrive
afterEach(() => test.stop())

const calls = () => test.remote.calls.map(({ method, subject }) => `${method} ${subject}`.trim())

function plant(remote: MemoryRemote): void {
  for (let i = 0; i < 30; i += 1) remote.putAsOther(`tree/d${i}/sub/f`, 'x')
}

describe('a program that walks a tree', () => {
  it('costs one request for everything below, from the second folder on', async () => {
    test = await TestDrive.open({}, plant)
    const found = await find(test, 'tree')
    expect(found.sort()).toEqual(
      test.remote
        .paths()
        .filter((path) => path !== 'tree/')
        .sort(),
    )
    // The way down is one: the second folder that follows begins the walk.
    expect(calls()).toEqual(['list tree', 'list tree/d0', 'listSubtree tree'])
    test.remote.script.forgetCalls()
    expect((await find(test, 'tree')).length).toBe(90)
    expect(calls()).toEqual([])
  })

  it('costs five requests for 1,000 folders that hold 1,000 files', async () => {
    test = await TestDrive.open({}, (remote) => {
      for (let i = 0; i < 1_000; i += 1) remote.putAsOther(`tree/d${i}/f`, 'x')
    })
    await test.clock.advance(1)
    expect(await find(test, 'tree')).toHaveLength(2_000)
    // The last page is empty where the one before was full.
    expect(calls()).toEqual([
      'list tree',
      'list tree/d0',
      'listSubtree tree',
      'listSubtree tree',
      'changesSince',
    ])
  })

  it('is none who opens one folder after another more slowly', async () => {
    test = await TestDrive.open({}, plant)
    for (const path of ['tree', 'tree/d1', 'tree/d2', 'tree/d3']) {
      await test.names(path)
      await test.clock.advance(2_001)
    }
    expect(test.remote.count('listSubtree')).toBe(0)
  })

  it('is none who looks at files by their paths', async () => {
    test = await TestDrive.open({}, plant)
    for (let i = 0; i < 5; i += 1) await test.stat(`tree/d${i}/sub/f`)
    expect(test.remote.count('listSubtree')).toBe(0)
  })

  it('lists folder by folder where the server does not walk, and asks it no second time', async () => {
    test = await TestDrive.open({}, plant)
    test.remote.fail('listSubtree', new RemoteError('unsupported', 'too many folders'))
    expect((await test.during(find(test, 'tree'))).length).toBe(90)
    expect(test.remote.count('listSubtree')).toBe(1)
    expect(test.remote.count('list')).toBe(61)
  })

  it('that is just being made is listed folder by folder', async () => {
    test = await TestDrive.open({ remote: { pageSize: 20 } }, plant)
    expect((await find(test, 'tree')).length).toBe(90)
    expect(test.remote.count('listSubtree')).toBe(5)
    expect(test.remote.count('changesSince')).toBe(1)
  })

  it('does not wait for a walk that hangs', async () => {
    test = await TestDrive.open({}, plant)
    const gate = test.remote.hold('listSubtree')
    expect((await test.during(find(test, 'tree'))).length).toBe(90)
    gate.release()
  })

  it('of many pages asks what changed meanwhile', async () => {
    test = await TestDrive.open({ remote: { pageSize: 20 } }, plant)
    await test.clock.advance(1)
    expect((await find(test, 'tree')).length).toBe(90)
    expect(test.remote.count('listSubtree')).toBe(5)
    expect(test.remote.count('changesSince')).toBe(1)
    expect(test.remote.count('list')).toBe(3)
  })
})

type Change = readonly [
  kind: 'put' | 'mkdir' | 'move' | 'own file' | 'own move' | 'own folder',
  at: number,
  to: number,
]

const changes = fc.array(
  fc.tuple(
    fc.constantFrom('put', 'mkdir', 'move', 'own file', 'own move', 'own folder'),
    fc.nat(39),
    fc.nat(39),
  ),
  { maxLength: 6 },
)

describe('a walk, whatever is changed while it goes on', () => {
  it.each([
    ['over all', 100_000, 4],
    ['that is cut, and those over lower folders', 14, 14],
  ])(
    'leaves no folder known by halves: one %s',
    async (_, walkObjects, lastPage) => {
      const pageSizes = fc.integer({ min: 2, max: 30 })
      await fc.assert(
        fc.asyncProperty(changes, pageSizes, fc.nat(lastPage), async (todo, pageSize, page) => {
          test = await TestDrive.open(
            { remote: { pageSize }, settings: { renameDelayMs: 0, quietMs: 0, walkObjects } },
            (remote) => {
              for (let i = 0; i < 12; i += 1) remote.putAsOther(`t/a${i % 4}/b${i % 3}/c/f${i}`, 'x')
            },
          )
          try {
            const gate = test.remote.script.hold('listSubtree', 'before', page)
            const finding = find(test, 't').catch(() => undefined) // what is moved away under it is not there
            const isUnderWay = await Promise.race([gate.entered.then(() => true), finding.then(() => false)])
            if (!isUnderWay) return
            const top = test.remote.calls.findLast(({ method }) => method === 'listSubtree')!.subject
            // A listing that a program here asks for meanwhile is believed: nothing is changed by others after that.
            const byOthers = todo.filter(([kind]) => !kind.startsWith('own'))
            for (const change of [...byOthers, ...todo.filter((one) => !byOthers.includes(one))])
              await apply(change)
            gate.release()
            await test.during(finding)
            await test.settleAll()
            await walkOver()
            await expectAsServer(top)
          } finally {
            await test.stop()
          }
        }),
        { numRuns: 25 },
      )
      test = await TestDrive.open()
    },
    60_000,
  )
})

const foldersAtServer = () => [
  't/',
  ...test.remote.paths().filter((path) => path.startsWith('t/') && path.endsWith('/')),
]

/** It goes on when nobody waits for it any more. */
async function walkOver(): Promise<void> {
  for (let before = -1; before !== test.remote.count(); await settle()) before = test.remote.count()
}

const refused = () => undefined

/** Of another client, or of a program here; one that cannot be done is not. */
async function apply([kind, at, to]: Change): Promise<void> {
  const folders = foldersAtServer()
  const from = folders[at % folders.length]!.slice(0, -1)
  const target = `${folders[to % folders.length]!}n${at}`
  const isTaken = test.remote.paths().some((path) => path === target || path === `${target}/`)
  if (isTaken) return
  if (kind === 'put') test.remote.putAsOther(target, 'new')
  else if (kind === 'mkdir') test.remote.mkdirAsOther(target)
  else if (kind === 'own file') await test.during(test.save(target, 'mine')).catch(refused)
  else if (kind === 'own folder') await test.during(test.mkdir(target)).catch(refused)
  else if (from === 't' || target.startsWith(`${from}/`)) return
  else if (kind === 'move') test.remote.moveAsOther(from, target)
  else await test.during(test.rename(from, target)).catch(refused)
}

/**
 * What was moved away or deleted by somebody else may still show, but nothing may be missing below the `top` of the walk that was under
 * way. Where it began a listing was there before it, which is believed as others are.
 */
async function expectAsServer(top: string): Promise<void> {
  const below = foldersAtServer().filter((path) => path.startsWith(`${top}/`) && path !== `${top}/`)
  for (const folder of below) {
    const names = await test.names(folder.slice(0, -1)).catch(() => undefined)
    if (!names) continue
    const there = test.remote
      .paths()
      .filter((path) => path.startsWith(folder) && !/\/./.test(path.slice(folder.length)))
      .map((path) => path.slice(folder.length).replace(/\/$/, ''))
    expect(names).toEqual(expect.arrayContaining(there.filter((name) => name !== '')))
  }
}
