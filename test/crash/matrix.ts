import type { Hook, HookAction } from './hooked-layer.ts'
import { Random } from './random.ts'
import { runOnce, type RunOptions, type RunReport } from './run-once.ts'
import { findSites, type Site } from './sites.ts'

export interface MatrixOptions {
  readonly runs: number
  /** Runs at the same time. */
  readonly jobs: number
  readonly seed: number
  /** Some of the runs go through the kernel. */
  readonly canMount: boolean
  /** Where a process is to die in the first run; else, in half of them, where none has died yet. */
  readonly target?: string | undefined
  readonly onReport?: (report: RunReport) => void
}

export interface MatrixReport {
  readonly reports: readonly RunReport[]
  /** How often each hook was pulled: by place, then by action. */
  readonly kills: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** Places where no process ever died. */
  readonly unreached: readonly Site[]
}

const actions: readonly HookAction[] = ['before', 'after', 'half']
/** Through the kernel costs more, and shows less of what is between the journal and the server. */
const mountedShare = 0.2
/** In some the journal is damaged: all that it spoke of must be found again. */
const damagedShare = 0.15

export async function runMatrix({
  runs,
  jobs,
  seed,
  canMount,
  target,
  onReport,
}: MatrixOptions): Promise<MatrixReport> {
  const sites = findSites()
  const kills = new Map<string, Map<string, number>>(sites.map(({ id }) => [id, new Map()]))
  const reports: RunReport[] = []
  let next = 0
  const worker = async () => {
    while (next < runs) {
      const unreached = sites.filter(({ id }) => killsAt(kills.get(id)) === 0)
      const wanted = next === 0 && target !== undefined ? target : targetOf(seed + next, unreached)
      const options = planRun(seed + next, sites, { canMount, target: wanted })
      next += 1
      const report = await runOnce(options)
      for (const pulled of report.pulled) count(kills, pulled)
      reports.push(report)
      onReport?.(report)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  const unreached = sites.filter(({ id }) => killsAt(kills.get(id)) === 0)
  return { reports, kills, unreached }
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

function targetOf(seed: number, unreached: readonly Site[]): string | undefined {
  const random = new Random(seed * 104_729)
  return unreached.length > 0 && random.chance(0.5) ? random.pick(unreached).id : undefined
}

interface Plan {
  readonly canMount: boolean
  readonly target: string | undefined
}

/** Everything about a run follows from its seed and its target, the moments in time aside. */
export function planRun(seed: number, sites: readonly Site[], { canMount, target }: Plan): RunOptions {
  const random = new Random(seed * 7919)
  const lives = random.pick([1, 1, 2, 2, 3])
  const isMounted = canMount && random.chance(mountedShare)
  const common = { seed, isMounted, target }
  const isOfRescue = target !== undefined && rescue.test(target)
  if (random.chance(isOfRescue ? 0.5 : damagedShare))
    return {
      ...common,
      damagesJournal: true,
      hooks: rescueHooks(random, sites, isOfRescue ? target : undefined),
    }
  const hooks = Array.from({ length: lives }, () =>
    target !== undefined || random.chance(0.7) ? planHooks(random, sites, target) : [],
  )
  return { ...common, damagesJournal: false, hooks }
}

/** Where what is found after damage is saved. */
const rescue = /lost-and-found|open-journal|segment/

/** The process that wrote dies at any moment, those that find the damage where they save what they can. */
function rescueHooks(random: Random, sites: readonly Site[], target: string | undefined): Hook[][] {
  const saving = sites.filter(({ id }) => (target === undefined ? rescue.test(id) : id === target))
  const one = (): Hook[] => [
    {
      site: random.pick(saving.length > 0 ? saving : sites).id,
      nth: random.count(),
      action: random.pick(actions),
    },
  ]
  return [[], one(), one(), one()]
}

/** Where the process dies, and perhaps what fails before. */
function planHooks(random: Random, sites: readonly Site[], wanted: string | undefined): Hook[] {
  const target = sites.find(({ id }) => id === wanted) ?? random.pick(sites)
  const kill = { site: target.id, nth: random.count(), action: random.pick(actions) }
  return [...failuresFor(target, random, sites), kill]
}

/** Some places are reached only when the disk has refused something. */
function failuresFor({ id }: Site, random: Random, sites: readonly Site[]): Hook[] {
  const first = sites.filter(({ id, step }) => /segment/.test(id) && /append|datasync/.test(step))
  if (/journal\/(journal|segment)/.test(id) && random.chance(0.7))
    return [{ site: random.pick(first).id, nth: random.count(), action: 'fail' }]
  if (random.chance(0.1)) return [{ site: random.pick(sites).id, nth: random.count(), action: 'fail' }]
  return []
}

function count(kills: Map<string, Map<string, number>>, pulled: string): void {
  const [site = '', action = ''] = pulled.split(' ')
  const actions = kills.get(site) ?? new Map<string, number>()
  kills.set(site, actions.set(action, (actions.get(action) ?? 0) + 1))
}

function killsAt(actions: ReadonlyMap<string, number> | undefined): number {
  return [...(actions ?? [])].reduce((sum, [action, times]) => (action === 'fail' ? sum : sum + times), 0)
}
