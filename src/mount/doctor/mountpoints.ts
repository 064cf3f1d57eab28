/** Mounts of ours that have died, and the folder that somebody wants to mount on. */
import { access, constants } from 'node:fs/promises'
import type { Clock } from '../../base/clock.ts'
import { DriverError } from '../../fuse/errors.ts'
import { checkFolder } from '../../fuse/check-mountpoint.ts'
import { mountAt, OUR_MOUNT_TYPE, readMounts, type MountEntry } from '../../fuse/mountinfo.ts'
import { lifeOf } from '../mountpoint-life.ts'
import { realMountpoint } from '../real-mountpoint.ts'
import { listRunning } from '../registry.ts'
import type { RunningMount } from '../spec.ts'
import { fail, looked, ok, type Finding } from './finding.ts'

export interface MountpointProbes {
  readonly mounts: () => Promise<readonly MountEntry[]>
  /** The processes that serve a mount of this user. */
  readonly running: () => Promise<readonly RunningMount[]>
  /** Whether the kernel says that the process behind a mounted folder is gone, or nobody answers for it. */
  readonly isDead: (mountpoint: string) => Promise<boolean>
  /** As the kernel names it. */
  readonly realName: (mountpoint: string) => Promise<string>
  /** @throws {DriverError} why nothing can be mounted on a folder that has no mount. */
  readonly checkFolder: (mountpoint: string) => Promise<void>
  readonly mayWrite: (mountpoint: string) => Promise<boolean>
}

export async function* examineMountpoints(
  probes: MountpointProbes,
  mountpoint: string | undefined,
): AsyncGenerator<Finding> {
  yield looked('mounts', () => deadMounts(probes))
  if (mountpoint !== undefined) yield looked('mountpoint', () => wanted(probes, mountpoint))
}

/** Only folders that no process of ours serves are touched: a living mount may take its time to answer. */
async function deadMounts(probes: MountpointProbes): Promise<Finding> {
  const served = new Set((await probes.running()).map(({ mountpoint }) => mountpoint))
  const ours = (await probes.mounts()).filter(({ type }) => type === OUR_MOUNT_TYPE)
  const unserved = [...new Set(ours.map(({ mountpoint }) => mountpoint))].filter((path) => !served.has(path))
  const dead: string[] = []
  for (const path of unserved) if (await probes.isDead(path)) dead.push(path)
  if (dead.length === 0) return ok('mounts', 'no mount is left over from a process that died')
  return fail(
    'mounts',
    `the process behind ${dead.join(' and ')} has died, but the folder is still mounted`,
    {
      remedy: dead.map((path) => `cloudreve-mount umount ${path}`).join('; '),
    },
  )
}

async function wanted(probes: MountpointProbes, mountpoint: string): Promise<Finding> {
  const check = 'mountpoint'
  const folder = await probes.realName(mountpoint)
  const served = (await probes.running()).find((mount) => mount.mountpoint === folder)
  if (served) return ok(check, `${folder} is a mount of ${served.account} (process ${served.pid})`)
  const there = mountAt(await probes.mounts(), folder)
  if (there?.type === OUR_MOUNT_TYPE && (await probes.isDead(folder))) {
    return fail(check, `${folder} is a mount whose process has died`, {
      remedy: `cloudreve-mount umount ${folder}`,
    })
  }
  const notHere = { remedy: 'unmount it, or name another folder' }
  if (there) return fail(check, `something is mounted on ${folder} (${there.source}, ${there.type})`, notHere)
  try {
    await probes.checkFolder(folder)
  } catch (error) {
    if (!(error instanceof DriverError)) throw error
    return fail(check, error.message, { remedy: 'name an empty folder of yours, made with mkdir -p' })
  }
  if (await probes.mayWrite(folder)) return ok(check, `${folder} is an empty folder`)
  return fail(check, `${folder} may not be written by this user, so only root could mount on it`, {
    remedy: 'name an empty folder of yours, made with mkdir -p',
  })
}

export function mountpointProbes(clock: Clock, runtimeFolder: string): MountpointProbes {
  return {
    mounts: readMounts,
    running: () => listRunning(runtimeFolder),
    isDead: async (mountpoint) => (await lifeOf(mountpoint, { clock })) !== 'alive',
    realName: realMountpoint,
    checkFolder,
    mayWrite: (mountpoint) =>
      access(mountpoint, constants.W_OK).then(
        () => true,
        () => false,
      ),
  }
}
