/** `npm run test:crash -- --runs N [--jobs N] [--seed S]`: kills processes until something is lost, or so many runs are over. */
import { accessSync, constants } from 'node:fs'
import { parseArgs } from 'node:util'
import { runMatrix, summary, type MatrixReport } from './matrix.ts'
import type { RunReport } from './run-once.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    jobs: { type: 'string', default: '1' },
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

function tell({ options, complaints, story }: RunReport): void {
  if (complaints.length === 0) return
  print(`WRONG, to be repeated with --runs 1 --seed ${options.seed}${options.isMounted ? ' (mounted)' : ''}:`)
  for (const complaint of complaints) print(`  ${complaint}`)
  if (values.story) for (const line of story) print(`    ${line}`)
}

function printKills({ kills, unreached }: MatrixReport): void {
  print('processes that died, by place:')
  for (const [site, actions] of [...kills].sort(([a], [b]) => (a < b ? -1 : 1)))
    print(`  ${site.padEnd(32)} ${[...actions].map(([action, times]) => `${action} ${times}`).join(', ')}`)
  if (unreached.length > 0) print(`never reached: ${unreached.map(({ id }) => id).join(', ')}`)
}

const seed = Number(values.seed)
print(`seed ${seed}`)
const report = await runMatrix({
  runs: Number(values.runs),
  jobs: Number(values.jobs),
  seed,
  canMount: canMount(),
  onReport: tell,
})
printKills(report)
const isWrong = report.reports.some(({ complaints, lostBytes }) => complaints.length > 0 || lostBytes > 0)
print(summary(report.reports))
process.exit(isWrong ? 1 : 0)
