/** The server collects changes and sends them at once; here they are put together again. */
import type { Clock } from '../../base/clock.ts'
import type { StreamMessage } from '../../api/endpoints/events.ts'
import type { WireEvents } from '../../api/schema.ts'

export type Flush =
  | { readonly kind: 'changes'; readonly changes: WireEvents; readonly isComplete: boolean }
  | { readonly kind: 'subscribed' | 'resumed' | 'reconnect-required' | 'keep-alive' }

/**
 * What the server sends at once is in two or three packets. To wait for the next one costs a part of the five seconds that the
 * server has waited already (api/02 §9.5).
 */
const GAP_MS = 250
/** Pieces of one flush that a bad line has torn apart count as one. The server waits for a second at least between two. */
const SAME_FLUSH_MS = 1_000
/** The server's queue has so many places: what a flush has beyond them is lost without a word (api/00-live-files §9). */
const QUEUE_PLACES = 16

export interface FlushOptions {
  readonly clock: Clock
  /** Ends `messages`, whatever they wait for. */
  readonly cut: () => void
}

/** Joins changes that come together. What was read before the stream broke is handed out before that is thrown. */
export async function* flushesOf(
  messages: AsyncIterable<StreamMessage>,
  { clock, cut }: FlushOptions,
): AsyncGenerator<Flush> {
  const reader = new Reader(messages, clock)
  let lastAt = -Infinity
  let count = 0
  try {
    for (let message = await reader.next(); message; message = await reader.next()) {
      if (!isChange(message)) {
        yield { kind: message.kind }
        continue
      }
      const together = [message, ...(await reader.rest())]
      if (clock.monotonic() - lastAt > SAME_FLUSH_MS + GAP_MS) count = 0
      lastAt = clock.monotonic()
      const changes = together.flatMap((one) => (one.kind === 'changes' ? one.changes : []))
      count += changes.length
      const isUnderstood = together.every(({ kind }) => kind === 'changes')
      yield { kind: 'changes', changes, isComplete: isUnderstood && count < QUEUE_PLACES }
    }
  } finally {
    cut()
    await reader.close()
  }
}

type ChangeMessage = Extract<StreamMessage, { kind: 'changes' | 'unclear' }>

function isChange(message: StreamMessage): message is ChangeMessage {
  return message.kind === 'changes' || message.kind === 'unclear'
}

/** Messages one by one, or as many as come one behind the other. */
class Reader {
  readonly #messages: AsyncIterator<StreamMessage>
  readonly #clock: Clock
  #coming: Promise<IteratorResult<StreamMessage>> | undefined

  constructor(messages: AsyncIterable<StreamMessage>, clock: Clock) {
    this.#messages = messages[Symbol.asyncIterator]()
    this.#clock = clock
  }

  /** Undefined at the end. */
  async next(): Promise<StreamMessage | undefined> {
    const { value, done } = await this.#ask()
    this.#coming = undefined
    return done ? undefined : value
  }

  /** Changes that come now; what comes instead of one is kept for `next`. */
  async rest(): Promise<ChangeMessage[]> {
    const found: ChangeMessage[] = []
    for (;;) {
      const message = await this.#within(GAP_MS)
      if (!message || !isChange(message)) return found
      this.#coming = undefined
      found.push(message)
    }
  }

  async close(): Promise<void> {
    await this.#messages.return?.()
  }

  #ask(): Promise<IteratorResult<StreamMessage>> {
    if (!this.#coming) {
      this.#coming = this.#messages.next()
      // Whoever asks next is told of it.
      this.#coming.catch(() => undefined)
    }
    return this.#coming
  }

  /** Undefined when nothing comes so soon, the end included. */
  #within(gapMs: number): Promise<StreamMessage | undefined> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(gapMs, () => resolve(undefined))
      const settle = (message: StreamMessage | undefined) => {
        cancel()
        resolve(message)
      }
      this.#ask().then(
        ({ value, done }) => settle(done ? undefined : value),
        () => settle(undefined),
      )
    })
  }
}
