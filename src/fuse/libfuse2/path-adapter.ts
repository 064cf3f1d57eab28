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
  Opened,
  StatFs,
  XattrMode,
} from '../../core/types.ts'
import { isHiddenName, OpenFiles } from './open-files.ts'
import { checkNewName, PathWalk, type Found } from './path-walk.ts'

/** The addon does not pass the flags of a creating open on. */
const CREATE_FLAGS = constants.O_RDWR | constants.O_CREAT

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
    await this.#fileSystem.setattr(file.ino, { sizeBytes }, file.fh, context)
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

  rename(fromPath: string, toPath: string, context: OpContext): Promise<void> {
    return this.#walk.place(fromPath, context, (from) =>
      this.#walk.place(toPath, context, (to) => {
        checkNewName(to.name)
        if (isHiddenName(to.name)) return this.#hide(from, to.name, context)
        return this.#fileSystem.rename(from, to, {}, context)
      }),
    )
  }

  create(path: string, mode: number, context: OpContext): Promise<Fh> {
    return this.#walk.place(path, context, async (at) => {
      checkNewName(at.name)
      const { entry, opened } = await this.#fileSystem.create(at, mode, CREATE_FLAGS, context)
      this.#opened(entry, opened)
      this.#fileSystem.forget(entry.ino, 1)
      return opened.fh
    })
  }

  open(path: string, flags: number, context: OpContext): Promise<Fh> {
    return this.#at(path, context, async (found) => {
      const opened = await this.#fileSystem.open(found.ino, flags, context)
      this.#opened(found, opened)
      return opened.fh
    })
  }

  async read(fh: number, offset: number, length: number, context: OpContext): Promise<Uint8Array> {
    return this.#fileSystem.read(this.#open.get(fh).fh, offset, length, context)
  }

  write(fh: number, offset: number, data: Uint8Array, context: OpContext): Promise<number> {
    return this.#fileSystem.write(this.#open.get(fh).fh, offset, data, context)
  }

  fsync(fh: number, dataOnly: boolean, context: OpContext): Promise<void> {
    return this.#fileSystem.fsync(this.#open.get(fh).fh, dataOnly, context)
  }

  async release(fh: number): Promise<void> {
    const file = this.#open.get(fh)
    try {
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
    const { ino, fh } = hidden
    const { attr } = await this.#fileSystem.getattr(ino, fh, context)
    return work({ ino, attr, fh })
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

  #opened({ ino, attr }: { ino: Ino; attr: Attr }, { fh }: Opened): void {
    this.#open.add({ fh, ino, identity: attr.ino })
  }

  /** libfuse hides a file that somebody has open, because it is unlinked or replaced: see `OpenFiles`. */
  #hide(from: Place, hiddenName: string, context: OpContext): Promise<void> {
    return this.#walk.child(from, context, async ({ ino, attr }) => {
      const file = this.#open.find(ino, attr.ino)
      if (!file) throw new FsError(Errno.EPERM, `${hiddenName}: names like this are reserved by libfuse`)
      await this.#fileSystem.unlink(from.parent, from.name, context)
      this.#open.hide(hiddenName, file)
    })
  }
}
