/**
 * The part of a kernel that stands between programs and a FUSE filesystem: path walks, what open(2) and rename(2) check
 * themselves, look-up counts and forgetting. With it the cases for a mounted folder run over the core in-process.
 */
import { setMaxListeners } from 'node:events'
import { constants } from 'node:fs'
import { Errno } from '../../../../src/base/errno.ts'
import { KeyedMutex, Mutex } from '../../../../src/base/mutex.ts'
import { FsError } from '../../../../src/core/errors.ts'
import type { FileSystem } from '../../../../src/core/ports.ts'
import type { AttrChanges, Dirent, Entry, Fh, Ino, OpContext } from '../../../../src/core/types.ts'
import { openFlagBits, PosixError, type OpenFlags, type Stat } from '../../engine.ts'
import { DentryTree, type Dentry, type KeepPolicy } from './dentry-tree.ts'
import { OpenFile, statOf } from './open-file.ts'
import { PathWalk, type Spot } from './path-walk.ts'

export interface VfsOptions {
  /** Whether names stay known between calls. */
  readonly names: KeepPolicy
  /** How O_TRUNC arrives: within open, or as a change of size behind it. */
  readonly truncate: 'atomic' | 'setattr'
  /** Whether listings carry entries, each of which counts as a look-up. */
  readonly readdirPlus: boolean
}

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_RDWR, O_TRUNC, O_WRONLY } = constants
const umask = 0o022
/** Memory becomes short now and then: so many calls after the last time. */
const callsUntilPressure = 64

export class Vfs {
  readonly context: OpContext = {
    signal: neverAborted(),
    pid: process.pid,
    uid: process.getuid!(),
    gid: process.getgid!(),
  }
  readonly fileSystem: FileSystem
  readonly #options: VfsOptions
  readonly #tree: DentryTree
  readonly #walk: PathWalk
  readonly #writeLocks = new KeyedMutex<Ino>()
  readonly #renames = new Mutex()
  #running = 0
  #calls = 0
  #open = 0

  constructor(fileSystem: FileSystem, options: VfsOptions) {
    this.fileSystem = fileSystem
    this.#options = options
    this.#tree = new DentryTree(fileSystem)
    this.#walk = new PathWalk(fileSystem, this.#tree, this.context)
  }

  /** What an unmount leaves behind; throws when a case left files open. */
  forgetAll(): void {
    if (this.#running > 0) throw new Error(`${this.#running} calls are still running`)
    if (this.#open > 0) throw new Error(`${this.#open} files were left open`)
    this.#tree.prune('drop')
    if (this.#tree.heldNodes > 0) throw new Error(`${this.#tree.heldNodes} nodes are still held`)
  }

  /** Runs a call; what nobody uses is forgotten when no call runs. */
  async during<T>(call: () => Promise<T>): Promise<T> {
    this.#running += 1
    this.#calls += 1
    try {
      return await call()
    } finally {
      this.#running -= 1
      if (this.#running === 0) {
        this.#tree.prune(this.#calls % callsUntilPressure === 0 ? 'drop' : this.#options.names)
      }
    }
  }

  /** Calls `use` with the node that `path` names. */
  on<T>(path: string, follow: boolean, use: (node: Dentry['node']) => Promise<T>): Promise<T> {
    return this.during(() =>
      this.#unlessStale(async () => use((await this.#walk.resolve(path, follow)).node)),
    )
  }

  /** As Linux does: what is not there any more is looked up once more, without believing any name (`retry_estale`). */
  async #unlessStale<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof FsError) || error.errno !== Errno.ESTALE) throw error
      this.#tree.expireAll()
      return call()
    }
  }

  stat(path: string, follow: boolean): Promise<Stat> {
    return this.on(path, follow, async ({ ino }) => {
      return statOf((await this.fileSystem.getattr(ino, undefined, this.context)).attr)
    })
  }

  change(path: string, changes: AttrChanges): Promise<void> {
    return this.on(path, true, async ({ ino }) => {
      await this.fileSystem.setattr(ino, changes, undefined, this.context)
    })
  }

  truncate(path: string, sizeBytes: number): Promise<void> {
    return this.on(path, true, async ({ ino, kind }) => {
      if (sizeBytes < 0) throw new PosixError('EINVAL', path)
      if (kind === 'folder') throw new PosixError('EISDIR', path)
      await this.#writeLocks.run(ino, () =>
        this.fileSystem.setattr(ino, { sizeBytes, mtime: 'now' }, undefined, this.context),
      )
    })
  }

  open(path: string, flags: OpenFlags, mode: number): Promise<OpenFile> {
    const bits = openFlagBits(flags)
    const open = async () => {
      let spot = await this.#walk.parentOf(path)
      for (let links = 0; ; links += 1) {
        const found = await this.#openOrCreate(spot, bits, mode)
        if (found instanceof OpenFile) return found
        if ((bits & O_NOFOLLOW) !== 0) throw new PosixError('ELOOP', path)
        spot = await this.#walk.throughLink(found, links)
      }
    }
    return this.during(() => this.#unlessStale(open))
  }

  async readdir(path: string): Promise<readonly Dirent[]> {
    return this.during(async () => {
      const folder = await this.#walk.resolve(path, true)
      if (folder.node.kind !== 'folder') throw new PosixError('ENOTDIR', path)
      const { fh } = await this.fileSystem.opendir(folder.node.ino, this.context)
      try {
        const dirents: Dirent[] = []
        for (;;) {
          const page = await this.#page(folder, fh, dirents.at(-1)?.cookie ?? 0)
          if (page.length === 0) return dirents
          dirents.push(...page)
        }
      } finally {
        await this.fileSystem.releasedir(fh)
      }
    })
  }

  /** `make` something at a free name; its answer counts as a look-up. */
  make(path: string, make: (parent: Ino, name: string) => Promise<Entry>, folder = false): Promise<void> {
    return this.during(async () => {
      const { parent, name, mustBeFolder } = await this.#walk.parentOf(path)
      await this.#walk.folderLocks.run(parent.node.ino, async () => {
        if (isDots(name) || (await this.#walk.lookupLocked(parent, name)))
          throw new PosixError('EEXIST', path)
        if (mustBeFolder && !folder) throw new PosixError('ENOENT', path)
        this.#tree.add(parent, name, await make(parent.node.ino, name))
      })
    })
  }

  mkdir(path: string, mode: number): Promise<void> {
    const bits = mode & ~umask
    return this.make(path, (parent, name) => this.fileSystem.mkdir(parent, name, bits, this.context), true)
  }

  rmdir(path: string): Promise<void> {
    return this.during(async () => {
      const spot = await this.#walk.parentOf(path)
      if (spot.name === '.') throw new PosixError('EINVAL', path)
      if (spot.name === '..') throw new PosixError('ENOTEMPTY', path)
      if (spot.name === '') throw new PosixError('EBUSY', path)
      await this.#remove(spot, path, async (dentry) => {
        if (dentry.node.kind !== 'folder') throw new PosixError('ENOTDIR', path)
        await this.fileSystem.rmdir(spot.parent.node.ino, spot.name, this.context)
      })
    })
  }

  unlink(path: string): Promise<void> {
    return this.during(async () => {
      const spot = await this.#walk.parentOf(path)
      if (isDots(spot.name)) throw new PosixError('EISDIR', path)
      await this.#remove(spot, path, async (dentry) => {
        if (dentry.node.kind === 'folder') throw new PosixError('EISDIR', path)
        if (spot.mustBeFolder) throw new PosixError('ENOTDIR', path)
        await this.fileSystem.unlink(spot.parent.node.ino, spot.name, this.context)
      })
    })
  }

  rename(from: string, to: string, flags?: 'noReplace' | 'exchange'): Promise<void> {
    return this.during(async () => {
      const source = await this.#walk.parentOf(from)
      const target = await this.#walk.parentOf(to)
      if (isDots(source.name) || isDots(target.name)) throw new PosixError('EBUSY', from)
      await this.#renames.run(() =>
        this.#lockBoth(source.parent, target.parent, () => this.#renameLocked(source, target, flags)),
      )
    })
  }

  async #openOrCreate(spot: Spot, flags: number, mode: number): Promise<OpenFile | Dentry> {
    const { parent, name } = spot
    return this.#walk.folderLocks.run(parent.node.ino, async () => {
      const dentry = await this.#walk.lookupLocked(parent, name)
      const create = (flags & O_CREAT) !== 0
      if (!dentry) {
        if (!create || spot.mustBeFolder)
          throw new PosixError(spot.mustBeFolder && create ? 'EISDIR' : 'ENOENT', name)
        const at = { parent: parent.node.ino, name }
        const made = await this.fileSystem.create(at, mode & ~umask, flags, this.context)
        return this.#opened(this.#tree.add(parent, name, made.entry), made.opened.fh, flags)
      }
      if (create && (flags & O_EXCL) !== 0) throw new PosixError('EEXIST', name)
      return dentry.node.kind === 'symlink' ? dentry : this.#openExisting(dentry, flags)
    })
  }

  async #openExisting(dentry: Dentry, flags: number): Promise<OpenFile> {
    const { ino, kind } = dentry.node
    const writes = (flags & (O_WRONLY | O_RDWR)) !== 0
    if (kind === 'folder') {
      if (writes || (flags & (O_CREAT | O_TRUNC)) !== 0) throw new PosixError('EISDIR', dentry.name)
      // Reading from a descriptor of a folder is EISDIR; nothing but that is asked of one here.
      if ((flags & O_DIRECTORY) === 0) throw new PosixError('EISDIR', dentry.name)
      throw new Error('folders are listed with readdir')
    }
    if ((flags & O_DIRECTORY) !== 0) throw new PosixError('ENOTDIR', dentry.name)
    const empties = (flags & O_TRUNC) !== 0
    const hidden = O_CREAT | O_EXCL | O_NOCTTY | (this.#options.truncate === 'atomic' ? 0 : O_TRUNC)
    const { fh } = await this.fileSystem.open(ino, flags & ~hidden, this.context)
    const file = this.#opened(dentry, fh, flags)
    if (empties && this.#options.truncate === 'setattr') {
      await this.fileSystem.setattr(ino, { sizeBytes: 0 }, fh, this.context).catch(async (error: unknown) => {
        await file.close()
        throw error
      })
    }
    return file
  }

  #opened(dentry: Dentry, fh: Fh, flags: number): OpenFile {
    dentry.pins += 1
    this.#open += 1
    return new OpenFile({
      fileSystem: this.fileSystem,
      context: this.context,
      ino: dentry.node.ino,
      fh,
      flags,
      writeLocks: this.#writeLocks,
      during: (call) => this.during(call),
      closed: () => {
        dentry.pins -= 1
        this.#open -= 1
      },
    })
  }

  async #page(folder: Dentry, fh: Fh, cookie: number): Promise<readonly Dirent[]> {
    if (!this.#options.readdirPlus) return this.fileSystem.readdir(fh, cookie, this.context)
    return this.#walk.folderLocks.run(folder.node.ino, async () => {
      const page = await this.fileSystem.readdirPlus(fh, cookie, this.context)
      for (const { name, entry } of page) this.#tree.add(folder, name, entry)
      return page
    })
  }

  #remove({ parent, name }: Spot, path: string, remove: (dentry: Dentry) => Promise<void>): Promise<void> {
    return this.#walk.folderLocks.run(parent.node.ino, async () => {
      const dentry = await this.#walk.lookupLocked(parent, name)
      if (!dentry) throw new PosixError('ENOENT', path)
      await remove(dentry)
      this.#tree.unhash(dentry)
    })
  }

  async #renameLocked(
    source: Spot,
    target: Spot,
    flags: 'noReplace' | 'exchange' | undefined,
  ): Promise<void> {
    const from = await this.#walk.lookupLocked(source.parent, source.name)
    if (!from) throw new PosixError('ENOENT', source.name)
    const to = await this.#walk.lookupLocked(target.parent, target.name)
    if (to && flags === 'noReplace') throw new PosixError('EEXIST', target.name)
    if (!to && flags === 'exchange') throw new PosixError('ENOENT', target.name)
    if (from.node.kind !== 'folder' && (source.mustBeFolder || target.mustBeFolder)) {
      throw new PosixError('ENOTDIR', source.name)
    }
    if (this.#tree.isAncestor(from, target.parent)) throw new PosixError('EINVAL', target.name)
    if (to && this.#tree.isAncestor(to, source.parent)) {
      throw new PosixError(flags === 'exchange' ? 'EINVAL' : 'ENOTEMPTY', target.name)
    }
    if (to?.node === from.node) return
    if (to && flags !== 'exchange') checkKinds(from, to)
    await this.fileSystem.rename(
      { parent: source.parent.node.ino, name: source.name },
      { parent: target.parent.node.ino, name: target.name },
      { noReplace: flags === 'noReplace', exchange: flags === 'exchange' },
      this.context,
    )
    if (to && flags === 'exchange') this.#tree.exchange(from, to)
    else this.#tree.move(from, target.parent, target.name)
  }

  #lockBoth(a: Dentry, b: Dentry, section: () => Promise<void>): Promise<void> {
    const locks = this.#walk.folderLocks
    if (a.node === b.node) return locks.run(a.node.ino, section)
    const [first, second] = a.node.ino < b.node.ino ? [a, b] : [b, a]
    return locks.run(first.node.ino, () => locks.run(second.node.ino, section))
  }
}

function checkKinds(from: Dentry, to: Dentry): void {
  if (from.node.kind === 'folder' && to.node.kind !== 'folder') throw new PosixError('ENOTDIR', to.name)
  if (from.node.kind !== 'folder' && to.node.kind === 'folder') throw new PosixError('EISDIR', to.name)
}

function isDots(name: string): boolean {
  return name === '' || name === '.' || name === '..'
}

/** One signal for all calls of this kernel: however many wait at once, they do not leak. */
function neverAborted(): AbortSignal {
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  return signal
}
