import { constants } from 'node:fs'
import { Errno } from '../../base/errno.ts'
import { FsError } from '../../core/errors.ts'
import type { FileSystem, Place } from '../../core/ports.ts'
import type {
  Attr,
  AttrChanges,
  Dirent,
  Entry,
  Fh,
  Ino,
  OpContext,
  StatFs,
  XattrMode,
} from '../../core/types.ts'
import { isHiddenName, OpenFiles, type OpenFile } from './open-files.ts'
import { checkNewName, PathWalk, type Found } from './path-walk.ts'

/** The addon does not pass the flags of a creating open on. */
const CREATE_FLAGS = constants.O_RDWR | constants.O_CREAT

/** The part of open(2)'s flags that says whether one reads or writes. */
const ACCESS_MODE = 3

/** The filesystem by paths, as libfuse 2 calls it. Owns the open handles; keeps no look-ups (see `PathWalk`). */
export class PathAdapter {
  readonly #fileSystem: FileSystem
  readonly #walk: PathWalk
  readonly #open = new OpenFiles()

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem
    this.#walk = new PathWalk(fileSystem)
  }

  /** Handles that are not released yet. */
  get openCount(): number {
    return this.#open.size
  }

  /** Files that are open and have no name any more. */
  get hiddenCount(): number {
    return this.#open.hiddenCount
  }

  getattr(path: string, context: OpContext): Promise<Attr> {
    return this.#at(path, context, ({ attr }) => attr)
  }

  async setattr(path: string, changes: AttrChanges, context: OpContext): Promise<void> {
    await this.#at(path, context, ({ ino, fh }) => this.#fileSystem.setattr(ino, changes, fh, context))
  }

  async ftruncate(fh: number, sizeBytes: number, context: OpContext): Promise<void> {
    const file = this.#open.get(fh)
    await this.#fileSystem.setattr(file.ino, { sizeBytes }, file.handle, context)
  }

  readlink(path: string, context: OpContext): Promise<string> {
    return this.#at(path, context, ({ ino }) => this.#fileSystem.readlink(ino, context))
  }

  mknod(path: string, mode: number, context: OpContext): Promise<void> {
    return this.#make(path, context, (at) => this.#fileSystem.mknod(at.parent, at.name, mode, context))
  }

  mkdir(path: string, mode: number, context: OpContext): Promise<void> {
    return this.#make(path, context, (at) => this.#fileSystem.mkdir(at.parent, at.name, mode, context))
  }

  symlink(target: string, path: string, context: OpContext): Promise<void> {
    checkNewName(target)
    return this.#make(path, context, (at) => this.#fileSystem.symlink(at.parent, at.name, target, context))
  }

  link(path: string, newPath: string, context: OpContext): Promise<void> {
    return this.#at(path, context, ({ ino }) =>
      this.#make(newPath, context, (at) => this.#fileSystem.link(ino, at.parent, at.name, context)),
    )
  }

  unlink(path: string, context: OpContext): Promise<void> {
    return this.#walk.place(path, context, async ({ parent, name }) => {
      // The end of a file that was unlinked while it was open: its last handle has just been released.
      if (this.#open.unhide(name)) return
      await this.#fileSystem.unlink(parent, name, context)
    })
  }

  rmdir(path: string, context: OpContext): Promise<void> {
    return this.#walk.place(path, context, ({ parent, name }) =>
      this.#fileSystem.rmdir(parent, name, context),
    )
  }

  async rename(fromPath: string, toPath: string, context: OpContext): Promise<void> {
    await this.#walk.place(fromPath, context, (from) =>
      this.#walk.place(toPath, context, (to) => {
        checkNewName(to.name)
        if (isHiddenName(to.name)) return this.#hide(fromPath, from, to.name, context)
        return this.#fileSystem.rename(from, to, {}, context)
      }),
    )
    this.#open.moved(fromPath, toPath)
  }

  create(path: string, mode: number, context: OpContext): Promise<Fh> {
    return this.#walk.place(path, context, async (at) => {
      checkNewName(at.name)
      const { entry, opened } = await this.#fileSystem.create(at, mode, CREATE_FLAGS, context)
      const file = this.#opened(path, CREATE_FLAGS, { ino: entry.ino, fh: opened.fh })
      this.#fileSystem.forget(entry.ino, 1)
      return this.#agreed(file, context)
    })
  }

  open(path: string, flags: number, context: OpContext): Promise<Fh> {
    return this.#at(path, context, async ({ ino }) => {
      const { fh } = await this.#fileSystem.open(ino, flags, context)
      return this.#agreed(this.#opened(path, flags, { ino, fh }), context)
    })
  }

  async read(fh: number, offset: number, length: number, context: OpContext): Promise<Uint8Array> {
    const file = this.#open.get(fh)
    for (;;) {
      const { handle } = file
      try {
        return await this.#fileSystem.read(handle, offset, length, context)
      } catch (error) {
        // It was closed under this request if the file has gone over to a newer version meanwhile.
        if (handle === file.handle) throw error
      }
    }
  }

  write(fh: number, offset: number, data: Uint8Array, context: OpContext): Promise<number> {
    return this.#fileSystem.write(this.#open.get(fh).handle, offset, data, context)
  }

  fsync(fh: number, dataOnly: boolean, context: OpContext): Promise<void> {
    return this.#fileSystem.fsync(this.#open.get(fh).handle, dataOnly, context)
  }

  async release(fh: number): Promise<void> {
    const file = this.#open.get(fh)
    file.isReleased = true
    try {
      if (file.handle !== file.fh) await this.#fileSystem.release(file.handle)
      await this.#fileSystem.release(file.fh)
    } finally {
      this.#open.remove(fh)
    }
  }

  /** Releases what is still open, after the last call. */
  async releaseAll(): Promise<void> {
    for (const fh of this.#open.handles()) await this.release(fh)
  }

  /** The whole folder, without `.` and `..`. */
  readdir(path: string, context: OpContext): Promise<Dirent[]> {
    return this.#inFolder(path, context, async (fh) => {
      const all: Dirent[] = []
      for (;;) {
        const page = await this.#fileSystem.readdir(fh, all.at(-1)?.cookie ?? 0, context)
        if (page.length === 0) return all
        for (const entry of page) all.push(entry)
      }
    })
  }

  fsyncdir(path: string, context: OpContext): Promise<void> {
    return this.#inFolder(path, context, (fh) => this.#fileSystem.fsyncdir(fh, context))
  }

  statfs(context: OpContext): Promise<StatFs> {
    return this.#fileSystem.statfs(context)
  }

  getxattr(path: string, name: string, context: OpContext): Promise<Uint8Array> {
    return this.#at(path, context, ({ ino }) => this.#fileSystem.getxattr(ino, name, context))
  }

  setxattr(
    path: string,
    { name, value, mode }: { name: string; value: Uint8Array; mode: XattrMode },
    context: OpContext,
  ): Promise<void> {
    checkNewName(name)
    return this.#at(path, context, ({ ino }) => this.#fileSystem.setxattr(ino, name, value, mode, context))
  }

  listxattr(path: string, context: OpContext): Promise<readonly string[]> {
    return this.#at(path, context, ({ ino }) => this.#fileSystem.listxattr(ino, context))
  }

  removexattr(path: string, name: string, context: OpContext): Promise<void> {
    return this.#at(path, context, ({ ino }) => this.#fileSystem.removexattr(ino, name, context))
  }

  /** As `PathWalk.node`, and hidden paths lead to their open file. */
  async #at<T>(
    path: string,
    context: OpContext,
    work: (found: Found & { fh: Fh | undefined }) => Promise<T> | T,
  ): Promise<T> {
    const hidden = this.#open.hidden(path.slice(path.lastIndexOf('/') + 1))
    if (!hidden) return this.#walk.node(path, context, (found) => work({ ...found, fh: undefined }))
    const { ino, handle } = hidden
    const { attr } = await this.#fileSystem.getattr(ino, handle, context)
    return work({ ino, attr, fh: handle })
  }

  /** Makes something that libfuse looks up itself when it needs it. */
  #make(path: string, context: OpContext, work: (at: Place) => Promise<Entry>): Promise<void> {
    return this.#walk.place(path, context, async (at) => {
      checkNewName(at.name)
      const { ino } = await work(at)
      this.#fileSystem.forget(ino, 1)
    })
  }

  #inFolder<T>(path: string, context: OpContext, work: (fh: Fh) => Promise<T>): Promise<T> {
    return this.#walk.node(path, context, async ({ ino }) => {
      const { fh } = await this.#fileSystem.opendir(ino, context)
      try {
        return await work(fh)
      } finally {
        await this.#fileSystem.releasedir(fh)
      }
    })
  }

  #opened(path: string, flags: number, { ino, fh }: { ino: Ino; fh: Fh }): OpenFile {
    const mayWrite = (flags & ACCESS_MODE) !== constants.O_RDONLY
    const file = { fh, path, mayWrite, ino, handle: fh, isReleased: false }
    this.#open.add(file)
    return file
  }

  /**
   * To the kernel one path is one node with one set of pages, whatever other clients have put there meanwhile. It drops the pages when
   * an open is answered; from then on whoever had an older version open would fill them again with bytes of that one, and programs
   * would read both. So all who only read go over to what the path leads to now, before the answer.
   */
  async #agreed(file: OpenFile, context: OpContext): Promise<Fh> {
    const { fh, path, ino } = file
    if (this.#open.othersAt(path, ino).next().done) return fh
    try {
      // Looked up once more: of two who open at a time the second one may have seen the newer.
      await this.#at(path, context, async (now) => {
        for (const other of [...this.#open.othersAt(path, now.ino)])
          await this.#goOver(other, now.ino, context)
      })
      return fh
    } catch (error) {
      await this.release(fh)
      throw error
    }
  }

  async #goOver(file: OpenFile, ino: Ino, context: OpContext): Promise<void> {
    if (file.mayWrite) return
    const { fh: handle } = await this.#fileSystem.open(ino, constants.O_RDONLY, context)
    const { handle: former } = file
    if (!file.isReleased) Object.assign(file, { ino, handle })
    const left = file.isReleased ? handle : former
    // Its own number stays taken: libfuse calls the file by it.
    if (left !== file.fh) await this.#fileSystem.release(left)
  }

  /** libfuse hides a file that somebody has open, because it is unlinked or replaced: see `OpenFiles`. */
  #hide(path: string, from: Place, hiddenName: string, context: OpContext): Promise<void> {
    return this.#walk.child(from, context, async ({ ino }) => {
      const file = this.#open.find(path, ino)
      if (!file) throw new FsError(Errno.EPERM, `${hiddenName}: names like this are reserved by libfuse`)
      await this.#fileSystem.unlink(from.parent, from.name, context)
      this.#open.hide(hiddenName, file)
    })
  }
}
