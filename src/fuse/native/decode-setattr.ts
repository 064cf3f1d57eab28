import { Errno } from '../../base/errno.ts'
import type { Timespec } from '../../base/timespec.ts'
import type { AttrChanges, Fh } from '../../core/types.ts'
import { SetattrValid as Valid } from './abi.ts'
import { DecodeError, type ByteReader } from './byte-reader.ts'
import type { ServedRequest } from './requests.ts'

const PERMISSION_BITS = 0o7777
const NANOSECONDS = 1_000_000_000

/** Only what `valid` names is looked at: the rest of the body may hold anything. */
export function decodeSetattr(body: ByteReader): ServedRequest<'setattr'> {
  const valid = body.uint32()
  body.skip(4)
  const fh = readIf(valid & Valid.FH, body, () => body.uint64() as Fh)
  const sizeBytes = readIf(valid & Valid.SIZE, body, () => body.fileOffset())
  body.skip(8)
  const atimeSeconds = readIf(valid & Valid.ATIME, body, () => body.int64())
  const mtimeSeconds = readIf(valid & Valid.MTIME, body, () => body.int64())
  body.skip(8)
  const [atimeNanoseconds, mtimeNanoseconds] = [body.uint32(), body.uint32()]
  body.skip(4)
  const mode = body.uint32() & PERMISSION_BITS
  body.skip(4)
  const [uid, gid] = [body.uint32(), body.uint32()]
  body.skip(4)
  const atime = timeOf(valid & Valid.ATIME_NOW, atimeSeconds, atimeNanoseconds)
  const mtime = timeOf(valid & Valid.MTIME_NOW, mtimeSeconds, mtimeNanoseconds)
  const changes: AttrChanges = {
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(valid & Valid.MODE ? { mode } : {}),
    ...(valid & Valid.UID ? { uid } : {}),
    ...(valid & Valid.GID ? { gid } : {}),
    ...(atime === undefined ? {} : { atime }),
    ...(mtime === undefined ? {} : { mtime }),
  }
  return { op: 'setattr', fh, changes, killSuidGid: (valid & Valid.KILL_SUIDGID) !== 0 }
}

function readIf<T>(bit: number, body: ByteReader, read: () => T): T | undefined {
  if (bit) return read()
  body.skip(8)
  return undefined
}

function timeOf(
  isNow: number,
  seconds: number | undefined,
  nanoseconds: number,
): Timespec | 'now' | undefined {
  if (isNow) return 'now'
  if (seconds === undefined) return undefined
  if (nanoseconds >= NANOSECONDS) throw new DecodeError(Errno.EINVAL, 'a time has over 10^9 nanoseconds')
  return { seconds, nanoseconds }
}
