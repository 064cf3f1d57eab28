import { RemoteError } from '../../remote/errors.ts'
import type { RemoteTree } from '../../remote/remote.ts'
import type { RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import type { Patience } from '../patience.ts'
import type { Tree } from './tree.ts'

export interface ReachParts {
  readonly tree: Tree
  readonly remote: Pick<RemoteTree, 'info'>
  readonly patience: Pick<Patience, 'run'>
}

/**
 * The node at a path from the top, found without listing the folders on the way: what is not known of them is asked for by its name.
 * Unless it is pinned before the next `await` it may be gone.
 *
 * @throws {RemoteError} `not-found`
 */
export async function reach({ tree, remote, patience }: ReachParts, path: RemotePath): Promise<Node> {
  const { table } = tree
  let node = table.root
  for (const [depth, name] of path.entries()) {
    const at = path.slice(0, depth + 1)
    const ask = () => patience.run(`/${at.join('/')}`, () => remote.info(at))
    const parent = node
    parent.pins += 1
    try {
      node = parent.children.get(name) ?? knownIn(tree, parent, name) ?? place(tree, parent, await ask())
    } finally {
      parent.pins -= 1
      table.release(parent)
    }
  }
  return node
}

/** Where what is known need not be asked for. */
function knownIn(tree: Tree, parent: Node, name: string): Node | undefined {
  const known = parent.isFolder && !parent.isUnlinked ? tree.trusted(parent) : undefined
  return known && tree.childIn(parent, name, known)
}

function place(tree: Tree, parent: Node, entry: RemoteEntry): Node {
  const node = tree.nodeOf(parent, entry)
  if (node) return node
  throw new RemoteError('not-found', `${entry.name} in ${parent.label} is just being uploaded or moved`)
}
