/** open, read, write, flush, fsync, release of files. */
import { constants } from 'node:fs'
import { Errno } from '../../base/errno.ts'
import type { MaybePromise } from '../../base/maybe-promise.ts'
import type { ByteRange } from '../../base/ranges.ts'
import { FsError, toFsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import type { ContentReader } from '../read/index.ts'
import type { Fh, FileSpan, Ino, OpContext, Opened, ReadContext } from '../types.ts'
import type { Arrival } from './arrival.ts'
import { assertPresent, assertWritable, type Core } from './core.ts'
import { contentOf, discardContent, type OwnerParts } from './file-owner.ts'
import type { FilesAhead } from './files-ahead.ts'
import type { HandleNumbers } from './handle-numbers.ts'
import { HandleReaders, type ReadingHandle } from './handle-readers.ts'
import type { OpenContent } from './open-contents.ts'
import { versionFor } from './take-over.ts'

interface FileHandle extends ReadingHandle {
  readonly writable: boolean
  readonly readable: boolean
  readonly append: boolean
  /** The file was changed through it, and nobody was told yet that this is safe. */
  hasChanged: boolean
  /** Bytes of the server's were read from the start on up to here; undefined: none so far. */
  readBytes: number | undefined
}

export interface FilesParts {
  readonly numbers: HandleNumbers
  readonly arrival: Arrival
  readonly owners: () => OwnerParts
  /** Fetches what is probably read next; left out where nothing is to be fetched that was not asked for. */
  readonly ahead: FilesAhead | undefined
}

export class Files {
  readonly #core: Core
  readonly #numbers: HandleNumbers
  readonly #owners: () => OwnerParts
  readonly #arrival: Arrival
  readonly #ahead: FilesAhead | undefined
  readonly #readers: HandleReaders
  readonly #handles: Map<Fh, FileHandle>

  constructor(core: Core, { numbers, arrival, owners, ahead }: FilesParts) {
    this.#core = core
    this.#readers = new HandleReaders(core)
    this.#numbers = numbers
    this.#handles = numbers.table()
    this.#arrival = arrival
    this.#ahead = ahead
    this.#owners = owners
  }

  open(ino: Ino, flags: number, pid?: number): MaybePromise<Opened> {
    const node = this.#core.tree.table.get(ino)
    if (node.isFolder) throw new FsError(Errno.EISDIR, `${node.label} is a folder`)
    if (node.kind === 'symlink') throw new FsError(Errno.ELOOP, `${node.label} is a symbolic link`)
    const access = flags & 3
    const writable = access === constants.O_WRONLY || access === constants.O_RDWR
    // As Linux does: emptying takes the right to write, not a way of opening.
    const isEmptied = (flags & constants.O_TRUNC) !== 0
    if (isEmptied) return this.#openEmptied(node, flags, pid)
    if (!writable) return this.#openPresent(node, flags, pid)
    return this.#prepareForWriting(node).then(() => this.#openPresent(node, flags, pid))
  }

  async #openEmptied(node: Node, flags: number, pid?: number): Promise<Opened> {
    await this.#prepareForWriting(node)
    const opened = this.#openPresent(node, flags, pid)
    try {
      await this.truncate(node, 0, { pid, fh: opened.fh })
      return opened
    } catch (error) {
      await this.release(opened.fh)
      throw error
    }
  }

  #openPresent(node: Node, flags: number, pid?: number): Opened {
    assertPresent(node)
    const { id } = node
    if (pid !== undefined && readsFrom(flags)) {
      const isCurrent = id !== undefined && this.#core.tree.table.byId(id) === node
      this.#core.seen.saw(pid, node, node.content?.replaces ?? node.entry?.entity ?? 'absent', isCurrent)
    }
    return this.openNode(node, flags)
  }

  /** `isNew`: it is this handle that made the file. */
  openNode(node: Node, flags: number, isNew = false): Opened {
    const access = flags & 3
    const writable = access !== constants.O_RDONLY
    const content = contentOf(node, this.#owners())
    const fh = this.#numbers.next()
    this.#handles.set(fh, {
      node,
      content,
      writable,
      readable: readsFrom(flags),
      append: (flags & constants.O_APPEND) !== 0,
      hasChanged: isNew,
      reader: undefined,
      readBytes: undefined,
    })
    node.handles += 1
    if (writable) {
      node.writers += 1
      content.retainWriter()
    } else content.retainReader()
    const entity = content.isDirty || content.base === 'absent' ? undefined : content.base
    const keepCache = entity !== undefined && node.pagesOf === entity
    node.pagesOf = entity
    return { fh, keepCache, directIo: false }
  }

  async read(fh: Fh, offset: number, length: number, call: ReadContext): Promise<Uint8Array> {
    const handle = this.#get(fh)
    if (!handle.readable) throw new FsError(Errno.EBADF, `${handle.node.label} is not open for reading`)
    for (;;) {
      const reader = handle.content.isHere ? undefined : this.#readers.of(handle)
      try {
        return await this.#readNow(handle, reader, { offset, length }, call)
      } catch (error) {
        // A save has arrived and closed it, and nobody gave up: what the file has by now is read.
        const isSaved = reader && reader !== handle.reader && this.#handles.get(fh) === handle
        if (!isSaved || call.signal.aborted) throw toFsError(error, handle.node.label)
      }
    }
  }

  async #readNow(
    handle: FileHandle,
    reader: ContentReader | undefined,
    { offset, length }: { readonly offset: number; readonly length: number },
    call: ReadContext,
  ): Promise<Uint8Array> {
    const { content, node } = handle
    const { signal } = call
    if (!reader && !content.isHere) return new Uint8Array(0)
    const readBase = (start: number, end: number) => this.#readers.readBase(handle, { start, end }, signal)
    if (!reader) return content.read(offset, length, readBase, signal)
    const bytes = this.#readers.readFrom(reader, node, { offset, length }, call)
    this.#noteRead(handle, offset + length)
    return bytes
  }

  /** Bytes that are staged or cached here lie in a local file: reading them needs nobody but the driver. */
  spanOf(fh: Fh, offset: number, length: number): FileSpan | undefined {
    const handle = this.#handles.get(fh)
    if (!handle?.readable) return undefined
    const { content } = handle
    if (content.isHere) return content.spanOf(offset, length)
    const span = this.#readers.of(handle)?.spanOf(offset, length)
    if (span) this.#noteRead(handle, offset + length)
    return span
  }

  /** Bytes that came a moment ago. */
  viewOf(fh: Fh, offset: number, length: number): Uint8Array | undefined {
    const handle = this.#handles.get(fh)
    if (!handle?.readable || handle.content.isHere) return undefined
    const view = this.#readers.of(handle)?.viewOf(offset, length)
    if (view) this.#noteRead(handle, offset + length)
    return view
  }

  /** After what is read now was asked for: that comes first. */
  #noteRead(handle: FileHandle, end: number): void {
    if (handle.readBytes === undefined) this.#ahead?.read(handle.node)
    handle.readBytes = Math.max(handle.readBytes ?? 0, end)
  }

  /** The file is being changed through this handle. */
  noteChange(fh: Fh): void {
    const handle = this.#handles.get(fh)
    if (handle) handle.hasChanged = true
  }

  /** The node of a handle, and what it was opened for. @throws {FsError} EBADF */
  opened(fh: Fh): Pick<FileHandle, 'node' | 'content' | 'readable' | 'writable' | 'append'> {
    return this.#get(fh)
  }

  async write(fh: Fh, offset: number, data: Uint8Array, { signal }: OpContext): Promise<number> {
    const handle = this.#get(fh)
    const { node, content } = handle
    if (!handle.writable) throw new FsError(Errno.EBADF, `${node.label} is not open for writing`)
    if (!handle.append) checkSize(node, offset + data.byteLength)
    handle.hasChanged = true
    try {
      if (handle.append) await content.append(data, signal)
      else await content.write(offset, data, signal)
    } catch (error) {
      throw toFsError(error, node.label)
    }
    if (node.hasUnsent && node.unsent.mtime) await this.#forgetChosenTime(node)
    return data.byteLength
  }

  /**
   * Shows `range` of what `from` reads in what `to` writes, at the same place, without its bytes being here. False: that cannot be,
   * as the source is not as the server has it, or the target not a new file with nothing else in it.
   */
  async borrow(from: Fh, to: Fh, range: ByteRange, { signal }: OpContext): Promise<boolean> {
    const { node: source, content } = this.#get(from)
    const target = this.#get(to)
    const { entry } = source
    const isClean = !content.isHere && entry?.entity === content.base && entry?.uploadSessionId === undefined
    const path = source.remotePath
    if (content.base === 'absent' || !entry || !isClean || source.isUnlinked || source.isVanished || !path)
      return false
    if (target.node === source || target.node.entry) return false
    const base = { base: content.base, baseSizeBytes: content.baseSizeBytes, lender: { id: entry.id, path } }
    try {
      if (!(await target.content.borrow(base, range, signal))) return false
    } catch (error) {
      throw toFsError(error, target.node.label)
    }
    target.hasChanged = true
    if (target.node.hasUnsent) await this.#forgetChosenTime(target.node)
    return true
  }

  async truncate(
    node: Node,
    sizeBytes: number,
    { signal, pid, fh }: { signal?: AbortSignal; pid?: number | undefined; fh?: Fh | undefined } = {},
  ): Promise<void> {
    assertWritable(this.#core, node)
    assertPresent(node)
    checkSize(node, sizeBytes)
    const content = contentOf(node, this.#owners())
    if (content.sizeBytes === sizeBytes && !content.isDirty && sizeBytes > 0) return
    if (fh !== undefined) this.noteChange(fh)
    content.retainWriter()
    try {
      if (sizeBytes === 0 && !content.isHere) content.rebase(versionFor(this.#core, node, pid))
      await content.truncate(sizeBytes, signal)
      if (!content.isHere) content.rebase(content.base)
      if (node.hasUnsent && node.unsent.mtime) await this.#forgetChosenTime(node)
    } catch (error) {
      throw toFsError(error, node.label)
    } finally {
      content.releaseWriter()
    }
  }

  /** What is written now is newer than the time that somebody chose. */
  async #forgetChosenTime(node: Node): Promise<void> {
    const { pending } = this.#core
    node.unsent.mtime = undefined
    pending.touch(node)
    await pending.written()
  }

  flush(fh: Fh, { signal }: OpContext): MaybePromise<void> {
    const handle = this.#get(fh)
    const { content, writable } = handle
    if (writable) content.check()
    return handle.hasChanged ? this.#keepChange(handle, signal) : undefined
  }

  async #keepChange(handle: FileHandle, signal: AbortSignal): Promise<void> {
    const { node } = handle
    handle.hasChanged = false
    try {
      if (!node.isUnlinked) await this.#keep(handle)
      if (this.#core.options.sync === 'close') await this.#arrival.of(node, signal)
    } catch (error) {
      handle.hasChanged = true
      throw error
    }
  }

  /** What was written, and where it belongs, survives power loss. */
  async #keep({ content, node }: Pick<FileHandle, 'content' | 'node'>): Promise<void> {
    try {
      await Promise.all([content.fsync(), this.#core.pending.synced()])
    } catch (error) {
      throw toFsError(error, node.label)
    }
  }

  async fsync(fh: Fh, { signal }: OpContext): Promise<void> {
    const handle = this.#get(fh)
    await this.#keep(handle)
    if (this.#core.options.sync !== 'journal') await this.#arrival.of(handle.node, signal)
  }

  release(fh: Fh): MaybePromise<void> {
    const handle = this.#handles.get(fh)
    if (!handle) return
    this.#handles.delete(fh)
    const { node, content, reader, writable } = handle
    reader?.close()
    if (handle.readBytes !== undefined) this.#ahead?.closed(node, handle.readBytes)
    node.handles -= 1
    if (writable) {
      node.writers -= 1
      content.releaseWriter()
    } else content.releaseReader()
    this.#core.tree.catchUp(node)
    if (handle.hasChanged && !node.isUnlinked) this.#keepLater(handle)
    if (node.isUnlinked && node.handles === 0)
      return this.discard(node).then(() => this.#core.tree.table.release(node))
    return this.#core.tree.table.release(node)
  }

  /** Written since its last close, or that was not heard of: nobody waits for it. */
  #keepLater({ content, node }: FileHandle): void {
    this.#keep({ content, node }).catch((error: unknown) => {
      this.#core.log.warn('a closed file may not survive power loss', { file: node.label, error })
    })
  }

  /** Local bytes of a file that nobody can reach any more. */
  async discard(node: Node): Promise<void> {
    await discardContent(node)
  }

  /** The node's content was confirmed by the server: clean bytes are those of the new version from now on. */
  reopenReaders(node: Node): void {
    for (const handle of this.#handles.values()) {
      if (handle.node !== node) continue
      handle.reader?.close()
      handle.reader = undefined
    }
  }

  /** What programs have open for reading, of the nodes that are meant. */
  openContents(isMeant: (node: Node) => boolean): OpenContent[] {
    const open = new Map<Node, OpenContent>()
    for (const handle of this.#handles.values()) {
      const { node, content } = handle
      if (!handle.readable || open.has(node) || !isMeant(node)) continue
      const read: OpenContent['read'] = (start, end, signal) =>
        this.#readers.readBase(handle, { start, end }, signal)
      open.set(node, { node, content, read })
    }
    return [...open.values()]
  }

  async #prepareForWriting(node: Node): Promise<void> {
    assertWritable(this.#core, node)
    // An upload that was given up is no reason to refuse: new content may mend it. Writes, fsync and close tell.
  }

  #get(fh: Fh): FileHandle {
    const handle = this.#handles.get(fh)
    if (!handle) throw new FsError(Errno.EBADF, `file handle ${fh} is not open`)
    return handle
  }
}

/** @throws {FsError} EFBIG beyond the sizes that can be told exactly */
function checkSize(node: Node, sizeBytes: number): void {
  if (sizeBytes > Number.MAX_SAFE_INTEGER)
    throw new FsError(Errno.EFBIG, `${node.label} cannot have more than 2^53 bytes`)
}

function readsFrom(flags: number): boolean {
  return (flags & 3) !== constants.O_WRONLY
}
