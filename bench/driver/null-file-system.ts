import { Errno } from '../../src/base/errno.ts'
import { FsError } from '../../src/core/errors.ts'
import type { FileSystem } from '../../src/core/ports.ts'
import type { Attr, AttrReply, Dirent, Entry, Fh, Ino, OpContext, Opened } from '../../src/core/types.ts'
import {
  childOf,
  isFolder,
  isThere,
  LARGE_BYTES,
  LARGE_INO,
  MTIME_SECONDS,
  nameAt,
  namesIn,
  sizeOf,
} from './tree.ts'

const PAGE = 1024
const MTIME = { seconds: MTIME_SECONDS, nanoseconds: 0 }
const zeros = new Uint8Array(1024 * 1024)

export interface Ttls {
  readonly entryTtlMs: number
  readonly attrTtlMs: number
}

/** The tree of `tree.ts` behind the real interface, with nothing to wait for: what is measured over it is the driver. */
export class NullFileSystem implements FileSystem {
  readonly #ttls: Ttls
  readonly #uid = process.getuid?.() ?? 0
  readonly #gid = process.getgid?.() ?? 0

  constructor(ttls: Ttls) {
    this.#ttls = ttls
  }

  lookup(parent: Ino, name: string): Entry {
    const ino = childOf(parent, name)
    if (ino === 0) throw new FsError(Errno.ENOENT, `no such name: ${name}`)
    return this.#entry(ino)
  }

  forget(): void {}

  getattr(ino: Ino): AttrReply {
    if (!isThere(ino)) throw new FsError(Errno.ESTALE, `there is no node ${ino}`)
    return { attr: this.#attr(ino), attrTtlMs: this.#ttls.attrTtlMs }
  }

  open(ino: Ino): Opened {
    return { fh: handleOf(ino), keepCache: false, directIo: false }
  }

  read(fh: Fh, offset: number, length: number): Uint8Array {
    const end = inoOf(fh) === LARGE_INO ? LARGE_BYTES : 0
    return zeros.subarray(0, Math.max(0, Math.min(length, end - offset)))
  }

  async write(_fh: Fh, _offset: number, data: Uint8Array): Promise<number> {
    return data.length
  }

  flush(): void {}

  async fsync(): Promise<void> {}

  release(): void {}

  opendir(ino: Ino): Opened {
    return this.open(ino)
  }

  readdir(fh: Fh, cookie: number, _context: OpContext, maxEntries = PAGE): readonly Dirent[] {
    const folder = inoOf(fh)
    const end = Math.min(namesIn(folder), cookie + maxEntries)
    const page: Dirent[] = []
    for (let i = cookie; i < end; i += 1) {
      const { name, ino } = nameAt(folder, i)
      page.push({ name, ino, kind: kindOf(ino), cookie: i + 1 })
    }
    return page
  }

  readdirPlus(
    fh: Fh,
    cookie: number,
    _context: OpContext,
    maxEntries = PAGE,
  ): readonly (Dirent & { entry: Entry })[] {
    const folder = inoOf(fh)
    const end = Math.min(namesIn(folder), cookie + maxEntries)
    const page: (Dirent & { entry: Entry })[] = []
    for (let i = cookie; i < end; i += 1) {
      const { name, ino } = nameAt(folder, i)
      page.push({ name, ino, kind: kindOf(ino), cookie: i + 1, entry: this.#entry(ino) })
    }
    return page
  }

  releasedir(): void {}

  async fsyncdir(): Promise<void> {}

  readonly setattr = refuse
  readonly readlink = refuse
  readonly mknod = refuse
  readonly mkdir = refuse
  readonly symlink = refuse
  readonly link = refuse
  readonly unlink = refuse
  readonly rmdir = refuse
  readonly rename = refuse
  readonly create = refuse
  readonly copyRange = refuse
  readonly seek = refuse
  readonly allocate = refuse
  readonly statfs = refuse
  readonly getxattr = refuse
  readonly setxattr = refuse
  readonly listxattr = refuse
  readonly removexattr = refuse

  #entry(ino: number): Entry {
    const { entryTtlMs, attrTtlMs } = this.#ttls
    return { ino: ino as Ino, generation: 0, attr: this.#attr(ino), entryTtlMs, attrTtlMs }
  }

  #attr(ino: number): Attr {
    const kind = kindOf(ino)
    return {
      ino,
      kind,
      sizeBytes: sizeOf(ino),
      mode: kind === 'folder' ? 0o755 : 0o644,
      nlink: kind === 'folder' ? 2 : 1,
      uid: this.#uid,
      gid: this.#gid,
      atime: MTIME,
      mtime: MTIME,
      ctime: MTIME,
    }
  }
}

/** No state is kept of a handle: it is the node's number. */
function handleOf(ino: Ino): Fh {
  return ino as number as Fh
}

function inoOf(fh: Fh): number {
  return fh
}

function kindOf(ino: number): 'file' | 'folder' {
  return isFolder(ino) ? 'folder' : 'file'
}

async function refuse(): Promise<never> {
  throw new FsError(Errno.ENOSYS, 'the null filesystem cannot do that')
}
