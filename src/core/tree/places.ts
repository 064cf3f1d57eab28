/** Where a folder is at the server, or the error that says why it is nowhere. */
import { Errno } from '../../base/errno.ts'
import type { FileId, RemotePath } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'

/** @throws {FsError} ENOTDIR, ENOENT */
export function idOf(folder: Node): FileId {
  if (!folder.isFolder) throw new FsError(Errno.ENOTDIR, `${folder.label} is not a folder`)
  if (folder.id === undefined || folder.isUnlinked)
    throw new FsError(Errno.ENOENT, `${folder.label} was deleted`)
  return folder.id
}

export function samePath(a: RemotePath | undefined, b: RemotePath | undefined): boolean {
  return (
    a === b || (a !== undefined && b !== undefined && a.length === b.length && a.every((n, i) => n === b[i]))
  )
}

/** @throws {FsError} ENOENT */
export function pathOf(folder: Node): RemotePath {
  const path = folder.remotePath
  if (!path) throw new FsError(Errno.ENOENT, `${folder.label} was deleted`)
  return path
}
