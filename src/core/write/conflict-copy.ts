import { isRemoteError } from '../../remote/errors.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { pathNow } from './fetch-piece.ts'
import type { BaseEntity, Placed, WriteRemote } from './types.ts'

/** What lies at the server beside a file that somebody else has changed: our line of changes goes on in it. */
export interface ConflictCopy {
  readonly id: FileId
  /** Where it was when it was saved last. */
  readonly path: RemotePath
  readonly entity: BaseEntity
  /** What the name shows. */
  readonly current: RemoteEntry
}

export function conflictCopy({ entry, path }: Placed, current: RemoteEntry): ConflictCopy {
  return { id: entry.id, path, entity: entry.entity ?? 'absent', current }
}

/**
 * Where it is by now: its folder may have another name, or itself. One that was deleted is made again beside the file, which is at
 * `beside`. @throws {RemoteError} when the server cannot be asked
 */
export async function copyPath(
  remote: Pick<WriteRemote, 'infoById' | 'facts'>,
  { id, path }: ConflictCopy,
  beside: RemotePath,
): Promise<RemotePath> {
  try {
    return await pathNow(remote, { id, path })
  } catch (error) {
    if (!isRemoteError(error, 'entity-gone')) throw error
    return [...beside.slice(0, -1), path.at(-1)!]
  }
}
