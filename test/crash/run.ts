/** `npm run test:crash -- --runs N [--jobs N] [--seed S] [--target PLACE] [--story]`: kills processes until something is lost, or so many runs are over. */
import { accessSync, constants } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildChild } from './build.ts'
import { runMatrix, summary, tellComplaints, tellKills } from './matrix.ts'
import type { RunReport } from './run-once.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    jobs: { type: 'string', default: '1' },
    /** Where a process is to die in the first run. */
    target: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Tell how each wrong run went. */
    story: { type: 'boolean', default: false },
  },
})

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function canMount(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return process.getuid?.() === 0
  } catch {
    return false
  }
}

function tell(report: RunReport): void {
  if (report.complaints.length === 0) return
  const [repeat, ...complaints] = tellComplaints(report)
  print(`WRONG, to be repeated with ${repeat}`)
  for (const complaint of complaints) print(complaint)
  if (values.story) for (const line of report.story) print(`    ${line}`)
}

const seed = Number(values.seed)
print(`seed ${seed}`)
await buildChild()
const report = await runMatrix({
  runs: Number(values.runs),
  jobs: Number(values.jobs),
  seed,
  canMount: canMount(),
  target: values.target,
  onReport: tell,
})
for (const line of tellKills(report)) print(line)
const isWrong = report.reports.some(({ complaints, lostBytes }) => complaints.length > 0 || lostBytes > 0)
print(summary(report.reports))
process.exit(isWrong ? 1 : 0)
