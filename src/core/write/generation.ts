import { createHash } from 'node:crypto'
import { RangeSet, type ByteRange } from '../../base/ranges.ts'
import { invariant } from '../../base/assert.ts'
import type { Mutex } from '../../base/mutex.ts'
import type { UploadSource } from '../../remote/types.ts'
import type { Extents, Piece } from './extents.ts'
import type { FileLayer, LocalFile } from '../../base/file-layer.ts'
import { OpenFile } from './open-file.ts'
import type { WholeCopy } from './types.ts'

const hashStepBytes = 1024 ** 2

export interface GenerationParts {
  readonly data: OpenFile
  readonly keptPath: string
  readonly layer: FileLayer
  readonly extents: Extents
  /** As `Generation.copyOf`. */
  readonly copyOf: WholeCopy | undefined
  /** Number of changes that the content had seen when it was frozen. */
  readonly changes: number
  /** Time of the last of them, ms since the epoch. */
  readonly modifiedAtMs: number
  /** Serialises this generation's reads with the writes to the file. */
  readonly mutex: Mutex
}

/**
 * A staged content as it was at one moment, while the file itself goes on changing: bytes that are about to be overwritten
 * are first copied into a file of the generation's own (`keep`), everything else is read from the data file. So freezing
 * costs nothing, an upload of a file that nobody touches copies nothing, and there is never anything to merge back.
 *
 * Whatever is cut off by a truncation stays in the data file until the generation is dropped (`StagedFile` sees to it).
 */
export class Generation implements UploadSource {
  readonly changes: number
  readonly modifiedAtMs: number
  /** What all of it is, where no byte of it is here: it can be copied at the server, and not be read. */
  readonly copyOf: WholeCopy | undefined
  /** What was overwritten or cut off since: the server will not have it from this generation. */
  readonly newer = new RangeSet()
  readonly #data: OpenFile
  readonly #mutex: Mutex
  readonly #extents: Extents
  readonly #kept: OpenFile
  readonly #keptRanges = new RangeSet()
  readonly #layer: FileLayer
  /** What was read of it to be sent. */
  readonly #handedOut = new RangeSet()
  #heldBack: Promise<void> | undefined
  #hasKeptFile = false
  #dropped = false

  constructor({ data, keptPath, layer, extents, copyOf, changes, modifiedAtMs, mutex }: GenerationParts) {
    this.#data = data
    this.#layer = layer
    this.#extents = extents
    this.copyOf = copyOf
    this.changes = changes
    this.modifiedAtMs = modifiedAtMs
    this.#mutex = mutex
    this.#kept = new OpenFile(layer, keptPath, 'use')
  }

  get sizeBytes(): number {
    return this.#extents.sizeBytes
  }

  /** All of it is here: it can be read. */
  get isComplete(): boolean {
    return this.#extents.isComplete
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    invariant(start >= 0 && end <= this.sizeBytes, `bytes ${start} to ${end} are outside the generation`)
    const bytes = await this.#mutex.run(() => {
      invariant(!this.#dropped, 'a dropped generation is read')
      return this.#readHere(start, end)
    })
    this.#handedOut.add({ start, end })
    if (this.#handedOut.covers({ start: 0, end: this.sizeBytes })) await this.#heldBack
    return bytes
  }

  /** The last bytes that nobody has read yet wait for `until`, which does not reject. */
  holdBack(until: Promise<void>): void {
    this.#heldBack = until
  }

  /** SHA-256 of the whole content, hex; undefined when it was dropped meanwhile. */
  digest(): Promise<string | undefined> {
    return this.#digest((start, end) =>
      this.#mutex.run(async () => (this.#dropped ? undefined : this.#readHere(start, end))),
    )
  }

  /** The same, for who holds the mutex. @requires the mutex */
  async digestHere(): Promise<string> {
    const digest = await this.#digest((start, end) => this.#readHere(start, end))
    return digest!
  }

  /**
   * Saves what the generation has of `range` before the data file changes there.
   * @requires the mutex
   */
  async keep(range: ByteRange): Promise<void> {
    const pieces = this.#extents.pieces(range).filter(({ origin }) => origin === 'local')
    for (const piece of pieces) {
      for (const missing of this.#keptRanges.missing(piece)) await this.#keepPiece(missing)
    }
  }

  /**
   * Forgets the saved bytes; the generation must not be read any more.
   * @requires the mutex
   */
  async drop(): Promise<void> {
    this.#dropped = true
    if (this.#hasKeptFile) await this.#layer.remove(this.#kept.path)
  }

  async #digest(
    read: (start: number, end: number) => Promise<Uint8Array | undefined>,
  ): Promise<string | undefined> {
    const hash = createHash('sha256')
    for (let at = 0; at < this.sizeBytes; at += hashStepBytes) {
      const bytes = await read(at, Math.min(this.sizeBytes, at + hashStepBytes))
      if (!bytes) return undefined
      hash.update(bytes)
    }
    return hash.digest('hex')
  }

  async #readHere(start: number, end: number): Promise<Uint8Array> {
    const into = new Uint8Array(Math.max(0, end - start))
    for (const piece of this.#extents.pieces({ start, end })) {
      invariant(piece.origin !== 'base', 'bytes of a frozen content are read that are not here')
      if (piece.origin === 'local') await this.#readPiece(piece, start, into)
    }
    return into
  }

  async #keepPiece({ start, end }: ByteRange): Promise<void> {
    for (let at = start; at < end; at += hashStepBytes) {
      const bytes = new Uint8Array(Math.min(end, at + hashStepBytes) - at)
      await this.#data.use((file) => fill(file, bytes, at))
      if (!this.#hasKeptFile) {
        await this.#layer.remove(this.#kept.path)
        await this.#kept.create()
        this.#hasKeptFile = true
      }
      await this.#kept.use((file) => writeAll(file, bytes, at))
      this.#keptRanges.add({ start: at, end: at + bytes.length })
    }
  }

  async #readPiece(piece: Piece, origin: number, into: Uint8Array): Promise<void> {
    const part = ({ start, end }: ByteRange) => into.subarray(start - origin, end - origin)
    for (const kept of this.#keptRanges.present(piece))
      await this.#kept.use((file) => fill(file, part(kept), kept.start))
    for (const untouched of this.#keptRanges.missing(piece))
      await this.#data.use((file) => fill(file, part(untouched), untouched.start))
  }
}

/** @throws {Error} when the file ends too early: its bytes were lost behind our back. */
export async function fill(file: LocalFile, into: Uint8Array, position: number): Promise<void> {
  const count = await file.read(into, position)
  if (count !== into.length)
    throw new Error('a staged file on the local disk is shorter than its record says')
}

/** Writes all of `data`, however many calls that takes; `progress` tells how far it came when it throws. */
export async function writeAll(
  file: LocalFile,
  data: Uint8Array,
  position: number,
  progress: { doneBytes: number } = { doneBytes: 0 },
): Promise<void> {
  while (progress.doneBytes < data.length) {
    const { doneBytes } = progress
    progress.doneBytes += await file.write(data.subarray(doneBytes), position + doneBytes)
  }
}
