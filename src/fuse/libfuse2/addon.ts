import type { DriverTrouble } from '../driver.ts'
import { DriverError } from '../errors.ts'

/** Callbacks of one `lstat`, as the addon takes it: times in ms, numbers cut to 32 bits except sizes and times. */
export interface AddonStat {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly nlink: number
  readonly ino: number
  readonly blksize: number
  readonly blocks: number
  readonly atime: number
  readonly mtime: number
  readonly ctime: number
}

export interface AddonStatfs {
  readonly bsize: number
  readonly frsize: number
  readonly blocks: number
  readonly bfree: number
  readonly bavail: number
  readonly files: number
  readonly ffree: number
  readonly favail: number
  readonly namemax: number
}

/** 0 or a negative errno; of read, write and getxattr also a number of bytes. */
export type Done = (result: number) => void
export type DoneWith<T> = (result: number, value?: T) => void

/** The operations of the addon that we implement; paths begin with `/`. Absent ones are not offered to the kernel. */
export interface AddonOperations {
  getattr(path: string, done: DoneWith<AddonStat>): void
  readdir(path: string, done: (result: number, names?: string[], stats?: AddonStat[]) => void): void
  readlink(path: string, done: DoneWith<string>): void
  truncate(path: string, sizeBytes: number, done: Done): void
  ftruncate(path: string, fh: number, sizeBytes: number, done: Done): void
  utimens(path: string, atimeMs: number, mtimeMs: number, done: Done): void
  chown(path: string, uid: number, gid: number, done: Done): void
  chmod(path: string, mode: number, done: Done): void
  mknod(path: string, mode: number, device: number, done: Done): void
  mkdir(path: string, mode: number, done: Done): void
  symlink(target: string, path: string, done: Done): void
  link(path: string, newPath: string, done: Done): void
  unlink(path: string, done: Done): void
  rmdir(path: string, done: Done): void
  rename(from: string, to: string, done: Done): void
  create(path: string, mode: number, done: DoneWith<number>): void
  open(path: string, flags: number, done: DoneWith<number>): void
  read(path: string, fh: number, buffer: Buffer, length: number, offset: number, done: Done): void
  write(path: string, fh: number, data: Buffer, length: number, offset: number, done: Done): void
  fsync(path: string, dataOnly: number, fh: number, done: Done): void
  release(path: string, fh: number, done: Done): void
  fsyncdir(path: string, dataOnly: number, fh: number, done: Done): void
  statfs(path: string, done: DoneWith<AddonStatfs>): void
  setxattr(path: string, name: string, value: Buffer, position: number, flags: number, done: Done): void
  getxattr(path: string, name: string, position: number, done: DoneWith<Buffer>): void
  listxattr(path: string, done: DoneWith<string[]>): void
  removexattr(path: string, name: string, done: Done): void
}

export interface AddonOptions {
  /** `false`, or the addon answers slow calls with ETIMEDOUT by itself after 15 s. */
  readonly timeout: false
  readonly fsname: string
  readonly subtype: string
  readonly allowOther: boolean
  readonly defaultPermissions: boolean
  readonly nonEmpty: boolean
}

/** Answers a request; `memory` is what the addon lent for it and takes back. */
export type Signal = (result: number, memory: ArrayBufferLike) => void

/**
 * One mount of the addon. `_op_getxattr` and `_op_listxattr` stand between its C part and the operations; ours replace them,
 * because its own never tell the size of the caller's buffer and write past or cut what does not fit.
 */
export interface AddonFuse {
  mount(done: (error: Error | null) => void): void
  unmount(done: (error: Error | null) => void): void
  _op_getxattr(signal: Signal, path: string, name: string, room: Buffer, position: number): void
  _op_listxattr(signal: Signal, path: string, room: Buffer): void
}

export interface Addon {
  new (mountpoint: string, operations: AddonOperations, options: AddonOptions): AddonFuse
  /** What `AddonFuse.unmount` calls first; its own starts a shell. */
  unmount(mountpoint: string, done: (error: Error | null) => void): void
}

/** @throws {DriverError} with the remedy, when the optional dependency is missing or was not built. */
export async function loadAddon(): Promise<Addon> {
  try {
    const module = (await import('@cocalc/fuse-native')) as unknown as { default: Addon }
    return module.default
  } catch (error) {
    throw new DriverError(whyNotLoaded(error as NodeJS.ErrnoException), { cause: error })
  }
}

const REMEDY =
  'install the packages libfuse-dev, pkg-config, python3 and a C++ compiler ' +
  '(Debian and Ubuntu: sudo apt-get install libfuse-dev pkg-config python3 build-essential), ' +
  'then install cloudreve-mount anew; in a checkout run `npm run setup`'

/** The loader's own messages list dozens of paths; a person needs one line. */
export function whyNotLoaded(error: NodeJS.ErrnoException): string {
  const { text, remedy } = loadTrouble(error)
  return `${text}: ${remedy}`
}

/** What an error of loading the addon means, and what helps. */
export function loadTrouble(error: NodeJS.ErrnoException): DriverTrouble {
  if (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_MODULE_NOT_FOUND') {
    return {
      text: 'the libfuse2 driver is not installed (optional dependency @cocalc/fuse-native)',
      remedy: REMEDY,
    }
  }
  if (/no native build was found/i.test(error.message)) {
    return { text: 'the libfuse2 driver was not built for this machine', remedy: REMEDY }
  }
  const [reason = ''] = error.message.split('\n')
  if (error.code === 'ERR_DLOPEN_FAILED') {
    return {
      text: `the libfuse2 driver does not start (${reason})`,
      remedy: `install the package libfuse2, or ${REMEDY}`,
    }
  }
  return { text: `the libfuse2 driver cannot be loaded (${reason})`, remedy: REMEDY }
}
