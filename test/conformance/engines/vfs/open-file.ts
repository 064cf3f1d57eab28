import { constants } from 'node:fs'
import type { KeyedMutex } from '../../../../src/base/mutex.ts'
import type { FileSystem } from '../../../../src/core/ports.ts'
import type { Attr, Fh, FilePosition, Ino, OpContext } from '../../../../src/core/types.ts'
import { timespecNs } from './time.ts'
import { PosixError, toBuffer, type Handle, type Stat } from '../../engine.ts'

/** The largest request that the kernel sends unless more is negotiated. */
const requestBytes = 128 * 1024

export interface OpenFileParts {
  readonly fileSystem: FileSystem
  readonly context: OpContext
  readonly ino: Ino
  readonly fh: Fh
  readonly flags: number
  /** Writes to one file run one after the other, as under the kernel's lock of it. */
  readonly writeLocks: KeyedMutex<Ino>
  /** Counts a call as running; nothing is forgotten meanwhile. */
  readonly during: <T>(call: () => Promise<T>) => Promise<T>
  readonly closed: () => void
}

export class OpenFile implements Handle {
  readonly #parts: OpenFileParts
  readonly #access: number

  constructor(parts: OpenFileParts) {
    this.#parts = parts
    this.#access = parts.flags & (constants.O_RDONLY | constants.O_WRONLY | constants.O_RDWR)
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#parts.during(async () => {
      if (this.#access === constants.O_WRONLY) throw new PosixError('EBADF', 'read of a write-only handle')
      const { fileSystem, fh, context } = this.#parts
      const pieces: Buffer[] = []
      let done = 0
      while (done < length) {
        const wanted = Math.min(requestBytes, length - done)
        const piece = Buffer.from(await fileSystem.read(fh, offset + done, wanted, context))
        if (piece.length > wanted) throw new Error(`read answered ${piece.length} bytes instead of ${wanted}`)
        pieces.push(piece)
        done += piece.length
        if (piece.length < wanted) break
      }
      return Buffer.concat(pieces)
    })
  }

  write(data: string | Uint8Array, offset: number): Promise<void> {
    const { during, writeLocks, ino } = this.#parts
    return during(() => writeLocks.run(ino, () => this.#writeLocked(toBuffer(data), offset)))
  }

  /** copy_file_range(2) of everything, in calls of `stepBytes` at most. */
  copyTo(target: OpenFile, stepBytes: number): Promise<void> {
    const { during, fileSystem, fh, context } = this.#parts
    const { writeLocks, ino, fh: toFh } = target.#parts
    return during(() =>
      writeLocks.run(ino, async () => {
        for (let offset = 0; ;) {
          const [from, to] = [fh, toFh].map((each) => ({ fh: each, offset })) as [FilePosition, FilePosition]
          const copied = await fileSystem.copyRange(from, to, stepBytes, context)
          if (copied === 0) return
          offset += copied
        }
      }),
    )
  }

  truncate(sizeBytes: number): Promise<void> {
    const { during, writeLocks, ino, fh, fileSystem, context } = this.#parts
    return during(async () => {
      if (this.#access === constants.O_RDONLY)
        throw new PosixError('EINVAL', 'ftruncate of a read-only handle')
      if (sizeBytes < 0) throw new PosixError('EINVAL', 'ftruncate to a negative size')
      await writeLocks.run(ino, () => fileSystem.setattr(ino, { sizeBytes }, fh, context))
    })
  }

  fsync({ dataOnly = false }: { dataOnly?: boolean } = {}): Promise<void> {
    const { during, fileSystem, fh, context } = this.#parts
    return during(() => fileSystem.fsync(fh, dataOnly, context))
  }

  stat(): Promise<Stat> {
    const { during, fileSystem, ino, fh, context } = this.#parts
    return during(async () => statOf((await fileSystem.getattr(ino, fh, context)).attr))
  }

  close(): Promise<void> {
    const { during, fileSystem, fh, context, closed } = this.#parts
    return during(async () => {
      try {
        await fileSystem.flush(fh, context)
      } finally {
        await fileSystem.release(fh)
        closed()
      }
    })
  }

  async #writeLocked(data: Buffer, offset: number): Promise<void> {
    if (this.#access === constants.O_RDONLY) throw new PosixError('EBADF', 'write to a read-only handle')
    const { fileSystem, ino, fh, flags, context } = this.#parts
    const append = (flags & constants.O_APPEND) !== 0
    const start = append ? (await fileSystem.getattr(ino, fh, context)).attr.sizeBytes : offset
    let sent = 0
    while (sent < data.length) {
      // A buffer of its own that is overwritten afterwards, as a driver's is: the filesystem must not keep it.
      const piece = Buffer.from(data.subarray(sent, sent + requestBytes))
      const taken = await fileSystem.write(fh, start + sent, piece, context)
      if (taken <= 0 || taken > piece.length) throw new Error(`write of ${piece.length} bytes took ${taken}`)
      piece.fill(0xdb)
      sent += taken
    }
  }
}

export function statOf(attr: Attr): Stat {
  return {
    kind: attr.kind,
    ino: attr.ino,
    sizeBytes: attr.sizeBytes,
    mode: attr.mode,
    nlink: attr.nlink,
    uid: attr.uid,
    gid: attr.gid,
    atimeNs: timespecNs(attr.atime),
    mtimeNs: timespecNs(attr.mtime),
    ctimeNs: timespecNs(attr.ctime),
  }
}
