import { Errno } from '../../base/errno.ts'
import type { ByteRange } from '../../base/ranges.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { EntityId } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import type { ContentReader } from '../read/index.ts'
import type { ReadContext } from '../types.ts'
import type { FileContent } from '../write/index.ts'
import { samePath } from '../tree/index.ts'
import type { Core } from './core.ts'
import { findById } from './find-by-id.ts'

export interface ReadingHandle {
  readonly node: Node
  readonly content: FileContent
  /** Clean bytes; opened at the first read, of the version that was shown then. */
  reader: ContentReader | undefined
}

/** How what programs have open gets at bytes of the server's. */
export class HandleReaders {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** Of the version that the node shows, which all its handles share; undefined for a file without content. */
  of(handle: ReadingHandle): ContentReader | undefined {
    const { base, baseSizeBytes } = handle.content
    if (!handle.reader && base !== 'absent' && baseSizeBytes > 0) this.#open(handle, base, baseSizeBytes)
    return handle.reader
  }

  /** Bytes under unsaved changes are those of the version that was changed, whatever the server has by now. */
  async readBase(handle: ReadingHandle, { start, end }: ByteRange, signal: AbortSignal): Promise<Uint8Array> {
    const { base, baseSizeBytes } = handle.content
    if (base === 'absent')
      throw new FsError(Errno.EIO, `${handle.node.label}: the content under unsaved changes is not known`)
    const isOpen = handle.reader?.content.entity === base
    const reader = isOpen ? handle.reader! : this.#open(handle, base, baseSizeBytes)
    return this.readFrom(reader, handle.node, { offset: start, length: end - start }, { signal })
  }

  /** What was asked for, by whomever, under a name that the server was just changing is asked for under the new one. */
  async readFrom(
    reader: ContentReader,
    node: Node,
    { offset, length }: { readonly offset: number; readonly length: number },
    how: ReadContext,
  ): Promise<Uint8Array> {
    try {
      return await reader.read(offset, length, how)
    } catch (error) {
      if (!isRemoteError(error, 'not-found')) throw error
      await this.#core.folderMoves.passed(node)
    }
    try {
      return await reader.read(offset, length, how)
    } catch (error) {
      const moved = isRemoteError(error, 'not-found') && (await this.#openWhereItIs(reader, node, how))
      if (!moved) throw error
      return await moved.read(offset, length, how).finally(() => moved.close())
    }
  }

  /** Somebody else has moved it, or the last request of a process that died; undefined: it is where it was looked for, or nowhere. */
  async #openWhereItIs(
    { content }: ContentReader,
    node: Node,
    { signal }: ReadContext,
  ): Promise<ContentReader | undefined> {
    const id = node.content?.lenderId ?? node.id
    const found = await this.#core.patience.run(node.label, () => findById(this.#core, id), signal)
    if (!found || samePath(found.path, node.content?.lenderPath ?? node.contentPath)) return undefined
    const from = id && this.#core.tree.table.byId(id)?.remotePlace?.parent.listingKey
    if (from !== undefined) this.#core.tree.folders.expire(from)
    return this.#core.readers.open({ ...content, path: () => found.path })
  }

  #open(handle: ReadingHandle, entity: EntityId, sizeBytes: number): ContentReader {
    const { node, content } = handle
    handle.reader?.close()
    const path = () => content.lenderPath ?? node.contentPath
    handle.reader = this.#core.readers.open({ path, entity, sizeBytes })
    return handle.reader
  }
}
