import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Ends a FUSE connection that nobody answers any more: whoever waits for it gets an error at once, which nothing else can do when
 * its process hangs (Documentation/filesystems/fuse.rst, "Aborting a filesystem connection"). Owner and root may.
 *
 * @param device `major:minor` of the filesystem; its minor number names the connection
 * @param controls where a filesystem of the type fusectl is mounted
 * @returns false where the kernel's control files are not mounted, the connection is over already, or it is somebody else's
 */
export async function cutConnection(device: string, controls = '/sys/fs/fuse/connections'): Promise<boolean> {
  const number = device.slice(device.indexOf(':') + 1)
  try {
    await writeFile(join(controls, number, 'abort'), '1')
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM') return false
    throw error
  }
}
