/**
 * A value that is there, or one that is waited for. What is known already is answered without a promise where that is done
 * hundreds of thousands of times a second: a promise and its reaction cost more than most of those answers.
 */
export type MaybePromise<T> = T | Promise<T>

/** Goes on with `next`: at once when the value is there. */
export function andThen<T, R>(value: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  // oxlint-disable-next-line promise/no-callback-in-promise -- it is no callback of Node's
  return value instanceof Promise ? value.then(next) : next(value)
}

/** What `work` answers, or what `failed` makes of its error, whether that is thrown at once or later. */
export function orElse<T>(
  work: () => MaybePromise<T>,
  failed: (error: unknown) => MaybePromise<T>,
): MaybePromise<T> {
  try {
    const value = work()
    return value instanceof Promise ? value.catch(failed) : value
  } catch (error) {
    return failed(error)
  }
}
