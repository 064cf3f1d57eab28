import type { RemotePath } from '../../remote/types.ts'

/** Of the folder that has all of them, or of the one that there is. */
export function commonPath(paths: readonly RemotePath[]): RemotePath {
  const [first = []] = paths
  const length = first.findIndex((name, depth) => paths.some((path) => path[depth] !== name))
  return length === -1 ? first : first.slice(0, length)
}

/** Names at the server have no slash. */
export function keyOf(path: RemotePath): string {
  return path.join('/')
}
