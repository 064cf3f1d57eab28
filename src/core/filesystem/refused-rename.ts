import { isRemoteError } from '../../remote/errors.ts'
import { FsError } from '../errors.ts'
import { samePlace, type Node } from '../inode/index.ts'
import { tellKernels, type Core } from './core.ts'
import { freeConflictName } from './free-conflict-name.ts'
import { whyNot } from './pending-change.ts'

/** So often another name is tried; then it stays where the server has it. */
const mostTries = 2

/**
 * The server refuses the new name of `node`: programs see the old one again, or where something new of ours has that, both under
 * names of their own. True: it has a name now that is to be tried.
 */
export function showRefused(core: Core, node: Node, error: unknown, tries: number): boolean {
  const { log, pending } = core
  const shown = node.place!
  const former = node.remotePlace!
  const isFree = !former.parent.children.has(former.name)
  const isTried = !isFree && tries <= mostTries
  const { label } = node
  if (isTried) {
    const at = isRemoteError(error, 'exists') ? shown : former
    node.moveTo(at.parent, freeConflictName(core, at))
    log.warn('the new name of a file was taken by somebody else', { file: label, instead: node.label })
  } else {
    node.moveTo(former.parent, isFree ? former.name : freeConflictName(core, former))
    const reason = whyNot(error)
    log.error('the server refuses a rename; the old name is shown again', { file: label, reason })
    if (node.id !== undefined)
      core.refused.add(node.id, { label: node.label, kind: 'rename', to: label, reason })
  }
  if (node.place?.parent !== shown.parent) core.tree.table.release(shown.parent)
  pending.touch(node)
  const places = samePlace(former, node.place) ? [shown, former] : [shown, former, node.place!]
  for (const at of places) tellKernels(core, at)
  return isTried
}

/** Somebody else has deleted what was renamed: what is unsent of it is something new under the new name. False: nothing is. */
export function showDeleted({ log, tree }: Core, node: Node): boolean {
  log.warn('what was renamed here was deleted by somebody else', { file: node.label })
  const folder = node.place?.parent
  if (!node.isNeeded) {
    tree.vanish(node)
    if (folder) tree.table.release(folder)
    return false
  }
  node.isMissing = node.isFolder
  node.remotePlace = node.isLocal ? undefined : node.place
  return true
}

/** Trying again helps. */
export function isPassing(error: unknown): boolean {
  const cause = error instanceof FsError ? error.cause : error
  return isRemoteError(cause) && cause.isTransient
}
