import { Errno } from '../../base/errno.ts'
import type { RemotePath } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'

/** @throws {FsError} ENOTDIR, ENOENT */
export function idOf(folder: Node) {
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

/** Where requests find it. @throws {FsError} ENOENT */
export function pathOf(folder: Node) {
  const path = folder.remotePath
  if (!path) throw new FsError(Errno.ENOENT, `${folder.label} was deleted`)
  return path
}
