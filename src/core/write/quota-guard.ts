import type { Clock } from '../../base/clock.ts'
import { Errno } from '../../base/errno.ts'
import type { Log } from '../../base/log.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import type { Capacity } from '../../remote/types.ts'
import { FsError } from '../errors.ts'

export interface QuotaGuardOptions {
  readonly capacity: () => Promise<Capacity>
  readonly clock: Clock
  readonly log: Log
}

/** A refusal is given only on a number that is younger than this, ms. */
const refusalTtlMs = 5_000
/** While there is plenty of room the number is asked for again after this, ms. */
const relaxedTtlMs = 10 * 60_000

interface Known {
  readonly totalBytes: number
  usedBytes: number
  readonly atMs: number
}

/**
 * Reserves room on the drive for what is not there yet, so that a full drive is an error of the write and not a surprise
 * after it. A new version needs its whole size beside the old one (api/00-live-files §6).
 *
 * Nothing is refused while the capacity is not known: the server has the last word in any case.
 */
export class QuotaGuard {
  readonly #options: QuotaGuardOptions
  readonly #reserved = new Map<object, number>()
  /** Reservations that the server counts as used already, because their upload session is open. */
  readonly #counted = new Map<object, number>()
  readonly #flights = new SingleFlight<'capacity', boolean>()
  #reservedBytes = 0
  #known: Known | undefined

  constructor(options: QuotaGuardOptions) {
    this.#options = options
  }

  /** Somebody else asked the server (statfs): saves a request. */
  learn({ totalBytes, usedBytes }: Capacity): void {
    const counted = [...this.#counted.values()].reduce((sum, bytes) => sum + bytes, 0)
    const atMs = this.#options.clock.monotonic()
    this.#known = { totalBytes, usedBytes: Math.max(0, usedBytes - counted), atMs }
  }

  /** The known number proved wrong. */
  forget(): void {
    this.#known = undefined
  }

  /**
   * `owner` is going to need `sizeBytes` in all.
   * @throws {FsError} EDQUOT when that does not fit; what was reserved before stays
   */
  async reserve(owner: object, sizeBytes: number, label: string): Promise<void> {
    const growth = sizeBytes - (this.#reserved.get(owner) ?? 0)
    if (growth > 0 && !this.#fits(growth)) await this.#askAgainOrRefuse(growth, label)
    this.#set(owner, sizeBytes)
    if (this.#isOld()) void this.#ask()
  }

  /** The reservation follows a shrinking file, or one whose growth failed. */
  resize(owner: object, sizeBytes: number): void {
    if (this.#reserved.has(owner)) this.#set(owner, sizeBytes)
  }

  release(owner: object): void {
    this.#set(owner, 0)
    this.#reserved.delete(owner)
    this.#counted.delete(owner)
  }

  /** The server has taken `sizeBytes` of `owner`: they are used now. */
  committed(owner: object, sizeBytes: number): void {
    this.#counted.delete(owner)
    if (this.#known) this.#known.usedBytes += sizeBytes
  }

  /** An upload session makes the server count the announced size at once; undefined: it is over without a result. */
  session(owner: object, sizeBytes: number | undefined): void {
    if (sizeBytes === undefined) this.#counted.delete(owner)
    else this.#counted.set(owner, sizeBytes)
  }

  #set(owner: object, sizeBytes: number): void {
    this.#reservedBytes += sizeBytes - (this.#reserved.get(owner) ?? 0)
    this.#reserved.set(owner, sizeBytes)
  }

  #fits(growth: number): boolean {
    if (!this.#known) return true
    const free = Math.max(0, this.#known.totalBytes - this.#known.usedBytes)
    return this.#reservedBytes + growth <= free
  }

  #isOld(): boolean {
    if (!this.#known) return true
    const { totalBytes, usedBytes, atMs } = this.#known
    const isTight = this.#reservedBytes * 2 > totalBytes - usedBytes
    const age = this.#options.clock.monotonic() - atMs
    return age >= (isTight ? refusalTtlMs : relaxedTtlMs)
  }

  async #askAgainOrRefuse(growth: number, label: string): Promise<void> {
    const age = this.#options.clock.monotonic() - (this.#known?.atMs ?? 0)
    if (age >= refusalTtlMs) {
      const isKnown = await this.#ask()
      if (!isKnown || this.#fits(growth)) return
    }
    throw new FsError(
      Errno.EDQUOT,
      `${label}: the drive has no room for this; delete something in it first`,
      {
        level: 'warn',
      },
    )
  }

  /** Asks the server; false when it could not be asked. */
  #ask(): Promise<boolean> {
    return this.#flights.run('capacity', async () => {
      try {
        this.learn(await this.#options.capacity())
        return true
      } catch (error) {
        this.#options.log.debug('the capacity of the drive could not be asked for', { error })
        return false
      }
    })
  }
}
