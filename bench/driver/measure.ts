import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../test/harness/programs.ts'
import { quartiles, ratiosOf, type Quartiles } from '../quartiles.ts'
import { startContender, type Contender, type ContenderName } from './contenders.ts'
import type { Programs } from './compile.ts'
import { comparisonsOf, contendersOf, type Comparison, type Row } from './rows.ts'

/** A storm of calls lasts so long, ms. */
const STORM_MS = 400
/** Nothing takes longer, unless it hangs, ms. */
const LOAD_TIMEOUT_MS = 120_000

export interface Measured extends Comparison {
  readonly ratio: Quartiles
}

export interface Result {
  readonly row: Row
  /** Bytes, operations or entries a second, round by round. */
  readonly speeds: ReadonlyMap<ContenderName, Quartiles>
  readonly ratios: readonly Measured[]
}

/** The contenders of one run; each begins when it is first needed, and stays. */
export class Contest {
  readonly #programs: Programs
  readonly #mountpoint: string
  readonly #running = new Map<ContenderName, Contender>()

  private constructor(programs: Programs, mountpoint: string) {
    this.#programs = programs
    this.#mountpoint = mountpoint
  }

  static async open(programs: Programs): Promise<Contest> {
    return new Contest(programs, await mkdtemp(join(tmpdir(), 'cm-bench-')))
  }

  /**
   * Rounds begin with another contender each time, so that a slow moment of the machine does not hit the same one always. What
   * comes before them is not counted: it is to compile what will be needed.
   */
  async measure(row: Row, rounds: number, wanted: readonly ContenderName[]): Promise<Result> {
    const names = contendersOf(row).filter((name) => wanted.includes(name))
    const speeds = new Map(names.map((name) => [name, [] as number[]]))
    for (const name of names) await this.#sample(name, row)
    for (let round = 0; round < rounds; round += 1) {
      const first = round % names.length
      for (const name of [...names.slice(first), ...names.slice(0, first)])
        speeds.get(name)!.push(await this.#sample(name, row))
    }
    return {
      row,
      speeds: new Map([...speeds].map(([name, values]) => [name, quartiles(values)])),
      ratios: comparisonsOf(row).flatMap((comparison) => ratioOf(comparison, speeds)),
    }
  }

  async close(): Promise<void> {
    for (const contender of this.#running.values()) await contender.close()
    await rm(this.#mountpoint, { recursive: true, force: true })
  }

  /** On a mount of its own, so that the kernel has nothing in its caches. */
  async #sample(name: ContenderName, { job, clients, ttls }: Row): Promise<number> {
    const contender = this.#running.get(name) ?? startContender(name, this.#programs.nullFs)
    this.#running.set(name, contender)
    const mountpoint = this.#mountpoint
    await contender.mount({ mountpoint, ...ttls })
    try {
      const words = [job, mountpoint, String(clients), String(STORM_MS)]
      const printed = await run(this.#programs.load, words, { timeout: LOAD_TIMEOUT_MS })
      return speedOf(printed)
    } finally {
      await contender.unmount()
    }
  }
}

/** What the load generator prints: how much, and in how many seconds. */
export function speedOf(printed: string): number {
  const [amount = Number.NaN, seconds = Number.NaN] = printed.trim().split(' ').map(Number)
  if (!(amount > 0 && seconds > 0)) throw new Error(`the load generator printed: ${printed}`)
  return amount / seconds
}

/** Nothing when one of the two was not measured. */
export function ratioOf(
  comparison: Comparison,
  speeds: ReadonlyMap<ContenderName, readonly number[]>,
): Measured[] {
  const [ours, theirs] = [speeds.get(comparison.of), speeds.get(comparison.against)]
  if (!ours || !theirs) return []
  // Times of the same work are in the inverse ratio.
  const ratio = comparison.higher ? ratiosOf(ours, theirs) : ratiosOf(theirs, ours)
  return [{ ...comparison, ratio }]
}
