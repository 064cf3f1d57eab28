/**
 * `cloudreve://` addresses, built and taken apart by hand: the URL classes of the platform rewrite backslashes and dot
 * segments (api/01 §7.3).
 */

/** File systems of a Cloudreve server (api/01 §7.1). */
export type UriFileSystem = 'my' | 'share' | 'trash' | 'shared_with_me'

const fileSystems: ReadonlySet<string> = new Set(['my', 'share', 'trash', 'shared_with_me'])

export interface CloudreveUri {
  readonly fileSystem: UriFileSystem
  /** Share id (required with `share`) or owner id (`my`, rarely). */
  readonly id: string | undefined
  /** Of a protected share. Secret. */
  readonly password: string | undefined
  /** Decoded names from the root down. */
  readonly path: readonly string[]
}

/** A string that is no address of this kind. The message repeats nothing of it: it may hold a password. */
export class UriError extends Error {
  override readonly name = 'UriError'
}

/**
 * Takes an address apart; search conditions behind `?` are dropped.
 * @throws {UriError} when it is not a Cloudreve address
 */
export function parseUri(text: string): CloudreveUri {
  const match = /^cloudreve:\/\/(?:([^@/?#]*)@)?([^/?#@]+)([^?#]*)/i.exec(text)
  const fileSystem = match?.[2]?.toLowerCase()
  if (!match || !isFileSystem(fileSystem)) {
    throw new UriError('not a Cloudreve address: it looks like cloudreve://my/Folder or cloudreve://ID@share')
  }
  const [id, ...password] = (match[1] ?? '').split(':')
  if (fileSystem === 'share' && !id)
    throw new UriError('the address of a share needs its id: cloudreve://ID@share')
  return {
    fileSystem,
    id: id ? decode(id) : undefined,
    password: password.length > 0 ? decode(password.join(':')) : undefined,
    path: (match[3] ?? '').split('/').filter(Boolean).map(decode),
  }
}

/** The form in which the server answers addresses: every element percent-encoded, no slash at the end. */
export function formatUri({ fileSystem, id, password, path }: CloudreveUri): string {
  const user = id === undefined ? '' : encodeElement(id)
  const secret = password === undefined ? '' : `:${encodeElement(password)}`
  const authority = user || secret ? `${user}${secret}@${fileSystem}` : fileSystem
  return [`cloudreve://${authority}`, ...path.map(encodeElement)].join('/')
}

/** The address of `path` below `base`. */
export function joinUri(base: CloudreveUri, path: readonly string[]): string {
  return formatUri({ ...base, path: [...base.path, ...path] })
}

/** The names from `base` down to `uri`; undefined when it does not lie below. @throws {UriError} */
export function pathBelow(base: CloudreveUri, uri: string): string[] | undefined {
  const { fileSystem, id, path } = parseUri(uri)
  const isInside =
    fileSystem === base.fileSystem &&
    (id === undefined || base.id === undefined || id === base.id) &&
    base.path.every((name, depth) => path[depth] === name)
  return isInside ? path.slice(base.path.length) : undefined
}

/** The same address without the password of a share: for messages, attributes and logs. */
export function withoutPassword(uri: string): string {
  return uri.replace(/^(cloudreve:\/\/[^:@/?#]*):[^@/?#]*@/i, '$1@')
}

/**
 * Last name of an address as the server spells it: exact where JSON replaced bad bytes in `name` (api/00-live-files §15).
 * `undefined` for a root and for names that are not valid UTF-8.
 */
export function lastName(uri: string): string | undefined {
  const element = uri
    .replace(/[?#].*$/, '')
    .replace(/^cloudreve:\/\/[^/]*/i, '')
    .split('/')
    .findLast(Boolean)
  try {
    return element === undefined ? undefined : decodeURIComponent(element)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

/** A lone surrogate, which has no UTF-8 form, becomes U+FFFD as everywhere in JSON. */
export function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8')
}

function encodeElement(name: string): string {
  return encodeURIComponent(wellFormed(name))
}

function decode(element: string): string {
  try {
    return decodeURIComponent(element)
  } catch (error) {
    if (error instanceof URIError) throw new UriError('an address with a broken percent-escape')
    throw error
  }
}

function isFileSystem(text: string | undefined): text is UriFileSystem {
  return text !== undefined && fileSystems.has(text)
}
