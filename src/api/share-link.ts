/** Links of shares, as people send them to each other: they are taken apart, never followed (api/06 §3.9). */
import { parseUri, UriError, type CloudreveUri } from './uri.ts'

export interface ShareLink {
  /** Of the server: `https://cloud.example.com`. */
  readonly origin: string
  /** What the link leads to; a password that the link holds is in it. */
  readonly root: CloudreveUri
}

/**
 * `https://host/s/ID[/PASSWORD]`, and what a browser's address bar shows in its place, `https://host/home?path=cloudreve://…`. Undefined
 * for what is no web address.
 * @throws {UriError} for a web address that is no link of a share
 */
export function parseShareLink(text: string): ShareLink | undefined {
  if (!/^https?:\/\//i.test(text)) return undefined
  const { origin, pathname, searchParams } = urlOf(text)
  const [folder, id, password, ...more] = pathname.split('/').filter(Boolean)
  if (folder === 's' && id !== undefined && more.length === 0)
    return {
      origin,
      root: { fileSystem: 'share', id: decode(id), password: password && decode(password), path: [] },
    }
  const shown = folder === 'home' ? searchParams.get('path') : null
  const root = shown === null ? undefined : parseUri(shown)
  if (root?.fileSystem === 'share') return { origin, root }
  throw new UriError('no link of a share: it looks like https://cloud.example.com/s/ID')
}

function urlOf(text: string): URL {
  try {
    return new URL(text)
  } catch (cause) {
    throw new UriError('not a web address', { cause })
  }
}

function decode(element: string): string {
  try {
    return decodeURIComponent(element)
  } catch (cause) {
    throw new UriError('a link with a broken percent-escape', { cause })
  }
}
