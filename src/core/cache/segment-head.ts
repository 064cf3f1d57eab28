/** The first page of a segment file: whose bytes it holds, which blocks are there, and a checksum of each. docs/formats/cache.md */
import { crc32 } from 'node:zlib'

/** The head takes so many bytes of each segment file; blocks come after it. */
export const headBytes = 4096
/** Of heads. What reads another one reads nothing. */
export const formatVersion = 1

const MAGIC = Buffer.from('CRMBLOCK')
const at = {
  crc: 8,
  version: 12,
  blockBytes: 16,
  blocks: 20,
  contentBytes: 24,
  number: 32,
  keyLength: 36,
  key: 40,
  present: 2048,
  checksums: 2304,
} as const
const maxKeyBytes = at.present - at.key
export const maxBlocks = (headBytes - at.checksums) / 4

/** What a segment is of. A head that says anything else belongs to another content. */
export interface SegmentShape {
  /** Server, user, drive and entity, as text. */
  readonly key: string
  /** Of the whole content. */
  readonly contentBytes: number
  readonly blockBytes: number
  /** Blocks of a full segment, 1 … `maxBlocks`. */
  readonly blocksPerSegment: number
  /** Counted from 0: it begins at block `number * blocksPerSegment` of the content. */
  readonly number: number
}

/** Blocks that a segment of this shape has when all are there. */
export function blocksIn({ contentBytes, blockBytes, blocksPerSegment, number }: SegmentShape): number {
  const left = Math.ceil(contentBytes / blockBytes) - number * blocksPerSegment
  return Math.max(0, Math.min(blocksPerSegment, left))
}

/** A key that does not fit is not cached. */
export function fits(key: string): boolean {
  return Buffer.byteLength(key) <= maxKeyBytes
}

export class SegmentHead {
  readonly shape: SegmentShape
  readonly blocks: number
  /** A checksum a block; undefined: not there. */
  readonly #checksums: (number | undefined)[]

  constructor(shape: SegmentShape) {
    this.shape = shape
    this.blocks = blocksIn(shape)
    this.#checksums = Array.from({ length: this.blocks })
  }

  /** undefined: damaged, of another version, or of another content. */
  static decode(bytes: Uint8Array, shape: SegmentShape): SegmentHead | undefined {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (!isWhole(view)) return undefined
    const head = new SegmentHead(shape)
    if (!isSame(readShape(view), shape)) return undefined
    for (let index = 0; index < head.blocks; index += 1) {
      if (((view[at.present + (index >> 3)] ?? 0) >> (index & 7)) & 1)
        head.set(index, view.readUInt32LE(at.checksums + 4 * index))
    }
    return head
  }

  has(index: number): boolean {
    return this.#checksums[index] !== undefined
  }

  matches(index: number, block: Uint8Array): boolean {
    return this.#checksums[index] === crc32(block)
  }

  set(index: number, checksum: number): void {
    this.#checksums[index] = checksum
  }

  /** Bytes of block `index`, which is shorter at the end of the content. */
  lengthOf(index: number): number {
    const { contentBytes, blockBytes, blocksPerSegment, number } = this.shape
    const start = (number * blocksPerSegment + index) * blockBytes
    return Math.min(blockBytes, contentBytes - start)
  }

  get presentBytes(): number {
    let sum = 0
    for (let index = 0; index < this.blocks; index += 1) if (this.has(index)) sum += this.lengthOf(index)
    return sum
  }

  encode(): Buffer {
    const bytes = Buffer.alloc(headBytes)
    const { key, contentBytes, blockBytes, number } = this.shape
    MAGIC.copy(bytes)
    bytes.writeUInt32LE(formatVersion, at.version)
    bytes.writeUInt32LE(blockBytes, at.blockBytes)
    bytes.writeUInt32LE(this.shape.blocksPerSegment, at.blocks)
    bytes.writeBigUInt64LE(BigInt(contentBytes), at.contentBytes)
    bytes.writeUInt32LE(number, at.number)
    bytes.writeUInt32LE(bytes.write(key, at.key), at.keyLength)
    for (const [index, checksum] of this.#checksums.entries()) {
      if (checksum === undefined) continue
      bytes[at.present + (index >> 3)]! |= 1 << (index & 7)
      bytes.writeUInt32LE(checksum, at.checksums + 4 * index)
    }
    bytes.writeUInt32LE(crc32(bytes.subarray(at.version)), at.crc)
    return bytes
  }
}

/** What a head says that it is of; undefined: it is none, or damaged. */
export function shapeIn(bytes: Uint8Array): SegmentShape | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isWhole(view) ? readShape(view) : undefined
}

function isWhole(view: Buffer): boolean {
  return (
    view.length === headBytes &&
    view.subarray(0, MAGIC.length).equals(MAGIC) &&
    view.readUInt32LE(at.crc) === crc32(view.subarray(at.version)) &&
    view.readUInt32LE(at.version) === formatVersion
  )
}

function readShape(view: Buffer): SegmentShape {
  const keyLength = Math.min(view.readUInt32LE(at.keyLength), maxKeyBytes)
  return {
    key: view.toString('utf8', at.key, at.key + keyLength),
    contentBytes: Number(view.readBigUInt64LE(at.contentBytes)),
    blockBytes: view.readUInt32LE(at.blockBytes),
    blocksPerSegment: view.readUInt32LE(at.blocks),
    number: view.readUInt32LE(at.number),
  }
}

function isSame(a: SegmentShape, b: SegmentShape): boolean {
  return (
    a.key === b.key &&
    a.contentBytes === b.contentBytes &&
    a.blockBytes === b.blockBytes &&
    a.blocksPerSegment === b.blocksPerSegment &&
    a.number === b.number
  )
}
