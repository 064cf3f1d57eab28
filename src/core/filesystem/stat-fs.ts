import { waitAtMost, waitUnlessAborted, type Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import type { RemoteFacts } from '../../remote/remote.ts'
import type { Capacity } from '../../remote/types.ts'
import type { StatFs } from '../types.ts'

const blockSizeBytes = 4096
/** How long a capacity is believed, ms: file managers ask every few seconds. */
const ttlMs = 30_000
/** Size and room are nothing that a program should wait for: then what was known before must do, ms. */
const deadlineMs = 10_000
/** Shown while the drive's capacity is not known: 1 TiB, so that programs do not think it is full. */
const unknownCapacity: Capacity = { totalBytes: 2 ** 40, usedBytes: 0 }

/** Size and free space of the drive: the account's, cached; the last known one while the server is away. */
export class StatFsReader {
  readonly #remote: Pick<RemoteFacts, 'capacity'>
  readonly #clock: Clock
  readonly #log: Log
  readonly #onLearnt: (capacity: Capacity) => void
  readonly #flights = new SingleFlight<'capacity', Capacity>()
  #known: { capacity: Capacity; at: number } | undefined

  constructor(
    remote: Pick<RemoteFacts, 'capacity'>,
    clock: Clock,
    log: Log,
    onLearnt: (capacity: Capacity) => void,
  ) {
    this.#remote = remote
    this.#clock = clock
    this.#log = log
    this.#onLearnt = onLearnt
  }

  async read(signal?: AbortSignal): Promise<StatFs> {
    const { totalBytes, usedBytes } = await this.#capacity(signal)
    const totalBlocks = Math.floor(totalBytes / blockSizeBytes)
    const freeBlocks = Math.max(0, Math.floor((totalBytes - usedBytes) / blockSizeBytes))
    return { blockSizeBytes, totalBlocks, freeBlocks, files: 0, freeFiles: 0, maxNameBytes: 255 }
  }

  async #capacity(signal?: AbortSignal): Promise<Capacity> {
    if (this.#known && this.#clock.monotonic() - this.#known.at < ttlMs) return this.#known.capacity
    try {
      const asked = this.#flights.run('capacity', () => this.#remote.capacity())
      const inTime = waitAtMost(asked, { clock: this.#clock, deadlineMs })
      const capacity = await waitUnlessAborted(inTime, signal)
      this.#known = { capacity, at: this.#clock.monotonic() }
      this.#onLearnt(capacity)
      return capacity
    } catch (error) {
      this.#log.debug('the capacity of the drive is not known', { error: String(error) })
      return this.#known?.capacity ?? unknownCapacity
    }
  }
}
