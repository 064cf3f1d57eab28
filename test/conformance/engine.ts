/**
 * What the suites ask of a filesystem under test: the calls of a POSIX program on a fresh, empty folder, and, where an
 * engine has them, two more powers: a look at the server behind it and waiting until everything is uploaded.
 */
import { constants } from 'node:fs'
import { constants as osConstants } from 'node:os'
import type { FileKind } from '../../src/core/types.ts'

/** What engines may or may not be able to show; see `Abilities`. */
export const abilityNames = [
  /** Times given to utimens(2) arrive, to the nanosecond. */
  'times',
  /** chmod(2) keeps the permission bits. */
  'modes',
  'symlinks',
  /** Extended attributes in `user.`. */
  'xattrs',
  /** RENAME_NOREPLACE of renameat2(2). */
  'renameNoReplace',
  /** RENAME_EXCHANGE of renameat2(2). */
  'renameExchange',
  /** Answers `user.cloudreve.*`. A filesystem without facts is an ordinary local one. */
  'facts',
  /** The bytes and ids at the server can be looked at: `server`. */
  'server',
  /** The server counts requests by route. */
  'requests',
  /** Can be taken down and started again: `remount`. */
  'remount',
  /** Names that are not UTF-8 can be tried. */
  'rawNames',
] as const

export type Ability = (typeof abilityNames)[number]

/** `true`, or the reason in words why an engine cannot show it: printed with every skipped case. */
export type Abilities = Readonly<Record<Ability, true | string>>

/** Documented differences between engines: cases assert both sides of each, so none is skipped. */
export interface Semantics {
  /** link(2) works; the product answers EPERM. */
  readonly hardLinks: boolean
  /** mknod(2) of pipes works; the product answers EPERM. */
  readonly specialFiles: boolean
  /** chown(2) to somebody else works for root; the product answers EPERM. */
  readonly chownToOthers: boolean
  /** Names that are not UTF-8 are kept; the product answers EILSEQ. */
  readonly anyBytesInNames: boolean
  /** `security.*` can be set by root; the product answers EOPNOTSUPP. */
  readonly securityXattrs: boolean
  /** Longest name of a file, bytes after mapping. */
  readonly maxFileNameBytes: number
  /** Longest name of a folder, bytes after mapping. */
  readonly maxFolderNameBytes: number
  /** An unlinked open file can be read after its folder was removed too. */
  readonly unlinkedOutlivesFolder?: boolean
}

export interface Stat {
  readonly kind: FileKind | 'other'
  readonly ino: number
  readonly sizeBytes: number
  /** Permission bits only. */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly atimeNs: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

/** A time to set: nanoseconds since the epoch, UTIME_NOW or UTIME_OMIT. */
export type TimeToSet = bigint | 'now' | 'omit'

export interface Volume {
  readonly blockSizeBytes: number
  readonly totalBlocks: number
  readonly freeBlocks: number
}

/** open(2) flags: numbers of `fs.constants`, or the letters of fopen(3). */
export type OpenFlags = number | 'r' | 'r+' | 'w' | 'w+' | 'wx' | 'a' | 'a+'

export interface Handle {
  /** Fewer bytes than `length` at the end of the file only. */
  read(offset: number, length: number): Promise<Buffer>
  /** pwrite(2): with O_APPEND the offset is ignored, as Linux does. */
  write(data: string | Uint8Array, offset: number): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  fsync(options?: { dataOnly?: boolean }): Promise<void>
  stat(): Promise<Stat>
  close(): Promise<void>
}

export type XattrFlag = 'create' | 'replace' | 'either'

/**
 * Paths are relative to the folder of the run, without a leading slash; `''` is the folder itself. Every call rejects with an
 * error that carries `code`: `ENOENT` and so on.
 */
export interface Engine {
  readonly name: string
  readonly can: Abilities
  readonly semantics: Semantics

  readFile(path: string): Promise<Buffer>
  /** open with O_WRONLY|O_CREAT|O_TRUNC, write, close. */
  writeFile(path: string, data: string | Uint8Array): Promise<void>
  open(path: string, flags: OpenFlags, mode?: number): Promise<Handle>
  truncate(path: string, sizeBytes: number): Promise<void>
  /** As cp(1) does, which uses copy_file_range(2) where the filesystem has it. Two different files. */
  copyFile(from: string, to: string): Promise<void>
  mkdir(path: string, mode?: number): Promise<void>
  rmdir(path: string): Promise<void>
  unlink(path: string): Promise<void>
  rename(from: string, to: string, flags?: 'noReplace' | 'exchange'): Promise<void>
  /** Sorted, without `.` and `..`. */
  readdir(path: string): Promise<readonly string[]>
  readdirTypes(path: string): Promise<ReadonlyMap<string, FileKind | 'other'>>
  stat(path: string): Promise<Stat>
  lstat(path: string): Promise<Stat>
  symlink(target: string, path: string): Promise<void>
  readlink(path: string): Promise<string>
  link(existing: string, path: string): Promise<void>
  mkfifo(path: string): Promise<void>
  chmod(path: string, mode: number): Promise<void>
  chown(path: string, uid: number, gid: number): Promise<void>
  utimes(path: string, atime: TimeToSet, mtime: TimeToSet): Promise<void>
  getxattr(path: string, name: string): Promise<Buffer>
  setxattr(path: string, name: string, value: Uint8Array, flag?: XattrFlag): Promise<void>
  listxattr(path: string): Promise<readonly string[]>
  removexattr(path: string, name: string): Promise<void>
  statfs(): Promise<Volume>

  /** Creates an empty file whose name is raw bytes. Needs `rawNames`. */
  createRaw?(name: Uint8Array): Promise<void>
  /** Resolves when everything accepted so far is at the server. Nothing to wait for without a server. */
  settle(): Promise<void>
  /** Takes the filesystem down in order and starts it again over the same server and state. Needs `remount`. */
  remount?(): Promise<void>
  readonly server?: ServerView
  /** Ends the run: nothing may be open any more. Asserts what the engine can about left-overs. */
  close(): Promise<void>
}

/** The far side, asked directly and never through the filesystem under test. Paths are those of the engine's folder. */
export interface ServerView {
  /** Rejects with ENOENT when there is no such file. */
  bytes(path: string): Promise<Buffer>
  /** The server's own names in a folder, unmapped, sorted. */
  names(path: string): Promise<readonly string[]>
  fileId(path: string): Promise<string>
  /** How many versions the file has kept, the current one included. */
  versionCount(path: string): Promise<number>
  /** Counting starts here. Needs `requests`. */
  mark(): RequestMark
}

export interface RequestMark {
  /** Requests since the mark by route, such as `PUT /file/content`, without the event stream. */
  counts(): Readonly<Record<string, number>>
  total(): number
}

/** Starts engines; one host may serve many cases, each in its own folder. */
export interface EngineHost {
  readonly name: string
  /** undefined when it can run here, otherwise why it cannot. */
  unavailable(): Promise<string | undefined>
  start(): Promise<void>
  /** An engine on a fresh, empty folder. */
  fresh(): Promise<Engine>
  stop(): Promise<void>
}

const letters: Readonly<Record<Exclude<OpenFlags, number>, number>> = {
  r: constants.O_RDONLY,
  'r+': constants.O_RDWR,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  'w+': constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
  a: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
  'a+': constants.O_RDWR | constants.O_CREAT | constants.O_APPEND,
}

export function openFlagBits(flags: OpenFlags): number {
  return typeof flags === 'number' ? flags : letters[flags]
}

/** An error as node:fs throws it, for engines that have no kernel to make one. */
export class PosixError extends Error {
  readonly code: string

  constructor(code: string, subject: string, cause?: unknown) {
    super(`${code}: ${subject}`, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

const nameByErrno = new Map(Object.entries(osConstants.errno).map(([name, errno]) => [errno, name]))
// Linux gives EOPNOTSUPP and ENOTSUP, EAGAIN and EWOULDBLOCK one number each; the suites use the first.
nameByErrno.set(osConstants.errno.EOPNOTSUPP, 'EOPNOTSUPP')
nameByErrno.set(osConstants.errno.EAGAIN, 'EAGAIN')

/** `ENOENT` for 2. */
export function errnoNameOf(errno: number): string {
  return nameByErrno.get(errno) ?? `errno ${errno}`
}

/** The errno by name, also for those that libuv has no name for (EDQUOT, ESTALE); undefined for other errors. */
export function errorCode(error: unknown): string | undefined {
  const { code, errno } = error as NodeJS.ErrnoException
  if (typeof code !== 'string') return undefined
  if (/^E[A-Z0-9]+$/.test(code)) return code
  return code.startsWith('Unknown system error') && errno !== undefined ? errnoNameOf(-errno) : undefined
}

export function toBuffer(data: string | Uint8Array): Buffer {
  return typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length)
}
