import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isDeadMountCode } from '../base/dead-mount.ts'

/** The kernel's name for a folder: links followed, as the table of mounts has it. Works for a dead mount too. */
export async function realMountpoint(mountpoint: string): Promise<string> {
  try {
    return await realpath(mountpoint)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // Missing: the driver says so. Dead: nothing can be asked of the last name, and a mountpoint is no link.
    if (code === 'ENOENT') return mountpoint
    if (isDeadMountCode(code)) {
      return join(await realpath(dirname(mountpoint)), basename(mountpoint))
    }
    throw error
  }
}
