import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RemoteError } from '../../../../src/remote/errors.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { errnoOf, TestDrive } from '../../../fakes/test-drive.ts'

/** Few names at few depths, so that what is done here gets in its own way. */
const nameOf = fc.constantFrom('a', 'b', 'c')
const pathOf = fc.array(nameOf, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'))

type Step =
  | { readonly do: 'mkdir' | 'save' | 'unlink' | 'rmdir'; readonly path: string }
  | { readonly do: 'rename'; readonly path: string; readonly to: string }
  | { readonly do: 'fail' | 'lose'; readonly method: Changing }
  | { readonly do: 'hold'; readonly method: Changing; readonly at: 'before' | 'after'; readonly ms: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'crash' }

const changing = ['createFolder', 'rename', 'move', 'remove', 'upload'] as const
type Changing = (typeof changing)[number]

const onPath = (kind: 'mkdir' | 'save' | 'unlink' | 'rmdir') =>
  fc.record({ do: fc.constant(kind), path: pathOf })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: onPath('mkdir') },
  { weight: 2, arbitrary: onPath('save') },
  { weight: 1, arbitrary: onPath('unlink') },
  { weight: 1, arbitrary: onPath('rmdir') },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('rename' as const), path: pathOf, to: pathOf }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('fail' as const, 'lose' as const),
      method: fc.constantFrom(...changing),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('hold' as const),
      method: fc.constantFrom(...changing),
      at: fc.constantFrom('before' as const, 'after' as const),
      ms: fc.constantFrom(800, 2_500),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 600, 1_100) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
)

/** A file or folder gets a third name, and something else the second one, while the request that gives it the second is on its way. */
const overtaken: fc.Arbitrary<Step[]> = fc
  .record({
    path: pathOf,
    to: pathOf,
    last: pathOf,
    other: pathOf,
    by: fc.constantFrom('mkdir' as const, 'save' as const, 'rename' as const),
    at: fc.constantFrom('before' as const, 'after' as const),
    isLost: fc.boolean(),
  })
  .map(({ path, to, last, other, by, at, isLost }) => [
    { do: 'hold', method: 'rename', at, ms: 2_500 },
    { do: 'hold', method: 'move', at, ms: 2_500 },
    ...(isLost ? ([{ do: 'lose', method: 'rename' }] as const) : []),
    { do: 'rename', path, to },
    { do: 'wait', ms: 1_100 },
    { do: 'rename', path: to, to: last },
    by === 'rename' ? { do: by, path: other, to } : { do: by, path: to },
    { do: 'wait', ms: 600 },
  ])

const someSteps = fc
  .array(fc.oneof({ weight: 9, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: overtaken }), {
    minLength: 3,
    maxLength: 16,
  })
  .map((parts) => parts.flat())

/** Paths of a drive that does at once what it is told; a folder has no text. */
type Model = Map<string, string | undefined>

function parentOf(path: string): string {
  return path.split('/').slice(0, -1).join('/')
}

function isFolder(model: Model, path: string): boolean {
  return path === '' || (model.has(path) && model.get(path) === undefined)
}

function isEmpty(model: Model, path: string): boolean {
  return ![...model.keys()].some((each) => each.startsWith(`${path}/`))
}

/** Whether the model allows it; then it is done there too. */
function rename(model: Model, from: string, to: string): boolean {
  if (!model.has(from) || !isFolder(model, parentOf(to)) || from === to || `${to}/`.startsWith(`${from}/`))
    return false
  if (model.has(to)) {
    if (isFolder(model, from) !== isFolder(model, to) || !isEmpty(model, to)) return false
    model.delete(to)
  }
  for (const [path, text] of [...model]) {
    if (path !== from && !path.startsWith(`${from}/`)) continue
    model.delete(path)
    model.set(to + path.slice(from.length), text)
  }
  return true
}

async function apply(drive: TestDrive, model: Model, one: Step, turn: number): Promise<void> {
  switch (one.do) {
    case 'mkdir':
      if (model.has(one.path) || !isFolder(model, parentOf(one.path))) return
      model.set(one.path, undefined)
      return drive.during(drive.mkdir(one.path))
    case 'save':
      if (isFolder(model, one.path) || !isFolder(model, parentOf(one.path))) return
      model.set(one.path, `${turn}`)
      return drive.during(drive.save(one.path, `${turn}`))
    case 'unlink':
      if (!model.has(one.path) || isFolder(model, one.path)) return
      model.delete(one.path)
      return drive.during(drive.unlink(one.path))
    case 'rmdir':
      if (!model.has(one.path) || !isFolder(model, one.path) || !isEmpty(model, one.path)) return
      model.delete(one.path)
      return drive.during(drive.rmdir(one.path))
    case 'rename':
      if (rename(model, one.path, one.to)) await drive.during(drive.rename(one.path, one.to))
      return
    case 'fail':
      return drive.remote.fail(one.method, new RemoteError('locked', 'somebody else is at it'))
    case 'lose':
      return drive.remote.loseAnswers(one.method)
    case 'hold':
      return hold(drive, one)
    case 'wait':
      return drive.clock.advance(one.ms)
    case 'crash':
      // A server ends what it has begun before it is asked by the next process.
      return drive.crash(async () => {
        for (const method of changing) drive.remote.script.release(method)
        await settle()
      })
  }
}

/** The server takes its time for the next calls of `method`: before it does what they want, or before it answers. */
function hold({ remote, clock }: TestDrive, { method, at, ms }: Extract<Step, { do: 'hold' }>): void {
  const gate = remote.hold(method, at)
  clock.after(ms, () => gate.release())
}

async function shown(drive: TestDrive, folder = ''): Promise<[string, string | undefined][]> {
  const found: [string, string | undefined][] = []
  for (const name of await drive.names(folder)) {
    const path = folder ? `${folder}/${name}` : name
    if ((await drive.stat(path)).kind === 'folder')
      found.push([path, undefined], ...(await shown(drive, path)))
    else found.push([path, await drive.text(path)])
  }
  return found.sort(([a], [b]) => (a < b ? -1 : 1))
}

function sorted(model: Model): [string, string | undefined][] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1))
}

function stored(drive: TestDrive): [string, string | undefined][] {
  const paths = drive.remote.paths().map((path) => path.replace(/\/$/, ''))
  return paths
    .map((path): [string, string | undefined] => [path, drive.remote.textAt(path)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

describe('names that are changed in any order, while the server fails and the process is killed', () => {
  it('are shown as programs were told, and in the end the server has them and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(someSteps, async (steps) => {
        const model: Model = new Map([
          ...(['a', 'b', 'a/b'] as const).map((path): [string, undefined] => [path, undefined]),
          ['a/c', 'first'],
          ['a/b/c', 'second'],
          ['c', 'third'],
        ])
        const drive = await TestDrive.open({}, (remote) => {
          remote.mkdirAsOther('b')
          for (const [path, text] of model) if (text !== undefined) remote.putAsOther(path, text)
        })
        try {
          for (const [turn, one] of steps.entries()) {
            await apply(drive, model, one, turn)
            if (one.do === 'crash') expect(await drive.during(shown(drive))).toEqual(sorted(model))
          }
          for (const method of changing) drive.remote.script.recover(method)
          expect(await drive.during(shown(drive))).toEqual(sorted(model))
          await drive.settleAll()
          expect(await errnoOf(drive.drain())).toBeUndefined()
          expect(stored(drive)).toEqual(sorted(model))
          expect(await shown(drive)).toEqual(sorted(model))
          await drive.outdate()
          expect(await shown(drive)).toEqual(sorted(model))
          drive.drive.checkInvariants()
        } finally {
          await drive.stop()
        }
      }),
      // One that never ends is told with its steps.
      { numRuns: Number(process.env['NAMES_RUNS'] ?? 60), timeout: 30_000 },
    )
  }, 120_000)
})
