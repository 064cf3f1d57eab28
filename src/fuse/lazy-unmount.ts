import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DriverError } from './errors.ts'

const run = promisify(execFile)

interface Command {
  readonly file: string
  readonly args: readonly string[]
}

/**
 * Takes a mount out of the tree, also with files open; programs that have files open go on. In a child process: the
 * serving process answers whatever the kernel asks meanwhile.
 *
 * @throws {DriverError} when no way worked, with what each program said.
 */
export async function lazyUnmount(mountpoint: string): Promise<void> {
  const complaints: string[] = []
  for (const { file, args } of commandsFor(mountpoint)) {
    try {
      await run(file, args)
      return
    } catch (error) {
      complaints.push(complaintOf(file, error))
    }
  }
  throw new DriverError(`${mountpoint} could not be unmounted: ${complaints.join('; ')}`)
}

/**
 * umount(8) for root needs no FUSE tools; its `-c -i` keep it from asking the filesystem and from helper programs. For others it
 * comes last: it does what the FUSE tools do, and works where they refuse, such as without an /etc/mtab.
 */
function commandsFor(mountpoint: string): Command[] {
  const fusermounts = ['fusermount3', 'fusermount'].map((file) => ({
    file,
    args: ['-u', '-z', '--', mountpoint],
  }))
  const umount = { file: 'umount', args: ['-l', '-c', '-i', '--', mountpoint] }
  return process.getuid?.() === 0 ? [umount, ...fusermounts] : [...fusermounts, umount]
}

function complaintOf(file: string, error: unknown): string {
  const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string }
  if (code === 'ENOENT') return `${file} is not installed`
  return stderr?.trim() || message
}
