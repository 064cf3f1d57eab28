import { delay, waitAtMost, type Clock } from '../base/clock.ts'
import { messageOf } from '../base/error-message.ts'
import type { Log } from '../base/log.ts'
import type { DrainResult } from './composition.ts'
import type { HostedMount } from './host/account-host.ts'
import { exitCodes, type ControlCall, type ControlMethods, type Json, type MountState } from './spec.ts'
import type { StopRequests } from './stop-requests.ts'

/** How long programs that still have files open may go on after somebody asked the process to end. */
const OPEN_FILES_GRACE_MS = 5_000
/** How long a process that is asked to end waits for its folder to be unmounted: it would stay mounted, and dead. */
const UNMOUNT_MS = 5_000
/** How long somebody who waits for the end of an unmounted folder is kept waiting for programs that have files open. */
const OPEN_FILES_ANSWER_MS = 3_000

export interface MountLifeParts {
  readonly mounted: HostedMount
  readonly stops: StopRequests
  readonly clock: Clock
  readonly log: Log
  readonly setState: (state: MountState) => Promise<void>
  readonly onDrain: (event: Json) => void
}

/**
 * A mount, once it is ready, until its end:
 *
 *   mounted --(asked over the socket, a signal, or unmounted from outside)--> unmounted, files may be open
 *     --(closed, or the grace of a signal is over)--> draining --> ended
 *
 * Somebody who unmounts leaves programs with open files their time; somebody who ends the process leaves them a few seconds.
 */
export class MountLife {
  readonly #parts: MountLifeParts
  readonly #drainListeners = new Set<(event: Json) => void>()
  #tellEnd: (result: DrainResult) => void = () => undefined
  readonly #ended: Promise<DrainResult>
  #tellClosed: () => void = () => undefined
  /** No file is open any more, or nobody waits for that. */
  readonly #closed: Promise<void>
  #lastDrained: Json | undefined
  /** Somebody leaves to the next mount what is not sent yet. */
  readonly #detached = new AbortController()
  #detaching: Promise<void> | undefined

  constructor(parts: MountLifeParts) {
    this.#parts = parts
    this.#drainListeners.add(parts.onDrain)
    this.#ended = new Promise((resolve) => {
      this.#tellEnd = resolve
    })
    this.#closed = new Promise((resolve) => {
      this.#tellClosed = resolve
    })
  }

  /**
   * `unmount` answers at once, or with `{"wait":true}` when everything is sent (with its progress) or when it is clear that
   * programs keep files open: `UnmountResult`. With `{"detach":true}` nothing more is sent for this mount, and it answers at the end;
   * programs with open files are left a few seconds. `ended` answers at the end alone, and brings it about no sooner.
   */
  readonly methods: ControlMethods = {
    unmount: async ({ params, signal, progress }) => {
      const isDetached = isAsked(params, 'detach')
      await (isDetached ? this.#detach() : this.#leave())
      progress({ state: 'unmounted' })
      if (isDetached) return this.#end({ signal, progress })
      if (!isAsked(params, 'wait')) return { state: 'unmounted' }
      if (await this.#isKeptOpen()) return { state: 'open' }
      return this.#end({ signal, progress })
    },
    ended: (call) => this.#end(call),
  }

  async #end({ signal, progress }: Pick<ControlCall, 'signal' | 'progress'>): Promise<Json> {
    this.#drainListeners.add(progress)
    signal.addEventListener('abort', () => this.#drainListeners.delete(progress))
    if (this.#lastDrained !== undefined) progress(this.#lastDrained)
    const { left, reason } = await this.#ended
    return { state: 'ended', left, reason }
  }

  /** Resolves at the end, with the exit code of the process. */
  async run(): Promise<number> {
    const { mounted, stops, log } = this.#parts
    let unmounting: Promise<void> | undefined
    const onStop = () => {
      unmounting = this.#unmount()
    }
    stops.stop.addEventListener('abort', onStop)
    if (stops.stop.aborted) onStop()
    try {
      await Promise.race([mounted.closed, this.#outOfPatience()])
    } finally {
      stops.stop.removeEventListener('abort', onStop)
    }
    await unmounting
    await this.#detaching
    await this.#parts.setState('draining')
    this.#tellClosed()
    const result = await this.#drain()
    if (result.left > 0) log.warn('not everything that was written is on the server', { ...result })
    this.#tellEnd(result)
    return result.left > 0 ? exitCodes.notDrained : exitCodes.ok
  }

  /** When it fails the process goes on to its end: the next start clears the dead mount away. */
  async #unmount(): Promise<void> {
    const { mounted, log, clock } = this.#parts
    const { mountpoint } = mounted
    const late = () => new Error(`${mountpoint} could not be unmounted in ${UNMOUNT_MS / 1000} s`)
    const inTime = waitAtMost(this.#leave(), { clock, deadlineMs: UNMOUNT_MS, late })
    await inTime.catch((error: Error) => log.error(error.message, { mountpoint }))
  }

  /** From now on a new mount of the account waits for this one. */
  async #leave(): Promise<void> {
    await this.#parts.mounted.unmount()
    await this.#parts.setState('draining')
  }

  #detach(): Promise<void> {
    const leaving = this.#leave().then(() =>
      this.#detached.abort(new Error('what is not sent yet is left to the next mount')),
    )
    // The folder may be gone, and the last file closed, before that is said.
    this.#detaching = leaving.catch(() => undefined) // whoever asked hears of it
    return leaving
  }

  #isKeptOpen(): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#parts.clock.after(OPEN_FILES_ANSWER_MS, () => resolve(true))
      void this.#closed.then(() => {
        cancel()
        resolve(false)
      })
    })
  }

  async #outOfPatience(): Promise<void> {
    const { stops, clock } = this.#parts
    await Promise.race([aborted(stops.stop), aborted(this.#detached.signal)])
    await delay(clock, OPEN_FILES_GRACE_MS, stops.hurry).catch(() => undefined)
  }

  async #drain(): Promise<DrainResult> {
    const { mounted, stops, log } = this.#parts
    const tellAll = (event: Json) => {
      this.#lastDrained = event
      for (const listener of this.#drainListeners) listener(event)
    }
    try {
      return await mounted.drain(tellAll, AbortSignal.any([stops.hurry, this.#detached.signal]))
    } catch (error) {
      const reason = messageOf(error)
      log.error('sending what was written has failed', { reason })
      return { left: 1, reason }
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function isAsked(params: Json, what: 'wait' | 'detach'): boolean {
  return typeof params === 'object' && params !== null && what in params && Reflect.get(params, what) === true
}
