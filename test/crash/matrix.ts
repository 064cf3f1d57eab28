import { planRun } from './plan.ts'
import { Random } from './random.ts'
import { runOnce, type RunReport } from './run-once.ts'
import { findSites, type Site } from './sites.ts'

export interface MatrixOptions {
  readonly runs: number
  /** So many more at most, until processes have died at all places. */
  readonly moreRuns?: number
  /** Runs at the same time. */
  readonly jobs: number
  readonly seed: number
  /** Some of the runs go through the kernel. */
  readonly canMount: boolean
  /** Where a process is to die in the first run; else, in half of them, where none has died yet. */
  readonly target?: string | undefined
  /** What complains of something else than lost bytes is done once more, and counts only if it complains again. */
  readonly triesAgain?: boolean
  readonly onReport?: (report: RunReport) => void
}

export interface MatrixReport {
  readonly reports: readonly RunReport[]
  /** What complained and went well the next time, with the same seed and target. */
  readonly doubts: readonly RunReport[]
  /** How often each hook was pulled: by place, then by action. */
  readonly kills: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Places where no process ever died. */
  readonly unreached: readonly Site[]
}

/** Ends early when bytes are lost: nothing that comes after that is as urgent. */
export async function runMatrix({
  runs,
  moreRuns = 0,
  jobs,
  seed,
  canMount,
  target,
  triesAgain = false,
  onReport,
}: MatrixOptions): Promise<MatrixReport> {
  const sites = findSites()
  const kills = new Map<string, Map<string, number>>(sites.map(({ id }) => [id, new Map()]))
  const reports: RunReport[] = []
  const doubts: RunReport[] = []
  const unreached = () => sites.filter(({ id }) => killsAt(kills.get(id)) === 0)
  let next = 0
  const isEnough = () => next >= runs && (next >= runs + moreRuns || unreached().length === 0)
  const worker = async () => {
    while (!isEnough() && !reports.some(isLoss)) {
      const wanted =
        next === 0 && target !== undefined
          ? target
          : targetOf(seed + next, unreached(), next < runs ? 0.5 : 1)
      const options = planRun(seed + next, sites, { canMount, target: wanted })
      next += 1
      let report = await runOnce(options)
      if (triesAgain && report.complaints.length > 0 && !isLoss(report)) {
        const first = report
        report = await runOnce(options)
        if (report.complaints.length === 0) doubts.push(first)
      }
      for (const pulled of report.pulled) count(kills, pulled)
      reports.push(report)
      onReport?.(report)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return { reports, doubts, kills, unreached: unreached() }
}

/** How often processes died at each place, a line each. */
export function tellKills({ kills, unreached }: MatrixReport): string[] {
  const byPlace = [...kills].sort(([a], [b]) => (a < b ? -1 : 1))
  const lines = byPlace.map(([site, actions]) => {
    const times = [...actions].map(([action, count]) => `${action} ${count}`).join(', ')
    return `  ${site.padEnd(32)} ${times}`
  })
  const never = unreached.map(({ id }) => id).join(', ')
  return ['processes that died, by place:', ...lines, ...(never === '' ? [] : [`never reached: ${never}`])]
}

/** The closing line. */
export function summary(reports: readonly RunReport[]): string {
  const sum = (of: (report: RunReport) => number) => reports.reduce((total, report) => total + of(report), 0)
  const acknowledged = sum((report) => report.acknowledgedBytes)
  return `${reports.length} runs, ${acknowledged} bytes acknowledged, ${sum((report) => report.lostBytes)} lost`
}

/** What repeats a run, and what it complained of. */
export function tellComplaints({ options, complaints }: RunReport): string[] {
  const target = options.target === undefined ? '' : ` --target ${options.target}`
  const how = options.isMounted ? ' (mounted)' : ''
  return [
    `--runs 1 --seed ${options.seed}${target}${how}:`,
    ...complaints.map((complaint) => `  ${complaint}`),
  ]
}

function isLoss({ lostBytes }: RunReport): boolean {
  return lostBytes > 0
}

function targetOf(seed: number, unreached: readonly Site[], probability: number): string | undefined {
  const random = new Random(seed * 104_729)
  return unreached.length > 0 && random.chance(probability) ? random.pick(unreached).id : undefined
}

function count(kills: Map<string, Map<string, number>>, pulled: string): void {
  const [site = '', action = ''] = pulled.split(' ')
  const actions = kills.get(site) ?? new Map<string, number>()
  kills.set(site, actions.set(action, (actions.get(action) ?? 0) + 1))
}

function killsAt(actions: ReadonlyMap<string, number> | undefined): number {
  return [...(actions ?? [])].reduce((sum, [action, times]) => (action === 'fail' ? sum : sum + times), 0)
}
