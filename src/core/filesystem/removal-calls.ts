/** The calls that delete something at the server. */
import { isRemoteError } from '../../remote/errors.ts'
import type { Node } from '../inode/index.ts'
import type { Core } from './core.ts'
import { whyNot } from './pending-change.ts'
import { isPassing } from './refused-rename.ts'

/**
 * Deletes `nodes` in as few calls as can be. Answers what the server refuses to delete, and why.
 * @throws {RemoteError} when it is to be tried again
 */
export async function removeAtServer(core: Core, nodes: readonly Node[]): Promise<ReadonlyMap<Node, string>> {
  const { remote, patience } = core
  const paths = nodes.flatMap(({ remotePath }) => (remotePath ? [remotePath] : []))
  if (paths.length === 0) return new Map()
  try {
    await patience.run(`/${paths[0]!.join('/')}`, () => remote.remove(paths))
    return new Map()
  } catch (error) {
    // Somebody else has deleted some of it in this moment; the rest is done (api/00-live-files §15).
    if (isRemoteError(error, 'not-found')) return new Map()
    if (nodes.length === 1 && !isPassing(error)) return new Map([[nodes[0]!, whyNot(error)]])
    // One that is locked or refused keeps all others of its call from being deleted.
    if (nodes.length === 1 || isRemoteError(error, 'offline', 'server', 'unknown-outcome')) throw error
  }
  return removeOneByOne(core, nodes)
}

async function removeOneByOne(core: Core, nodes: readonly Node[]): Promise<ReadonlyMap<Node, string>> {
  const refused = new Map<Node, string>()
  let failure: unknown
  for (const node of nodes) {
    try {
      for (const [each, reason] of await removeAtServer(core, [node])) refused.set(each, reason)
    } catch (error) {
      failure ??= error
    }
  }
  // The next try finds out what is done.
  if (failure !== undefined) throw failure
  return refused
}
