import type { MetadataPatch } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'

/** Objects that get the same attributes, in one call. */
export interface AttributeBatch {
  readonly patches: readonly MetadataPatch[]
  readonly nodes: readonly Node[]
}

/**
 * Objects in one call, at most. The server takes 3,000 (api/00-live-files §15); but one that it refuses keeps all others of the
 * call back, and while it works its database is held.
 */
const mostNodes = 500

/** As few as can be. None names an object together with one above it. */
export function batchesOf(wanted: ReadonlyMap<Node, readonly MetadataPatch[]>): AttributeBatch[] {
  const groups = new Map<string, Map<Node, readonly MetadataPatch[]>>()
  for (const [node, patches] of wanted) {
    const key = textOf(patches)
    const group = groups.get(key) ?? new Map()
    groups.set(key, group.set(node, patches))
  }
  return [...groups.values()].flatMap((group) => {
    const [patches] = group.values()
    return levelsOf([...group.keys()]).flatMap((level) =>
      chunksOf(level).map((nodes) => ({ patches: patches!, nodes })),
    )
  })
}

/** The same for equal patches, whatever their order. */
function textOf(patches: readonly MetadataPatch[]): string {
  const sorted = [...patches].sort((a, b) => (a.key < b.key ? -1 : 1))
  return JSON.stringify(sorted.map(({ key, value }) => [key, value]))
}

/** By how many folders above an object are among them too. */
function levelsOf(nodes: readonly Node[]): Node[][] {
  const all = new Set(nodes)
  const levels: Node[][] = []
  for (const node of nodes) {
    let depth = 0
    for (let at = node.remoteParent; at; at = at.remoteParent) if (all.has(at)) depth += 1
    ;(levels[depth] ??= []).push(node)
  }
  return levels.filter((level) => level !== undefined)
}

function chunksOf(nodes: readonly Node[]): Node[][] {
  const chunks: Node[][] = []
  for (let from = 0; from < nodes.length; from += mostNodes) chunks.push(nodes.slice(from, from + mostNodes))
  return chunks
}
