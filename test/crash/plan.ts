/** What happens in one run: which processes die where, and what fails before. */
import type { Hook, HookAction } from './hooked-layer.ts'
import { Random } from './random.ts'
import type { RunOptions } from './run-once.ts'
import type { Site } from './sites.ts'

export interface Plan {
  readonly canMount: boolean
  /** Where its processes are to die; undefined: at places by chance. */
  readonly target: string | undefined
}

const actions: readonly HookAction[] = ['before', 'after', 'half']
/** Through the kernel costs more, and shows less of what is between the journal and the server. */
const mountedShare = 0.2
/** In some the journal is damaged: all that it spoke of must be found again. */
const damagedShare = 0.15
/** Where what is found after damage is saved. */
const rescue = /lost-and-found|open-journal|segment/

/** Everything about a run follows from its seed and its target, the moments in time aside. */
export function planRun(
  seed: number,
  sites: readonly Site[],
  { canMount, target: wanted }: Plan,
): RunOptions {
  const random = new Random(seed * 7919)
  const isMounted = canMount && random.chance(mountedShare)
  const target = sites.find(({ id }) => id === wanted)
  const common = { seed, isMounted, target: target?.id }
  const isOfRescue = target !== undefined && rescue.test(target.id)
  if (random.chance(isOfRescue ? 0.5 : damagedShare))
    return { ...common, damagesJournal: true, hooks: rescueHooks(random, sites, target) }
  const lives = random.pick([1, 1, 2, 2, 3])
  const hooks = target ? targetHooks(random, sites, target, lives) : anyHooks(random, sites, lives)
  return { ...common, damagesJournal: false, hooks }
}

/** The process that wrote dies at any moment, those that find the damage where they save what they can. */
function rescueHooks(random: Random, sites: readonly Site[], target: Site | undefined): Hook[][] {
  const saving = sites.filter(({ id }) => rescue.test(id))
  const site = () => (target && rescue.test(target.id) ? target : random.pick(saving))
  const lives = [1, 2, 3].map((): Hook[] => [killAt(random, site())])
  return [[], ...lives]
}

function anyHooks(random: Random, sites: readonly Site[], lives: number): Hook[][] {
  return Array.from({ length: lives }, () => {
    if (!random.chance(0.7)) return []
    const site = random.pick(sites)
    return [...failuresFor(site, random, sites), killAt(random, site)]
  })
}

function targetHooks(random: Random, sites: readonly Site[], target: Site, lives: number): Hook[][] {
  const before = whatLeavesWorkFor(random, sites, target)
  const aimed = Array.from({ length: lives }, () => [
    ...failuresFor(target, random, sites),
    killAt(random, target),
  ])
  return before.length > 0 ? [before, ...aimed] : aimed
}

/** The first time, mostly: there may be no other. */
function killAt(random: Random, { id }: Site): Hook {
  return { site: id, nth: random.chance(0.5) ? 1 : random.count(), action: random.pick(actions) }
}

/** What a start puts in order must have been left by a process that died in the middle of it. */
function whatLeavesWorkFor(random: Random, sites: readonly Site[], { id, step }: Site): Hook[] {
  if (!id.includes('open-journal') || step !== 'remove') return []
  const at = (file: string, wanted: string) =>
    sites.filter((site) => site.id.includes(file) && site.step === wanted)
  const naming: Hook[] = at('segment', 'rename').map((site) => ({ site: site.id, nth: 1, action: 'before' }))
  const replacing: Hook[] = [
    { site: random.pick(at('segment', 'append')).id, nth: random.count(), action: 'fail' },
    ...at('journal/journal', 'remove').map((site): Hook => ({ site: site.id, nth: 1, action: 'before' })),
  ]
  return random.chance(0.5) ? naming : replacing
}

/** Some places are reached only when the disk has refused something. */
function failuresFor({ id }: Site, random: Random, sites: readonly Site[]): Hook[] {
  const first = sites.filter(({ id, step }) => /segment/.test(id) && /append|datasync/.test(step))
  if (/journal\/(journal|segment)/.test(id) && random.chance(0.7))
    return [{ site: random.pick(first).id, nth: random.count(), action: 'fail' }]
  if (random.chance(0.1)) return [{ site: random.pick(sites).id, nth: random.count(), action: 'fail' }]
  return []
}
