import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { errnoOf } from '../../../fakes/test-drive.ts'
import { someSteps, type Step } from '../names-model/steps.ts'
import { NamesWorld } from '../names-model/world.ts'

/** One that never ends is told with its steps. */
const parameters = { numRuns: Number(process.env['NAMES_RUNS'] ?? 60), timeout: 30_000 }

async function tryOut(steps: readonly Step[]): Promise<void> {
  const world = await NamesWorld.open()
  const { drive } = world
  try {
    for (const [turn, one] of steps.entries()) {
      await world.apply(one, turn)
      if (one.do === 'crash') expect(await world.shown()).toEqual(world.expected)
    }
    world.recover()
    expect(await world.shown()).toEqual(world.expected)
    await drive.settleAll()
    expect(await errnoOf(drive.drain())).toBeUndefined()
    expect(world.stored).toEqual(world.expected)
    expect(await world.shown()).toEqual(world.expected)
    await drive.outdate()
    expect(await world.shown()).toEqual(world.expected)
    expect(await drive.leftovers()).toEqual({ kept: 0, held: 0 })
  } finally {
    await drive.stop()
  }
}

describe('names that are changed in any order, while the server fails and the process is killed', () => {
  it('are shown as programs were told, and in the end the server has them and nothing else', async () => {
    await fc.assert(fc.asyncProperty(someSteps, tryOut), parameters)
  }, 120_000)
})
