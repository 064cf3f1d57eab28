import { backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isRemoteError, type RemoteError } from '../../remote/errors.ts'

export interface OutageOptions {
  readonly clock: Clock
  readonly log: Log
  readonly random?: (() => number) | undefined
}

/** Who wants to send something. */
export interface Sender {
  /** The server may be asked (again): takes its turn. */
  plan(): void
}

/** Leave to ask the server. Exactly one of these is called when that is over. */
export interface Pass {
  /** The server did what it was asked for. */
  done(): void
  /** It refused with a reason of the file's own. */
  refused(): void
  /** True when `error` is the server's trouble and not the file's: `Sender.plan` is called when it is over. Else call another one. */
  failed(error: RemoteError): boolean
  /** It was not asked, or what it did is not known. */
  undecided(): void
  /** What has to be sent before may go with this pass while `work` runs. */
  lend<T>(work: () => Promise<T>): Promise<T>
}

interface Failure {
  readonly isOfDatabase: boolean
  /** Of a change of names, folders or attributes: nothing else than the server can be the reason, no storage. */
  readonly isOfName: boolean
}

/** So many different files refused in a row, with nothing done in between, are a sick server and no accident. */
const failuresThatMeanTrouble = 3

/**
 * - `away`: not reached, or it wants a sign-in
 * - `failing`: it fails at every change
 * - `stuck`: its database does (api/00-live-files §1); no waiting helps, but a restart
 */
type Trouble = 'away' | 'failing' | 'stuck'

/**
 * Whether the server can take changes at all: contents, names, folders, attributes. While it cannot, all wait and one at a time tries,
 * with growing back-off: a thousand waiting files must not knock a thousand times, nor a stuck server be kept stuck (api/00-live-files
 * §17.2). Who waits holds no place in the queue: when it is over, the queue decides how many go at a time.
 *
 * Where only uploads fail, and not the database, it may be a storage that does: names are not held up then, and that they
 * change says nothing about uploads.
 */
export class Outage {
  readonly #options: OutageOptions
  readonly #waiting = new Set<Sender>()
  /** Files at which the server failed since it last did something. */
  readonly #failed = new Map<Sender | string, Failure>()
  #attempt = 0
  #cause: { readonly trouble: Trouble; readonly sentence: string } | undefined
  /** Somebody may try. */
  #isOpen = false
  /** Tries at the moment. */
  #prober: Pass | undefined
  /** What it depends on is being sent. */
  #lent: Pass | undefined
  /** Things have changed since that began to try. */
  #isOutdated = false
  #cancelTimer: (() => void) | undefined

  constructor(options: OutageOptions) {
    this.#options = options
  }

  /** A sentence while the server takes nothing; undefined when all is well. */
  get detail(): string | undefined {
    return this.#cause?.sentence
  }

  /** Not reached, or it wants a sign-in. */
  get isAway(): boolean {
    return this.#cause?.trouble === 'away'
  }

  /** Leave to try; undefined when `sender` has to wait: it is told when it may come again. */
  enter(sender: Sender): Pass | undefined {
    const isProbe = this.#cause !== undefined
    if (isProbe && !this.#isOpen) {
      this.#waiting.add(sender)
      return undefined
    }
    const pass = this.#passOf(sender, false)
    return isProbe ? this.#probe(pass) : pass
  }

  /**
   * The same for a change of a name, a folder or attributes (`subject`); undefined: it has to be tried later, and nobody is told.
   * What is sent by itself waits (`wait`) before it begins.
   */
  enterNow(subject: string): Pass | undefined {
    if (!this.isOfNames) return this.#passOf(subject, true)
    if (this.#isOpen) return this.#probe(this.#passOf(subject, true))
    return this.#lent && this.#lent === this.#prober ? this.#passOf(subject, true, this.#lent) : undefined
  }

  /** Names cannot be changed either. */
  get isOfNames(): boolean {
    if (this.#cause === undefined) return false
    return this.#cause.trouble !== 'failing' || [...this.#failed.values()].some(({ isOfName }) => isOfName)
  }

  /** As `detail`, for names. */
  get detailOfNames(): string | undefined {
    return this.isOfNames ? this.detail : undefined
  }

  /** No name may be changed now: somebody tries, or it is not the time to. */
  get isClosedToNames(): boolean {
    return this.isOfNames && !this.#isOpen
  }

  /** `sender` is told when somebody may try, or it is over. @requires an outage */
  wait(sender: Sender): void {
    this.#waiting.add(sender)
  }

  /** The server made a change: it can. */
  worked(): void {
    this.#failed.clear()
    this.#attempt = 0
    if (this.#cause === undefined) return
    this.#options.log.info('the server takes changes again')
    this.#cause = undefined
    this.#prober = undefined
    this.#isOutdated = false
    this.#cancelTimer?.()
    this.#wake()
  }

  #nameWorked(): void {
    if (this.isOfNames) return this.worked()
    for (const [subject, { isOfName }] of this.#failed) if (isOfName) this.#failed.delete(subject)
    return undefined
  }

  /** The server has opened an upload session: its database works, whatever becomes of the upload. */
  sessionOpened(): void {
    if (this.#cause !== undefined && this.#cause.trouble !== 'failing') this.worked()
  }

  /** Tries again at once: the network came back, somebody signed in. */
  tryNow(): void {
    if (this.#cause === undefined) return
    if (this.#prober) this.#isOutdated = true
    else this.#openNow()
  }

  close(): void {
    this.#cancelTimer?.()
    this.#waiting.clear()
  }

  #passOf(subject: Sender | string, isOfName: boolean, lentBy?: Pass): Pass {
    const own = (): Pass => lentBy ?? pass
    const pass: Pass = {
      done: () => (isOfName ? this.#nameWorked() : this.worked()),
      refused: () => this.#refused(pass),
      failed: (error) =>
        this.#hasFailed(own(), error, { subject, isOfName, isOfDatabase: error.isDatabaseFailure }),
      undecided: () => this.#undecided(pass),
      lend: (work) => this.#lend(pass, work),
    }
    return pass
  }

  #probe(pass: Pass): Pass {
    this.#isOpen = false
    this.#prober = pass
    return pass
  }

  async #lend<T>(pass: Pass, work: () => Promise<T>): Promise<T> {
    if (this.#prober !== pass) return work()
    this.#lent = pass
    try {
      return await work()
    } finally {
      if (this.#lent === pass) this.#lent = undefined
    }
  }

  /** A name or a lock is refused before the database is asked to change anything: nothing says that it could. */
  #refused(pass: Pass): void {
    if (this.#cause?.trouble === 'away') return this.worked()
    if (this.#prober === pass) this.#openLater()
    return undefined
  }

  #undecided(pass: Pass): void {
    if (this.#prober === pass) this.#open()
  }

  #hasFailed(
    pass: Pass,
    error: RemoteError,
    { subject, ...failure }: Failure & { readonly subject: Sender | string },
  ): boolean {
    const isServerFailure = isRemoteError(error, 'server', 'protocol', 'unknown-outcome')
    if (isServerFailure) this.#failed.set(subject, failure)
    const isTrouble =
      isRemoteError(error, 'offline', 'unauthenticated') ||
      (isServerFailure && (this.#cause !== undefined || this.#failed.size >= failuresThatMeanTrouble))
    if (!isTrouble) return false
    // One that had begun before the trouble did says nothing new.
    if (this.#cause !== undefined && this.#prober !== pass) return true
    if (this.#cause === undefined) this.#options.log.warn('changes wait for the server', { error })
    this.#cause = causeOf(error, [...this.#failed.values()])
    this.#openLater()
    this.#attempt += 1
    return true
  }

  #openNow(): void {
    this.#cancelTimer?.()
    this.#open()
  }

  #openLater(): void {
    if (this.#isOutdated) return this.#openNow()
    const { clock, random = Math.random } = this.#options
    const delayMs = backoffMs(this.#attempt, { firstMs: 1000, maxMs: 60_000, random })
    this.#prober = undefined
    this.#isOpen = false
    this.#cancelTimer?.()
    this.#cancelTimer = clock.after(delayMs, () => this.#open())
    return undefined
  }

  #open(): void {
    this.#prober = undefined
    this.#isOutdated = false
    this.#isOpen = true
    this.#wake()
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const sender of waiting) sender.plan()
  }
}

function causeOf(error: RemoteError, failures: readonly Failure[]): { trouble: Trouble; sentence: string } {
  const { message } = error
  if (isRemoteError(error, 'offline', 'unauthenticated')) return { trouble: 'away', sentence: message }
  if (failures.every(({ isOfDatabase }) => isOfDatabase)) {
    const sentence =
      `the server's database is stuck: it fails at every change (${message}). The server must be restarted; nothing is lost, ` +
      'and what waits is sent by itself then'
    return { trouble: 'stuck', sentence }
  }
  const sentence = `the server fails at every change (${message}); if that goes on, it may have to be restarted`
  return { trouble: 'failing', sentence }
}
