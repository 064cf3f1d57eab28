/** One new folder or symbolic link: how it is made at the server, and how it is told from what others have made. */
import { absentAsUndefined, isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import { toPosixName } from '../names/index.ts'
import { attributesOf, kindOf } from '../tree/index.ts'
import { dirtyWithin, tellKernels, type Core } from './core.ts'
import { freeConflictName } from './free-conflict-name.ts'
import { viewAttributes } from './node-view.ts'

export interface MadeEntry {
  readonly entry: RemoteEntry
  /** We have made it just now, so nobody has put anything into it. */
  readonly isOurs: boolean
}

/**
 * Makes `node` at its path. Undefined when somebody else has put something else under its name: then it has another one, to be made
 * there.
 * @throws {RemoteError} after some of which it may be there; trying again finds it
 */
export async function makeAtServer(core: Core, node: Node): Promise<MadeEntry | undefined> {
  const { changing, remote } = core
  const path = node.remotePath!
  try {
    const entry = node.isFolder
      ? await changing.createFolder(path)
      : await changing.createFile(path, metadataOf(node))
    return { entry, isOurs: true }
  } catch (error) {
    if (!isRemoteError(error, 'exists')) throw error
  }
  const found = await remote.info(path)
  if (isSame(node, found)) return { entry: found, isOurs: false }
  await moveAside(core, node)
  return undefined
}

/** A link like `link` at its path; undefined when there is none. @throws {RemoteError} when the server cannot be asked */
export async function findLink({ remote, patience }: Core, link: Node): Promise<MadeEntry | undefined> {
  const path = link.remotePath
  const entry = path && (await absentAsUndefined(patience.run(link.label, () => remote.info(path))))
  return entry && isSame(link, entry) ? { entry, isOurs: false } : undefined
}

/** Trying again does not help until somebody changes something. */
export function isFinal(error: unknown): boolean {
  return isRemoteError(error, 'denied', 'bad-name', 'invalid', 'unsupported', 'quota', 'too-large')
}

/** What travels with a link. */
function metadataOf({ unsent }: Node): Record<string, string> {
  const metadata: Record<string, string> = {}
  for (const { key, value } of unsent.patches.values()) if (value !== undefined) metadata[key] = value
  return metadata
}

/** What was to be made is there: made by us, without our hearing of it, or by somebody else in the same way. */
function isSame(node: Node, found: RemoteEntry): boolean {
  if (node.isFolder) return found.kind === 'folder'
  return kindOf(found) === 'symlink' && attributesOf(found).linkTarget === viewAttributes(node).linkTarget
}

/** Somebody else has put something else under its name: both are kept. */
async function moveAside(core: Core, node: Node): Promise<void> {
  const { log, kernel, pending, tree } = core
  const { parent, name } = node.place!
  const free = freeConflictName(core, { parent, name })
  log.warn('the name of a new folder or link was taken by somebody else', { path: node.label, instead: free })
  node.moveTo(parent, free)
  pending.touch(node)
  tree.folders.expire(parent.listingKey)
  kernel.expireEntry(parent.ino, toPosixName(name))
  tellKernels(core, { parent, name: free })
  await Promise.all(dirtyWithin(core, node).map(({ content }) => content!.relabel()))
}
