import { Errno } from '../../base/errno.ts'
import type { MetadataPatch } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import { parseXattrKey, xattrKey } from './keys.ts'

/** Longest metadata value that the server takes, bytes (api/00-live-files §14). */
const MAX_VALUE_BYTES = 65_535
/** XATTR_NAME_MAX and XATTR_SIZE_MAX of Linux (limits.h), bytes; the name counts with its `user.`. */
const MAX_NAME_BYTES = 255
const MAX_XATTR_BYTES = 65_536

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * The patch that stores a user's extended attribute, `name` without `user.`; `undefined` removes it. Any bytes are kept as they
 * are, in base64; a name that is too long for a key stands before them.
 * @throws {FsError} ERANGE name too long; EINVAL no name; E2BIG over 64 KiB; ENOSPC over what the server can keep (about 48 KiB)
 */
export function encodeXattr(name: string, value: Uint8Array | undefined): MetadataPatch {
  checkName(name)
  const { key, nameInValue } = xattrKey(name)
  if (value === undefined) return { key, value: undefined }
  if (value.length > MAX_XATTR_BYTES) {
    throw new FsError(Errno.E2BIG, `user.${name}: ${value.length} bytes, the limit is ${MAX_XATTR_BYTES}`)
  }
  const text = (nameInValue ? `${toBase64(Buffer.from(name))}:` : '') + toBase64(value)
  if (text.length > MAX_VALUE_BYTES) {
    const message = `user.${name}: ${value.length} bytes are more than the server can keep with a file (about 48 KiB)`
    throw new FsError(Errno.ENOSPC, message)
  }
  return { key, value: text }
}

function checkName(name: string): void {
  if (name === '' || /\0/.test(name)) {
    throw new FsError(Errno.EINVAL, `${JSON.stringify(`user.${name}`)} is not the name of an attribute`)
  }
  if (/\p{Surrogate}|\u{FFFD}/u.test(name)) {
    throw new FsError(Errno.EILSEQ, `${JSON.stringify(`user.${name}`)}: the name is not valid UTF-8`)
  }
  if (Buffer.byteLength(`user.${name}`) > MAX_NAME_BYTES) {
    throw new FsError(Errno.ERANGE, `user.${name}: the name is longer than ${MAX_NAME_BYTES} bytes`)
  }
}

/** Name (without `user.`) and bytes of the attribute that a metadata pair holds; undefined if it holds none. */
export function decodeXattr(
  key: string,
  text: string,
): readonly [name: string, value: Uint8Array] | undefined {
  const parsed = parseXattrKey(key)
  if (parsed === undefined) return undefined
  if (parsed !== 'name-in-value') return pair(parsed.name, fromBase64(text))
  const colon = text.indexOf(':')
  const name = fromBase64(text.slice(0, Math.max(colon, 0)))?.toString('utf8')
  if (name === undefined || xattrKey(name).key !== key) return undefined
  return pair(name, fromBase64(text.slice(colon + 1)))
}

function pair(name: string, value: Uint8Array | undefined): readonly [string, Uint8Array] | undefined {
  return value && [name, value]
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function fromBase64(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
}
