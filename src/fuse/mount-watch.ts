import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { lazyUnmount } from './lazy-unmount.ts'
import { mountAt, readMounts, type MountEntry } from './mountinfo.ts'

/** How soon an unmount from outside is noticed. */
const INTERVAL_MS = 1_000

export interface MountWatchParts {
  readonly clock: Clock
  readonly log: Log
  /** The mount to watch. */
  readonly mount: MountEntry
  /** Handles that programs hold. */
  readonly openCount: () => number
  /** Whether the driver still hears from the kernel. */
  readonly isSessionOpen: () => Promise<boolean>
  /** The mounts of this namespace; from the kernel unless a test says otherwise. */
  readonly mounts?: () => Promise<readonly MountEntry[]>
}

/**
 * Notices the end of a mount, of which the addon tells nothing: looks once a second. The end is when
 * - the filesystem is not in the kernel's table of mounts any more (neither at its own place nor by a bind mount) and no handle is open, or
 * - libfuse's session has ended: with the last open file of an unmounted filesystem the kernel often drops the message that
 *   it was closed, and somebody may cut the connection (`umount -f`).
 */
export class MountWatch {
  readonly #parts: MountWatchParts
  readonly #mounts: () => Promise<readonly MountEntry[]>
  /** Resolves at the end of the mount. */
  readonly gone: Promise<void>
  #end: () => void = () => undefined

  constructor(parts: MountWatchParts) {
    this.#parts = parts
    this.#mounts = parts.mounts ?? readMounts
    this.gone = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#lookLater()
  }

  get mountpoint(): string {
    return this.#parts.mount.mountpoint
  }

  /** Whether our filesystem is what programs see at its mountpoint. */
  async isInPlace(): Promise<boolean> {
    const top = mountAt(await this.#mounts(), this.#parts.mount.mountpoint)
    return top !== undefined && this.#isOurs(top)
  }

  /** After the end: a connection that was cut leaves a dead mount behind. */
  async clearAway(unmount: (mountpoint: string) => Promise<void> = lazyUnmount): Promise<void> {
    if (!(await this.isInPlace())) return
    const { mountpoint } = this
    this.#parts.log.warn(
      'somebody has cut the connection to the kernel (umount -f, or an abort): programs lost what they had open, what they wrote is sent',
      { mountpoint },
    )
    await unmount(mountpoint)
  }

  /** Ends the watch at once when the mount is at its end. */
  async look(): Promise<boolean> {
    const isGone = (await this.#isUnused()) || !(await this.#parts.isSessionOpen())
    if (isGone) this.#end()
    return isGone
  }

  async #isUnused(): Promise<boolean> {
    const isMounted = (await this.#mounts()).some((mount) => this.#isOurs(mount))
    return !isMounted && this.#parts.openCount() === 0
  }

  #lookLater(): void {
    this.#parts.clock.after(INTERVAL_MS, () => void this.#lookAgain())
  }

  async #lookAgain(): Promise<void> {
    try {
      if (await this.look()) return
    } catch (error) {
      this.#parts.log.error('the state of the mount could not be read', { reason: String(error) })
    }
    this.#lookLater()
  }

  /** Device numbers are given again, so the source must be the same too. */
  #isOurs({ device, source }: MountEntry): boolean {
    return device === this.#parts.mount.device && source === this.#parts.mount.source
  }
}
