/** Renames and moves at the server, a request each. It never replaces: what has a name there goes first. */
import { randomBytes } from 'node:crypto'
import { invariant } from '../../base/assert.ts'
import { Errno } from '../../base/errno.ts'
import { messageOf } from '../../base/error-message.ts'
import { absentAsUndefined, isRemoteError } from '../../remote/errors.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import type { Node, NodePlace } from '../inode/index.ts'
import { tellKernels, type Core } from './core.ts'
import { mtimeOf } from './node-view.ts'

const freePrefix = '.moving-'

/** What one request does to one node. */
export interface RenameStep {
  readonly node: Node
  readonly id: FileId | undefined
  readonly from: NodePlace
  readonly to: NodePlace
  /** As the request names it, and where it is afterwards. */
  readonly path: RemotePath
  readonly expected: RemotePath
}

/** Where the next request brings `node` on its way from where the server has it to `to`: each changes the name or the folder. */
export function nextPlace(core: Core, node: Node, to: NodePlace): NodePlace {
  const from = node.remotePlace!
  if (from.parent === to.parent || from.name === to.name) return to
  if (!isFreeName(from.name) && !isTaken(core, from.parent, to.name))
    return { parent: from.parent, name: to.name }
  if (!isTaken(core, to.parent, from.name)) return { parent: to.parent, name: from.name }
  return { parent: from.parent, name: freeName() }
}

/** A name that nobody uses, for a moment. */
export function freeName(): string {
  return `${freePrefix}${randomBytes(6).toString('hex')}`
}

export function isFreeName(name: string): boolean {
  return name.startsWith(freePrefix)
}

/** @throws {FsError} where one of the folders was deleted by somebody else */
export function stepsOf(nodes: readonly Node[], next: (node: Node) => NodePlace): RenameStep[] {
  return nodes.map((node) => {
    const from = node.remotePlace!
    const to = next(node)
    invariant((from.parent === to.parent) !== (from.name === to.name), 'a request changes a name or a folder')
    const path = node.remotePath
    const folder = to.parent.remotePath
    if (!path || !folder) throw folderGone(node)
    return { node, id: node.id, from, to, path, expected: [...folder, to.name] }
  })
}

export function folderGone({ label }: Node): FsError {
  return new FsError(Errno.ENOENT, `${label}: its folder was deleted by somebody else`)
}

/** What the server has no place for is kept here. */
export function keepTimes(core: Core, { node }: RenameStep): void {
  if (node.entry) core.times.keep(node.entry)
  if (node.isFolder) core.changes.keepMtime(node, mtimeOf(core, node))
}

/** The server has done it. */
export function recordStep({ tree, remote, pending }: Core, { node, from, to }: RenameStep): void {
  node.remotePlace = to
  const entry: RemoteEntry = { ...node.entry!, name: to.name, uri: remote.facts.uriOf(node.remotePath ?? []) }
  tree.table.bind(node, entry)
  tree.removed(from.parent, from.name)
  tree.placed(to.parent, entry)
  pending.touch(node)
}

/** `foreign`, which another client had put in the place of ours, was renamed: it gets its own name again. */
export async function renameBack(core: Core, step: RenameStep, foreign: RemoteEntry): Promise<void> {
  const { log, tree } = core
  const { path, expected, from, to } = step
  const names = { file: path.join('/'), now: expected.join('/') }
  try {
    await giveBack(core, step, foreign.id)
    log.warn('a file that another client has put in the place of a renamed one has its name again', names)
  } catch (error) {
    const reason = messageOf(error)
    log.error('a file of another client was renamed, and could not be given its name again', {
      ...names,
      reason,
    })
  }
  tree.folders.expire(from.parent.listingKey)
  for (const at of [from, to]) tellKernels(core, at)
}

async function giveBack(
  { changing, remote }: Core,
  { path, expected, from }: RenameStep,
  id: FileId,
): Promise<void> {
  try {
    const answer = await changing.rename(expected, from.name)
    if (answer.id !== id) throw new Error('it was moved once more meanwhile')
  } catch (error) {
    if (!isRemoteError(error, 'unknown-outcome')) throw error
    const found = await absentAsUndefined(remote.info(path))
    if (found?.id !== id) throw error
  }
}

/** Something else has the new name of what somebody else has moved: a request of ours may have given it that, and nothing proves it. */
export function warnOfStranger({ log }: Pick<Core, 'log'>, file: string, other: RemotePath): void {
  log.warn(
    'somebody else has moved a file that was renamed here: another one may have been given its new name',
    {
      file,
      other: other.join('/'),
    },
  )
}

function isTaken({ tree }: Core, folder: Node, name: string): boolean {
  return folder.children.has(name) || tree.folders.known(folder.listingKey)?.entries.has(name) === true
}
