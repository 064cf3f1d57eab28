import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { settle } from '../../../fakes/manual-clock.ts'
import { PowerLossDisk } from '../../../fakes/power-loss.ts'
import { TestDrive } from '../../../fakes/test-drive.ts'

const folders = ['f', 'g'] as const
const ours = ['a', 'b', 'c'] as const
const theirs = ['x', 'y', 'z'] as const

const pathOf = (names: readonly string[]) =>
  fc.tuple(fc.constantFrom(...folders), fc.constantFrom(...names)).map((words) => words.join('/'))
const our = pathOf(ours)
const their = pathOf(theirs)

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('save' as const), path: our }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('rename' as const), path: our, to: our }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('unlink' as const), path: our }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('they save' as const), path: their }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('they move' as const), path: their, to: their }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('they remove' as const), path: their }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('look' as const), path: fc.constantFrom(...folders) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(50, 600, 1_500) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('crash' as const, 'crash soon' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remount' as const) }) },
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function shown(drive: TestDrive, names: readonly string[] = [...ours, ...theirs]): Promise<string[]> {
  const found: string[] = []
  for (const folder of folders)
    for (const name of await drive.names(folder))
      if (names.includes(name)) found.push(`${folder}/${name} ${await drive.text(`${folder}/${name}`)}`)
  return found.sort()
}

async function start(drive: TestDrive): Promise<void> {
  drive.drive.followChanges()
  await settle()
}

async function apply(drive: TestDrive, model: Map<string, string>, one: Step, text: string): Promise<void> {
  const { remote } = drive
  switch (one.do) {
    case 'save':
      await drive.during(drive.save(one.path, text))
      model.set(one.path, text)
      break
    case 'rename': {
      const content = model.get(one.path)
      if (content === undefined || one.path === one.to) break
      await drive.during(drive.rename(one.path, one.to))
      model.delete(one.path)
      model.set(one.to, content)
      break
    }
    case 'unlink':
      if (!model.delete(one.path)) break
      await drive.during(drive.unlink(one.path))
      break
    case 'they save':
      remote.putAsOther(one.path, text)
      break
    case 'they move':
      if (remote.textAt(one.path) !== undefined && remote.textAt(one.to) === undefined)
        remote.moveAsOther(one.path, one.to)
      break
    case 'they remove':
      if (remote.textAt(one.path) !== undefined) remote.removeAsOther(one.path)
      break
    case 'look':
      await drive.during(drive.names(one.path))
      break
    case 'wait':
      await drive.clock.advance(one.ms)
      break
    case 'crash':
    case 'crash soon':
      if (one.do === 'crash') await drive.mirror!.settled()
      await drive.crash()
      await start(drive)
      break
    case 'remount':
      await drive.remount()
      await start(drive)
      break
  }
}

async function run(steps: readonly Step[]): Promise<void> {
  const mirrorFolder = await mkdtemp(join(tmpdir(), 'drive-mirror-'))
  // A disk that takes no time: how much passes in a test must not depend on the machine.
  const fileLayer = await PowerLossDisk.with('/')
  const drive = await TestDrive.open({ mirrorFolder, fileLayer }, (remote) => {
    for (const path of ['f/a', 'f/x', 'g/b', 'g/y']) remote.putAsOther(path, `first ${path}`)
  })
  try {
    await start(drive)
    const model = new Map(['f/a', 'g/b'].map((path) => [path, `first ${path}`]))
    const told = () => [...model].map((words) => words.join(' ')).sort()
    for (const [index, one] of steps.entries()) {
      await apply(drive, model, one, `text ${index}`)
      if (one.do === 'crash' || one.do === 'crash soon' || one.do === 'remount')
        expect(await drive.during(shown(drive, ours))).toEqual(told())
    }
    await drive.settleAll()
    await drive.crash()
    await start(drive)
    expect(await drive.during(shown(drive, ours))).toEqual(told())
    await settle()
    await drive.settleAll()
    expect(drive.drive.top.pending()).toEqual([])
    const paths = drive.remote.paths().filter((path) => !path.endsWith('/'))
    const stored = paths.map((path) => `${path} ${drive.remote.textAt(path)}`).sort()
    expect(await drive.during(shown(drive))).toEqual(stored)
    expect(stored.filter((line) => ours.includes(line[2] as 'a'))).toEqual(told())
    drive.drive.checkInvariants()
  } finally {
    await drive.stop()
    await rm(mirrorFolder, { recursive: true, force: true })
  }
}

describe('a mirrored drive that two clients change, whose process is killed and started again and again', () => {
  it('never shows again what programs were told to be gone, and in the end shows what the server has [E20]', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 20 }), run), {
      numRuns: Number(process.env['RESTART_RUNS'] ?? 50),
    })
  }, 240_000)
})
