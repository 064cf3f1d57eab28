import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../../src/base/log.ts'
import { Journal } from '../../../../src/core/journal/index.ts'
import { PowerLossDisk, seededRandom, type Lie, type Random } from '../../../fakes/power-loss.ts'

const folder = '/journal'

type Step =
  | { readonly op: 'put'; readonly key: string; readonly length: number }
  | { readonly op: 'move'; readonly from: string; readonly to: string }
  | { readonly op: 'sync' }
  | { readonly op: 'reopen' }
  | { readonly op: 'kill' }

const key = fc.constantFrom('a', 'b', 'c')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('put' as const),
      key,
      length: fc.constantFrom(1, 50, 3000, 9000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('move' as const), from: key, to: key }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('kill' as const) }) },
)

/** A disk as it may be found, and what it may then hold: one of `states`, as text. */
interface Crash {
  readonly disk: PowerLossDisk
  readonly states: readonly string[]
}

const textOf = (state: ReadonlyMap<string, unknown>) =>
  JSON.stringify([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
const open = (layer: PowerLossDisk) => Journal.open({ folder, layer, log: silentLog, rewriteFromBytes: 2000 })

/** Does `steps`, and answers disks as they may be found after power loss, or the end of the process, at each moment of it. */
async function crashesOf(steps: readonly Step[], lies: readonly Lie[], random: Random): Promise<Crash[]> {
  const disk = await PowerLossDisk.with(folder, lies)
  const crashes: Crash[] = []
  const states = [textOf(new Map())]
  let synced = 0
  let acknowledged = 0
  disk.onChange = () => {
    for (let i = 0; i < 2; i += 1) crashes.push({ disk: disk.crash(random), states: states.slice(synced) })
    crashes.push({ disk: disk.killed(), states: states.slice(acknowledged) })
  }
  let { journal } = await open(disk)
  const live = new Map<string, unknown>()
  for (const [number, step] of steps.entries()) {
    if (step.op === 'sync') {
      await journal.sync()
      synced = states.length - 1
    } else if (step.op === 'reopen') {
      await journal.close()
      synced = states.length - 1
      journal = (await open(disk)).journal
    } else if (step.op === 'kill') {
      // It does nothing any more: neither does a process that has ended.
      await new Promise((resolve) => setImmediate(resolve))
      journal = (await open(disk)).journal
    } else {
      const value = step.op === 'put' ? `${number}${'x'.repeat(step.length)}` : live.get(step.from)
      if (typeof value !== 'string') continue
      if (step.op === 'move') live.delete(step.from)
      const target = step.op === 'put' ? step.key : step.to
      live.set(target, value)
      states.push(textOf(live))
      if (step.op === 'put') await journal.put(target, value)
      else await journal.change([{ key: step.from }, { key: target, value }])
      acknowledged = states.length - 1
    }
  }
  return crashes
}

async function expectSound({ disk, states }: Crash): Promise<void> {
  const { journal, entries, damage } = await open(disk)
  expect(damage).toEqual([])
  expect(states).toContain(textOf(entries))
  await journal.close()
}

async function survives(steps: readonly Step[], seed: number, lies: readonly Lie[]): Promise<void> {
  const random = seededRandom(seed)
  for (const { disk, states } of await crashesOf(steps, lies, random)) {
    // The power may go again while the journal is read and mended.
    const again: Crash[] = []
    disk.onChange = () => {
      if (again.length < 3) again.push({ disk: disk.crash(random), states })
    }
    await expectSound({ disk, states })
    for (const crash of again) await expectSound(crash)
  }
}

const runs = fc.tuple(fc.array(step, { minLength: 1, maxLength: 15 }), fc.integer())
const property = (lies: readonly Lie[]) =>
  fc.asyncProperty(runs, ([steps, seed]) => survives(steps, seed, lies))

describe('a journal after power loss', () => {
  it('is at a state not before the last sync, whatever reached the disk', async () => {
    await fc.assert(property([]), { numRuns: 40 })
  })

  it('is so too when what a killed process wrote was not on the disk yet', async () => {
    const put = { op: 'put', key: 'a', length: 9000 } as const
    for (let seed = 0; seed < 40; seed += 1) await survives([put, { op: 'kill' }, put], seed, [])
  })

  it.each<Lie>(['datasync', 'syncFolder'])('is not when %s does nothing: this test can fail', async (lie) => {
    const { errorInstance } = await fc.check(property([lie]), { numRuns: 40, endOnFailure: true })
    expect(errorInstance).toHaveProperty('name', 'AssertionError')
  })
})
