import { RemoteError } from '../../src/remote/errors.ts'
import type { RemoteTrash, TrashedCount, TrashedEntry } from '../../src/remote/trash.ts'
import type { FileId, RemotePath } from '../../src/remote/types.ts'
import type { CallScript } from './call-script.ts'
import type { MemoryNode, MemoryTree } from './memory-tree.ts'

export type TrashMethod = 'listTrash' | 'countTrashed' | 'putBack' | 'purge'

const retentionMs = 7 * 24 * 3_600_000
/** Of a count of a folder, as the server keeps it. */
const countLifetimeMs = 300_000

/** The trash of a `MemoryTree`, as the server lets it be seen. */
export class MemoryTrash implements RemoteTrash {
  readonly #tree: MemoryTree
  readonly #script: Pick<CallScript<TrashMethod>, 'run'>
  readonly #now: () => number
  readonly #counts = new Map<FileId, TrashedCount>()

  constructor(tree: MemoryTree, script: Pick<CallScript<TrashMethod>, 'run'>, now: () => number) {
    this.#tree = tree
    this.#script = script
    this.#now = now
  }

  async *listTrash(top: RemotePath): AsyncIterable<readonly TrashedEntry[]> {
    yield await this.#script.run('listTrash', top.join('/'), () =>
      this.#tree.trash
        .map((node) => this.#entry(node))
        .filter(({ from }) => top.every((name, depth) => from?.[depth] === name)),
    )
  }

  countTrashed({ entry }: TrashedEntry): Promise<TrashedCount> {
    return this.#script.run('countTrashed', entry.name, () => this.count(this.#node(entry.uri)))
  }

  putBack(entries: readonly TrashedEntry[]): Promise<readonly TrashedEntry[]> {
    return this.#script.run('putBack', namesOf(entries), () =>
      entries.filter(({ entry, from = [] }) => {
        const parent = this.#tree.find(from.slice(0, -1))
        if (parent?.kind !== 'folder' || parent.children.has(from.at(-1)!)) return true
        const node = this.#node(entry.uri)
        this.#tree.trash.splice(this.#tree.trash.indexOf(node), 1)
        this.#tree.attach(node, parent, from.at(-1)!)
        return false
      }),
    )
  }

  purge(entries: readonly TrashedEntry[]): Promise<void> {
    return this.#script.run('purge', namesOf(entries), () => {
      const uris = new Set(entries.map(({ entry }) => entry.uri))
      const { trash } = this.#tree
      for (const node of trash.filter((each) => uris.has(uriOf(each)))) trash.splice(trash.indexOf(node), 1)
    })
  }

  /** Asked for by anybody, in the trash or not: an answer is given again for minutes, whatever has become of the folder. */
  count(folder: MemoryNode): TrashedCount {
    const known = this.#counts.get(folder.id)
    if (known && this.#now() - known.countedAtMs < countLifetimeMs) return known
    const kinds = [...this.#tree.walk(folder)].slice(1).map(({ kind }) => kind)
    const files = kinds.filter((kind) => kind === 'file').length
    const count = { files, folders: kinds.length - files, isWhole: true, countedAtMs: this.#now() }
    this.#counts.set(folder.id, count)
    return count
  }

  #entry(node: MemoryNode): TrashedEntry {
    const { from, atMs } = this.#tree.deletions.get(node)!
    const keptUntilMs = Math.floor((atMs + retentionMs) / 1000) * 1000
    return { entry: { ...this.#tree.entry(node), uri: uriOf(node) }, from, keptUntilMs }
  }

  #node(uri: string): MemoryNode {
    const node = this.#tree.trash.find((each) => uriOf(each) === uri)
    if (!node) throw new RemoteError('not-found', `${uri}: not in the trash`)
    return node
  }
}

function uriOf({ id }: MemoryNode): string {
  return `cloudreve://trash/${id}`
}

function namesOf(entries: readonly TrashedEntry[]): string {
  return entries
    .map(({ from = [] }) => from.join('/'))
    .sort()
    .join(' ')
}
