import type { Clock } from '../../base/clock.ts'
import { Errno } from '../../base/errno.ts'
import { FsError } from '../../core/errors.ts'
import type { RequestContext } from './request-context.ts'

/** What has been asked to stop gets so long to end by itself, ms. */
const GRACE_MS = 1_000
/** How often the oldest requests are looked at, ms, and how often one is seen before it is asked to stop: five minutes. */
const LOOK_EVERY_MS = 30_000
const LOOKS_ALLOWED = 10

export interface PendingParts {
  readonly clock: Clock
  /** Answers a request whose work goes on without anybody. */
  readonly letGo: (context: RequestContext, reason: FsError) => void
}

/**
 * The requests that are worked on. Sees to it that no program waits for ever, nor longer than it wants to, whatever hangs:
 *
 *   worked on --(interrupted, or too old)--> asked to stop --(a moment later)--> let go
 *       '------------------------------------------'------(its work has ended)----> done
 *
 * A program in the kernel's hands cannot even be killed before its request is answered. Only requests that `mayBeLeft` are let
 * go: the work of a write must not go on when the program has moved on.
 */
export class PendingRequests {
  readonly #parts: PendingParts
  /** By `unique`, the oldest first. */
  readonly #pending = new Map<number, RequestContext>()
  #cancelLook: (() => void) | undefined
  #whenIdle: (() => void) | undefined

  constructor(parts: PendingParts) {
    this.#parts = parts
  }

  add(context: RequestContext): void {
    this.#pending.set(context.unique, context)
    this.#cancelLook ??= this.#lookLater()
  }

  /** Its work has ended. */
  done(context: RequestContext): void {
    this.#pending.delete(context.unique)
    if (this.#pending.size > 0) return
    this.#whenIdle?.()
  }

  /** The program does not want to wait any more. Whose work is done already has been answered. */
  interrupt(unique: number): void {
    const context = this.#pending.get(unique)
    if (context) this.#stop(context, new FsError(Errno.EINTR, 'the program stopped waiting'))
  }

  /** Nobody waits for anything any more. */
  abortAll(): void {
    this.#cancelLook?.()
    for (const context of this.#pending.values()) context.abort()
  }

  /** Resolves when nothing is worked on. */
  async idle(): Promise<void> {
    if (this.#pending.size === 0) return
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve
    })
  }

  #stop(context: RequestContext, reason: FsError): void {
    if (context.isAborted) return
    context.abort(reason)
    if (!context.mayBeLeft) return
    this.#parts.clock.after(GRACE_MS, () => {
      if (this.#pending.get(context.unique) !== context) return
      context.isLetGo = true
      this.#parts.letGo(context, reason)
    })
  }

  #lookLater(): () => void {
    return this.#parts.clock.after(LOOK_EVERY_MS, () => this.#look())
  }

  #look(): void {
    const seconds = (LOOK_EVERY_MS * LOOKS_ALLOWED) / 1000
    for (const context of this.#pending.values()) {
      context.looks += 1
      if (context.looks <= LOOKS_ALLOWED) continue
      this.#stop(context, new FsError(Errno.EIO, `not done after ${seconds} s`, { level: 'warn' }))
    }
    this.#cancelLook = this.#pending.size > 0 ? this.#lookLater() : undefined
  }
}
