/** Sizes in bytes; all multiples of `blockBytes`. */
export interface ReadOptions {
  /** Unit of caching, and what a random read costs. */
  readonly blockBytes: number
  /** Fetched at once when a second read in sequence needs more. */
  readonly firstWindowBytes: number
  /** A sequential reader is never further ahead. */
  readonly maxWindowBytes: number
  /** Longest single range; a larger window is fetched as several at once. */
  readonly partBytes: number
  /** A read that meets a passing trouble is tried again for this long, and one that gets no answer waits no longer, ms. */
  readonly deadlineMs: number
  /** Delays between the tries, ms. */
  readonly retryFirstMs: number
  readonly retryMaxMs: number
  /** Uniform in [0, 1): spreads the tries. */
  readonly random: () => number
}

const KIB = 1024
const MIB = 1024 * KIB

export const defaultReadOptions: ReadOptions = {
  blockBytes: 64 * KIB,
  firstWindowBytes: MIB,
  maxWindowBytes: 64 * MIB,
  partBytes: 8 * MIB,
  deadlineMs: 120_000,
  retryFirstMs: 200,
  retryMaxMs: 5_000,
  random: Math.random,
}
