/** Messages to the kernel that answer nothing: `error` is a code, `unique` is 0. Pure. */
import type { Ino } from '../../core/types.ts'
import { EXPIRE_ONLY, NotifyCode, Size } from './abi.ts'
import { putUint64, startMessage } from './encode.ts'

/** Attributes and all pages of a node. A negative offset leaves the pages alone, and waits for none of them. */
export function encodeInvalInode(ino: Ino, { onlyAttributes = false } = {}): Buffer {
  const message = startNotification(NotifyCode.INVAL_INODE, Size.INVAL_INODE)
  putUint64(message, Size.OUT_HEADER, ino)
  // Offset 0 and length 0: everything.
  if (onlyAttributes) message.writeBigInt64LE(-1n, Size.OUT_HEADER + 8)
  return message
}

/** A name; with `expireOnly` it is asked for again at the next use, and nothing that is open below it is disturbed. */
export function encodeInvalEntry(parent: Ino, name: string, { expireOnly = false } = {}): Buffer {
  const nameBytes = Buffer.byteLength(name)
  const message = startNotification(NotifyCode.INVAL_ENTRY, Size.INVAL_ENTRY + nameBytes + 1)
  putUint64(message, Size.OUT_HEADER, parent)
  message.writeUInt32LE(nameBytes, Size.OUT_HEADER + 8)
  message.writeUInt32LE(expireOnly ? EXPIRE_ONLY : 0, Size.OUT_HEADER + 12)
  message.write(name, Size.OUT_HEADER + Size.INVAL_ENTRY)
  return message
}

/** A name that is gone, if it still leads to `child`. */
export function encodeDelete(parent: Ino, child: Ino, name: string): Buffer {
  const nameBytes = Buffer.byteLength(name)
  const message = startNotification(NotifyCode.DELETE, Size.DELETE + nameBytes + 1)
  putUint64(message, Size.OUT_HEADER, parent)
  putUint64(message, Size.OUT_HEADER + 8, child)
  message.writeUInt32LE(nameBytes, Size.OUT_HEADER + 16)
  message.write(name, Size.OUT_HEADER + Size.DELETE)
  return message
}

function startNotification(code: number, bodyBytes: number): Buffer {
  const message = startMessage(0, Size.OUT_HEADER + bodyBytes)
  message.writeInt32LE(code, 4)
  return message
}
