import { stat } from 'node:fs/promises'
import { isDeadMountCode } from '../base/dead-mount.ts'
import type { Log } from '../base/log.ts'
import { lazyUnmount } from '../fuse/lazy-unmount.ts'
import { mountAt, OUR_MOUNT_TYPE, readMounts, type MountEntry } from '../fuse/mountinfo.ts'
import { MountError } from './spec.ts'

export interface RecoverParts {
  readonly log: Log
  /** From the system unless a test says otherwise. */
  readonly mounts?: () => Promise<readonly MountEntry[]>
  readonly stat?: (path: string) => Promise<unknown>
  readonly unmount?: (mountpoint: string) => Promise<void>
}

/**
 * Clears away what a killed process left on `mountpoint`: several, when somebody mounted over a dead mount. A mount that is
 * alive, or not ours, is left alone.
 *
 * @throws {MountError} when a dead mount is not ours to take away.
 */
export async function recoverMountpoint(mountpoint: string, parts: RecoverParts): Promise<void> {
  const { log, mounts = readMounts, unmount = lazyUnmount } = parts
  for (;;) {
    const top = mountAt(await mounts(), mountpoint)
    if (!top || !(await isDead(mountpoint, parts.stat ?? stat))) return
    if (top.type !== OUR_MOUNT_TYPE) {
      throw new MountError(
        `${mountpoint} holds the dead mount of another program (${top.source}, ${top.type}): unmount it first (umount -l ${mountpoint})`,
      )
    }
    await unmount(mountpoint)
    log.warn('a mount whose process was killed has been cleared away', { mountpoint, source: top.source })
  }
}

async function isDead(mountpoint: string, stat: (path: string) => Promise<unknown>): Promise<boolean> {
  return stat(mountpoint).then(
    () => false,
    (error: NodeJS.ErrnoException) => isDeadMountCode(error.code),
  )
}
