export interface BackoffOptions {
  /** Delay before the first retry, ms. */
  readonly firstMs: number
  /** No delay is longer, ms. */
  readonly maxMs: number
  /** Uniform random numbers in [0, 1); a constant makes delays predictable in tests. */
  readonly random?: () => number
}

/**
 * Delay before retry number `attempt` (0 = the first retry), ms: doubling, half fixed and half random, so that clients
 * that failed together do not come back together.
 */
export function backoffMs(attempt: number, { firstMs, maxMs, random = Math.random }: BackoffOptions): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30))
  return ceiling / 2 + (ceiling / 2) * random()
}
