import type { Clock } from '../../base/clock.ts'

export interface SendingTimesParts {
  readonly clock: Clock
  /** No upload begins until the returned function is called. */
  readonly holdUploads: () => () => void
}

/**
 * When something goes to the server by itself. Not while what an earlier process left is made whole again: what depends on what, of
 * names, contents and deletions, is known only when all of it is there.
 */
export class SendingTimes {
  readonly #parts: SendingTimesParts
  #holds = 0
  #due: (() => void)[] = []

  constructor(parts: SendingTimesParts) {
    this.#parts = parts
  }

  /** As `Clock.after`, or when nothing holds it any more. */
  after(delayMs: number, send: () => void): () => void {
    let isCancelled = false
    const cancel = this.#parts.clock.after(delayMs, () => {
      if (this.#holds === 0) return send()
      this.#due.push(() => {
        if (!isCancelled) send()
      })
      return undefined
    })
    return () => {
      isCancelled = true
      cancel()
    }
  }

  /** Nothing begins to be sent while `work` runs; what is on its way goes on. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#holds += 1
    const release = this.#parts.holdUploads()
    try {
      return await work()
    } finally {
      this.#holds -= 1
      release()
      if (this.#holds === 0) for (const send of this.#due.splice(0)) send()
    }
  }
}
