import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MountError } from './spec.ts'

/** Where control sockets live: `$XDG_RUNTIME_DIR/cloudreve-mount`, or a folder of this user's in /tmp. */
export function defaultRuntimeFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_RUNTIME_DIR']
  return base ? join(base, 'cloudreve-mount') : `/tmp/cloudreve-mount-${process.getuid?.() ?? 0}`
}

/**
 * Makes the folder, for this user alone.
 *
 * @throws {MountError} when somebody else's folder, or an open one, stands in its place: in /tmp anybody may put one there.
 */
export async function ensureRuntimeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const found = await lstat(folder)
  const isMine = found.isDirectory() && found.uid === process.getuid?.()
  if (!isMine || (found.mode & 0o077) !== 0) {
    throw new MountError(
      `${folder} must be a folder of this user with mode 0700, because control sockets are kept in it: remove it`,
    )
  }
}
