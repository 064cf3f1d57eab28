import type { Clock } from '../../base/clock.ts'
import type { Node } from '../inode/index.ts'

/** The kernel is told of so many absent names of a folder; it asks again for the rest. */
const maxNames = 1_000

/**
 * Names that the kernel was told are not there, and until when it may believe so. When one appears that it did not make itself, it
 * has to be told.
 */
export class AbsentNames {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #until = new WeakMap<Node, Map<string, number>>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Answers for how long the kernel may believe it, ms: `trustMs`, or 0. */
  note(folder: Node, name: string, trustMs: number): number {
    if (trustMs <= 0) return 0
    const now = this.#clock.monotonic()
    let names = this.#until.get(folder)
    if (!names) this.#until.set(folder, (names = new Map()))
    if (names.size >= maxNames) for (const [old, until] of names) if (until <= now) names.delete(old)
    if (names.size >= maxNames) return 0
    names.set(name, now + trustMs)
    return trustMs
  }

  /** All of the folder that it may believe now. They are forgotten. */
  takeAll(folder: Node): Iterable<string> {
    const names = this.#until.get(folder)
    this.#until.delete(folder)
    return names?.keys() ?? []
  }

  /** Those of the folder that `has` says are there. They are forgotten. */
  take(folder: Node, has: (name: string) => boolean): string[] {
    const names = this.#until.get(folder)
    const found = names ? [...names.keys()].filter(has) : []
    for (const name of found) names!.delete(name)
    return found
  }
}
