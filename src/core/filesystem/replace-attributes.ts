import type { RemoteEntry } from '../../remote/types.ts'
import { isOwnKey, MTIME_KEY } from '../attributes/index.ts'
import type { Node, UnsentAttributes } from '../inode/index.ts'

/**
 * What the object has, or is just being given (`coming`), and the new file has not must go; what is the same need not be sent. A chosen
 * time names the content that it is of, so that of another content may stay.
 */
export function replaceAttributes(
  heir: Node,
  metadata: RemoteEntry['metadata'],
  coming: ReadonlySet<string> = new Set(),
): void {
  const { patches } = heir.unsent
  for (const key of new Set([...Object.keys(metadata), ...coming])) {
    if (!isOwnKey(key) || key === MTIME_KEY) continue
    const wanted = patches.get(key)
    if (!wanted) patches.set(key, { key, value: undefined })
    else if (wanted.value === metadata[key] && !coming.has(key)) patches.delete(key)
  }
}

/** What a clean file has at the server its content takes along when that becomes the content of another file. */
export function keepAttributes({ metadata }: RemoteEntry, { patches }: UnsentAttributes): void {
  for (const [key, value] of Object.entries(metadata))
    if (isOwnKey(key) && key !== MTIME_KEY && !patches.has(key)) patches.set(key, { key, value })
}
