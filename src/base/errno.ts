/**
 * Linux error numbers (asm-generic/errno-base.h, errno.h) that a filesystem of ours answers, with the man-page
 * phrase of errno(3). Positive here; a driver negates them where its protocol wants that.
 */
export const Errno = {
  EPERM: 1, // Operation not permitted
  ENOENT: 2, // No such file or directory
  EINTR: 4, // Interrupted function call
  EIO: 5, // Input/output error
  ENXIO: 6, // No such device or address
  E2BIG: 7, // Argument list too long
  EBADF: 9, // Bad file descriptor
  EAGAIN: 11, // Resource temporarily unavailable
  ENOMEM: 12, // Not enough space/cannot allocate memory
  EACCES: 13, // Permission denied
  EBUSY: 16, // Device or resource busy
  EEXIST: 17, // File exists
  EXDEV: 18, // Invalid cross-device link
  ENODEV: 19, // No such device
  ENOTDIR: 20, // Not a directory
  EISDIR: 21, // Is a directory
  EINVAL: 22, // Invalid argument
  ENOTTY: 25, // Inappropriate I/O control operation
  EFBIG: 27, // File too large
  ENOSPC: 28, // No space left on device
  EROFS: 30, // Read-only filesystem
  EPIPE: 32, // Broken pipe
  ERANGE: 34, // Result too large
  ENAMETOOLONG: 36, // Filename too long
  ENOSYS: 38, // Function not implemented
  ENOTEMPTY: 39, // Directory not empty
  ELOOP: 40, // Too many levels of symbolic links
  ENODATA: 61, // No message available
  EPROTO: 71, // Protocol error
  EILSEQ: 84, // Invalid or incomplete multibyte or wide character
  EOPNOTSUPP: 95, // Operation not supported
  ENOTCONN: 107, // The socket is not connected
  ETIMEDOUT: 110, // Connection timed out
  EHOSTUNREACH: 113, // Host is unreachable
  ESTALE: 116, // Stale file handle
  EDQUOT: 122, // Disk quota exceeded
} as const

export type ErrnoName = keyof typeof Errno
export type ErrnoCode = (typeof Errno)[ErrnoName]

const names = new Map<number, ErrnoName>(
  (Object.entries(Errno) as [ErrnoName, number][]).map(([name, code]) => [code, name]),
)

/** `EIO` for 5; `errno 9999` for a number that this table does not know. */
export function errnoName(code: number): string {
  return names.get(code) ?? `errno ${code}`
}
