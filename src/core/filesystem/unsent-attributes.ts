/** What programs have set and the server does not have yet, compared with what it has. Sends nothing. */
import type { Timespec } from '../../base/timespec.ts'
import type { EntityId, MetadataPatch, RemoteEntry } from '../../remote/types.ts'
import { encodeMtime, MTIME_KEY } from '../attributes/index.ts'
import type { Node } from '../inode/index.ts'
import { attributesOf } from '../tree/index.ts'

export interface AttributeChange {
  readonly patches: readonly MetadataPatch[]
  /** Of a file; a folder's is among the patches. */
  readonly mtime?: Timespec | undefined
}

/** A program has set something. */
export function setUnsent({ unsent }: Node, { patches, mtime }: AttributeChange): void {
  for (const patch of patches) unsent.patches.set(patch.key, patch)
  if (mtime === undefined) return
  unsent.mtime = mtime
  unsent.patches.delete(MTIME_KEY)
}

/** What the server's object `entry` lacks of it. */
export function unsentPatches(node: Node, entry: RemoteEntry): MetadataPatch[] {
  if (!node.hasUnsent) return []
  const { patches, mtime } = node.unsent
  const wanted = [...patches.values()].filter(({ key, value }) => entry.metadata[key] !== value)
  if (mtime && !isSameTime(mtime, attributesOf(entry).mtime)) wanted.push(encodeMtime(mtime, holderOf(entry)))
  return wanted
}

/** `patches` are done with: what was set to something else since they were sent stays. */
export function dropUnsent(node: Node, patches: readonly MetadataPatch[]): void {
  const { unsent } = node
  for (const { key, value } of patches)
    if (unsent.patches.get(key)?.value === value) unsent.patches.delete(key)
  if (!unsent.mtime || !node.entry || node.isLocal) return
  const sent = encodeMtime(unsent.mtime, holderOf(node.entry))
  if (patches.some(({ key, value }) => key === sent.key && value === sent.value)) unsent.mtime = undefined
}

/** Nothing of it is wanted any more, or the server has all of it. */
export function clearUnsent({ unsent }: Node): void {
  unsent.patches.clear()
  unsent.mtime = undefined
}

/** The server has the object, and no content of it goes first that would take them along. */
export function canBeSent(node: Node): boolean {
  return node.hasUnsent && node.entry !== undefined && !node.isLocal && (!node.isUnlinked || node.isVanished)
}

export function withPatches(entry: RemoteEntry, patches: readonly MetadataPatch[]): RemoteEntry {
  const metadata: Record<string, string> = { ...entry.metadata }
  for (const { key, value } of patches) {
    if (value === undefined) delete metadata[key]
    else metadata[key] = value
  }
  return { ...entry, metadata }
}

/** What a chosen time holds for. A file that never had content has no entity. */
function holderOf({ entity, sizeBytes }: RemoteEntry): { entity: EntityId } | { sizeBytes: number } {
  return entity ? { entity } : { sizeBytes }
}

function isSameTime(a: Timespec, b: Timespec | undefined): boolean {
  return a.seconds === b?.seconds && a.nanoseconds === b.nanoseconds
}
