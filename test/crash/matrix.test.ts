import { availableParallelism } from 'node:os'
import { expect, it } from 'vitest'
import { nativeUnavailable } from '../harness/native-host.ts'
import { runMatrix, summary } from './matrix.ts'

const runs = 200

it(`${runs} times processes are killed at every step on the local disk, and nothing that was acknowledged is lost`, async () => {
  const report = await runMatrix({
    runs,
    jobs: availableParallelism(),
    seed: Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000),
    canMount: nativeUnavailable() === undefined,
  })
  const wrong = report.reports.filter(({ complaints }) => complaints.length > 0)
  expect(wrong.map(({ options, complaints }) => ({ seed: options.seed, complaints }))).toEqual([])
  expect(report.unreached.map(({ id }) => id)).toEqual([])
  expect(summary(report.reports)).toMatch(/^200 runs, [1-9]\d* bytes acknowledged, 0 lost$/)
})
