/** How a record lies in a file of the mirror (docs/formats/mirror.md). Numbers are unsigned and little-endian. */
import { crc32 } from 'node:zlib'

/** Of the whole folder: each file begins with it. */
export const mirrorVersion = 1

const magic = Buffer.from('CRMIRROR')
export const headerBytes = 12
/** Checksum, bytes of the value, bytes of the key, weight. */
const prefixBytes = 14
/** In the place of the bytes of a value: the key has none any more. */
const removed = 0xffff_ffff

export interface RecordFrame {
  readonly key: string
  /** undefined: the key has none any more. */
  readonly value: Buffer | undefined
  readonly weight: number
  /** Bytes of the frame. */
  readonly length: number
}

export function formatHeader(version = mirrorVersion): Buffer {
  const version4 = Buffer.alloc(4)
  version4.writeUInt32LE(version)
  return Buffer.concat([magic, version4])
}

/** The version of a file; undefined: it was not written to its end, or is none of these. */
export function versionIn(bytes: Buffer): number | undefined {
  const isOurs = bytes.length >= headerBytes && bytes.subarray(0, magic.length).equals(magic)
  return isOurs ? bytes.readUInt32LE(magic.length) : undefined
}

export function formatRecord(key: string, value: Buffer | undefined, weight: number): Buffer {
  const keyBytes = Buffer.byteLength(key)
  const frame = Buffer.allocUnsafe(prefixBytes + keyBytes + (value?.length ?? 0))
  frame.writeUInt32LE(value?.length ?? removed, 4)
  frame.writeUInt16LE(keyBytes, 8)
  frame.writeUInt32LE(weight, 10)
  frame.write(key, prefixBytes)
  value?.copy(frame, prefixBytes + keyBytes)
  frame.writeUInt32LE(crc32(frame.subarray(4)), 0)
  return frame
}

/** The record at `start`; `torn`: the file ends before it does; `damaged`: these are not the bytes that were written. */
export function readRecord(bytes: Buffer, start: number): RecordFrame | 'torn' | 'damaged' {
  if (start + prefixBytes > bytes.length) return 'torn'
  const valueBytes = bytes.readUInt32LE(start + 4)
  const valueStart = start + prefixBytes + bytes.readUInt16LE(start + 8)
  const end = valueStart + (valueBytes === removed ? 0 : valueBytes)
  if (end > bytes.length) return 'torn'
  if (crc32(bytes.subarray(start + 4, end)) !== bytes.readUInt32LE(start)) return 'damaged'
  return {
    key: bytes.toString('utf8', start + prefixBytes, valueStart),
    value: valueBytes === removed ? undefined : bytes.subarray(valueStart, end),
    weight: bytes.readUInt32LE(start + 10),
    length: end - start,
  }
}
