import { Errno } from '../../base/errno.ts'
import { FsError } from '../../core/errors.ts'
import type { XattrMode } from '../../core/types.ts'
import type { AddonFuse, AddonOperations } from './addon.ts'
import type { Answerer } from './answerer.ts'
import type { PathAdapter } from './path-adapter.ts'

/** setxattr(2) flags. */
const XATTR_CREATE = 1
const XATTR_REPLACE = 2

export function xattrOperations(adapter: PathAdapter, answer: Answerer) {
  return {
    // oxlint-disable-next-line max-params -- the addon's signature
    setxattr(path, name, value, _position, flags, done) {
      const change = { name, value, mode: modeOf(flags) }
      answer.done({ op: 'setxattr', path }, (context) => adapter.setxattr(path, change, context), done)
    },
    removexattr(path, name, done) {
      answer.done({ op: 'removexattr', path }, (context) => adapter.removexattr(path, name, context), done)
    },
    // Never reached: `takeOverXattrs` stands before both. They are here because the addon offers what has an operation.
    getxattr(_path, _name, _position, done) {
      done(-Errno.EIO)
    },
    listxattr(_path, done) {
      done(-Errno.EIO)
    },
  } satisfies Partial<AddonOperations>
}

/**
 * Answers getxattr and listxattr in the addon's place. Its own code copies what fits of a value that is longer than the
 * caller's buffer and says that all of it is there, and throws in the middle of a list that does not fit, so that the
 * caller waits for ever. A room of 0 bytes asks for the size alone.
 */
export function takeOverXattrs(fuse: AddonFuse, adapter: PathAdapter, answer: Answerer): void {
  fuse._op_getxattr = (signal, path, name, room) => {
    answer.run(
      { op: 'getxattr', path },
      async (context) => fill(room, await adapter.getxattr(path, name, context)),
      { succeed: (size) => signal(size, room.buffer), fail: (code) => signal(code, room.buffer) },
    )
  }
  fuse._op_listxattr = (signal, path, room) => {
    answer.run(
      { op: 'listxattr', path },
      async (context) => fill(room, encodeNames(await adapter.listxattr(path, context))),
      { succeed: (size) => signal(size, room.buffer), fail: (code) => signal(code, room.buffer) },
    )
  }
}

function encodeNames(names: readonly string[]): Uint8Array {
  return Buffer.from(names.map((name) => `${name}\0`).join(''))
}

/** Size of `value`, which is in `room` unless only the size was asked for. */
function fill(room: Buffer, value: Uint8Array): number {
  if (room.length === 0) return value.length
  if (value.length > room.length) {
    throw new FsError(
      Errno.ERANGE,
      `${value.length} bytes do not fit the ${room.length} that the program has room for`,
    )
  }
  room.set(value)
  return value.length
}

function modeOf(flags: number): XattrMode {
  if (flags === XATTR_CREATE) return 'create'
  return flags === XATTR_REPLACE ? 'replace' : 'either'
}
