/** Bytes of the kernel to typed requests. Pure: throws `DecodeError` and nothing else, whatever the bytes. */
import { Errno, type ErrnoCode } from '../../base/errno.ts'
import type { Fh, Ino, XattrMode } from '../../core/types.ts'
import {
  FSYNC_FDATASYNC,
  GETATTR_FH,
  Opcode,
  OPEN_KILL_SUIDGID,
  RenameBit,
  Size,
  WRITE_KILL_SUIDGID,
  XattrBit,
} from './abi.ts'
import { ByteReader, DecodeError } from './byte-reader.ts'
import { decodeCopyRange, decodeFallocate, decodeSeek } from './decode-ranges.ts'
import { decodeSetattr } from './decode-setattr.ts'
import type {
  Forget,
  InitRequest,
  OneWay,
  Request,
  RequestHeader,
  ServedRequest,
  Window,
} from './requests.ts'

const PERMISSION_BITS = 0o7777
/** Bytes of `fuse_read_in` and `fuse_write_in` behind what we read of them. */
const READ_TAIL_BYTES = 20
const WRITE_TAIL_BYTES = 16

type Decoder = (body: ByteReader, header: RequestHeader) => Request

/** Of the message in front of `memory`. @throws {DecodeError} when it does not fit, or is too short for what it says. */
export function decodeHeader(memory: Buffer): RequestHeader {
  const reader = new ByteReader(memory, 0, memory.length)
  const lengthBytes = reader.uint32()
  const opcode = reader.uint32()
  const unique = reader.uint64()
  const ino = reader.uint64() as Ino
  const uid = reader.uint32()
  const gid = reader.uint32()
  const pid = reader.uint32()
  const extensionBytes = reader.uint16() * 8
  reader.skip(2)
  if (lengthBytes > memory.length || Size.IN_HEADER + extensionBytes > lengthBytes) {
    throw new DecodeError(Errno.EINVAL, `a request cannot have ${lengthBytes} bytes`)
  }
  return { lengthBytes, opcode, unique, ino, uid, gid, pid, extensionBytes }
}

/** The body of a message whose header was read. @throws {DecodeError} */
export function decodeBody(header: RequestHeader, memory: Buffer): Request {
  const decoder = decoders.get(header.opcode)
  // The kernel then does without, or asks in an older way.
  if (!decoder) return { op: 'refused', errno: Errno.ENOSYS }
  return decoder(new ByteReader(memory, Size.IN_HEADER, header.lengthBytes - header.extensionBytes), header)
}

/** Whether a request must not be answered, even when it cannot be read. */
export function isOneWay(opcode: number): boolean {
  return oneWay.has(opcode)
}

const oneWay: ReadonlySet<number> = new Set([
  Opcode.FORGET,
  Opcode.BATCH_FORGET,
  Opcode.INTERRUPT,
  Opcode.NOTIFY_REPLY,
])

const decoders: ReadonlyMap<number, Decoder> = new Map<number, Decoder>([
  [Opcode.INIT, decodeInit],
  [Opcode.DESTROY, () => ({ op: 'destroy' })],
  [Opcode.FORGET, decodeForget],
  [Opcode.BATCH_FORGET, decodeForgets],
  [Opcode.INTERRUPT, (body) => ({ op: 'interrupt', target: body.uint64() })],
  // We never ask the kernel for pages, so this answers nothing of ours.
  [Opcode.NOTIFY_REPLY, () => ({ op: 'ignored' })],

  [Opcode.LOOKUP, decodeLookup],
  [Opcode.GETATTR, decodeGetattr],
  [Opcode.STATX, decodeStatx],
  [Opcode.SETATTR, decodeSetattr],
  [Opcode.READLINK, () => ({ op: 'readlink' })],
  [Opcode.SYMLINK, (body) => ({ op: 'symlink', name: body.name(), target: body.text() })],
  [Opcode.MKNOD, decodeMknod],
  [Opcode.MKDIR, decodeMkdir],
  [Opcode.UNLINK, (body) => ({ op: 'unlink', name: body.name() })],
  [Opcode.RMDIR, (body) => ({ op: 'rmdir', name: body.name() })],
  [Opcode.RENAME, decodeRename],
  [Opcode.RENAME2, decodeRename2],
  [Opcode.LINK, (body) => ({ op: 'link', existing: body.uint64() as Ino, name: body.name() })],
  [Opcode.OPEN, decodeOpen],
  [Opcode.CREATE, decodeCreate],
  [Opcode.READ, (body) => decodeWindow('read', body)],
  [Opcode.WRITE, decodeWrite],
  [Opcode.COPY_FILE_RANGE, decodeCopyRange],
  [Opcode.COPY_FILE_RANGE_64, decodeCopyRange],
  [Opcode.LSEEK, decodeSeek],
  [Opcode.FALLOCATE, decodeFallocate],
  [Opcode.FLUSH, (body) => ({ op: 'flush', fh: fhOf(body) })],
  [Opcode.FSYNC, decodeFsync],
  [Opcode.RELEASE, (body) => ({ op: 'release', fh: fhOf(body) })],
  [Opcode.OPENDIR, () => ({ op: 'opendir' })],
  [Opcode.READDIR, (body) => decodeWindow('readdir', body)],
  [Opcode.READDIRPLUS, (body) => decodeWindow('readdirplus', body)],
  [Opcode.RELEASEDIR, (body) => ({ op: 'releasedir', fh: fhOf(body) })],
  [Opcode.FSYNCDIR, (body) => ({ op: 'fsyncdir', fh: fhOf(body) })],
  [Opcode.STATFS, () => ({ op: 'statfs' })],
  [Opcode.GETXATTR, decodeGetxattr],
  [Opcode.LISTXATTR, (body) => ({ op: 'listxattr', roomBytes: body.uint32() })],
  [Opcode.SETXATTR, decodeSetxattr],
  [Opcode.REMOVEXATTR, (body) => ({ op: 'removexattr', name: body.text() })],

  // ENOSYS makes the kernel do these itself, or tell programs that they are not to be had, and not ask again: mode bits by
  // `default_permissions`, always-ready files for poll, EOPNOTSUPP for O_TMPFILE, and locks between its own programs.
  // Of ioctl older kernels would pass ENOSYS on to the program, which expects ENOTTY.
  [Opcode.IOCTL, refuse(Errno.ENOTTY)],
  ...[
    Opcode.ACCESS,
    Opcode.BMAP,
    Opcode.POLL,
    Opcode.TMPFILE,
    Opcode.SYNCFS,
    Opcode.GETLK,
    Opcode.SETLK,
    Opcode.SETLKW,
  ].map((opcode) => [opcode, refuse(Errno.ENOSYS)] as const),
])

function refuse(errno: ErrnoCode): Decoder {
  return () => ({ op: 'refused', errno })
}

function fhOf(body: ByteReader): Fh {
  return body.uint64() as Fh
}

/** 16 bytes before 7.36, 64 since. */
function decodeInit(body: ByteReader): InitRequest {
  const [major, minor] = [body.uint32(), body.uint32()]
  const [maxReadaheadBytes, flags] = [body.uint32(), body.uint32()]
  const flags2 = body.remaining >= 4 ? body.uint32() : 0
  return { op: 'init', major, minor, maxReadaheadBytes, flags, flags2 }
}

function decodeForget(body: ByteReader, { ino }: RequestHeader): OneWay {
  return { op: 'forget', forgets: [{ ino, count: body.uint64() }] }
}

function decodeForgets(body: ByteReader): OneWay {
  const count = body.uint32()
  body.skip(4)
  if (count * Size.FORGET_ONE !== body.remaining) {
    throw new DecodeError(Errno.EINVAL, `${count} forgets in ${body.remaining} bytes`)
  }
  const forgets: Forget[] = []
  for (let i = 0; i < count; i += 1) forgets.push({ ino: body.uint64() as Ino, count: body.uint64() })
  return { op: 'forget', forgets }
}

/** Nothing can have a name that is not UTF-8, and looking for it is no mistake. */
function decodeLookup(body: ByteReader): Request {
  try {
    return { op: 'lookup', name: body.name() }
  } catch (error) {
    if (error instanceof DecodeError && error.errno === Errno.EILSEQ)
      return { op: 'refused', errno: Errno.ENOENT }
    throw error
  }
}

function decodeGetattr(body: ByteReader): Request {
  const flags = body.uint32()
  body.skip(4)
  const fh = fhOf(body)
  return { op: 'getattr', fh: flags & GETATTR_FH ? fh : undefined }
}

/** What the program would like to know is not looked at: it is told everything. */
function decodeStatx(body: ByteReader): Request {
  const flags = body.uint32()
  body.skip(4)
  const fh = fhOf(body)
  body.skip(8)
  return { op: 'statx', fh: flags & GETATTR_FH ? fh : undefined }
}

/** The kernel has applied the umask. */
function decodeMknod(body: ByteReader): Request {
  const mode = body.uint32()
  body.skip(12)
  return { op: 'mknod', mode, name: body.name() }
}

function decodeMkdir(body: ByteReader): Request {
  const mode = body.uint32() & PERMISSION_BITS
  body.skip(4)
  return { op: 'mkdir', mode, name: body.name() }
}

function decodeRename(body: ByteReader): Request {
  const newParent = body.uint64() as Ino
  return { op: 'rename', newParent, name: body.name(), newName: body.name(), flags: {} }
}

function decodeRename2(body: ByteReader): Request {
  const newParent = body.uint64() as Ino
  const bits = body.uint32()
  body.skip(4)
  if (bits & ~(RenameBit.NOREPLACE | RenameBit.EXCHANGE)) return { op: 'refused', errno: Errno.EINVAL }
  const flags = {
    ...(bits & RenameBit.NOREPLACE ? { noReplace: true } : {}),
    ...(bits & RenameBit.EXCHANGE ? { exchange: true } : {}),
  }
  return { op: 'rename', newParent, name: body.name(), newName: body.name(), flags }
}

function decodeOpen(body: ByteReader): Request {
  const flags = body.uint32()
  return { op: 'open', flags, killSuidGid: (body.uint32() & OPEN_KILL_SUIDGID) !== 0 }
}

function decodeCreate(body: ByteReader): Request {
  const flags = body.uint32()
  const mode = body.uint32() & PERMISSION_BITS
  body.skip(4)
  const killSuidGid = (body.uint32() & OPEN_KILL_SUIDGID) !== 0
  return { op: 'create', flags, mode, killSuidGid, name: body.name() }
}

function decodeWindow<Op extends string>(op: Op, body: ByteReader): Window & { readonly op: Op } {
  const fh = fhOf(body)
  const offset = body.fileOffset()
  const sizeBytes = body.uint32()
  body.skip(READ_TAIL_BYTES)
  return { op, fh, offset, sizeBytes }
}

function decodeWrite(body: ByteReader): ServedRequest<'write'> {
  const fh = fhOf(body)
  const offset = body.fileOffset()
  const sizeBytes = body.uint32()
  const killSuidGid = (body.uint32() & WRITE_KILL_SUIDGID) !== 0
  body.skip(WRITE_TAIL_BYTES)
  if (offset + sizeBytes > Number.MAX_SAFE_INTEGER) {
    throw new DecodeError(Errno.EFBIG, 'a write ends beyond 2^53')
  }
  return { op: 'write', fh, offset, killSuidGid, data: body.bytes(sizeBytes) }
}

function decodeFsync(body: ByteReader): Request {
  const fh = fhOf(body)
  return { op: 'fsync', fh, dataOnly: (body.uint32() & FSYNC_FDATASYNC) !== 0 }
}

function decodeGetxattr(body: ByteReader): Request {
  const roomBytes = body.uint32()
  body.skip(4)
  return { op: 'getxattr', roomBytes, name: body.text() }
}

/** The value is copied: it outlives the request. */
function decodeSetxattr(body: ByteReader): Request {
  const sizeBytes = body.uint32()
  const mode = xattrModeOf(body.uint32())
  const name = body.text()
  return { op: 'setxattr', name, mode, value: Uint8Array.from(body.bytes(sizeBytes)) }
}

function xattrModeOf(flags: number): XattrMode {
  if (flags & XattrBit.CREATE) return 'create'
  return flags & XattrBit.REPLACE ? 'replace' : 'either'
}
