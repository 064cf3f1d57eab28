/** copy_file_range, lseek and fallocate: what is done to ranges of open files. */
import { Errno } from '../../base/errno.ts'
import { FsError, toFsError } from '../errors.ts'
import type { Allocation, Fh, FilePosition, OpContext, SeekTarget } from '../types.ts'
import type { Files } from './files.ts'

const stepBytes = 1024 ** 2
/** A program learns how far its copy is, and can be stopped, at least this often. */
const copyLimitBytes = 64 * 1024 ** 2

export class FileRanges {
  readonly #files: Files

  constructor(files: Files) {
    this.#files = files
  }

  /**
   * A new file that becomes a copy of a whole one, call by call, needs no bytes: the server copies it. Otherwise it reads and writes
   * here, without the kernel in between; what was copied before something went wrong counts.
   */
  async copy(from: FilePosition, to: FilePosition, length: number, context: OpContext): Promise<number> {
    const borrowed = await this.#borrow(from, to, length, context)
    if (borrowed > 0) return borrowed
    const limit = Math.min(length, copyLimitBytes)
    this.#checkCopy(from, to, limit)
    let copied = 0
    while (copied < limit) {
      try {
        const count = await this.#copyStep(from, to, { start: copied, end: limit }, context)
        if (count === 0) break
        copied += count
      } catch (error) {
        if (copied === 0) throw error
        break
      }
    }
    return copied
  }

  async seek(fh: Fh, offset: number, target: SeekTarget): Promise<number> {
    const { node, content } = this.#files.opened(fh)
    const { sizeBytes } = content
    if (offset >= sizeBytes)
      throw new FsError(Errno.ENXIO, `${node.label}: there is nothing at ${offset} or beyond`)
    return target === 'data' ? offset : sizeBytes
  }

  async allocate(fh: Fh, allocation: Allocation, { signal }: OpContext): Promise<void> {
    const { node, content, writable } = this.#files.opened(fh)
    if (!writable) throw new FsError(Errno.EBADF, `${node.label} is not open for writing`)
    const { offset, length, zero, keepSize } = allocation
    const end = offset + length
    if (zero ? offset >= content.sizeBytes && keepSize : keepSize || end <= content.sizeBytes) return
    this.#files.noteChange(fh)
    try {
      if (zero) await content.zero(allocation, signal)
      else await content.truncate(end, signal)
    } catch (error) {
      throw toFsError(error, node.label)
    }
    node.unsent.mtime = undefined
  }

  /** Answers how many bytes the target shows without having them: as many as there are, as none is moved. */
  async #borrow(
    { fh, offset }: FilePosition,
    to: FilePosition,
    length: number,
    context: OpContext,
  ): Promise<number> {
    const end = Math.min(offset + length, this.#files.opened(fh).content.sizeBytes)
    if (offset !== to.offset || end <= offset) return 0
    this.#checkCopy({ fh, offset }, to, end - offset)
    return (await this.#files.borrow(fh, to.fh, { start: offset, end }, context)) ? end - offset : 0
  }

  async #copyStep(
    from: FilePosition,
    to: FilePosition,
    { start, end }: { start: number; end: number },
    context: OpContext,
  ): Promise<number> {
    const { signal } = context
    const length = Math.min(stepBytes, end - start)
    const bytes = await this.#files.read(from.fh, from.offset + start, length, { signal })
    if (bytes.length > 0) await this.#files.write(to.fh, to.offset + start, bytes, context)
    return bytes.length
  }

  #checkCopy(from: FilePosition, to: FilePosition, length: number): void {
    const [source, target] = [this.#files.opened(from.fh), this.#files.opened(to.fh)]
    if (!source.readable) throw new FsError(Errno.EBADF, `${source.node.label} is not open for reading`)
    if (!target.writable || target.append)
      throw new FsError(Errno.EBADF, `${target.node.label} is not open for writing at a place`)
    if (to.offset + length > Number.MAX_SAFE_INTEGER)
      throw new FsError(Errno.EFBIG, `${target.node.label} would be too large`)
    if (source.node === target.node && Math.abs(from.offset - to.offset) < length)
      throw new FsError(Errno.EINVAL, `${source.node.label}: a range cannot be copied onto itself`)
  }
}
