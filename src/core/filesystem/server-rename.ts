/** Renames and moves at the server, which never replaces: the caller has made room. */
import { randomBytes } from 'node:crypto'
import { Errno } from '../../base/errno.ts'
import { FsError } from '../errors.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Node, NodePlace } from '../inode/index.ts'
import type { Core } from './core.ts'
import { mtimeOf } from './node-view.ts'

/** Brings `node` from where the server has it to `to`, and records it. Its `place` is the caller's business. */
export async function renameOnServer(core: Core, node: Node, to: NodePlace): Promise<void> {
  const from = node.remotePlace
  const folder = to.parent.remotePath
  const path = node.remotePath
  if (!from || !folder || !path)
    throw new FsError(Errno.ENOENT, `${node.label}: its folder was deleted by somebody else`)
  await core.patience.run(node.label, () => core.attributeCalls.passed(node))
  await node.content?.unlock()
  if (node.entry) core.times.keep(node.entry)
  if (node.isFolder) core.changes.keepMtime(node, mtimeOf(core, node))
  if (from.parent === to.parent) await renameStep(core, node, path, to.name)
  else if (from.name === to.name) await moveStep(core, node, path, folder)
  else await renameAndMove(core, node, { path, folder, to })
  record(core, node, from, to)
}

/** Two calls in the order whose intermediate name is free; three when neither is (api/03 §7). */
async function renameAndMove(
  core: Core,
  node: Node,
  { path, folder, to }: { path: RemotePath; folder: RemotePath; to: NodePlace },
): Promise<void> {
  const above = path.slice(0, -1)
  const name = path.at(-1)!
  if (!isTaken(core, node.remotePlace!.parent, to.name)) {
    await renameStep(core, node, path, to.name)
    await orUndo(
      () => moveStep(core, node, [...above, to.name], folder),
      () => core.remote.rename([...above, to.name], name),
      core,
    )
  } else if (!isTaken(core, to.parent, name)) {
    await moveStep(core, node, path, folder)
    await orUndo(
      () => renameStep(core, node, [...folder, name], to.name),
      () => core.remote.move([[...folder, name]], above),
      core,
    )
  } else {
    const between = `.moving-${randomBytes(6).toString('hex')}`
    await renameStep(core, node, path, between)
    await orUndo(
      () => moveStep(core, node, [...above, between], folder),
      () => core.remote.rename([...above, between], name),
      core,
    )
    await renameStep(core, node, [...folder, between], to.name)
  }
}

async function orUndo(step: () => Promise<unknown>, undo: () => Promise<unknown>, core: Core): Promise<void> {
  try {
    await step()
  } catch (error) {
    await undo().catch((cause: unknown) =>
      core.log.error('half a move could not be undone', { error: String(cause) }),
    )
    throw error
  }
}

async function renameStep(core: Core, node: Node, path: RemotePath, name: string): Promise<void> {
  const expected = [...path.slice(0, -1), name]
  await once(core, node, expected, () => core.remote.rename(path, name))
}

async function moveStep(core: Core, node: Node, path: RemotePath, folder: RemotePath): Promise<void> {
  await once(core, node, [...folder, path.at(-1)!], () => core.remote.move([path], folder))
}

/** A repeated or unanswered rename finds its source gone: it is done when the object is where it should be. */
async function once(
  core: Core,
  node: Node,
  expected: RemotePath,
  call: () => Promise<unknown>,
): Promise<void> {
  const { patience, remote } = core
  try {
    await patience.run(node.label, call)
  } catch (error) {
    if (!isRemoteError(error, 'not-found', 'unknown-outcome', 'exists')) throw error
    const found = await patience
      .run(node.label, () => remote.info(expected))
      .catch((cause: unknown) => {
        if (isRemoteError(cause, 'not-found')) return undefined
        throw cause
      })
    if (found?.id !== node.id) throw error
  }
}

function isTaken({ tree }: Core, folder: Node, name: string): boolean {
  return folder.children.has(name) || tree.folders.known(folder.id!)?.entries.has(name) === true
}

function record({ tree, remote }: Core, node: Node, from: NodePlace, to: NodePlace): void {
  node.remotePlace = to
  const entry: RemoteEntry = { ...node.entry!, name: to.name, uri: remote.facts.uriOf(node.remotePath ?? []) }
  tree.table.bind(node, entry)
  tree.removed(from.parent, from.name)
  tree.placed(to.parent, entry)
}
