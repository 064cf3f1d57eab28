import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Where the bytes of entities are. Offsets and sizes in bytes; bytes never written read as zero. */
export interface Contents {
  write(entity: number, offset: number, bytes: Buffer): Promise<void>
  /** Bytes `[start, end)`. */
  read(entity: number, start: number, end: number): Promise<Buffer>
  remove(entity: number): Promise<void>
}

const blockBytes = 1024 * 1024

/** Contents in memory, in blocks that exist only where something was written. */
export class MemoryContents implements Contents {
  readonly #entities = new Map<number, Map<number, Buffer>>()

  write(entity: number, offset: number, bytes: Buffer): Promise<void> {
    const blocks = this.#entities.get(entity) ?? new Map<number, Buffer>()
    this.#entities.set(entity, blocks)
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((offset + done) / blockBytes)
      const within = offset + done - index * blockBytes
      const length = Math.min(bytes.length - done, blockBytes - within)
      const block = grown(blocks.get(index), within + length)
      bytes.copy(block, within, done, done + length)
      blocks.set(index, block)
      done += length
    }
    return Promise.resolve()
  }

  read(entity: number, start: number, end: number): Promise<Buffer> {
    const blocks = this.#entities.get(entity)
    const first = Math.floor(start / blockBytes)
    const whole = blocks?.get(first)
    const within = start - first * blockBytes
    // The usual case, without a copy: all in one block.
    if (whole && within + end - start <= whole.length)
      return Promise.resolve(whole.subarray(within, within + end - start))
    const result = Buffer.alloc(end - start)
    if (!blocks) return Promise.resolve(result)
    for (let position = start; position < end;) {
      const index = Math.floor(position / blockBytes)
      const offset = position - index * blockBytes
      const length = Math.min(end - position, blockBytes - offset)
      // Blocks may be shorter than they could be: what is beyond their end was never written.
      const block = blocks.get(index)
      if (block && offset < block.length) block.copy(result, position - start, offset, offset + length)
      position += length
    }
    return Promise.resolve(result)
  }

  remove(entity: number): Promise<void> {
    this.#entities.delete(entity)
    return Promise.resolve()
  }
}

/** Contents as one file an entity in a folder of the disk. */
export class FolderContents implements Contents {
  readonly #folder: string
  #ready: Promise<unknown> | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  async write(entity: number, offset: number, bytes: Buffer): Promise<void> {
    this.#ready ??= mkdir(this.#folder, { recursive: true })
    await this.#ready
    const file = await open(this.#path(entity), 'r+').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return open(this.#path(entity), 'w+')
    })
    try {
      await file.write(bytes, 0, bytes.length, offset)
    } finally {
      await file.close()
    }
  }

  async read(entity: number, start: number, end: number): Promise<Buffer> {
    const result = Buffer.alloc(end - start)
    if (end === start) return result
    const file = await open(this.#path(entity), 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      return undefined
    })
    try {
      await file?.read(result, 0, result.length, start)
    } finally {
      await file?.close()
    }
    return result
  }

  async remove(entity: number): Promise<void> {
    await rm(this.#path(entity), { force: true })
  }

  #path(entity: number): string {
    return join(this.#folder, `entity-${entity}`)
  }
}

/** Blocks larger than this are made whole at once. */
const smallBlockBytes = 128 * 1024

/** A block of at least `size` bytes with the same start: small files do not cost a whole block. */
function grown(block: Buffer | undefined, size: number): Buffer {
  if (block && block.length >= size) return block
  const larger = Buffer.alloc(size > smallBlockBytes ? blockBytes : size)
  block?.copy(larger)
  return larger
}
