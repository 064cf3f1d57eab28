import type { PlainJob } from './plain-work.ts'
import type { Mount, Workplace } from '../test/e2e/harness.ts'

/** Default of --quiet-time, ms. */
export const quietMs = 500

/** A second, bytes. */
export const megabit = 1_000_000 / 8

/** What counts, and what else was seen, in words. */
export interface Counted {
  readonly value: number
  readonly note: string
}

/** One line of the report: a workload on the mount beside the same work in plain HTTP calls. */
export interface Row {
  readonly name: string
  /** What is compared, in words. */
  readonly doc: string
  readonly rttMs: number
  /** The ratio should be at most this; without one the row is for information. */
  readonly target?: number
  /** What the mount may take where the plain client takes so long, ms; just as long if left out. */
  readonly mayTake?: (plainMs: number) => number
  /** Time that the mount waits on purpose, ms: it does not count. */
  readonly quietMs?: number
  /** What else the figures depend on, as of this machine. */
  readonly note?: (place: Workplace) => Promise<string>
  /** What is kept on the local disk stays from the preparation on; otherwise each round begins without. */
  readonly isCached?: boolean
  /** Arguments of the command that mounts. */
  readonly mountArgs?: readonly string[]
  /** Largest body of one PUT that the server takes, where the preparation needs more than usual. */
  readonly maxPutBytes?: number
  /** Of all contents together, each direction; left out: unlimited. */
  readonly bandwidthBytesPerSecond?: number
  /** The server keeps contents on its disk, not in memory. */
  readonly isOnDisk?: boolean
  /** What is measured, if not ms. */
  readonly unit?: string
  /** Fills the drive and the scratch folder; not measured. */
  prepare(place: Workplace): Promise<void>
  /** Before each round of either side; not measured. */
  before?(place: Workplace): Promise<void>
  /**
   * Measured, on a mount that was made just before. `round` keeps rounds apart. Answers what counts, if that is not all of the time,
   * or more. Throws when the work was not all done.
   */
  onMount(place: Workplace, mount: Mount, round: number): Promise<number | Counted | void>
  /** The same work for the plain client, which runs in a thread of its own; or what it may take. */
  plain(place: Workplace, round: number): PlainJob | number
}
