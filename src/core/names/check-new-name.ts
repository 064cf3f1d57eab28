import { Errno } from '../../base/errno.ts'
import { FsError } from '../errors.ts'
import type { FileKind } from '../types.ts'
import { toServerName } from './name-map.ts'

export interface NameLimits {
  /** Longest server name of a file with content, bytes of UTF-8 (api/00-live-files §5). */
  readonly maxFileNameBytes: number
  /** Longest server name of anything that stores no bytes of its own, bytes of UTF-8. */
  readonly maxFolderNameBytes: number
}

/** NAME_MAX of Linux: what programs can be shown, bytes. */
const MAX_SHOWN_NAME_BYTES = 255

/** Half of a surrogate pair without the other half: not a character, has no UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * Refuses a name that could not be stored or shown, when it is given and not when it is sent. A symbolic link stores no
 * bytes at the server, so it may be as long as a folder's name.
 * @throws {FsError} EINVAL empty, `.`, `..`, or with `/` or NUL; EILSEQ not valid UTF-8; ENAMETOOLONG
 */
export function checkNewName(posixName: string, kind: FileKind, limits: NameLimits): void {
  if (posixName === '' || posixName === '.' || posixName === '..') {
    throw new FsError(Errno.EINVAL, `${JSON.stringify(posixName)} cannot be the name of a ${kind}`)
  }
  if (/[/\0]/.test(posixName)) {
    throw new FsError(Errno.EINVAL, `${JSON.stringify(posixName)}: a name cannot contain "/" or NUL`)
  }
  // A decoder puts U+FFFD in the place of bytes that are not UTF-8; which bytes they were is lost.
  if (LONE_SURROGATE.test(posixName) || posixName.includes('\u{FFFD}')) {
    throw new FsError(
      Errno.EILSEQ,
      `${JSON.stringify(posixName)}: the name is not valid UTF-8; rename it before copying it here`,
    )
  }
  const serverName = toServerName(posixName)
  if (/[/\0]/.test(serverName)) {
    throw new FsError(Errno.EINVAL, `${JSON.stringify(posixName)}: this spelling is kept for "/" and NUL`)
  }
  checkLength(posixName, serverName, kind === 'file' ? limits.maxFileNameBytes : limits.maxFolderNameBytes)
}

function checkLength(posixName: string, serverName: string, maxBytes: number): void {
  const serverBytes = Buffer.byteLength(serverName)
  if (serverBytes <= maxBytes && Buffer.byteLength(posixName) <= MAX_SHOWN_NAME_BYTES) return
  const mapped = serverName === posixName ? '' : ` (it is stored as ${JSON.stringify(serverName)})`
  throw new FsError(
    Errno.ENAMETOOLONG,
    `${JSON.stringify(posixName)}: the name takes ${serverBytes} bytes at the server${mapped}, ` +
      `the limit is ${maxBytes}; use a shorter one`,
  )
}
