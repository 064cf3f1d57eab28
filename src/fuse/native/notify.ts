import type { KernelCache } from '../../core/ports.ts'
import type { Ino } from '../../core/types.ts'
import type { Channel } from './channel.ts'
import { encodeDelete, encodeInvalEntry, encodeInvalInode } from './encode-notify.ts'
import type { Features } from './init.ts'

/**
 * Tells the kernel what is not to be trusted any more: the core has it before there is a mount, and nothing is told until the
 * kernel and we have agreed how to speak, nor after the end (then there is nothing that could be trusted). The kernel
 * answers that it does not know a node or name; that is no mistake and is passed over by the channel.
 */
export class KernelNotifier implements KernelCache {
  #channel: Channel | undefined
  #features: Features | undefined

  attach(channel: Channel, features: Features): void {
    this.#channel = channel
    this.#features = features
  }

  detach(): void {
    this.#channel = undefined
  }

  invalidateInode(ino: Ino): void {
    this.#channel?.notify(encodeInvalInode(ino))
  }

  invalidateAttributes(ino: Ino): void {
    this.#channel?.notify(encodeInvalInode(ino, { onlyAttributes: true }))
  }

  deleteEntry(parent: Ino, child: Ino, name: string): void {
    this.#channel?.notify(encodeDelete(parent, child, name))
  }

  /**
   * A name is to be asked for again at its next use. A kernel before 6.2 can only be told to drop it, which unmounts what is mounted
   * there and leaves who stands there without a path: that is too much where it is only doubted.
   */
  expireEntry(parent: Ino, name: string, isMereDoubt = false): void {
    const expireOnly = this.#features?.expireOnly === true
    if (isMereDoubt && !expireOnly) return
    this.#channel?.notify(encodeInvalEntry(parent, name, { expireOnly }))
  }
}
