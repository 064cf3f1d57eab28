/** Paths of a drive that does at once what it is told; a folder has no text. */
export type Reference = Map<string, string | undefined>

/** What is shown, or stored, under which path. */
export type Names = readonly (readonly [string, string | undefined])[]

export function atFirst(): Reference {
  return new Map([
    ...(['a', 'b', 'a/b'] as const).map((path): [string, undefined] => [path, undefined]),
    ['a/c', 'first'],
    ['a/b/c', 'second'],
    ['c', 'third'],
  ])
}

export function parentOf(path: string): string {
  return path.split('/').slice(0, -1).join('/')
}

export function isFolder(names: Reference, path: string): boolean {
  return path === '' || (names.has(path) && names.get(path) === undefined)
}

export function isEmpty(names: Reference, path: string): boolean {
  return ![...names.keys()].some((each) => each.startsWith(`${path}/`))
}

/** Whether it may be done; then it is done. */
export function rename(names: Reference, from: string, to: string): boolean {
  if (!names.has(from) || !isFolder(names, parentOf(to)) || from === to || `${to}/`.startsWith(`${from}/`))
    return false
  if (names.has(to)) {
    if (isFolder(names, from) !== isFolder(names, to) || !isEmpty(names, to)) return false
    names.delete(to)
  }
  for (const [path, text] of [...names]) {
    if (path !== from && !path.startsWith(`${from}/`)) continue
    names.delete(path)
    names.set(to + path.slice(from.length), text)
  }
  return true
}

export function sorted(names: Iterable<readonly [string, string | undefined]>): Names {
  return [...names].sort(([a], [b]) => (a < b ? -1 : 1))
}
