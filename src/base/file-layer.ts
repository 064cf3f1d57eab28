import { mkdir, open, readdir, readFile, rename, stat, statfs, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeFileAtomic, syncFolder } from './atomic-file.ts'
import { systemClock } from './clock.ts'
import { ImmediateWrites } from './immediate-writes.ts'

/** An open local file, as far as staged content and the journal need it. Offsets and sizes in bytes. */
export interface LocalFile {
  /** Its descriptor, if it has one: good until `close`. */
  readonly fd: number | undefined
  /**
   * The next change of it, if that brings at most `moreBytes` and makes it at most so much longer, never survives our death or power
   * loss without all that were begun before it of files of which the same is said. Left out: no.
   */
  isOrdered?(moreBytes: number): boolean
  /** Fills `into` from `position` on; answers how many bytes there were (fewer at the end of the file). */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes as much as fits and answers how much that was; throws the system's error when it was nothing. */
  write(data: Uint8Array, position: number): Promise<number>
  append(data: Uint8Array): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  sizeBytes(): Promise<number>
  datasync(): Promise<void>
  close(): Promise<void>
}

/** Of a disk. */
export interface DiskSpace {
  /** That this user may fill. */
  readonly freeBytes: number
  readonly totalBytes: number
}

export interface FileStat {
  /** When its content was changed last, ms since the epoch. */
  readonly modifiedAtMs: number
  /** What it takes of the disk, holes left out. */
  readonly allocatedBytes: number
}

/** The local file system where what was promised lies: a seam, so that a full disk or power loss can be tried without one. */
export interface FileLayer {
  /** `create`: must not exist; `use`: read and write; `append`: for records. Made with mode 0600. */
  open(path: string, how: 'create' | 'use' | 'append'): Promise<LocalFile>
  /** Replaces `path` in one step; with `durable` it also survives power loss. */
  replace(path: string, content: string, durable: boolean): Promise<void>
  /** Replaces `to`, in one step, if it is there; survives power loss after `syncFolder`. */
  rename(from: string, to: string): Promise<void>
  /** No error when the file is not there. */
  remove(path: string): Promise<void>
  /** Names in `folder`, in no order; none when it is not there. */
  list(folder: string): Promise<string[]>
  exists(path: string): Promise<boolean>
  stat(path: string): Promise<FileStat>
  /** Makes a folder, and those above it that are missing, with mode 0700; they survive power loss. */
  makeFolder(folder: string): Promise<void>
  /** All bytes of a file. */
  readWhole(path: string): Promise<Buffer>
  syncFolder(folder: string): Promise<void>
  /** Of the disk on which `folder` lies. */
  space(folder: string): Promise<DiskSpace>
}

/** Of the whole process: one disk that is slow is a reason to be careful with all. */
const immediate = new ImmediateWrites(systemClock)

const flagsOf = { create: 'wx+', use: 'r+', append: 'a' } as const

export const nodeFileLayer: FileLayer = {
  async open(path, how) {
    const file = await open(path, flagsOf[how], 0o600)
    return {
      fd: file.fd,
      read: (into, position) => readFully((at) => file.read(into, at, into.length - at, position + at), into),
      write: async (data, position) =>
        immediate.write(file.fd, data, position) ??
        (await file.write(data, 0, data.length, position)).bytesWritten,
      append: async (data) => {
        const writtenBytes = immediate.write(file.fd, data, null) ?? 0
        if (writtenBytes < data.length) await file.appendFile(data.subarray(writtenBytes))
      },
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      sizeBytes: async () => (await file.stat()).size,
      datasync: () => file.datasync(),
      close: () => file.close(),
    }
  },

  async replace(path, content, durable) {
    if (durable) return writeFileAtomic(path, content)
    const temporary = `${path}.tmp`
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(content)
    } finally {
      await file.close()
    }
    return rename(temporary, path)
  },

  rename,

  remove: (path) => ifThere(() => unlink(path), undefined),
  list: (folder) => ifThere(() => readdir(folder), []),

  async exists(path) {
    return (await ifThere(() => stat(path), undefined)) !== undefined
  },

  async stat(path) {
    const { mtimeMs, blocks } = await stat(path)
    return { modifiedAtMs: mtimeMs, allocatedBytes: blocks * 512 }
  },

  async makeFolder(folder) {
    const first = await mkdir(folder, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
  },

  readWhole: (path) => readFile(path),
  syncFolder,

  async space(folder) {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  },
}

async function ifThere<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise
    throw error
  }
}

async function readFully(
  readOn: (at: number) => Promise<{ bytesRead: number }>,
  into: Uint8Array,
): Promise<number> {
  let filled = 0
  while (filled < into.length) {
    const { bytesRead } = await readOn(filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}
