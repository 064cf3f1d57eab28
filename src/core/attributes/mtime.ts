import type { Timespec } from '../../base/timespec.ts'
import type { EntityId, MetadataPatch, RemoteEntry } from '../../remote/types.ts'
import { MTIME_KEY } from './keys.ts'

/**
 * The content that a time belongs to: one content by its id; any of that size, where the id is not known before the time is sent
 * (an upload carries both at once); `'folder'`.
 */
export type MtimeHolds = { readonly entity: EntityId } | { readonly sizeBytes: number } | 'folder'

/** Stored as `<seconds>.<nanoseconds> <what it holds for>`; seconds are rounded down, so both parts add up before 1970 too. */
const FORMAT = /^(-?\d{1,13})\.(\d{9}) (?:entity=(\S+)|size=(\d{1,16})|(folder))$/

/** `undefined` forgets the explicit time. */
export function encodeMtime(mtime: Timespec | undefined, holdsFor: MtimeHolds): MetadataPatch {
  if (mtime === undefined) return { key: MTIME_KEY, value: undefined }
  const nanoseconds = String(mtime.nanoseconds).padStart(9, '0')
  return { key: MTIME_KEY, value: `${mtime.seconds}.${nanoseconds} ${subject(holdsFor)}` }
}

function subject(holdsFor: MtimeHolds): string {
  if (holdsFor === 'folder') return 'folder'
  return 'entity' in holdsFor ? `entity=${holdsFor.entity}` : `size=${holdsFor.sizeBytes}`
}

/** The explicit time of `entry`, unless there is none or it was set for another content. */
export function decodeMtime(entry: RemoteEntry): Timespec | undefined {
  const match = FORMAT.exec(entry.metadata[MTIME_KEY] ?? '')
  if (!match) return undefined
  const [, seconds, nanoseconds, entity, size, folder] = match
  const holds =
    entry.kind === 'folder'
      ? folder !== undefined
      : (entity !== undefined && entity === entry.entity) ||
        (size !== undefined && Number(size) === entry.sizeBytes)
  return holds ? { seconds: Number(seconds), nanoseconds: Number(nanoseconds) } : undefined
}
