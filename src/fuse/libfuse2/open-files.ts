import { Errno } from '../../base/errno.ts'
import { FsError } from '../../core/errors.ts'
import type { Fh, Ino } from '../../core/types.ts'

/** More than libfuse ever owes us an unlink for at a time. */
const MAX_ENDED = 1_000

export interface OpenFile {
  /** What libfuse calls it by. */
  readonly fh: Fh
  /** Where libfuse has its node: each element as it is called now. */
  path: string
  readonly mayWrite: boolean
  /** Its node. */
  ino: Ino
  /** The handle that is read and written by: `fh` itself until the file goes over to a newer version. */
  handle: Fh
  /** libfuse names it no more. */
  isReleased: boolean
}

/**
 * Open handles, and the files among them that have no name any more.
 *
 * libfuse 2 renames a file that is unlinked or replaced while it is open to `.fuse_hidden...`, goes on naming it by that
 * path, and unlinks that path after the last release. Here the file really is unlinked; the hidden name is only a way to an
 * open handle, which keeps the node alive. The name is kept without its folder: that one may be renamed meanwhile.
 */
export class OpenFiles {
  readonly #byFh = new Map<Fh, OpenFile>()
  readonly #hidden = new Map<string, OpenFile>()
  /** Hidden names whose last handle is gone: libfuse will unlink them in a moment, or never (when their folder is gone too). */
  readonly #ended = new Set<string>()

  get size(): number {
    return this.#byFh.size
  }

  get hiddenCount(): number {
    return this.#hidden.size
  }

  add(file: OpenFile): void {
    this.#byFh.set(file.fh, file)
  }

  /** Whoever has another node than `ino` open at this path, which is one node to libfuse and the kernel. */
  *othersAt(path: string, ino: Ino): Generator<OpenFile> {
    for (const file of this.#byFh.values()) if (file.path === path && file.ino !== ino) yield file
  }

  /** libfuse has renamed a node, with all that is below it. */
  moved(from: string, to: string): void {
    for (const file of this.#byFh.values()) {
      if (file.path === from || file.path.startsWith(`${from}/`))
        file.path = to + file.path.slice(from.length)
    }
  }

  handles(): readonly Fh[] {
    return [...this.#byFh.keys()]
  }

  /** @throws {FsError} EBADF: no such handle. */
  get(fh: number): OpenFile {
    const file = this.#byFh.get(fh as Fh)
    if (!file) throw new FsError(Errno.EBADF, `handle ${fh} is not open`, { level: 'warn' })
    return file
  }

  /** Whoever has the node open that libfuse has at this path; of several versions rather that of `ino`. */
  find(path: string, ino: Ino): OpenFile | undefined {
    const files = [...this.#byFh.values()].filter((file) => file.path === path)
    return files.find((file) => file.ino === ino) ?? files[0]
  }

  remove(fh: number): void {
    const file = this.get(fh)
    this.#byFh.delete(file.fh)
    for (const [name, hidden] of this.#hidden) {
      if (hidden.fh === file.fh) this.#rehide(name, file)
    }
  }

  hide(name: string, file: OpenFile): void {
    this.#hidden.set(name, file)
  }

  /** The open file that libfuse calls by this name (one path element). */
  hidden(name: string): OpenFile | undefined {
    return this.#hidden.get(name)
  }

  /** libfuse unlinks `name`: true when that is the end of a file that has no name here anyway. */
  unhide(name: string): boolean {
    return this.#hidden.delete(name) || this.#ended.delete(name)
  }

  /** A handle is gone: another one of the same node takes its place, or the name leads nowhere. */
  #rehide(name: string, { ino }: OpenFile): void {
    const other = [...this.#byFh.values()].find((file) => file.ino === ino)
    if (other) {
      this.#hidden.set(name, other)
      return
    }
    this.#hidden.delete(name)
    if (this.#ended.size >= MAX_ENDED) this.#ended.clear()
    this.#ended.add(name)
  }
}

/** The names that libfuse 2 makes up (`hidden_name` in its lib/fuse.c): node number and a counter, in hexadecimal. */
export function isHiddenName(name: string): boolean {
  return /^\.fuse_hidden[0-9a-f]{16,}$/.test(name)
}
