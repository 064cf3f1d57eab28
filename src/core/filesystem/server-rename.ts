/** Renames and moves at the server, a request each. It never replaces: what has a name there goes first. */
import { randomBytes } from 'node:crypto'
import { invariant } from '../../base/assert.ts'
import { Errno } from '../../base/errno.ts'
import { absentAsUndefined, isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import type { Node, NodePlace } from '../inode/index.ts'
import type { Core } from './core.ts'
import { mtimeOf } from './node-view.ts'

/** Where the next request brings `node` on its way from where the server has it to `to`: each changes the name or the folder. */
export function nextPlace(core: Core, node: Node, to: NodePlace): NodePlace {
  const from = node.remotePlace!
  if (from.parent === to.parent || from.name === to.name) return to
  if (!isTaken(core, from.parent, to.name)) return { parent: from.parent, name: to.name }
  if (!isTaken(core, to.parent, from.name)) return { parent: to.parent, name: from.name }
  return { parent: from.parent, name: freeName() }
}

/** A name that nobody uses, for a moment. */
export function freeName(): string {
  return `.moving-${randomBytes(6).toString('hex')}`
}

/**
 * Brings `nodes` by one request to where `next` says, and records that. More than one: to one folder, under the names that they have.
 * @throws {RemoteError} where some of it failed
 */
export async function relocate(
  core: Core,
  nodes: readonly Node[],
  next: (node: Node) => NodePlace,
): Promise<void> {
  const steps = nodes.map((node) => ({
    node,
    from: node.remotePlace!,
    to: next(node),
    ...pathsOf(node, next(node)),
  }))
  for (const { node, from, to } of steps) {
    invariant((from.parent === to.parent) !== (from.name === to.name), 'a request changes a name or a folder')
    keepTimes(core, node)
  }
  const [first] = steps
  const { remote } = core
  const call =
    first!.from.parent === first!.to.parent
      ? () => remote.rename(first!.path, first!.to.name)
      : () =>
          remote.move(
            steps.map(({ path }) => path),
            first!.expected.slice(0, -1),
          )
  try {
    await call()
  } catch (error) {
    for (const step of steps) if (await isThere(core, step.node, step.expected, error)) record(core, step)
    if (steps.some(({ node, to }) => node.remotePlace !== to)) throw error
    return
  }
  for (const step of steps) record(core, step)
}

function pathsOf(node: Node, to: NodePlace): { path: RemotePath; expected: RemotePath } {
  const path = node.remotePath
  const folder = to.parent.remotePath
  if (!path || !folder)
    throw new FsError(Errno.ENOENT, `${node.label}: its folder was deleted by somebody else`)
  return { path, expected: [...folder, to.name] }
}

function keepTimes(core: Core, node: Node): void {
  if (node.entry) core.times.keep(node.entry)
  if (node.isFolder) core.changes.keepMtime(node, mtimeOf(core, node))
}

/** A repeated or unanswered rename finds its source gone: it is done when the object is where it should be. */
async function isThere({ remote }: Core, node: Node, expected: RemotePath, error: unknown): Promise<boolean> {
  if (!isRemoteError(error, 'not-found', 'unknown-outcome', 'exists')) return false
  const found = await absentAsUndefined(remote.info(expected))
  return found !== undefined && found.id === node.id
}

function isTaken({ tree }: Core, folder: Node, name: string): boolean {
  return folder.children.has(name) || tree.folders.known(folder.listingKey)?.entries.has(name) === true
}

function record(
  { tree, remote, pending }: Core,
  { node, from, to }: { readonly node: Node; readonly from: NodePlace; readonly to: NodePlace },
): void {
  node.remotePlace = to
  const entry: RemoteEntry = { ...node.entry!, name: to.name, uri: remote.facts.uriOf(node.remotePath ?? []) }
  tree.table.bind(node, entry)
  tree.removed(from.parent, from.name)
  tree.placed(to.parent, entry)
  pending.touch(node)
}
