/** getattr, setattr, readlink. */
import { Errno } from '../../base/errno.ts'
import { andThen, type MaybePromise } from '../../base/maybe-promise.ts'
import { timespecFromMs, type Timespec } from '../../base/timespec.ts'
import type { MetadataPatch } from '../../remote/types.ts'
import { encodeMode, encodeMtime } from '../attributes/index.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import { askAttributes } from '../tree/index.ts'
import type { AttrChanges, AttrReply, Fh, Ino, OpContext } from '../types.ts'
import type { Arrival } from './arrival.ts'
import type { AttributeSender } from './attribute-sender.ts'
import { assertChangeable } from './changeable.ts'
import { assertPresent, assertWritable, type Core } from './core.ts'
import type { Files } from './files.ts'
import { attrReply, defaultMode, viewAttributes } from './node-view.ts'
import type { AttributeChange } from './unsent-attributes.ts'

export interface AttributeParts {
  readonly attributes: AttributeSender
  readonly arrival: Arrival
}

export class AttributeOps {
  readonly #core: Core
  readonly #files: Files
  readonly #parts: AttributeParts

  constructor(core: Core, files: Files, parts: AttributeParts) {
    this.#core = core
    this.#files = files
    this.#parts = parts
  }

  getattr(ino: Ino, context: OpContext): MaybePromise<AttrReply> {
    const { tree } = this.#core
    const node = tree.table.get(ino)
    const folder = node.remotePlace?.parent
    // One listing of the folder answers for all its files; a file that is written to here is known best here.
    const mustAsk = folder && !folder.isUnlinked && !node.isLocal && !tree.trusted(folder)
    return andThen(mustAsk ? askAttributes(tree, folder, node, context) : undefined, () => {
      if (node.handles === 0) assertPresent(node)
      return attrReply(this.#core, node)
    })
  }

  async setattr(
    ino: Ino,
    changes: AttrChanges,
    fh: Fh | undefined,
    { signal, pid }: OpContext,
  ): Promise<AttrReply> {
    const node = this.#core.tree.table.get(ino)
    assertWritable(this.#core, node)
    this.#checkOwner(node, changes)
    if (changes.sizeBytes !== undefined) await this.#resize(node, changes.sizeBytes, { signal, pid, fh })
    const change = this.#changeOf(node, changes)
    if (change) {
      assertChangeable(node)
      this.#parts.attributes.change(node, change)
    }
    this.#noteTimes(node, changes)
    if (change) await this.#parts.arrival.afterAttributes(node, signal)
    return attrReply(this.#core, node)
  }

  /** What of it the server keeps; undefined: nothing. */
  #changeOf(node: Node, { mode, mtime }: AttrChanges): AttributeChange | undefined {
    const patches = this.#modePatch(node, mode)
    const isKept = mtime !== undefined && !(node.isRoot && mtime === 'now')
    const time = isKept ? this.#instantOf(mtime) : undefined
    if (time && node.isFolder) patches.push(encodeMtime(time, 'folder'))
    if (patches.length === 0 && !time) return undefined
    return { patches, mtime: node.isFolder ? undefined : time }
  }

  /** What the server has no place for. */
  #noteTimes(node: Node, { atime, mtime }: AttrChanges): void {
    const { changes } = this.#core
    if (node.isFolder && mtime !== undefined && !node.isRoot) changes.forgetMtime(node)
    changes.changed(node, atime === undefined ? {} : { atime: this.#instantOf(atime) })
  }

  #instantOf(time: Timespec | 'now'): Timespec {
    return time === 'now' ? timespecFromMs(this.#core.clock.now()) : time
  }

  async readlink(ino: Ino): Promise<string> {
    const node = this.#core.tree.table.get(ino)
    const target = viewAttributes(node).linkTarget
    if (target === undefined) throw new FsError(Errno.EINVAL, `${node.label} is not a symbolic link`)
    return target
  }

  async #resize(
    node: Node,
    sizeBytes: number,
    by: Pick<OpContext, 'signal' | 'pid'> & { readonly fh: Fh | undefined },
  ): Promise<void> {
    if (node.isFolder) throw new FsError(Errno.EISDIR, `${node.label} is a folder`)
    if (node.kind === 'symlink') throw new FsError(Errno.EINVAL, `${node.label} is a symbolic link`)
    await this.#files.truncate(node, sizeBytes, by)
    // By its name: no close follows that could wait.
    if (by.fh === undefined) await this.#parts.arrival.afterChange(node, by.signal)
  }

  #checkOwner(node: Node, { uid, gid }: AttrChanges): void {
    const { options } = this.#core
    if ((uid ?? options.uid) === options.uid && (gid ?? options.gid) === options.gid) return
    throw new FsError(Errno.EPERM, `${node.label}: files belong to the user who mounted the drive`)
  }

  /** Only a mode that differs from the default is stored. */
  #modePatch(node: Node, mode: number | undefined): MetadataPatch[] {
    if (mode === undefined || node.kind === 'symlink') return []
    const bits = mode & 0o7777
    return [encodeMode(bits === defaultMode(this.#core.options, node) ? undefined : bits)]
  }
}
