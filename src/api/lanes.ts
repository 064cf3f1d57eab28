import PQueue from 'p-queue'
import type { Clock } from '../base/clock.ts'

/**
 * Requests under way at a time. Control calls, downloads and uploads wait for each other only within their own lane, so
 * that a big upload never delays a listing.
 */
export interface Lanes {
  readonly control: Lane
  readonly downloads: Lane
  /** What nobody waits for yet: never in the way of what somebody does. */
  readonly ahead: Lane
  /** What uploads send in short requests. */
  readonly uploads: Lane
  /** Bodies that take their time. */
  readonly largeBodies: Lane
}

export type LaneName = keyof Lanes

export interface LaneWidths {
  readonly control: number
  readonly downloads: number
  readonly ahead: number
  readonly uploads: number
  readonly largeBodies: number
}

/** What becomes of requests that hang: they must not stop those behind them. */
interface Hanging {
  /** Without an answer for so long a request is said to hang, ms. */
  readonly afterMs: number
  /** Each that hangs makes room for so many others … */
  readonly makesRoomFor: number
  /** … but all of them for no more than this: a server that is in trouble is not flooded. */
  readonly roomAtMost: number
}

/**
 * More than eight buys nothing on a server with SQLite (api/00-live-files §17.18). How many uploads are good is found out
 * before they come here, so that their lane is only as wide as that may ever get.
 */
export const defaultLaneWidths: LaneWidths = {
  control: 8,
  downloads: 8,
  ahead: 16,
  uploads: 32,
  largeBodies: 8,
}

const hangingCalls: Hanging = { afterMs: 5_000, makesRoomFor: 1, roomAtMost: 32 }
/** Contents come from a storage, which may hang for some and not for others; they cost the server's database nothing. */
const hangingDownloads: Hanging = { afterMs: 4_000, makesRoomFor: 3, roomAtMost: 256 }
/** They are queued before they come here, and whoever wrote does not wait for them. */
const hangingUploads: Hanging = { afterMs: 60_000, makesRoomFor: 0, roomAtMost: 0 }

export function createLanes(clock: Clock, widths: LaneWidths = defaultLaneWidths): Lanes {
  return {
    control: new Lane(clock, widths.control, hangingCalls),
    downloads: new Lane(clock, widths.downloads, hangingDownloads),
    ahead: new Lane(clock, widths.ahead, hangingDownloads),
    uploads: new Lane(clock, widths.uploads, hangingUploads),
    largeBodies: new Lane(clock, widths.largeBodies, hangingUploads),
  }
}

/** So many requests at a time, and some more while there are some that hang. */
export class Lane {
  readonly #clock: Clock
  readonly #width: number
  readonly #hanging: Hanging
  readonly #queue: PQueue
  #hangingCount = 0

  constructor(clock: Clock, width: number, hanging: Hanging) {
    this.#clock = clock
    this.#width = width
    this.#hanging = hanging
    this.#queue = new PQueue({ concurrency: width })
  }

  /** Runs `work` when it is its turn. It calls `served` when an answer has begun to come, if that is before its end. */
  add<T>(work: (served: () => void) => Promise<T>): Promise<T> {
    return this.#queue.add(async () => {
      const served = this.#watch()
      try {
        return await work(served)
      } finally {
        served()
      }
    })
  }

  #watch(): () => void {
    let hangs = false
    let isOver = false
    const cancel = this.#clock.after(this.#hanging.afterMs, () => {
      hangs = true
      this.#countHanging(1)
    })
    return () => {
      if (isOver) return
      isOver = true
      cancel()
      if (hangs) this.#countHanging(-1)
    }
  }

  #countHanging(change: number): void {
    this.#hangingCount += change
    const { makesRoomFor, roomAtMost } = this.#hanging
    this.#queue.concurrency = this.#width + Math.min(roomAtMost, this.#hangingCount * makesRoomFor)
  }
}
