/**
 * What a process that is killed had asked for, a server may do after the next one has looked at it: a deletion would take away what
 * that has saved under the name since. So it is on record that something is asked, and a process that finds it on record waits before
 * it changes anything, and before it judges what has become of that.
 */
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { Remote } from '../../remote/remote.ts'
import type { Journal } from '../journal/index.ts'
import { mayHaveBeenDone } from '../write/index.ts'

/** The whole key. */
export const askedKey = 'asked'

export interface AskedRecordParts {
  readonly journal: Pick<Journal, 'put' | 'delete'>
  readonly clock: Clock
  readonly log: Log
  /** So long after it was sent a server may begin with a request that nobody waits for any more, ms; 0: nothing is recorded or waited for. */
  readonly settleMs: number
  /** An earlier process has left it. */
  readonly isFound: boolean
}

/** One key for all that is on its way: put before the first request leaves, and removed when none has for some time. */
export class AskedRecord {
  readonly #parts: AskedRecordParts
  /** Resolves when nothing that an earlier process has asked for is still to come. */
  readonly settled: Promise<void>
  #isSettling = false
  #onTheWay = 0
  #lastEndAtMs: number
  /** The last whose outcome nobody knows has ended then. */
  #lastUnheardAtMs = -Infinity
  /** Resolves when it is in the journal, or cannot be; undefined: it is not. */
  #noted: Promise<void> | undefined
  #cancelSettling: (() => void) | undefined
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor(parts: AskedRecordParts) {
    this.#parts = parts
    this.#lastEndAtMs = parts.clock.monotonic()
    this.settled = parts.isFound && parts.settleMs > 0 ? this.#settle() : Promise.resolve()
  }

  /** Something that an earlier process has asked for may still come: nothing is changed at the server, and nothing judged. */
  get isSettling(): boolean {
    return this.#isSettling
  }

  /** `call` changes something at the server. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#parts.settleMs === 0) return call()
    this.#onTheWay += 1
    try {
      this.#noted ??= this.#note()
      await this.#noted
      return await call()
    } catch (error) {
      if (!isAnswer(error)) this.#lastUnheardAtMs = this.#parts.clock.monotonic()
      throw error
    } finally {
      this.#onTheWay -= 1
      this.#lastEndAtMs = this.#parts.clock.monotonic()
      this.#plan()
    }
  }

  /** Nothing is asked any more. Where everything was answered the next process need not wait. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    this.#cancelSettling?.()
    const unheardMs = this.#parts.clock.monotonic() - this.#lastUnheardAtMs
    if (this.#onTheWay === 0 && !this.#isSettling && unheardMs >= this.#parts.settleMs) await this.#forget()
  }

  #settle(): Promise<void> {
    const { clock, log, settleMs } = this.#parts
    log.info('the last run may have asked the server for something that it has not done yet: changes wait', {
      ms: settleMs,
    })
    this.#isSettling = true
    this.#noted = Promise.resolve()
    return new Promise((resolve) => {
      this.#cancelSettling = clock.after(settleMs, () => {
        this.#isSettling = false
        this.#plan()
        resolve()
      })
    })
  }

  /** A disk that is full must not keep what would empty it from being sent. */
  async #note(): Promise<void> {
    try {
      await this.#parts.journal.put(askedKey, true)
    } catch (error) {
      this.#noted = undefined
      this.#parts.log.warn('that something is asked of the server could not be put on record', { error })
    }
  }

  #plan(): void {
    if (this.#isClosed || this.#cancelTimer || this.#onTheWay > 0 || this.#isSettling) return
    const { clock, settleMs } = this.#parts
    this.#cancelTimer = clock.after(Math.max(0, this.#lastEndAtMs + settleMs - clock.monotonic()), () => {
      this.#cancelTimer = undefined
      if (this.#onTheWay > 0) return
      if (clock.monotonic() < this.#lastEndAtMs + settleMs) this.#plan()
      else void this.#forget()
    })
  }

  async #forget(): Promise<void> {
    if (!this.#noted) return
    this.#noted = undefined
    try {
      await this.#parts.journal.delete(askedKey)
    } catch (error) {
      // The next process waits for nothing.
      this.#parts.log.warn('that nothing is asked of the server could not be put on record', { error })
    }
  }
}

/** Whatever becomes of what was asked has become of it. */
function isAnswer(error: unknown): boolean {
  return isRemoteError(error) && !mayHaveBeenDone(error)
}

const recorded: ReadonlySet<string | symbol> = new Set<keyof Remote>([
  'createFolder',
  'createFile',
  'rename',
  'move',
  'copy',
  'remove',
  'patchMetadata',
  'upload',
  'makeCurrent',
  'putBack',
])

/** The same, where nothing that changes names, contents or attributes leaves before that is on record. */
export function recordedRemote(remote: Remote, asked: Pick<AskedRecord, 'run'>): Remote {
  return new Proxy(remote, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const call = (words: unknown[]): unknown => value.apply(target, words)
      if (!recorded.has(name)) return (...words: unknown[]) => call(words)
      return (...words: unknown[]) => asked.run(async () => call(words))
    },
  })
}
