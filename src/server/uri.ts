import { ApiFailure } from './failure.ts'

export type FileSystemKind = 'my' | 'share' | 'trash' | 'shared_with_me'

/** A parsed file URI (api/01 §7). */
export interface FileUri {
  fs: FileSystemKind
  /** The file system's name as it was spelt: it comes back like that. */
  host: string
  /** Userinfo: owner id in `my`, share id in `share`. */
  id: string
  password: string
  /** Decoded path elements. */
  elements: string[]
  query: URLSearchParams
}

const systems: readonly string[] = ['my', 'share', 'trash', 'shared_with_me']
const controlCharacter = /[\0-\x1f\x7f]/ // oxlint-disable-line no-control-regex

/**
 * Parses a file URI as the server does: a fragment is dropped, escapes are decoded before the path is split, then the path is cleaned.
 * @throws {ApiFailure} 40001 malformed, -1 unknown file system
 */
export function parseUri(text: string): FileUri {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s.exec(text)
  if (!match || match[1]!.toLowerCase() !== 'cloudreve' || controlCharacter.test(text))
    throw new ApiFailure(40001, { msg: 'invalid uri' })
  const authority = match[2]!
  const at = authority.lastIndexOf('@')
  const host = authority.slice(at + 1)
  const fs = host.toLowerCase()
  if (!systems.includes(fs)) throw new ApiFailure(-1, { msg: 'unknown file system' })
  const [id = '', ...passwordParts] = at < 0 ? [''] : authority.slice(0, at).split(':')
  return {
    fs: fs as FileSystemKind,
    host,
    id: decode(id),
    password: decode(passwordParts.join(':')),
    elements: cleanPath(decode(match[3]!)),
    query: new URLSearchParams(match[4] ?? ''),
  }
}

/** The root of a file system as the server writes it, without a slash at the end. */
export function rootUri({ host, id, password }: Pick<FileUri, 'host' | 'id' | 'password'>): string {
  if (id === '') return `cloudreve://${host}`
  const secret = password === '' ? '' : `:${encodeURIComponent(password)}`
  return `cloudreve://${encodeURIComponent(id)}${secret}@${host}`
}

/** Root and elements as the server writes them: the root alone ends in a slash. */
export function formatUri(root: string, elements: readonly string[]): string {
  return `${root}/${elements.map(encodeURIComponent).join('/')}`
}

/** The URI as the server writes it again; the key of batch errors. */
export function normalUri(text: string): string {
  const uri = parseUri(text)
  const root = rootUri(uri)
  return uri.elements.length === 0 ? root : formatUri(root, uri.elements)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Either a bad escape, which is refused, or bytes that are no UTF-8, which pass as U+FFFD.
    if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw new ApiFailure(40001, { msg: 'invalid URL escape' })
    return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
      Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
    )
  }
}

function cleanPath(path: string): string[] {
  const elements: string[] = []
  for (const element of path.split('/')) {
    if (element === '..') elements.pop()
    else if (element !== '' && element !== '.') elements.push(element)
  }
  return elements
}
