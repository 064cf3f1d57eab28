import { resolve } from 'node:path'
import { invariant } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { FileSystem, KernelCache } from '../../core/ports.ts'
import { checkMountpoint } from '../check-mountpoint.ts'
import type { DriverCapabilities, DriverOptions, FuseDriver, Mounted } from '../driver.ts'
import { DriverError } from '../errors.ts'
import { lazyUnmount } from '../lazy-unmount.ts'
import { MountWatch } from '../mount-watch.ts'
import { mountAt, OUR_MOUNT_TYPE, readMounts } from '../mountinfo.ts'
import { READ_BUFFER_BYTES } from './abi.ts'
import { loadAddon, type NativeAddon } from './addon.ts'
import type { OpenChannel } from './channel.ts'
import { mountNative } from './mount-native.ts'
import { KernelNotifier } from './notify.ts'
import { Session } from './session.ts'

/** Measured: longer gains little, and a processor that has nothing else to do wakes up late. */
const SPIN_US = 50

export interface NativeDriverParts {
  readonly clock: Clock
  readonly log: Log
  /** How long to keep asking for requests after one, µs; the default is 50. Never on a machine with one processor. */
  readonly spinUs?: number | undefined
  /** FUSE_WRITEBACK_CACHE; off unless said otherwise. */
  readonly writebackCache?: boolean
  /** For how long at most the kernel may believe that there is no such name, ms; 0 unless said otherwise. */
  readonly negativeTtlMs?: number
}

/**
 * The driver on our own addon, which reads `/dev/fuse` on the event loop of the thread that mounts. One instance serves one
 * mount. Its process must not touch the mounted folder synchronously.
 */
export class NativeDriver implements FuseDriver {
  readonly name = 'native'
  readonly capabilities: DriverCapabilities = {
    times: true,
    notifications: true,
    readdirPlus: true,
    interrupts: true,
    flush: true,
  }
  readonly #parts: NativeDriverParts
  readonly #notifier: KernelNotifier
  #isUsed = false
  #unmounting: Promise<void> | undefined

  constructor(parts: NativeDriverParts) {
    this.#parts = parts
    this.#notifier = new KernelNotifier(parts.clock)
  }

  /** What is told to it before there is a mount, or after its end, concerns nobody. */
  get kernelCache(): KernelCache {
    return this.#notifier
  }

  /** @throws {DriverError} a sentence with the remedy. */
  async mount(fileSystem: FileSystem, options: DriverOptions): Promise<Mounted> {
    invariant(!this.#isUsed, 'a native driver serves one mount')
    const mountpoint = resolve(options.mountpoint)
    const addon = loadAddon()
    await checkMountpoint(mountpoint, { ...options, helper: 'fusermount3' })
    this.#isUsed = true
    const fd = await mountNative(addon, { ...options, mountpoint })
    const session = this.#startSession(openChannel(addon, fd, this.#parts.spinUs), fileSystem)
    const watch = await this.#watch(session, mountpoint)
    const closed = watch.gone.then(() => this.#end(session, watch))
    return {
      mountpoint,
      closed,
      unmount: () => {
        this.#unmounting = this.#unmount(mountpoint, watch)
        return this.#unmounting
      },
    }
  }

  #startSession(open: OpenChannel, fileSystem: FileSystem): Session {
    const { clock, log, writebackCache = false, negativeTtlMs = 0 } = this.#parts
    const notifier = this.#notifier
    return new Session(open, { fileSystem, clock, log, notifier, writebackCache, negativeTtlMs })
  }

  /** A mount that never began is taken away again. */
  async #watch(session: Session, mountpoint: string): Promise<MountWatch> {
    try {
      await session.ready
    } catch (error) {
      const left = mountAt(await readMounts(), mountpoint)
      if (left?.type === OUR_MOUNT_TYPE) await lazyUnmount(mountpoint)
      await session.end()
      throw new DriverError(`${mountpoint} could not be mounted: ${(error as Error).message}`, {
        cause: error,
      })
    }
    const mount = mountAt(await readMounts(), mountpoint)
    if (!mount) {
      await session.end()
      throw new DriverError(`${mountpoint} was unmounted at once by somebody else`)
    }
    const watch = new MountWatch({
      ...this.#parts,
      mount,
      openCount: () => session.openCount,
      isSessionOpen: async () => !session.isOver,
    })
    void session.over
      .then(() => watch.look())
      .catch((error: unknown) =>
        this.#parts.log.error('the state of the mount could not be read', { reason: String(error) }),
      )
    return watch
  }

  async #unmount(mountpoint: string, watch: MountWatch): Promise<void> {
    if (await watch.isInPlace()) await lazyUnmount(mountpoint)
    await watch.look()
  }

  async #end(session: Session, watch: MountWatch): Promise<void> {
    await watch.clearAway()
    await session.end()
    // The kernel tells us of the end before the program that unmounts has ended: whoever asked hears of it first.
    await this.#unmounting?.catch(() => undefined)
  }
}

function openChannel(addon: NativeAddon, fd: number, spinUs = SPIN_US): OpenChannel {
  return (listener) => new addon.Channel({ fd, bufferBytes: READ_BUFFER_BYTES, spinUs, ...listener })
}
