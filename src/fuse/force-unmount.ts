import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Ends the FUSE connection of a mount that nobody answers any more, and takes the mount out of the tree, in one call of the kernel
 * (umount2(2) with MNT_FORCE and MNT_DETACH). It needs no control files, but root outside of any user namespace. `-c -i` keep
 * umount(8) from asking the filesystem, and from helper programs.
 *
 * @returns false where that is not allowed: the mount is as it was
 */
export async function forceUnmount(mountpoint: string): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  try {
    await run('umount', ['-f', '-l', '-c', '-i', '--', mountpoint])
    return true
  } catch {
    // Whatever it says, there is another way, which says why when it does not work either.
    return false
  }
}
