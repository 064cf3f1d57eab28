import type { Clock } from '../../base/clock.ts'
import type { KernelCache } from '../../core/ports.ts'
import type { Ino } from '../../core/types.ts'
import type { Channel } from './channel.ts'
import { encodeDelete, encodeInvalEntry, encodeInvalInode } from './encode-notify.ts'
import type { Features } from './init.ts'

/** How soon a channel that had no room is asked again. It has, unless its notifying thread hangs, in which nothing is lost by waiting. */
const ASK_AGAIN_MS = 10

/**
 * Tells the kernel what is not to be trusted any more: the core has it before there is a mount, and nothing is told until the
 * kernel and we have agreed how to speak, nor after the end (then there is nothing that could be trusted). The kernel
 * answers that it does not know a node or name; that is no mistake and is passed over by the channel.
 *
 * What the channel has no room for waits here, in order, and is never dropped: while the kernel holds up the notifying thread it
 * goes on trusting what it has, and has to hear of all of it afterwards. What is told again while it waits is told once, so no
 * more waits than a few notifications for each node and name that the kernel was given.
 */
export class KernelNotifier implements KernelCache {
  readonly #clock: Clock
  #channel: Channel | undefined
  #features: Features | undefined
  /** By what they say. */
  readonly #waiting = new Map<string, Buffer>()
  #stopAsking: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  attach(channel: Channel, features: Features): void {
    this.#channel = channel
    this.#features = features
  }

  detach(): void {
    this.#channel = undefined
    this.#waiting.clear()
    this.#stopAsking?.()
  }

  invalidateInode(ino: Ino): void {
    this.#tell(encodeInvalInode(ino))
  }

  invalidateAttributes(ino: Ino): void {
    this.#tell(encodeInvalInode(ino, { onlyAttributes: true }))
  }

  deleteEntry(parent: Ino, child: Ino, name: string): void {
    this.#tell(encodeDelete(parent, child, name))
  }

  /**
   * A name is to be asked for again at its next use. A kernel before 6.2 can only be told to drop it, which unmounts what is mounted
   * there and leaves who stands there without a path: that is too much where it is only doubted.
   */
  expireEntry(parent: Ino, name: string, isMereDoubt = false): void {
    const expireOnly = this.#features?.expireOnly === true
    if (isMereDoubt && !expireOnly) return
    this.#tell(encodeInvalEntry(parent, name, { expireOnly }))
  }

  #tell(message: Buffer): void {
    if (this.#channel === undefined) return
    if (this.#waiting.size === 0 && this.#channel.notify(message)) return
    const text = message.toString('latin1')
    if (this.#waiting.has(text)) return
    // The memory of the message is that of the next one.
    this.#waiting.set(text, Buffer.from(message))
    if (this.#waiting.size === 1) this.#askAgainLater()
  }

  #askAgainLater(): void {
    this.#stopAsking = this.#clock.after(ASK_AGAIN_MS, () => this.#handOver())
  }

  #handOver(): void {
    for (const [text, message] of this.#waiting) {
      if (this.#channel?.notify(message) !== true) return this.#askAgainLater()
      this.#waiting.delete(text)
    }
  }
}
