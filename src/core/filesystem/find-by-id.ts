import { absentAsUndefined, isRemoteError, RemoteError } from '../../remote/errors.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import { reach, samePath } from '../tree/index.ts'
import type { Core } from './core.ts'

/** Where the server has an object now. */
export interface FoundObject {
  readonly entry: RemoteEntry
  readonly path: RemotePath
}

/** Undefined: it was deleted, or lies outside of this mount. @throws {RemoteError} when the server cannot be asked */
export async function findById({ remote }: Core, id: FileId | undefined): Promise<FoundObject | undefined> {
  if (id === undefined) return undefined
  const entry = await absentAsUndefined(remote.infoById(id))
  const path = entry && remote.facts.pathOf(entry.uri)
  return entry && path && { entry, path }
}

/** The folder that the server has at `path`, where `node` was found. @throws {RemoteError} `conflict` when it is just being moved */
export async function folderOfFound(core: Core, path: RemotePath, node: Node): Promise<Node> {
  try {
    const folder = await reach(core, path)
    const isMeant = folder.isRoot || (!folder.isNew && samePath(folder.remotePath, path))
    if (folder.isFolder && !folder.isUnlinked && isMeant) return folder
  } catch (error) {
    if (!isRemoteError(error, 'not-found')) throw error
  }
  throw new RemoteError('conflict', `${node.label} is being moved at the server`)
}
