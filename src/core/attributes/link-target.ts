import { Errno } from '../../base/errno.ts'
import type { MetadataPatch, RemoteEntry } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import { LINK_KEY } from './keys.ts'

/** PATH_MAX of Linux without its NUL: the longest target that symlink(2) takes, bytes. */
const MAX_TARGET_BYTES = 4095

/**
 * The patch that makes an empty file a symbolic link; `undefined` makes it a file again.
 * @throws {FsError} ENOENT empty; ENAMETOOLONG over 4,095 bytes; EILSEQ not valid UTF-8; EINVAL with NUL
 */
export function encodeLinkTarget(target: string | undefined): MetadataPatch {
  if (target !== undefined) checkTarget(target)
  return { key: LINK_KEY, value: target }
}

function checkTarget(target: string): void {
  if (target === '') throw new FsError(Errno.ENOENT, 'a symbolic link needs a target')
  if (target.includes('\0')) throw new FsError(Errno.EINVAL, 'the target of a symbolic link contains NUL')
  if (/\p{Surrogate}|\u{FFFD}/u.test(target)) {
    throw new FsError(Errno.EILSEQ, `${JSON.stringify(target)}: the target of the link is not valid UTF-8`)
  }
  if (Buffer.byteLength(target) > MAX_TARGET_BYTES) {
    throw new FsError(
      Errno.ENAMETOOLONG,
      `the target of a symbolic link is limited to ${MAX_TARGET_BYTES} bytes`,
    )
  }
}

/** The target if `entry` is a symbolic link. A file that got content elsewhere since then is a file. */
export function decodeLinkTarget(entry: RemoteEntry): string | undefined {
  if (entry.kind !== 'file' || entry.sizeBytes > 0) return undefined
  const target = entry.metadata[LINK_KEY]
  return target === undefined || target === '' || target.includes('\0') ? undefined : target
}
