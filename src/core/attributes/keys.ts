import { createHash } from 'node:crypto'

/**
 * Metadata keys that hold what a Cloudreve file has no place for. `customize:` is free text that every listing returns, that
 * copies carry along and that moves no time (api/03 §14, api/00-live-files §14).
 */
const OWN_PREFIX = 'customize:cloudreve-mount.'
const XATTR_PREFIX = `${OWN_PREFIX}x.`
const LONG_XATTR_PREFIX = `${OWN_PREFIX}xl.`

export const MODE_KEY = `${OWN_PREFIX}mode`
export const MTIME_KEY = `${OWN_PREFIX}mtime`
export const LINK_KEY = `${OWN_PREFIX}link`

/** Longest key that every database behind a server takes, characters (api/03 §14). */
const MAX_KEY_LENGTH = 255

/** True for metadata keys of this program: they are shown as attributes, never as they are. */
export function isOwnKey(key: string): boolean {
  return key.startsWith(OWN_PREFIX)
}

/** An extended attribute's name, from its key: whole, or the start of the value (names that are too long for a key). */
export type XattrKey = { readonly name: string } | 'name-in-value'

export function parseXattrKey(key: string): XattrKey | undefined {
  if (key.startsWith(LONG_XATTR_PREFIX)) return 'name-in-value'
  if (!key.startsWith(XATTR_PREFIX)) return undefined
  const name = decodeName(key.slice(XATTR_PREFIX.length))
  return name === undefined ? undefined : { name }
}

/**
 * The key of an extended attribute. Only lower-case ASCII, because databases compare keys without regard to case or
 * accents; a name that does not fit is kept in the value, under its digest.
 */
export function xattrKey(name: string): { readonly key: string; readonly nameInValue: boolean } {
  const key = XATTR_PREFIX + encodeName(name)
  if (key.length <= MAX_KEY_LENGTH) return { key, nameInValue: false }
  return { key: LONG_XATTR_PREFIX + createHash('sha256').update(name).digest('hex'), nameInValue: true }
}

function encodeName(name: string): string {
  let text = ''
  for (const byte of Buffer.from(name)) {
    const char = String.fromCharCode(byte)
    text += /[a-z0-9._-]/.test(char) ? char : `%${byte.toString(16).padStart(2, '0')}`
  }
  return text
}

/** Exactly the names that `encodeName` writes; undefined for anything else. */
function decodeName(text: string): string | undefined {
  if (!/^(?:[a-z0-9._-]|%[0-9a-f]{2})+$/.test(text)) return undefined
  const bytes = text.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const name = Buffer.from(bytes, 'latin1').toString('utf8')
  return encodeName(name) === text ? name : undefined
}
