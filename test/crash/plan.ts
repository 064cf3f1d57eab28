/** What happens in one run: which processes die where, and what fails before. */
import type { Hook, HookAction } from './hooked-layer.ts'
import { Random } from './random.ts'
import type { Damage, Inline, RunOptions } from './run-once.ts'
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
  const common = { seed, isMounted, target: target?.id, inline: inlineFor(random, target) }
  if (random.chance(damageChance(target)))
    return { ...common, damage: damageOf(random, target), hooks: rescueHooks(random, sites, target) }
  const lives = random.pick([1, 1, 2, 2, 3])
  const hooks = target ? targetHooks(random, sites, target, lives) : anyHooks(random, sites, lives)
  return { ...common, damage: 'none', hooks }
}

/** The steps of one way are not taken in the other. */
function inlineFor(random: Random, target: Site | undefined): Inline {
  if (target?.id.startsWith('write/')) return 'none'
  return target?.id.startsWith('inline/') ? 'some' : random.pick(['none', 'some', 'small ones'])
}

/** What a single record spoke of is saved by a few steps, and most of these have gone by before a process dies at the last ones. */
function damageOf(random: Random, target: Site | undefined): Damage {
  return target?.id.includes('lost-and-found') || random.chance(0.5) ? 'all' : 'middle'
}

/** Nothing else leaves anything to be saved. */
function damageChance(target: Site | undefined): number {
  if (target?.id.includes('lost-and-found')) return 1
  return target && rescue.test(target.id) ? 0.5 : damagedShare
}

/** The process that wrote dies at any moment, those that find the damage where they save what they can. */
function rescueHooks(random: Random, sites: readonly Site[], target: Site | undefined): Hook[][] {
  const saving = sites.filter(({ id }) => rescue.test(id))
  const isOfRescue = target !== undefined && rescue.test(target.id)
  const site = () => (isOfRescue ? target : random.pick(saving))
  const aimed = [1, 2, 3].map((): Hook[] => [killAt(random, site())])
  const before = isOfRescue ? whatLeavesWorkFor(random, sites, target) : []
  return [[], ...(before.length > 0 ? [before, ...aimed.slice(1)] : aimed)]
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
function whatLeavesWorkFor(random: Random, sites: readonly Site[], { id, step, code }: Site): Hook[] {
  if (step !== 'remove') return []
  const at = (file: string, wanted: string, action: HookAction, nth = 1): Hook[] =>
    sites
      .filter((site) => site.id.includes(file) && site.step === wanted)
      .map((site) => ({ site: site.id, nth, action }))
  if (id.includes('staged-removals')) return at('staged-file', 'remove', 'before', random.count())
  if (id.includes('open-journal') && code.includes('name')) return at('segment', 'rename', 'before')
  if (id.includes('open-journal'))
    return [failureThatReplaces(sites, 1), ...at('journal/journal', 'remove', 'before')]
  if (!id.includes('lost-and-found')) return []
  if (code.includes('name')) return at('side-car-file', 'replace', 'half', random.count())
  return random.chance(0.5) ? at('lost-and-found', 'rename', 'after', random.count()) : []
}

/** Some places are reached only when the disk has refused something. */
function failuresFor(target: Site, random: Random, sites: readonly Site[]): Hook[] {
  const { id, step, code } = target
  if (/journal\/(journal|segment)/.test(id) && random.chance(0.7)) {
    const fail = (site: Site): Hook => ({ site: site.id, nth: random.count(), action: 'fail' })
    const others = sites.filter((site) => site.id !== id && site.id.includes('journal/segment'))
    if (code.includes('this.#file.'))
      return others.filter((site) => inUse(site) && site.step === 'append').map(fail)
    if (step === 'remove' && random.chance(0.5))
      return [fail(random.pick(others.filter((site) => !inUse(site) && /append|datasync/.test(site.step))))]
    return [failureThatReplaces(sites, random.count())]
  }
  if (random.chance(0.1)) return [{ site: random.pick(sites).id, nth: random.count(), action: 'fail' }]
  return []
}

/** A journal whose bytes may not be on the disk goes on in a new segment. */
function failureThatReplaces(sites: readonly Site[], nth: number): Hook {
  const { id } = sites.find((site) => inUse(site) && site.step === 'datasync')!
  return { site: id, nth, action: 'fail' }
}

/** Of the segment that is being written to, not of one that is being made. */
function inUse({ id, code }: Site): boolean {
  return id.includes('journal/segment') && code.includes('this.#file.')
}
