import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Lie } from '../../../fakes/power-loss.ts'
import { PowerLossRun } from './run.ts'
import { step, type Step } from './steps.ts'

const runs = fc.tuple(fc.array(step, { minLength: 2, maxLength: 25 }), fc.integer())

async function survives([steps, seed]: [Step[], number], lie?: readonly [Lie, RegExp]): Promise<void> {
  const run = await PowerLossRun.open(seed, lie)
  try {
    expect(await run.run(steps)).toEqual([])
  } finally {
    await run.stop()
  }
}

/** Calls that a careless mount would leave out. */
const lies: readonly (readonly [Lie, RegExp])[] = [
  ['syncFolder', /staging$/],
  ['syncFolder', /journal$/],
  ['datasync', /[.]data$/],
  ['datasync', /[.]side$/],
  ['datasync', /journal[/]journal-/],
  ['syncFolder', /[/]inline$/],
  ['datasync', /[/]inline($|[/]journal-)/],
]

describe('a drive whose machine loses its power again and again', () => {
  it('is at a state not before the last promise, and sends that and nothing else [W2] [W4] [W5] [W6]', async () => {
    await fc.assert(
      fc.asyncProperty(runs, (run) => survives(run)),
      { numRuns: Number(process.env['POWER_RUNS'] ?? 40) },
    )
  }, 3_600_000)

  it.each(lies)(
    'is not when %s of %s does nothing: this test can fail',
    async (...lie) => {
      const property = fc.asyncProperty(runs, (run) => survives(run, lie))
      const { errorInstance } = await fc.check(property, { numRuns: 200, endOnFailure: true })
      expect(errorInstance).toHaveProperty('name', 'AssertionError')
    },
    120_000,
  )
})
