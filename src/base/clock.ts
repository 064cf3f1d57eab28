/**
 * The only place where time passes: everything else takes a `Clock`, so that tests move time by hand.
 */
export interface Clock {
  /** Wall clock, ms since the epoch. May jump. */
  now(): number
  /** Monotonic, ms since an arbitrary start. For durations and deadlines. */
  monotonic(): number
  /** Calls `fn` once after `delayMs`; the returned function cancels it. Does not keep the process alive by itself. */
  after(delayMs: number, fn: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortReason(signal))
    const onAbort = () => {
      cancel()
      reject(abortReason(signal))
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    return undefined
  })
}

/** The reason of an aborted signal as an Error. */
export function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new Error('aborted')
}

/**
 * Waits for `work`, but no longer than until `signal` is aborted. The work itself goes on: a caller that gives up
 * stops *waiting*, it never cuts a request that is on its way.
 */
export function waitUnlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(abortReason(signal))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

export interface Deadline {
  readonly clock: Pick<Clock, 'after'>
  /** Counted from the last call of `progress`, if `work` makes any. */
  readonly deadlineMs: number
  /** What the caller is told when there is no answer by then; for who passes over it anyway, that there was none. */
  readonly late?: () => Error
}

/** Waits for `work`, but no longer than the deadline allows. The work itself goes on, as with `waitUnlessAborted`. */
export function waitAtMost<T>(
  work: Promise<T> | ((progress: () => void) => Promise<T>),
  { clock, deadlineMs, late = () => new Error(`no answer for ${deadlineMs} ms`) }: Deadline,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let cancel: (() => void) | undefined
    const watch = () => {
      cancel?.()
      cancel = clock.after(Math.max(0, deadlineMs), () => reject(late()))
    }
    watch()
    const running = typeof work === 'function' ? work(watch) : work
    running.finally(() => cancel?.()).then(resolve, reject)
  })
}
