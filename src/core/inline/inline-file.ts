import { Mutex } from '../../base/mutex.ts'
import type { JournalChange, JournalValue } from '../journal/index.ts'

/** `[when, size, bytes]`: the file is these bytes (base64), and zeros up to its size. Times are ms since the epoch. */
type Whole = readonly [atMs: number, sizeBytes: number, bytes: string]
/** `[when, offset, bytes]`: these were written there. */
type Piece = readonly [atMs: number, offset: number, bytes: string]

/** After so many pieces, or so many bytes in pieces, the file is put on record as a whole again. */
const mostPieces = 64
const mostPieceBytes = 128 * 1024

/** Between the name of a file and the number of a piece. */
const mark = '#'

/** The content of a small file, which lies in a log: as a whole under its name, and in pieces that were written since. */
export class InlineFile {
  readonly name: string
  /** Serialises its changes: each begins with what the last has made of it. */
  readonly mutex = new Mutex()
  /** Somebody relies on it that the next change of so many bytes is put on record here. */
  grantedBytes = 0
  #bytes: Buffer = Buffer.alloc(0)
  #pieces = 0
  #pieceBytes = 0
  /** When it was changed last, ms since the epoch. */
  #modifiedAtMs = 0

  constructor(name: string) {
    this.name = name
  }

  get bytes(): Buffer {
    return this.#bytes
  }

  get sizeBytes(): number {
    return this.#bytes.length
  }

  /** What it takes in memory and in the log, about. */
  get heldBytes(): number {
    return this.#bytes.length + this.#pieceBytes
  }

  get modifiedAtMs(): number {
    return this.#modifiedAtMs
  }

  /** `data` at `offset`: what is to be put on record, and what follows once it is. */
  write(data: Uint8Array, offset: number, atMs: number): { changes: JournalChange[]; apply: () => void } {
    const isTooMuch = this.#pieces >= mostPieces || this.#pieceBytes + data.length > mostPieceBytes
    if (isTooMuch) return this.become(joined(this.#bytes, data, offset), atMs)
    const piece: Piece = [atMs, offset, base64(data)]
    return {
      changes: [{ key: `${this.name}${mark}${this.#pieces + 1}`, value: piece }],
      apply: () => this.#add(data, offset, atMs),
    }
  }

  /** The same for another content altogether. */
  become(bytes: Buffer, atMs: number): { changes: JournalChange[]; apply: () => void } {
    const whole: Whole = [atMs, bytes.length, base64(bytes)]
    return {
      changes: [{ key: this.name, value: whole }, ...this.#endOfPieces()],
      apply: () => {
        this.#bytes = bytes
        this.#modifiedAtMs = atMs
        this.#pieces = 0
        this.#pieceBytes = 0
      },
    }
  }

  /** It is in the log no more. */
  end(): JournalChange[] {
    return [{ key: this.name }, ...this.#endOfPieces()]
  }

  /** @throws {Error} when a part of it is missing in `found` */
  static parse(name: string, found: ReadonlyMap<string, JournalValue>, pieces: number): InlineFile {
    const file = new InlineFile(name)
    const whole = found.get(name) as Whole | undefined
    if (!whole) throw new Error(`the beginning of ${name} is not in the log of small files`)
    const [atMs, sizeBytes, bytes] = whole
    file.#bytes = Buffer.alloc(sizeBytes)
    file.#bytes.set(Buffer.from(bytes, 'base64'))
    file.#modifiedAtMs = atMs
    for (let number = 1; number <= pieces; number += 1) {
      const piece = found.get(`${name}${mark}${number}`) as Piece | undefined
      if (!piece) throw new Error(`a part of ${name} is not in the log of small files`)
      file.#add(Buffer.from(piece[2], 'base64'), piece[1], piece[0])
    }
    return file
  }

  #add(data: Uint8Array, offset: number, atMs: number): void {
    const end = offset + data.length
    if (end > this.#bytes.length) this.#bytes = joined(this.#bytes, data, offset)
    else this.#bytes.set(data, offset)
    this.#modifiedAtMs = atMs
    this.#pieces += 1
    this.#pieceBytes += data.length
  }

  #endOfPieces(): JournalChange[] {
    return Array.from({ length: this.#pieces }, (_, index) => ({ key: `${this.name}${mark}${index + 1}` }))
  }
}

/** The names of the files in a log, each with the highest number of its pieces. */
export function namesIn(found: ReadonlyMap<string, JournalValue>): ReadonlyMap<string, number> {
  const names = new Map<string, number>()
  for (const key of found.keys()) {
    const [name = '', number = '0'] = key.split(mark)
    names.set(name, Math.max(names.get(name) ?? 0, Number(number)))
  }
  return names
}

/** The end of all that is in a log of one file. */
export function keysOf(name: string, found: ReadonlyMap<string, JournalValue>): JournalChange[] {
  return [...found.keys()].filter((key) => key.split(mark)[0] === name).map((key) => ({ key }))
}

function joined(bytes: Buffer, data: Uint8Array, offset: number): Buffer {
  const longer = Buffer.alloc(Math.max(bytes.length, offset + data.length))
  longer.set(bytes)
  longer.set(data, offset)
  return longer
}

function base64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
}
