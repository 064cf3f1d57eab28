import { waitUnlessAborted } from '../../base/clock.ts'

interface Waiter {
  readonly changes: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Who waits until the server has all changes of a content up to a certain one. */
export class UploadWaiters {
  readonly #waiters = new Set<Waiter>()

  /** Waits for change number `changes`. Rejects with the signal's reason when it is aborted first. */
  async wait(changes: number, signal: AbortSignal | undefined): Promise<void> {
    let waiter: Waiter | undefined
    const confirmed = new Promise<void>((resolve, reject) => {
      waiter = { changes, resolve, reject }
      this.#waiters.add(waiter)
    })
    try {
      await waitUnlessAborted(confirmed, signal)
    } finally {
      if (waiter) this.#waiters.delete(waiter)
    }
  }

  /** The server has everything up to change number `changes`; Infinity: there is nothing to wait for any more. */
  resolve(changes: number): void {
    for (const waiter of this.#waiters) if (waiter.changes <= changes) waiter.resolve()
  }

  reject(error: Error): void {
    for (const waiter of this.#waiters) waiter.reject(error)
  }
}
