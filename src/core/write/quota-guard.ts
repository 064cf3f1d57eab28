import type { Clock } from '../../base/clock.ts'
import { Errno } from '../../base/errno.ts'
import type { Capacity } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import type { DriveCapacity } from './drive-capacity.ts'

export interface QuotaGuardOptions {
  readonly capacity: DriveCapacity
  readonly clock: Clock
}

/** While writes are refused the server is asked again at most once in so long, ms: somebody may have made room. */
const refusalIntervalMs = 2_000
/** While there is little room the number is asked for again after this, ms. */
const tightTtlMs = 5_000
/** While there is plenty of room the number is asked for again after this, ms. */
const relaxedTtlMs = 10 * 60_000

/** While uploads wait for room the server is asked for it again after this, ms. */
const roomPollMs = 60_000

/** What programs are told of the drive. */
export interface DriveRoom {
  readonly totalBytes: number
  readonly freeBytes: number
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
  readonly #waiting = new Map<object, Waiting>()
  /** Free bytes on which a refused upload was tried again: it takes more than that to try once more. */
  readonly #triedAtFreeBytes = new WeakMap<object, number>()
  #reservedBytes = 0
  #refusalAskedAtMs = -Infinity
  #cancelPoll: (() => void) | undefined

  constructor(options: QuotaGuardOptions) {
    this.#options = options
    options.capacity.onLearnt = () => this.#wakeFitting()
  }

  get capacity(): DriveCapacity {
    return this.#options.capacity
  }

  /** What is reserved is not free. undefined: nothing is known of the drive. */
  get room(): DriveRoom | undefined {
    const { known } = this.capacity
    if (!known) return undefined
    return { totalBytes: known.totalBytes, freeBytes: Math.max(0, freeBytes(known) - this.#reservedBytes) }
  }

  /** ms. While uploads wait for room what was told does not count: somebody who looks has made some, perhaps. */
  get roomAgeMs(): number {
    return this.#waiting.size > 0 ? Infinity : this.capacity.ageMs
  }

  /** The server had no room for `owner`, whatever it said before: `retry` is called, once, when it has. */
  waitForRoom(owner: object, sizeBytes: number, retry: () => void): void {
    this.#waiting.set(owner, { sizeBytes, retry })
    this.capacity.outdate()
    void this.capacity.ask()
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
    if (this.#isOld()) void this.capacity.ask()
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
    this.capacity.session(owner, undefined)
    this.#waiting.delete(owner)
  }

  /** The server has taken `sizeBytes` of `owner`: they are used now. */
  committed(owner: object, sizeBytes: number): void {
    this.capacity.committed(owner, sizeBytes)
    this.#triedAtFreeBytes.delete(owner)
  }

  #set(owner: object, sizeBytes: number): void {
    this.#reservedBytes += sizeBytes - (this.#reserved.get(owner) ?? 0)
    this.#reserved.set(owner, sizeBytes)
  }

  #fits(growth: number): boolean {
    const { known } = this.capacity
    return !known || this.#reservedBytes + growth <= freeBytes(known)
  }

  #isOld(): boolean {
    const { known, ageMs } = this.capacity
    if (!known) return true
    const isTight = this.#reservedBytes * 2 > known.totalBytes - known.usedBytes
    return ageMs >= (isTight ? tightTtlMs : relaxedTtlMs)
  }

  async #askAgainOrRefuse(growth: number, label: string): Promise<void> {
    const { clock } = this.#options
    if (clock.monotonic() - this.#refusalAskedAtMs >= refusalIntervalMs) {
      const isKnown = await this.capacity.ask()
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
    const { known } = this.capacity
    if (!known || this.#waiting.size === 0) return
    const free = freeBytes(known)
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
      void this.capacity.ask()
      this.#poll()
    })
  }
}

function freeBytes({ totalBytes, usedBytes }: Capacity): number {
  return Math.max(0, totalBytes - usedBytes)
}
