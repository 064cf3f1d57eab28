import { waitAtMost, waitUnlessAborted, type Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Reachability } from '../reachability.ts'
import type { StatFs } from '../types.ts'
import type { QuotaGuard } from '../write/index.ts'

const blockSizeBytes = 4096
/** How long a capacity is believed, ms: file managers ask every few seconds. */
const ttlMs = 30_000
/**
 * How long it is answered all the same, while the server is asked behind the answer, ms. Not for ever: a person who has made room
 * elsewhere, and asks once, is to see that.
 */
const behindMs = 120_000
/** So long a program waits where that is over before what was known must do, ms: it is rarely size and room that it wants. */
const knownAfterMs = 2_000
/** Shown while the drive's capacity is not known: 1 TiB, so that programs do not think it is full. */
const unknownBytes = 2 ** 40

export interface StatFsParts {
  readonly quota: Pick<QuotaGuard, 'room' | 'roomAgeMs' | 'capacity'>
  readonly server: Reachability
  readonly clock: Clock
  readonly log: Log
}

/**
 * Size and free space of the drive, less what is written here and not sent yet. Programs ask for it in passing (`rm -r` once a tree,
 * file managers at every turn), so it costs a request only now and then, and makes hardly anybody wait.
 */
export class StatFsReader {
  readonly #parts: StatFsParts

  constructor(parts: StatFsParts) {
    this.#parts = parts
  }

  async read(signal?: AbortSignal): Promise<StatFs> {
    const { quota } = this.#parts
    const ageMs = quota.roomAgeMs
    if (ageMs >= ttlMs) {
      const asked = quota.capacity.ask()
      if (ageMs >= behindMs) await this.#wait(asked, signal)
    }
    const { totalBytes, freeBytes } = quota.room ?? { totalBytes: unknownBytes, freeBytes: unknownBytes }
    const totalBlocks = Math.floor(totalBytes / blockSizeBytes)
    const freeBlocks = Math.floor(freeBytes / blockSizeBytes)
    return { blockSizeBytes, totalBlocks, freeBlocks, files: 0, freeFiles: 0, maxNameBytes: 255 }
  }

  /** Until the server has told, or that takes too long. */
  async #wait(asked: Promise<boolean>, signal: AbortSignal | undefined): Promise<void> {
    const { quota, server, clock, log } = this.#parts
    const reachable = server.unlessAway(asked)
    const inTime = quota.room ? waitAtMost(reachable, { clock, deadlineMs: knownAfterMs }) : reachable
    try {
      await waitUnlessAborted(inTime, signal)
    } catch (error) {
      log.debug('room on the drive is answered as it was known', { error: String(error) })
    }
  }
}
