import { waitAtMost, type Clock } from '../../base/clock.ts'
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

/** While writes are refused the server is asked again at most once in so long, ms: somebody may have made room. */
const refusalIntervalMs = 2_000
/** While there is little room the number is asked for again after this, ms. */
const tightTtlMs = 5_000
/** While there is plenty of room the number is asked for again after this, ms. */
const relaxedTtlMs = 10 * 60_000

/** While uploads wait for room the server is asked for it again after this, ms. */
const roomPollMs = 60_000

/** A write does not wait longer for the server's word on its room; without it nothing is refused, ms. */
const askDeadlineMs = 10_000

interface Known {
  readonly totalBytes: number
  usedBytes: number
  readonly atMs: number
}

interface Waiting {
  readonly sizeBytes: number
  readonly retry: () => void
}

/**
 * Reserves room on the drive for what is not there yet, so that a full drive is an error of the write and not a surprise
 * after it. A new version needs its whole size beside the old one (api/00-live-files §6).
 *
 * Nothing is refused while the capacity is not known, nor without asking the server again: it has the last word in any
 * case. What is deleted here makes no room before the server says so, as its trash keeps the space.
 *
 * Uploads that the server refused all the same wait here until it has room for them.
 */
export class QuotaGuard {
  readonly #options: QuotaGuardOptions
  readonly #reserved = new Map<object, number>()
  /** Reservations that the server counts as used already, because their upload session is open. */
  readonly #counted = new Map<object, number>()
  readonly #flights = new SingleFlight<'capacity', boolean>()
  readonly #waiting = new Map<object, Waiting>()
  /** Free bytes on which a refused upload was tried again: it takes more than that to try once more. */
  readonly #triedAtFreeBytes = new WeakMap<object, number>()
  #reservedBytes = 0
  #known: Known | undefined
  #refusalAskedAtMs = -Infinity
  #cancelPoll: (() => void) | undefined

  constructor(options: QuotaGuardOptions) {
    this.#options = options
  }

  /** Somebody else asked the server (statfs): saves a request. */
  learn({ totalBytes, usedBytes }: Capacity): void {
    const counted = [...this.#counted.values()].reduce((sum, bytes) => sum + bytes, 0)
    const atMs = this.#options.clock.monotonic()
    this.#known = { totalBytes, usedBytes: Math.max(0, usedBytes - counted), atMs }
    this.#wakeFitting()
  }

  /** The server had no room for `owner`, whatever it said before: `retry` is called, once, when it has. */
  waitForRoom(owner: object, sizeBytes: number, retry: () => void): void {
    this.#waiting.set(owner, { sizeBytes, retry })
    this.#known = undefined
    void this.#ask()
    this.#poll()
  }

  /** `owner` is tried, or given up, for another reason. */
  stopWaiting(owner: object): void {
    this.#waiting.delete(owner)
  }

  close(): void {
    this.#waiting.clear()
    this.#cancelPoll?.()
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

  /** `owner` needs `sizeBytes`, whether they fit or not: they are here already. */
  hold(owner: object, sizeBytes: number): void {
    this.#set(owner, sizeBytes)
  }

  /** The reservation follows a shrinking file, or one whose growth failed. */
  resize(owner: object, sizeBytes: number): void {
    if (this.#reserved.has(owner)) this.#set(owner, sizeBytes)
  }

  release(owner: object): void {
    this.#set(owner, 0)
    this.#reserved.delete(owner)
    this.#counted.delete(owner)
    this.#waiting.delete(owner)
  }

  /** The server has taken `sizeBytes` of `owner`: they are used now. */
  committed(owner: object, sizeBytes: number): void {
    this.#counted.delete(owner)
    this.#triedAtFreeBytes.delete(owner)
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
    return !this.#known || this.#reservedBytes + growth <= freeBytes(this.#known)
  }

  #isOld(): boolean {
    if (!this.#known) return true
    const { totalBytes, usedBytes, atMs } = this.#known
    const isTight = this.#reservedBytes * 2 > totalBytes - usedBytes
    const age = this.#options.clock.monotonic() - atMs
    return age >= (isTight ? tightTtlMs : relaxedTtlMs)
  }

  async #askAgainOrRefuse(growth: number, label: string): Promise<void> {
    const { clock } = this.#options
    if (clock.monotonic() - this.#refusalAskedAtMs >= refusalIntervalMs) {
      const isKnown = await this.#ask()
      this.#refusalAskedAtMs = clock.monotonic()
      if (!isKnown || this.#fits(growth)) return
    }
    throw new FsError(
      Errno.EDQUOT,
      `${label}: the drive has no room for this. Deleting alone makes none: what is deleted goes to the trash of the drive, and counts ` +
        'until that is emptied (unless --delete=permanent is set)',
      {
        level: 'warn',
      },
    )
  }

  /** Beside what waits here, running uploads need room too. */
  #wakeFitting(): void {
    if (!this.#known || this.#waiting.size === 0) return
    const free = freeBytes(this.#known)
    const waiting = [...this.#waiting]
    const waitingBytes = waiting.reduce((sum, [owner]) => sum + (this.#reserved.get(owner) ?? 0), 0)
    let room = free - (this.#reservedBytes - waitingBytes)
    for (const [owner, { sizeBytes, retry }] of waiting) {
      if (sizeBytes > room || free <= (this.#triedAtFreeBytes.get(owner) ?? -1)) continue
      room -= sizeBytes
      this.#waiting.delete(owner)
      this.#triedAtFreeBytes.set(owner, free)
      retry()
    }
  }

  #poll(): void {
    this.#cancelPoll?.()
    this.#cancelPoll = this.#options.clock.after(roomPollMs, () => {
      if (this.#waiting.size === 0) return
      void this.#ask()
      this.#poll()
    })
  }

  /** Asks the server; false when it could not be asked. */
  #ask(): Promise<boolean> {
    return this.#flights.run('capacity', async () => {
      try {
        const { clock, capacity } = this.#options
        this.learn(await waitAtMost(capacity(), { clock, deadlineMs: askDeadlineMs }))
        return true
      } catch (error) {
        this.#options.log.debug('the capacity of the drive could not be asked for', { error })
        return false
      }
    })
  }
}

function freeBytes({ totalBytes, usedBytes }: Known): number {
  return Math.max(0, totalBytes - usedBytes)
}
