import type { Ino, OpContext, Opened, Fh } from '../../src/core/types.ts'
import { MemoryFileSystem } from './memory-file-system.ts'

/** Lets the kernel keep the bytes of a file from one open to the next, as nobody else changes any; counts the reads that it is asked for. */
export class KeepingFileSystem extends MemoryFileSystem {
  readonly #opened = new Set<Ino>()
  #readCount = 0

  get readCount(): number {
    return this.#readCount
  }

  override async open(ino: Ino, flags: number, context: OpContext): Promise<Opened> {
    const opened = await super.open(ino, flags, context)
    const keepCache = this.#opened.has(ino)
    this.#opened.add(ino)
    return { ...opened, keepCache }
  }

  override async read(fh: Fh, offset: number, length: number, context: OpContext): Promise<Uint8Array> {
    this.#readCount += 1
    return super.read(fh, offset, length, context)
  }
}
