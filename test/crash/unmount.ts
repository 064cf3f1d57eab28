import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../conformance/engine.ts'
import { runToEnd } from '../harness/programs.ts'

/** umount(8) looks for the mount in a list that other mounts change while it is read, and may miss it. */
const tries = 10

/** Of a mount whose process has ended. */
const deadCodes = new Set<string | undefined>(['ENOTCONN', 'ECONNABORTED'])

/** Takes away what a dead process has mounted there, if it has. @throws {Error} when that cannot be done */
export async function unmount(mountpoint: string): Promise<void> {
  let said = ''
  for (let count = 0; count < tries; count += 1) {
    if (await isFree(mountpoint)) return
    said = (await runToEnd('umount', ['-l', mountpoint])).stderr
  }
  if (!(await isFree(mountpoint))) throw new Error(`${mountpoint} cannot be unmounted: ${said}`)
}

async function isFree(mountpoint: string): Promise<boolean> {
  try {
    const [own, above] = await Promise.all([lstat(mountpoint), lstat(dirname(mountpoint))])
    return own.dev === above.dev
  } catch (error) {
    if (deadCodes.has(errorCode(error))) return false
    throw error
  }
}
