import { execFile } from 'node:child_process'
import { constants, type BigIntStats, type Stats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { FileKind } from '../../../src/core/types.ts'
import {
  errnoNameOf,
  openFlagBits,
  PosixError,
  toBuffer,
  type Handle,
  type OpenFlags,
  type Stat,
  type TimeToSet,
  type Volume,
  type XattrFlag,
} from '../engine.ts'
import * as kernel from './kernel-calls.ts'

const run = promisify(execFile)

/** A real folder of this machine through node:fs/promises: never a synchronous call, which would wait for ourselves. */
export class PosixFolder {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  at(path: string): string {
    return path === '' ? this.root : join(this.root, '/') + path
  }

  readFile(path: string): Promise<Buffer> {
    return fs.readFile(this.at(path))
  }

  writeFile(path: string, data: string | Uint8Array): Promise<void> {
    return fs.writeFile(this.at(path), data)
  }

  async open(path: string, flags: OpenFlags, mode = 0o666): Promise<Handle> {
    return new FolderHandle(await fs.open(this.at(path), openFlagBits(flags), mode))
  }

  truncate(path: string, sizeBytes: number): Promise<void> {
    return truncatePath(this.at(path), sizeBytes)
  }

  async copyFile(from: string, to: string): Promise<void> {
    await run('cp', ['--no-preserve=mode', '--', this.at(from), this.at(to)])
  }

  mkdir(path: string, mode = 0o777): Promise<void> {
    return fs.mkdir(this.at(path), { mode })
  }

  rmdir(path: string): Promise<void> {
    return fs.rmdir(this.at(path))
  }

  unlink(path: string): Promise<void> {
    return fs.unlink(this.at(path))
  }

  rename(from: string, to: string, flags?: 'noReplace' | 'exchange'): Promise<void> {
    if (flags === undefined) return fs.rename(this.at(from), this.at(to))
    return kernel.renameWithFlags(this.at(from), this.at(to), flags)
  }

  async readdir(path: string): Promise<readonly string[]> {
    return (await fs.readdir(this.at(path))).sort()
  }

  async readdirTypes(path: string): Promise<ReadonlyMap<string, FileKind | 'other'>> {
    const entries = await fs.readdir(this.at(path), { withFileTypes: true })
    return new Map(entries.map((entry) => [entry.name, kindOf(entry)]))
  }

  async stat(path: string): Promise<Stat> {
    return statOf(await fs.stat(this.at(path), { bigint: true }))
  }

  async lstat(path: string): Promise<Stat> {
    return statOf(await fs.lstat(this.at(path), { bigint: true }))
  }

  symlink(target: string, path: string): Promise<void> {
    return fs.symlink(target, this.at(path))
  }

  readlink(path: string): Promise<string> {
    return fs.readlink(this.at(path))
  }

  link(existing: string, path: string): Promise<void> {
    return fs.link(this.at(existing), this.at(path))
  }

  async mkfifo(path: string): Promise<void> {
    try {
      await run('mkfifo', [this.at(path)], { env: { ...process.env, LC_ALL: 'C' } })
    } catch (error) {
      if (String(error).includes('Operation not permitted')) throw new PosixError('EPERM', `mkfifo ${path}`)
      throw error
    }
  }

  chmod(path: string, mode: number): Promise<void> {
    return fs.chmod(this.at(path), mode)
  }

  chown(path: string, uid: number, gid: number): Promise<void> {
    return fs.chown(this.at(path), uid, gid)
  }

  utimes(path: string, atime: TimeToSet, mtime: TimeToSet): Promise<void> {
    return kernel.utimens(this.at(path), atime, mtime)
  }

  getxattr(path: string, name: string): Promise<Buffer> {
    return kernel.getxattr(this.at(path), name)
  }

  setxattr(path: string, name: string, value: Uint8Array, flag: XattrFlag = 'either'): Promise<void> {
    return kernel.setxattr(this.at(path), name, value, flag)
  }

  listxattr(path: string): Promise<readonly string[]> {
    return kernel.listxattr(this.at(path))
  }

  removexattr(path: string, name: string): Promise<void> {
    return kernel.removexattr(this.at(path), name)
  }

  async statfs(): Promise<Volume> {
    const { bsize, blocks, bavail } = await fs.statfs(this.root)
    return { blockSizeBytes: bsize, totalBlocks: blocks, freeBlocks: bavail }
  }

  async createRaw(name: Uint8Array): Promise<void> {
    const path = Buffer.concat([Buffer.from(join(this.root, '/')), name])
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
    await (await fs.open(path, flags)).close()
  }

  /** Takes the folder away with everything in it. */
  remove(): Promise<void> {
    return fs.rm(this.root, { recursive: true, force: true })
  }
}

/** truncate(2) itself: node's opens the file, which tells other errors. */
async function truncatePath(path: string, sizeBytes: number): Promise<void> {
  const { stdout } = await run('perl', [
    '-e',
    'exit 0 if truncate($ARGV[0], $ARGV[1]); print $! + 0;',
    path,
    String(sizeBytes),
  ])
  if (stdout !== '') throw new PosixError(errnoNameOf(Number(stdout)), `truncate ${path}`)
}

class FolderHandle implements Handle {
  readonly #file: fs.FileHandle

  constructor(file: fs.FileHandle) {
    this.#file = file
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(length)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await this.#file.read(buffer, filled, length - filled, offset + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return buffer.subarray(0, filled)
  }

  async write(data: string | Uint8Array, offset: number): Promise<void> {
    const buffer = toBuffer(data)
    let sent = 0
    while (sent < buffer.length) {
      const rest = buffer.length - sent
      sent += (await this.#file.write(buffer, sent, rest, offset + sent)).bytesWritten
    }
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#file.truncate(sizeBytes)
  }

  fsync(options: { dataOnly?: boolean } = {}): Promise<void> {
    return options.dataOnly === true ? this.#file.datasync() : this.#file.sync()
  }

  async stat(): Promise<Stat> {
    return statOf(await this.#file.stat({ bigint: true }))
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

type Kinds = Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>

function kindOf(entry: Kinds): FileKind | 'other' {
  if (entry.isFile()) return 'file'
  if (entry.isDirectory()) return 'folder'
  return entry.isSymbolicLink() ? 'symlink' : 'other'
}

function statOf(stat: BigIntStats): Stat {
  return {
    kind: kindOf(stat),
    ino: Number(stat.ino),
    sizeBytes: Number(stat.size),
    mode: Number(stat.mode) & 0o7777,
    nlink: Number(stat.nlink),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    atimeNs: stat.atimeNs,
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
  }
}
