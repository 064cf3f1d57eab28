import { Errno } from '../../base/errno.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import { mayDo } from '../xattr/index.ts'
import { assertPresent } from './core.ts'

/**
 * What the server would refuse later is refused at once, as far as it is known.
 * @throws {FsError} EPERM the top folder; ESTALE gone; EACCES the server says that this user may not
 */
export function assertChangeable(node: Node): void {
  if (node.isRoot) throw new FsError(Errno.EPERM, 'the server keeps no attributes for the top folder')
  assertPresent(node)
  if (node.entry && !mayDo(node.entry.capability, 'set metadata'))
    throw new FsError(Errno.EACCES, `${node.label}: the server lets this user change no attributes of it`)
}
