import { constants } from 'node:fs'
import { access, readdir, readFile, stat } from 'node:fs/promises'
import { isDeadMountCode } from '../base/dead-mount.ts'
import { DriverError } from './errors.ts'
import { findProgram } from './find-program.ts'
import { mountAt, readMounts } from './mountinfo.ts'

export const FUSE_DEVICE = '/dev/fuse'

export interface MountWishes {
  readonly allowOther: boolean
  /** The program that mounts for ordinary users; each driver has its own. */
  readonly helper: 'fusermount' | 'fusermount3'
}

/**
 * Finds out beforehand why a folder could not be mounted on: the kernel's own answer would be one number.
 *
 * @throws {DriverError} a sentence with the remedy.
 */
export async function checkMountpoint(mountpoint: string, wishes: MountWishes): Promise<void> {
  // First, because a look into a mounted folder may wait for whoever serves it.
  const there = mountAt(await readMounts(), mountpoint)
  if (there) {
    throw new DriverError(
      `something is mounted on ${mountpoint} already (${there.source}, ${there.type}): unmount it or choose another folder`,
    )
  }
  await checkFolder(mountpoint)
  await checkDevice()
  if (process.getuid?.() !== 0) await checkUserMay(mountpoint, wishes)
}

/** @throws {DriverError} unless `mountpoint` is an empty folder that this user may read. */
export async function checkFolder(mountpoint: string): Promise<void> {
  const names = await stat(mountpoint)
    .then((found) => (found.isDirectory() ? readdir(mountpoint) : undefined))
    .catch((error: NodeJS.ErrnoException) => {
      throw new DriverError(folderSentence(mountpoint, error), { cause: error })
    })
  if (!names) throw new DriverError(`${mountpoint} is not a folder: a drive can only be mounted on one`)
  if (names.length > 0) {
    throw new DriverError(
      `${mountpoint} is not empty, and the drive would cover what is in it: choose an empty folder`,
    )
  }
}

function folderSentence(mountpoint: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `there is no folder ${mountpoint}: make it first (mkdir -p)`
  if (isDeadMountCode(code))
    return `${mountpoint} is a mount whose process has died: unmount it (fusermount3 -u -z)`
  if (code === 'EACCES') return `${mountpoint} may not be read by this user`
  return `${mountpoint} cannot be mounted on: ${message}`
}

async function checkDevice(): Promise<void> {
  try {
    await access(FUSE_DEVICE, constants.R_OK | constants.W_OK)
  } catch (error) {
    const { text, remedy } = fuseDeviceTrouble((error as NodeJS.ErrnoException).code)
    throw new DriverError(`${text}: ${remedy}`, { cause: error })
  }
}

/** What an error of opening the device means, and what helps. */
export function fuseDeviceTrouble(code: string | undefined): { text: string; remedy: string } {
  const inContainer = `start the container with --device ${FUSE_DEVICE}`
  if (code === 'ENOENT' || code === 'ENODEV' || code === 'ENXIO') {
    return {
      text: `${FUSE_DEVICE} is missing`,
      remedy: `load the kernel module (sudo modprobe fuse), or ${inContainer}`,
    }
  }
  if (code === 'EPERM') return { text: `${FUSE_DEVICE} is closed to this container`, remedy: inContainer }
  return {
    text: `${FUSE_DEVICE} may not be opened by this user`,
    remedy: 'it should have mode 0666 (install the package fuse3), or mount as root',
  }
}

/** What the helper demands of users who are not root. */
async function checkUserMay(mountpoint: string, { allowOther, helper }: MountWishes): Promise<void> {
  if (!(await findProgram(helper))) {
    throw new DriverError(
      `the program ${helper} is missing, without which only root can mount: sudo apt-get install fuse3`,
    )
  }
  await access(mountpoint, constants.W_OK).catch((error: unknown) => {
    throw new DriverError(`${mountpoint} may not be written by this user, so only root could mount on it`, {
      cause: error,
    })
  })
  if (allowOther && !(await mayAllowOther())) {
    throw new DriverError(
      'allow-other needs the line `user_allow_other` in /etc/fuse.conf: add it as root, or mount without that option',
    )
  }
}

async function mayAllowOther(): Promise<boolean> {
  const text = await readFile('/etc/fuse.conf', 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  return allowsOthers(text)
}

/** Whether a text of /etc/fuse.conf lets users who are not root use allow-other. */
export function allowsOthers(fuseConf: string): boolean {
  return /^\s*user_allow_other\s*$/m.test(fuseConf)
}
