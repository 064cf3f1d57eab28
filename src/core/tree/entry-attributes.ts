import type { RemoteEntry } from '../../remote/types.ts'
import { decodeAttributes } from '../attributes/index.ts'
import type { FileKind } from '../types.ts'

export type EntryAttributes = ReturnType<typeof decodeAttributes>

const decoded = new WeakMap<RemoteEntry, EntryAttributes>()

/** POSIX attributes that a record's metadata holds, decoded once a record. */
export function attributesOf(entry: RemoteEntry): EntryAttributes {
  let attributes = decoded.get(entry)
  if (!attributes) {
    attributes = decodeAttributes(entry)
    decoded.set(entry, attributes)
  }
  return attributes
}

export function kindOf(entry: RemoteEntry): FileKind {
  return entry.kind === 'folder' ? 'folder' : attributesOf(entry).kind
}
