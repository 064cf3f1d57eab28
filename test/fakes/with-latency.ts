import { delay } from '../../src/base/clock.ts'
import type { ByteRange } from '../../src/base/ranges.ts'
import type { ContentAddress, RangeOptions } from '../../src/remote/remote.ts'
import { settle } from './manual-clock.ts'
import type { TestDrive } from './test-drive.ts'

export interface LatentLine {
  /** Time that passed since the start, in round trips. */
  readonly roundTrips: number
  /** Ranges that were on their way at the same time, at most. */
  readonly mostAtOnce: number
  /** Sizes of the ranges, bytes. */
  readonly sizes: readonly number[]
  /** Time goes on until `work` is done, and no further. */
  during<T>(work: Promise<T>): Promise<T>
}

/** From now on every question about contents takes a round trip, of the drive's clock. */
export function withLatency({ remote, clock }: TestDrive, rttMs = 20): LatentLine {
  const startedAtMs = clock.monotonic()
  const sizes: number[] = []
  let [atOnce, mostAtOnce] = [0, 0]
  const prepareReads = remote.prepareReads.bind(remote)
  const readRange = remote.readRange.bind(remote)
  remote.prepareReads = async (contents) => {
    await delay(clock, rttMs)
    return prepareReads(contents)
  }
  remote.readRange = async (content: ContentAddress, range: ByteRange, options?: RangeOptions) => {
    sizes.push(range.end - range.start)
    atOnce += 1
    mostAtOnce = Math.max(mostAtOnce, atOnce)
    await delay(clock, rttMs)
    atOnce -= 1
    return readRange(content, range, options)
  }
  return {
    get roundTrips() {
      return (clock.monotonic() - startedAtMs) / rttMs
    },
    get mostAtOnce() {
      return mostAtOnce
    },
    sizes,
    async during(work) {
      let isOver = false
      const watched = work.finally(() => {
        isOver = true
      })
      watched.catch(() => undefined)
      const state = () => isOver
      for (await settle(); !state(); await settle()) await clock.advance(1)
      return watched
    },
  }
}
