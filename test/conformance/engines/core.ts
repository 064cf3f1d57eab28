import { constants } from 'node:os'
import { errnoName } from '../../../src/base/errno.ts'
import { FsError } from '../../../src/core/errors.ts'
import type { FileSystem } from '../../../src/core/ports.ts'
import type { FileKind, Ino } from '../../../src/core/types.ts'
import {
  openFlagBits,
  PosixError,
  toBuffer,
  type Abilities,
  type Engine,
  type Handle,
  type OpenFlags,
  type Semantics,
  type ServerView,
  type Stat,
  type TimeToSet,
  type Volume,
  type XattrFlag,
} from '../engine.ts'
import { timeChange } from './vfs/time.ts'
import { Vfs, type VfsOptions } from './vfs/vfs.ts'

/** A filesystem in this process, and what can be done to it besides file operations. */
export interface CoreUnderTest {
  readonly fileSystem: FileSystem
  readonly can: Abilities
  readonly semantics: Semantics
  readonly server?: ServerView
  /** Resolves when everything accepted is at the server. */
  settle(): Promise<void>
  /** Closes the filesystem in order (everything is forgotten and closed by then) and answers a new one over the same state. */
  reopen?(): Promise<FileSystem>
  /** Nodes that the filesystem still keeps for the kernel, the root aside: must be 0 after everything is forgotten. */
  heldNodes?(): number
  close(): Promise<void>
}

/** Small, so that files are copied in several calls. */
const copyStepBytes = 100_000

/** The cases' calls on a `FileSystem` through a kernel made of a few files. */
export class CoreEngine implements Engine {
  readonly name: string
  readonly can: Abilities
  readonly semantics: Semantics
  readonly server?: ServerView
  readonly remount?: () => Promise<void>
  readonly #core: CoreUnderTest
  readonly #options: VfsOptions
  #vfs: Vfs

  constructor(name: string, core: CoreUnderTest, options: VfsOptions) {
    this.name = name
    this.can = core.can
    this.semantics = core.semantics
    this.#core = core
    this.#options = options
    this.#vfs = new Vfs(core.fileSystem, options)
    if (core.server) this.server = core.server
    if (core.reopen) this.remount = () => this.#remount()
  }

  async readFile(path: string): Promise<Buffer> {
    const handle = await this.open(path, 'r')
    try {
      const { sizeBytes } = await handle.stat()
      return await handle.read(0, sizeBytes + 1)
    } finally {
      await handle.close()
    }
  }

  async writeFile(path: string, data: string | Uint8Array): Promise<void> {
    const handle = await this.open(path, 'w')
    try {
      await handle.write(data, 0)
    } finally {
      await handle.close()
    }
  }

  async open(path: string, flags: OpenFlags, mode = 0o666): Promise<Handle> {
    const file = await answered(this.#vfs.open(path, flags, mode))
    return {
      read: (offset, length) => answered(file.read(offset, length)),
      write: (data, offset) => answered(file.write(data, offset)),
      truncate: (sizeBytes) => answered(file.truncate(sizeBytes)),
      fsync: (options) => answered(file.fsync(options)),
      stat: () => answered(file.stat()),
      close: () => answered(file.close()),
    }
  }

  async copyFile(from: string, to: string): Promise<void> {
    const source = await answered(this.#vfs.open(from, openFlagBits('r'), 0))
    try {
      const target = await answered(this.#vfs.open(to, openFlagBits('w'), 0o666))
      try {
        await answered(source.copyTo(target, copyStepBytes))
      } finally {
        await answered(target.close())
      }
    } finally {
      await answered(source.close())
    }
  }

  truncate(path: string, sizeBytes: number): Promise<void> {
    return answered(this.#vfs.truncate(path, sizeBytes))
  }

  mkdir(path: string, mode = 0o777): Promise<void> {
    return answered(this.#vfs.mkdir(path, mode))
  }

  rmdir(path: string): Promise<void> {
    return answered(this.#vfs.rmdir(path))
  }

  unlink(path: string): Promise<void> {
    return answered(this.#vfs.unlink(path))
  }

  rename(from: string, to: string, flags?: 'noReplace' | 'exchange'): Promise<void> {
    return answered(this.#vfs.rename(from, to, flags))
  }

  async readdir(path: string): Promise<readonly string[]> {
    return (await answered(this.#vfs.readdir(path))).map(({ name }) => name).sort()
  }

  async readdirTypes(path: string): Promise<ReadonlyMap<string, FileKind | 'other'>> {
    return new Map((await answered(this.#vfs.readdir(path))).map(({ name, kind }) => [name, kind]))
  }

  stat(path: string): Promise<Stat> {
    return answered(this.#vfs.stat(path, true))
  }

  lstat(path: string): Promise<Stat> {
    return answered(this.#vfs.stat(path, false))
  }

  async symlink(target: string, path: string): Promise<void> {
    if (target === '') throw new PosixError('ENOENT', path)
    const { fileSystem, context } = this.#vfs
    await answered(this.#vfs.make(path, (parent, name) => fileSystem.symlink(parent, name, target, context)))
  }

  readlink(path: string): Promise<string> {
    return answered(
      this.#vfs.on(path, false, async ({ ino, kind }) => {
        if (kind !== 'symlink') throw new PosixError('EINVAL', path)
        return this.#vfs.fileSystem.readlink(ino, this.#vfs.context)
      }),
    )
  }

  link(existing: string, path: string): Promise<void> {
    const { fileSystem, context } = this.#vfs
    return answered(
      this.#vfs.on(existing, false, ({ ino, kind }) =>
        this.#vfs.make(path, (parent, name) => {
          if (kind === 'folder') throw new PosixError('EPERM', existing)
          return fileSystem.link(ino, parent, name, context)
        }),
      ),
    )
  }

  mkfifo(path: string): Promise<void> {
    const { fileSystem, context } = this.#vfs
    return answered(
      this.#vfs.make(path, (parent, name) => fileSystem.mknod(parent, name, S_IFIFO | 0o644, context)),
    )
  }

  chmod(path: string, mode: number): Promise<void> {
    return answered(this.#vfs.change(path, { mode }))
  }

  chown(path: string, uid: number, gid: number): Promise<void> {
    return answered(this.#vfs.change(path, { uid, gid }))
  }

  utimes(path: string, atime: TimeToSet, mtime: TimeToSet): Promise<void> {
    const [a, m] = [timeChange(atime), timeChange(mtime)]
    return answered(this.#vfs.change(path, { ...(a && { atime: a }), ...(m && { mtime: m }) }))
  }

  getxattr(path: string, name: string): Promise<Buffer> {
    return answered(
      this.#onXattr(path, name, 'ENODATA', async (ino) => {
        const value = await this.#vfs.fileSystem.getxattr(ino, name, this.#vfs.context)
        if (value.length > largestXattrBytes) throw new PosixError('E2BIG', name)
        return Buffer.from(value)
      }),
    )
  }

  setxattr(path: string, name: string, value: Uint8Array, flag: XattrFlag = 'either'): Promise<void> {
    return answered(
      this.#onXattr(path, name, 'EPERM', async (ino) => {
        if (value.length > largestXattrBytes) throw new PosixError('E2BIG', name)
        await this.#vfs.fileSystem.setxattr(ino, name, toBuffer(value), flag, this.#vfs.context)
      }),
    )
  }

  async listxattr(path: string): Promise<readonly string[]> {
    const names = await answered(
      this.#vfs.on(path, false, ({ ino }) => this.#vfs.fileSystem.listxattr(ino, this.#vfs.context)),
    )
    return [...names].sort()
  }

  removexattr(path: string, name: string): Promise<void> {
    return answered(
      this.#onXattr(path, name, 'EPERM', (ino) =>
        this.#vfs.fileSystem.removexattr(ino, name, this.#vfs.context),
      ),
    )
  }

  statfs(): Promise<Volume> {
    return answered(this.#vfs.during(() => this.#vfs.fileSystem.statfs(this.#vfs.context)))
  }

  settle(): Promise<void> {
    return this.#core.settle()
  }

  async close(): Promise<void> {
    try {
      this.#forgetAll()
    } finally {
      await this.#core.close()
    }
  }

  async #remount(): Promise<void> {
    this.#forgetAll()
    this.#vfs = new Vfs(await this.#core.reopen!(), this.#options)
  }

  #forgetAll(): void {
    this.#vfs.forgetAll()
    const held = this.#core.heldNodes?.() ?? 0
    if (held !== 0) throw new Error(`the filesystem keeps ${held} nodes that were forgotten`)
  }

  /** xattr_permission of the kernel: `user.*` belongs to files and folders only. */
  #onXattr<T>(path: string, name: string, onSymlink: string, use: (ino: Ino) => Promise<T>): Promise<T> {
    return this.#vfs.on(path, false, async ({ ino, kind }) => {
      if (kind === 'symlink' && name.startsWith('user.')) throw new PosixError(onSymlink, path)
      return use(ino)
    })
  }
}

const S_IFIFO = 0o010000
const largestXattrBytes = 65_536

/** The kernel tells a program nothing but the errno. A plain error is a defect and stays one. */
async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    const code = errnoName(error.errno)
    if (!(code in constants.errno)) throw error
    throw new PosixError(code, error.message, error)
  }
}
