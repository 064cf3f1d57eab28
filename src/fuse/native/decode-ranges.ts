/** Requests about ranges of open files: copying, seeking, making room. Pure. */
import { Errno } from '../../base/errno.ts'
import type { Fh, Ino } from '../../core/types.ts'
import { FallocateBit, Whence } from './abi.ts'
import { DecodeError, type ByteReader } from './byte-reader.ts'
import type { Request } from './requests.ts'

/** `length` may be anything: it is no more than what the program would like at most. */
export function decodeCopyRange(body: ByteReader): Request {
  const from = { fh: body.uint64() as Fh, offset: body.fileOffset() }
  const toIno = body.uint64() as Ino
  const to = { fh: body.uint64() as Fh, offset: body.fileOffset() }
  const length = body.clampedUint64()
  // No flags are defined: whoever sets one means something that we do not do.
  if (body.uint64() !== 0) return { op: 'refused', errno: Errno.EINVAL }
  return { op: 'copyrange', from, to, toIno, length }
}

export function decodeSeek(body: ByteReader): Request {
  const fh = body.uint64() as Fh
  const offset = body.uint64(Errno.ENXIO)
  const whence = body.uint32()
  body.skip(4)
  if (whence === Whence.DATA) return { op: 'seek', fh, offset, target: 'data' }
  if (whence === Whence.HOLE) return { op: 'seek', fh, offset, target: 'hole' }
  return { op: 'refused', errno: Errno.EINVAL }
}

/** @throws {DecodeError} EFBIG when the range ends beyond 2^53 */
export function decodeFallocate(body: ByteReader): Request {
  const fh = body.uint64() as Fh
  const [offset, length] = [body.fileOffset(), body.fileOffset()]
  const mode = body.uint32()
  body.skip(4)
  if (offset + length > Number.MAX_SAFE_INTEGER) {
    throw new DecodeError(Errno.EFBIG, 'a range ends beyond 2^53')
  }
  const { KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE } = FallocateBit
  const keepSize = (mode & KEEP_SIZE) !== 0
  switch (mode & ~KEEP_SIZE) {
    case 0:
      return { op: 'fallocate', fh, allocation: { offset, length, keepSize, zero: false } }
    case ZERO_RANGE:
      return { op: 'fallocate', fh, allocation: { offset, length, keepSize, zero: true } }
    case PUNCH_HOLE:
      // fallocate(2): a hole without KEEP_SIZE is no request.
      if (keepSize) return { op: 'fallocate', fh, allocation: { offset, length, keepSize, zero: true } }
      return { op: 'refused', errno: Errno.EOPNOTSUPP }
    default:
      return { op: 'refused', errno: Errno.EOPNOTSUPP }
  }
}
