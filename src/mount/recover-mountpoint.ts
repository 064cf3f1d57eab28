import type { Log } from '../base/log.ts'
import { cutConnection } from '../fuse/cut-connection.ts'
import { forceUnmount } from '../fuse/force-unmount.ts'
import { lazyUnmount } from '../fuse/lazy-unmount.ts'
import { mountAt, OUR_MOUNT_TYPE, readMounts, type MountEntry } from '../fuse/mountinfo.ts'
import { lifeOf, type LifeProbes } from './mountpoint-life.ts'
import { MountError } from './spec.ts'

export interface RecoverParts extends LifeProbes {
  readonly log: Log
  /** Whether a process of ours serves the folder, or is believed to. */
  readonly isServed: (mountpoint: string) => Promise<boolean>
  /** From the system unless a test says otherwise. */
  readonly mounts?: () => Promise<readonly MountEntry[]>
  readonly unmount?: (mountpoint: string) => Promise<void>
  readonly cut?: (device: string) => Promise<boolean>
  readonly force?: (mountpoint: string) => Promise<boolean>
}

/**
 * Clears away what a killed process left on `mountpoint`: several, when somebody mounted over a dead mount. Where that process
 * hangs in the kernel and cannot end, its connection is cut first, so that the programs which wait for it go on; where the control
 * files of the kernel are not there for that, as in containers, root cuts it by unmounting. A mount that is alive, served or not
 * ours is left alone.
 *
 * @returns whether there was anything to clear away
 * @throws {MountError} when a dead mount is not ours to take away.
 */
export async function recoverMountpoint(mountpoint: string, parts: RecoverParts): Promise<boolean> {
  const { log, mounts = readMounts, unmount = lazyUnmount } = parts
  for (let cleared = 0; ; cleared += 1) {
    const top = mountAt(await mounts(), mountpoint)
    if (!top) return cleared > 0
    const life = await lifeOf(mountpoint, parts)
    if (life === 'alive' || (life === 'silent' && (await isOthers(top, parts)))) return cleared > 0
    if (top.type !== OUR_MOUNT_TYPE) {
      throw new MountError(
        `${mountpoint} holds the dead mount of another program (${top.source}, ${top.type}): unmount it first (umount -l ${mountpoint})`,
      )
    }
    const { wasCut, isUnmounted } = life === 'silent' ? await cutOff(top, parts) : { wasCut: false }
    if (!isUnmounted) await unmount(mountpoint)
    log.warn('a mount that nobody serves has been cleared away', { mountpoint, source: top.source, wasCut })
  }
}

/** Lets go who waits for a mount that says nothing, in one of two ways. */
async function cutOff(
  { device, mountpoint }: MountEntry,
  { cut = cutConnection, force = forceUnmount }: RecoverParts,
): Promise<{ wasCut: boolean; isUnmounted?: boolean }> {
  if (await cut(device)) return { wasCut: true }
  const isUnmounted = await force(mountpoint)
  return { wasCut: isUnmounted, isUnmounted }
}

/** Silence alone is no proof: other programs may be slow. */
async function isOthers({ type, mountpoint }: MountEntry, { isServed }: RecoverParts): Promise<boolean> {
  return type !== OUR_MOUNT_TYPE || (await isServed(mountpoint))
}
