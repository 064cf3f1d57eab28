import { Errno, type ErrnoCode } from '../../base/errno.ts'

/** A request that says nothing we understand; `errno` is what its program is told. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly errno: ErrnoCode

  constructor(errno: ErrnoCode, message: string) {
    super(message)
    this.errno = errno
  }
}

const UINT32 = 2 ** 32
/** Upper half of 2⁵³. */
const MAX_SAFE_HIGH = 2 ** 21
/** Strict, and a byte order mark in front is a part of a name like any other. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Reads the body of one request from front to back; every read is checked against its end. */
export class ByteReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  /** @param end offset after the last byte of the body */
  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get remaining(): number {
    return this.#end - this.#at
  }

  skip(sizeBytes: number): void {
    this.#take(sizeBytes)
  }

  uint16(): number {
    return this.#bytes.readUInt16LE(this.#take(2))
  }

  uint32(): number {
    return this.#word(this.#take(4))
  }

  /** A number of ours that comes back, or a count. @throws {DecodeError} beyond 2⁵³ */
  uint64(errno: ErrnoCode = Errno.EINVAL): number {
    const at = this.#take(8)
    const high = this.#word(at + 4)
    if (high === 0) return this.#word(at)
    if (high >= MAX_SAFE_HIGH) throw new DecodeError(errno, 'a number is beyond 2^53')
    return high * UINT32 + this.#word(at)
  }

  /** "At most so many": what is beyond 2⁵³ − 1 is as good as that. */
  clampedUint64(): number {
    const at = this.#take(8)
    const high = this.#bytes.readUInt32LE(at + 4)
    return high >= MAX_SAFE_HIGH ? Number.MAX_SAFE_INTEGER : high * UINT32 + this.#bytes.readUInt32LE(at)
  }

  /** An offset or size in a file. @throws {DecodeError} EFBIG beyond 2⁵³ */
  fileOffset(): number {
    return this.uint64(Errno.EFBIG)
  }

  /** Seconds since the epoch, which may be negative. */
  int64(): number {
    const at = this.#take(8)
    const value = this.#bytes.readInt32LE(at + 4) * UINT32 + this.#bytes.readUInt32LE(at)
    if (!Number.isSafeInteger(value)) throw new DecodeError(Errno.EINVAL, 'a time is beyond 2^53 seconds')
    return value
  }

  /** Bytes of the request's own memory. */
  bytes(sizeBytes: number): Buffer {
    const at = this.#take(sizeBytes)
    return this.#bytes.subarray(at, at + sizeBytes)
  }

  /** Text up to a zero byte. @throws {DecodeError} EILSEQ when it is not UTF-8 */
  text(): string {
    const start = this.#at
    let highest = 0
    let end = start
    for (; end < this.#end; end += 1) {
      const byte = this.#bytes[end]!
      if (byte === 0) break
      highest |= byte
    }
    if (end >= this.#end) throw new DecodeError(Errno.EINVAL, 'a text has no end')
    this.#at = end + 1
    if (highest < 0x80) return this.#bytes.toString('latin1', start, end)
    try {
      return utf8.decode(this.#bytes.subarray(start, end))
    } catch (error) {
      throw new DecodeError(Errno.EILSEQ, `not UTF-8: ${String(error)}`)
    }
  }

  /** One path element. @throws {DecodeError} EILSEQ when it is not UTF-8, EINVAL when it is none */
  name(): string {
    const name = this.text()
    if (name === '' || name === '.' || name === '..' || name.includes('/')) {
      throw new DecodeError(Errno.EINVAL, `not a name: ${JSON.stringify(name)}`)
    }
    return name
  }

  /** Within what was taken: `readUInt32LE` would look once more whether it is, which is a tenth of a small request's time. */
  #word(at: number): number {
    const bytes = this.#bytes
    return bytes[at]! + bytes[at + 1]! * 0x100 + bytes[at + 2]! * 0x10000 + bytes[at + 3]! * 0x1000000
  }

  #take(sizeBytes: number): number {
    const at = this.#at
    if (at + sizeBytes > this.#end) throw new DecodeError(Errno.EINVAL, 'a request is shorter than its kind')
    this.#at = at + sizeBytes
    return at
  }
}
