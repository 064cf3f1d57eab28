import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { nativeUnavailable } from '../harness/native-host.ts'
import { runMatrix, summary, tellComplaints, tellKills } from './matrix.ts'

const runs = 200
/** At most, as long as there are steps at which no process has died. */
const moreRuns = 100
/**
 * Of the runs, as a share: what complains twice of something else than lost bytes, which nothing excuses. Moments differ, and what one
 * run in several hundred shows has to be mended, but is no reason to turn down the change at hand.
 */
const mostWrong = 0.01
/** Of the steps, as a share: those at which no process happened to die. */
const mostUnreached = 0.1
const dayMs = 86_400_000
/** A change is judged by the same cases as the one before it: see `test/seed.ts`. */
const seedInCi = 85_000
/** Others each day, whoever works here: in time all are met. */
const seedOfToday = Math.floor(Date.now() / dayMs) * 1_000

it(`${runs} times processes are killed at steps on the local disk, and nothing that was acknowledged is lost`, async () => {
  const seed = Number(process.env['CRASH_SEED'] ?? (process.env['CI'] ? seedInCi : seedOfToday))
  const report = await runMatrix({
    runs,
    moreRuns,
    jobs: availableParallelism(),
    seed,
    canMount: nativeUnavailable() === undefined,
    triesAgain: true,
  })
  const doubts = report.doubts.flatMap((doubt) => [
    'went well only the second time:',
    ...tellComplaints(doubt),
  ])
  const lines = [`seed ${seed}`, ...tellKills(report), ...doubts, summary(report.reports)]
  process.stdout.write(`${lines.join('\n')}\n`)
  const wrong = report.reports.filter(({ complaints }) => complaints.length > 0)
  const told = wrong.map((one) => ({ complaints: tellComplaints(one), story: one.story }))
  process.stdout.write(`${wrong.length} runs went wrong: ${JSON.stringify(told, undefined, 1)}\n`)
  if (wrong.length > report.reports.length * mostWrong) expect(told).toEqual([])
  // To some only a process comes that finds what another one has left there by chance.
  expect(report.unreached.length).toBeLessThanOrEqual(report.kills.size * mostUnreached)
  expect(summary(report.reports)).toMatch(/^[2-9]\d\d runs, [1-9]\d* bytes acknowledged, 0 lost$/)
})
