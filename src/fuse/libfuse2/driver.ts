import { resolve } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { noKernelCache, type FileSystem } from '../../core/ports.ts'
import type { DriverCapabilities, DriverOptions, FuseDriver, Mounted } from '../driver.ts'
import { checkMountpoint } from '../check-mountpoint.ts'
import { DriverError } from '../errors.ts'
import { lazyUnmount } from '../lazy-unmount.ts'
import { MountWatch } from '../mount-watch.ts'
import { mountAt, OUR_MOUNT_TYPE, readMounts } from '../mountinfo.ts'
import { loadAddon, type Addon, type AddonFuse } from './addon.ts'
import { addonOptions } from './addon-options.ts'
import { Answerer } from './answerer.ts'
import { operationsOf } from './operations.ts'
import { PathAdapter } from './path-adapter.ts'
import { openSessions } from './session-descriptor.ts'
import { whyMountFailed } from './why-mount-failed.ts'
import { takeOverXattrs } from './xattr-operations.ts'

export interface Libfuse2Parts {
  readonly clock: Clock
  readonly log: Log
}

/**
 * The driver on `@cocalc/fuse-native` (libfuse 2.9). Its addon binds to the process's default event loop, so it works only on
 * the main thread, and that process must not touch the mounted folder, neither synchronously nor through the thread pool.
 *
 * What it cannot do (measured and read in its sources): times that a program sets never arrive; requests are not interrupted;
 * the kernel cannot be told of changes, so its trust in names and attributes must be short; the asking process is unknown;
 * each name of a folder is looked up by itself, so a long `ls -l` is slow; after `rm -r` of a folder that holds an open file, that file cannot
 * be read on; a file that is replaced while somebody has it open is removed first, then the other one gets its name; two versions
 * of a file are one node with one set of pages.
 */
export class Libfuse2Driver implements FuseDriver {
  readonly name = 'libfuse2'
  readonly capabilities: DriverCapabilities = {
    times: false,
    notifications: false,
    readdirPlus: false,
    interrupts: false,
    flush: false,
  }
  readonly kernelCache = noKernelCache
  readonly #parts: Libfuse2Parts

  constructor(parts: Libfuse2Parts) {
    this.#parts = parts
  }

  /** @throws {DriverError} a sentence with the remedy. */
  async mount(fileSystem: FileSystem, options: DriverOptions): Promise<Mounted> {
    const mountpoint = resolve(options.mountpoint)
    const addon = await loadAddon()
    await checkMountpoint(mountpoint, { ...options, helper: 'fusermount' })
    const adapter = new PathAdapter(fileSystem)
    const fuse = makeFuse(addon, { ...options, mountpoint }, { ...this.#parts, adapter })
    const others = await openSessions()
    await startFuse(fuse, mountpoint)
    const mount = mountAt(await readMounts(), mountpoint)
    if (!mount) throw new DriverError(`${mountpoint} was unmounted at once by somebody else`)
    const ours = [...(await openSessions())].filter((descriptor) => !others.has(descriptor))
    const watch = new MountWatch({
      ...this.#parts,
      mount,
      openCount: () => adapter.openCount,
      isSessionOpen: async () => {
        const open = await openSessions()
        return ours.some((descriptor) => open.has(descriptor))
      },
    })
    const closed = watch.gone.then(() => this.#end(fuse, adapter, watch))
    return { mountpoint, closed, unmount: () => this.#unmount(mountpoint, watch) }
  }

  async #unmount(mountpoint: string, watch: MountWatch): Promise<void> {
    if (await watch.isInPlace()) await lazyUnmount(mountpoint)
    await watch.look()
  }

  /** What the kernel did not say any more is done here: whoever was cut off has nothing open now. */
  async #end(fuse: AddonFuse, adapter: PathAdapter, watch: MountWatch): Promise<void> {
    await watch.clearAway()
    await adapter.releaseAll()
    await stopFuse(fuse)
  }
}

function makeFuse(
  addon: Addon,
  options: DriverOptions,
  parts: Libfuse2Parts & { adapter: PathAdapter },
): AddonFuse {
  // Its own starts a shell, and unmounts whatever is there by then; we unmount ourselves and only want its end of the work.
  addon.unmount = (_mountpoint, done) => done(null)
  const isRoot = process.getuid?.() === 0
  const fuse = new addon(options.mountpoint, operationsOf(parts), addonOptions(options, isRoot))
  takeOverXattrs(fuse, parts.adapter, new Answerer(parts.log))
  return fuse
}

async function startFuse(fuse: AddonFuse, mountpoint: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      fuse.mount((error) => (error ? reject(error) : resolve()))
    })
  } catch (error) {
    // It may have mounted before it failed.
    const left = mountAt(await readMounts(), mountpoint)
    if (left?.type === OUR_MOUNT_TYPE) await lazyUnmount(mountpoint)
    throw new DriverError(whyMountFailed(mountpoint, error as Error), { cause: error })
  }
}

/** Lets go of the event loop, which the addon keeps alive for as long as it is mounted. */
function stopFuse(fuse: AddonFuse): Promise<void> {
  return new Promise((resolve, reject) => {
    fuse.unmount((error) => (error ? reject(error) : resolve()))
  })
}
