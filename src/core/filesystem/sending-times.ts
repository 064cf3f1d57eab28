import { waitAtMost, type Clock } from '../../base/clock.ts'
import type { Outage } from '../write/index.ts'

export interface SendingTimesParts {
  readonly clock: Clock
  readonly outage: Outage
  /** No upload begins until the returned function is called. */
  readonly holdUploads: () => () => void
}

/** Begins to send. Its promise, if any, ends when that is over; nobody else need look at how. */
export type Send = () => Promise<unknown> | undefined

/** What tries while the server takes nothing, and hangs, keeps the next one waiting no longer, ms. */
const hangsAfterMs = 5_000

/**
 * When something goes to the server by itself. Not while what an earlier process left is made whole again: what depends on what, of
 * names, contents and deletions, is known only when all of it is there. And one at a time, when the outage lets somebody try, while the
 * server takes nothing.
 */
export class SendingTimes {
  readonly #parts: SendingTimesParts
  #holds = 0
  #isTrying = false
  readonly #due: { readonly send: Send; isCancelled: boolean }[] = []

  constructor(parts: SendingTimesParts) {
    this.#parts = parts
  }

  /** The server takes nothing: what is due waits until there is hope. Whatever failed may be tried again after no time. */
  get isHeldUp(): boolean {
    return this.#parts.outage.isClosedToNames
  }

  /** As `Clock.after`, or when nothing holds it any more. */
  after(delayMs: number, send: Send): () => void {
    const sending = { send, isCancelled: false }
    const cancel = this.#parts.clock.after(delayMs, () => {
      this.#due.push(sending)
      this.plan()
    })
    return () => {
      sending.isCancelled = true
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
      this.plan()
    }
  }

  /** Sends what may be sent now. */
  plan(): void {
    const { outage } = this.#parts
    while (this.#holds === 0 && this.#due.length > 0) {
      if (this.#due[0]!.isCancelled) this.#due.shift()
      else if (outage.isClosedToNames) return outage.wait(this)
      else if (!outage.isOfNames) this.#begin(this.#due.shift()!.send)
      else if (this.#isTrying) return
      else this.#try(this.#due.shift()!.send)
    }
  }

  #begin(send: Send): void {
    void send()?.catch(() => undefined)
  }

  /** It may find out that there is nothing to ask the server any more: then it is the turn of the next. */
  #try(send: Send): void {
    this.#isTrying = true
    const end = () => {
      this.#isTrying = false
      this.plan()
    }
    const { clock } = this.#parts
    waitAtMost(Promise.resolve(send()), { clock, deadlineMs: hangsAfterMs }).then(end, end)
  }
}
