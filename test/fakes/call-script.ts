import { EventEmitter, once } from 'node:events'
import { RemoteError } from '../../src/remote/errors.ts'

/** One call that arrived, in order; `subject` is the path (or id) that it was about. */
export interface RecordedCall {
  readonly method: string
  readonly subject: string
}

/** Keeps calls of one method in flight until it is released. */
export interface Gate {
  /** Resolves when a call waits at the gate. */
  readonly entered: Promise<void>
  /** Calls waiting right now. */
  readonly waiting: number
  /** Lets the waiting calls go on and opens the gate for good. */
  release(): void
  /** Calls that come from now on do not wait; those that do wait on. */
  passOthers(): void
}

interface Hold extends Gate {
  readonly at: 'before' | 'after'
  pass(): Promise<void>
}

function makeHold(at: 'before' | 'after', passing: number, onOpen: () => void): Hold {
  const signals = new EventEmitter()
  const entered = once(signals, 'entered').then(() => undefined)
  const released = once(signals, 'released')
  let waiting = 0
  let passed = 0
  return {
    at,
    entered,
    get waiting() {
      return waiting
    },
    release() {
      onOpen()
      signals.emit('released')
    },
    passOthers: onOpen,
    async pass() {
      passed += 1
      if (passed <= passing) return
      waiting += 1
      signals.emit('entered')
      await released
      waiting -= 1
    },
  }
}

/** What a test wants to happen to the calls of a fake server: failures, lost answers, calls held in flight; and their log. */
export class CallScript<Method extends string> {
  readonly calls: RecordedCall[] = []
  /** Every call fails with `offline` while this is true. */
  offline = false
  readonly #failures = new Map<Method, (RemoteError | undefined)[]>()
  readonly #lost = new Map<Method, number>()
  readonly #holds = new Map<Method, Hold>()

  /** The next `times` calls of `method` do nothing and throw `error`. */
  fail(method: Method, error: RemoteError, times = 1): void {
    const queue = this.#failures.get(method) ?? []
    for (let i = 0; i < times; i += 1) queue.push(error)
    this.#failures.set(method, queue)
  }

  /** The next call of `method` does not fail; those that `fail` names from now on come after it. */
  pass(method: Method): void {
    this.#failures.set(method, [...(this.#failures.get(method) ?? []), undefined])
  }

  /** Failures of `method` that are left do not happen. */
  recover(method: Method): void {
    this.#failures.delete(method)
  }

  /** The next `times` calls of `method` do their work and then throw `unknown-outcome`. */
  loseAnswers(method: Method, times = 1): void {
    this.#lost.set(method, (this.#lost.get(method) ?? 0) + times)
  }

  /**
   * Calls of `method`, all but the first `passing` ones, wait `before` their work, or `after` it before they answer, until the gate
   * is released.
   */
  hold(method: Method, at: 'before' | 'after' = 'before', passing = 0): Gate {
    const hold = makeHold(at, passing, () => {
      if (this.#holds.get(method) === hold) this.#holds.delete(method)
    })
    this.#holds.set(method, hold)
    return hold
  }

  /** What is held of `method` goes on. */
  release(method: Method): void {
    this.#holds.get(method)?.release()
  }

  /** Number of calls of `method` (of all methods when undefined) since the last `forgetCalls`. */
  count(method?: Method): number {
    return method === undefined
      ? this.calls.length
      : this.calls.filter((call) => call.method === method).length
  }

  /** Calls of `method` succeed again. */
  forgetFailures(method: Method): void {
    this.#failures.delete(method)
  }

  /** No call fails and no answer is lost any more; what is held stays held. */
  forgetTrouble(): void {
    this.#failures.clear()
    this.#lost.clear()
  }

  forgetCalls(): void {
    this.calls.length = 0
  }

  async run<T>(method: Method, subject: string, work: () => Promise<T> | T): Promise<T> {
    this.calls.push({ method, subject })
    await this.#pass(method, 'before')
    if (this.offline) throw new RemoteError('offline', `${subject}: the server cannot be reached`)
    const failure = this.#failures.get(method)?.shift()
    if (failure) throw failure
    const result = await work()
    await this.#pass(method, 'after')
    const lost = this.#lost.get(method) ?? 0
    if (lost > 0) {
      this.#lost.set(method, lost - 1)
      throw new RemoteError('unknown-outcome', `${subject}: the answer was lost`)
    }
    return result
  }

  async #pass(method: Method, at: 'before' | 'after'): Promise<void> {
    const hold = this.#holds.get(method)
    if (hold?.at === at) await hold.pass()
  }
}
