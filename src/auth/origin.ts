/**
 * What a person typed, reduced to the origin: the server builds every URL on it, sub-paths do not work (api/01 §1).
 * Without a scheme `https` is meant, except for this machine.
 * @throws {TypeError} when it is no web address
 */
export function originOf(typed: string): string {
  const text = typed.trim()
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? text
    : `${isThisMachine(text) ? 'http' : 'https'}://${text}`
  let url: URL
  try {
    url = new URL(withScheme)
  } catch (cause) {
    throw new TypeError('this is not a web address: it looks like https://cloud.example.com', { cause })
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new TypeError('the address of a server begins with https:// or http://')
  }
  return url.origin
}

function isThisMachine(text: string): boolean {
  return /^(localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?(?:\/|$)/i.test(text)
}
