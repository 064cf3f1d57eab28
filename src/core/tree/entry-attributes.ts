import type { RemoteEntry } from '../../remote/types.ts'
import { decodeAttributes } from '../attributes/index.ts'
import type { FileKind } from '../types.ts'

export type EntryAttributes = ReturnType<typeof decodeAttributes>

const decoded = new WeakMap<RemoteEntry, EntryAttributes>()

/** Of records without metadata, as most are: there is nothing to decode, nor to remember for each. */
const plain: Partial<Record<RemoteEntry['kind'], EntryAttributes>> = {}

/** POSIX attributes that a record's metadata holds, decoded once a record. */
export function attributesOf(entry: RemoteEntry): EntryAttributes {
  if (isEmpty(entry.metadata)) return (plain[entry.kind] ??= decodeAttributes(entry))
  let attributes = decoded.get(entry)
  if (!attributes) {
    attributes = decodeAttributes(entry)
    decoded.set(entry, attributes)
  }
  return attributes
}

function isEmpty(metadata: RemoteEntry['metadata']): boolean {
  for (const _ in metadata) return false
  return true
}

export function kindOf(entry: RemoteEntry): FileKind {
  return entry.kind === 'folder' ? 'folder' : attributesOf(entry).kind
}
