/** getattr, setattr, readlink. */
import { Errno } from '../../base/errno.ts'
import { andThen, type MaybePromise } from '../../base/maybe-promise.ts'
import { timespecFromMs, type Timespec } from '../../base/timespec.ts'
import type { MetadataPatch } from '../../remote/types.ts'
import { encodeMode, encodeMtime, MTIME_KEY } from '../attributes/index.ts'
import { FsError, toFsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import type { AttrChanges, AttrReply, Fh, Ino, OpContext } from '../types.ts'
import type { Arrival } from './arrival.ts'
import { holderOf, type AttributeSender } from './attribute-sender.ts'
import { assertPresent, assertWritable, type Core } from './core.ts'
import type { Files } from './files.ts'
import { attrReply, defaultMode, viewAttributes } from './node-view.ts'
import type { RenameDelay } from './rename-delay.ts'

export interface AttributeParts {
  readonly attributes: AttributeSender
  readonly renames: RenameDelay
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
    return andThen(mustAsk ? tree.refresh(folder, context.signal) : undefined, () => {
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
    await this.#parts.renames.settle(node)
    if (changes.sizeBytes !== undefined) await this.#resize(node, changes.sizeBytes, { signal, pid, fh })
    const patches = [...this.#modePatch(node, changes.mode), ...this.#timePatch(node, changes.mtime)]
    if (patches.length > 0) await this.#apply(node, patches, signal)
    this.#noteTimes(node, changes)
    return attrReply(this.#core, node)
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

  async #apply(node: Node, patches: MetadataPatch[], signal: AbortSignal): Promise<void> {
    if (node.isRoot) throw new FsError(Errno.EPERM, 'the server keeps no attributes for the top folder')
    try {
      await this.#parts.attributes.apply(node, patches, signal)
    } catch (error) {
      throw toFsError(error, node.label)
    }
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

  #timePatch(node: Node, time: Timespec | 'now' | undefined): MetadataPatch[] {
    if (time === undefined || (node.isRoot && time === 'now')) return []
    const mtime = this.#instantOf(time)
    if (node.isFolder) return [encodeMtime(mtime, 'folder')]
    if (node.isLocal) {
      node.unsent.mtime = mtime
      node.unsent.patches.delete(MTIME_KEY)
      this.#core.pending.touch(node)
      return []
    }
    return [encodeMtime(mtime, node.entry ? holderOf(node.entry) : { sizeBytes: 0 })]
  }
}
