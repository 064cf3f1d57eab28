import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { nativeUnavailable } from '../harness/native-host.ts'
import { runMatrix, summary, tellKills } from './matrix.ts'

const runs = 200
const dayMs = 86_400_000
/** Other plans each day: what a change breaks is looked for with the same ones before it and after, and in time all are met. */
const seedOfToday = Math.floor(Date.now() / dayMs) * 1_000

it(`${runs} times processes are killed at every step on the local disk, and nothing that was acknowledged is lost`, async () => {
  const seed = Number(process.env['CRASH_SEED'] ?? seedOfToday)
  const report = await runMatrix({
    runs,
    untilReached: 100,
    jobs: availableParallelism(),
    seed,
    canMount: nativeUnavailable() === undefined,
  })
  const lines = [`seed ${seed}`, ...tellKills(report), summary(report.reports)]
  process.stdout.write(`${lines.join('\n')}\n`)
  const wrong = report.reports.filter(({ complaints }) => complaints.length > 0)
  expect(
    wrong.map(({ options, complaints, story }) => ({
      seed: options.seed,
      target: options.target,
      complaints,
      story,
    })),
  ).toEqual([])
  expect(report.unreached.map(({ id }) => id)).toEqual([])
  expect(summary(report.reports)).toMatch(/^[2-9]\d\d runs, [1-9]\d* bytes acknowledged, 0 lost$/)
})
