/** What became different between two answers of the server. Pure. */
import type { FileId, RemoteEntry } from '../../remote/types.ts'

type Entries = ReadonlyMap<string, RemoteEntry>

/** The same names for the same objects, in the same order: who read half of one can go on in the other. */
export function sameNames(before: Entries, after: Entries): boolean {
  if (before.size !== after.size) return false
  const others = before.values()
  for (const entry of after.values()) {
    const other = others.next().value
    if (other?.id !== entry.id || other.name !== entry.name || other.kind !== entry.kind) return false
  }
  return true
}

/** Everything that a program can see of an object besides its name and its content. */
export function sameAttributes(before: RemoteEntry, after: RemoteEntry): boolean {
  if (before === after) return true
  return (
    before.updatedAtMs === after.updatedAtMs &&
    before.sizeBytes === after.sizeBytes &&
    sameMetadata(before.metadata, after.metadata)
  )
}

function sameMetadata(before: RemoteEntry['metadata'], after: RemoteEntry['metadata']): boolean {
  const keys = Object.keys(before)
  return keys.length === Object.keys(after).length && keys.every((key) => before[key] === after[key])
}

/** Where a listing has an object now that had `name`: most have it still. */
export function entryFinder(
  entries: ReadonlyMap<string, RemoteEntry>,
): (id: FileId | undefined, name: string) => RemoteEntry | undefined {
  let byId: Map<FileId | undefined, RemoteEntry> | undefined
  return (id, name) => {
    const same = entries.get(name)
    if (same?.id === id) return same
    byId ??= new Map([...entries.values()].map((entry) => [entry.id, entry]))
    return byId.get(id)
  }
}
