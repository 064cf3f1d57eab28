import { waitAtMost, type Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import type { Capacity } from '../../remote/types.ts'

export interface DriveCapacityOptions {
  readonly ask: () => Promise<Capacity>
  readonly clock: Clock
  readonly log: Log
}

/** Size and room are nothing that a program should wait for: then what was known before must do, ms. */
const askDeadlineMs = 10_000

/** How large the drive is and what is used of it: as the server told last, with what it has taken from here since. */
export class DriveCapacity {
  readonly #options: DriveCapacityOptions
  /** What the server counts as used already, because an upload session of that size is open. */
  readonly #sessions = new Map<object, number>()
  readonly #flights = new SingleFlight<'capacity', boolean>()
  #known: Capacity | undefined
  /** When the server told it, monotonic ms. */
  #toldAtMs = -Infinity
  /** The server has told. */
  onLearnt: () => void = () => undefined

  constructor(options: DriveCapacityOptions) {
    this.#options = options
  }

  /** Without what is announced by sessions that are still open. undefined: the server has told nothing so far. */
  get known(): Capacity | undefined {
    return this.#known
  }

  /** Of what the server told last, ms; Infinity when that does not count any more. */
  get ageMs(): number {
    return this.#options.clock.monotonic() - this.#toldAtMs
  }

  /** Somebody has asked the server. `isOld`: an earlier process has; then it is only better than nothing. */
  learn({ totalBytes, usedBytes }: Capacity, isOld = false): void {
    const announced = [...this.#sessions.values()].reduce((sum, bytes) => sum + bytes, 0)
    this.#known = { totalBytes, usedBytes: Math.max(0, usedBytes - announced) }
    this.#toldAtMs = isOld ? -Infinity : this.#options.clock.monotonic()
    this.onLearnt()
  }

  /** It has changed by more than is known of here. */
  outdate(): void {
    this.#toldAtMs = -Infinity
  }

  /** Of `owner`, whose session makes the server count the announced size at once; undefined: it is over without a result. */
  session(owner: object, sizeBytes: number | undefined): void {
    if (sizeBytes === undefined) this.#sessions.delete(owner)
    else this.#sessions.set(owner, sizeBytes)
  }

  /** The server has taken `sizeBytes` of `owner`: they are used now. */
  committed(owner: object, sizeBytes: number): void {
    this.#sessions.delete(owner)
    if (!this.#known) return
    const { totalBytes, usedBytes } = this.#known
    this.#known = { totalBytes, usedBytes: usedBytes + sizeBytes }
  }

  /** Asks the server; false when it could not be asked. Who asks meanwhile shares the answer. */
  ask(): Promise<boolean> {
    const { ask, clock, log } = this.#options
    return this.#flights.run('capacity', async () => {
      try {
        this.learn(await waitAtMost(ask(), { clock, deadlineMs: askDeadlineMs }))
        return true
      } catch (error) {
        log.debug('the capacity of the drive could not be asked for', { error })
        return false
      }
    })
  }
}
