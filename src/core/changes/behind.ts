import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { FileId } from '../../remote/types.ts'
import type { Tree } from '../tree/index.ts'

export interface BehindOptions {
  readonly tree: Tree
  readonly clock: Clock
  readonly log: Log
}

/** Listings under way at a time: programs that wait for one come first. */
const LISTINGS_AT_A_TIME = 2
/** A listing that took so long is asked for again behind the scenes only after so many times that: long folders change often. */
const REST_FACTOR = 10

/** Lists folders again that programs look at, so that they need not wait for it; each once, however often it is asked for. */
export class Behind {
  readonly #options: BehindOptions
  /** When each was asked for, monotonic ms: a listing from before does not count. */
  readonly #waiting = new Map<FileId, number>()
  readonly #restsUntil = new Map<FileId, number>()
  readonly #timers = new Map<FileId, () => void>()
  #running = 0
  #isClosed = false

  constructor(options: BehindOptions) {
    this.#options = options
  }

  add(folder: FileId): void {
    if (this.#isClosed || this.#timers.has(folder)) return
    const now = this.#options.clock.monotonic()
    const restsUntil = this.#restsUntil.get(folder) ?? -Infinity
    if (restsUntil > now) {
      const again = () => {
        this.#timers.delete(folder)
        this.add(folder)
      }
      this.#timers.set(folder, this.#options.clock.after(restsUntil - now, again))
      return
    }
    this.#restsUntil.delete(folder)
    this.#waiting.set(folder, now)
    if (this.#running < LISTINGS_AT_A_TIME) void this.#run()
  }

  /** What is under way ends by itself. */
  close(): void {
    this.#isClosed = true
    this.#waiting.clear()
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  async #run(): Promise<void> {
    this.#running += 1
    for (const [folder, since] of this.#waiting) {
      this.#waiting.delete(folder)
      await this.#list(folder, since)
    }
    this.#running -= 1
  }

  /** Who looks at it while it failed asks by himself, and is told why. */
  async #list(id: FileId, since: number): Promise<void> {
    const { tree, clock, log } = this.#options
    const node = tree.table.byId(id)
    if (!node || node.isUnlinked) return
    const startedAt = clock.monotonic()
    node.pins += 1
    try {
      const { askedAt } = await tree.refresh(node)
      if (askedAt < since) await tree.refresh(node)
    } catch (error) {
      log.debug('a folder could not be listed anew', { folder: node.label, reason: String(error) })
    } finally {
      node.pins -= 1
      tree.table.release(node)
    }
    const tookMs = clock.monotonic() - startedAt
    if (tookMs > 0) this.#restsUntil.set(id, clock.monotonic() + REST_FACTOR * tookMs)
  }
}
