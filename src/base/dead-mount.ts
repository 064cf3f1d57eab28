/**
 * What the kernel answers about a FUSE mount whose process has died: ECONNABORTED to what was on its way then, ENOTCONN to
 * everything after. Not that the path is missing, nor that it is not a folder.
 */
export function isDeadMountCode(code: string | undefined): boolean {
  return code === 'ENOTCONN' || code === 'ECONNABORTED'
}
