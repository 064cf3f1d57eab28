/** Where a folder is asked about, and under what the answer is filed. */
import { Errno } from '../../base/errno.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'

/** Stands in for the record of a folder that the server does not have yet. */
export const newRecord = { id: '', kind: 'folder', name: '', metadata: {} } as unknown as RemoteEntry

/** What its listing is filed under. @throws {FsError} when it has none */
export function idOf(folder: Node): FileId {
  if (!folder.isFolder) throw new FsError(Errno.ENOTDIR, `${folder.label} is not a folder`)
  if (folder.isUnlinked) throw new FsError(Errno.ENOENT, `${folder.label} was deleted`)
  return folder.listingKey
}

export function samePath(a: RemotePath | undefined, b: RemotePath | undefined): boolean {
  return (
    a === b || (a !== undefined && b !== undefined && a.length === b.length && a.every((n, i) => n === b[i]))
  )
}

/** In `folder`, however deep, and not that itself. */
export function isBelow(path: RemotePath, folder: RemotePath): boolean {
  return path.length > folder.length && folder.every((name, depth) => path[depth] === name)
}

/** @throws {FsError} ENOENT */
export function pathOf(folder: Node): RemotePath {
  const path = folder.remotePath
  if (!path) throw new FsError(Errno.ENOENT, `${folder.label} was deleted`)
  return path
}
