import { LRUCache } from 'lru-cache'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { kindOf, type Tree } from '../tree/index.ts'
import type { Node } from '../inode/index.ts'

/**
 * How a program goes through a folder: as `readdir` shows it (`grep -r`, `tar`), sorted by inode number (`cp -r`), or by name, as shells
 * and file managers do.
 */
export type FileOrder = 'listing' | 'inode' | 'name'

export interface SequenceKind {
  readonly order: FileOrder
  /** Folders are entered where they come, as programs that copy or search trees do; else they are passed over. */
  readonly isWalk: boolean
}

/** A folder on the way, which need not be a node. */
export interface FolderPlace {
  readonly id: FileId
  readonly name: string
  readonly above: FolderPlace | undefined
}

export interface FoundFile {
  readonly entry: RemoteEntry
  readonly folder: FolderPlace
}

/** The names of a listing in some order. */
interface OrderedNames {
  readonly names: readonly string[]
  readonly places: ReadonlyMap<string, number>
}

/** Sorting a larger folder would keep others waiting. */
const maxSorted = 10_000
/** So many names of folders are kept in order; those of one larger folder in any case. */
const maxNames = 100_000
/** Objects that are looked at for one file, at most. */
const maxLookedAt = 1_000

/** Names of folders in order, as they were listed last. Asks nobody, and nothing here counts as a use of a listing. */
export class FolderOrders {
  readonly #tree: Pick<Tree, 'folders' | 'table'>
  readonly #orders = new LRUCache<string, OrderedNames & { readonly of: object }>({
    maxSize: maxNames,
    sizeCalculation: ({ names }) => Math.min(maxNames, names.length + 1),
  })

  constructor(tree: Pick<Tree, 'folders' | 'table'>) {
    this.#tree = tree
  }

  entry(folder: FileId, name: string): RemoteEntry | undefined {
    return this.#tree.folders.peek(folder)?.entries.get(name)
  }

  isKnown(folder: FileId): boolean {
    return this.#tree.folders.peek(folder) !== undefined
  }

  /** undefined: it is not known, or too large to be sorted. */
  of(folder: FileId, order: FileOrder): OrderedNames | undefined {
    const entries = this.#tree.folders.peek(folder)?.entries
    if (!entries || (order !== 'listing' && entries.size > maxSorted)) return undefined
    const key = `${order} ${folder}`
    const kept = this.#orders.get(key)
    if (kept?.of === entries) return kept
    const names = this.#sorted(entries, order)
    const made = { names, places: new Map(names.map((name, place) => [name, place])), of: entries }
    this.#orders.set(key, made)
    return made
  }

  #sorted(entries: ReadonlyMap<string, RemoteEntry>, order: FileOrder): string[] {
    if (order === 'listing') return [...entries.keys()]
    if (order === 'name') return [...entries.keys()].sort()
    const { table } = this.#tree
    const numbered = [...entries.values()].map(({ id, name }) => [table.stableInoOf(id), name] as const)
    return numbered.sort(([a], [b]) => a - b).map(([, name]) => name)
  }
}

export interface FileSequenceParts {
  readonly orders: FolderOrders
  readonly kind: SequenceKind
  /** All other files are passed over. */
  readonly isMeant: (entry: RemoteEntry) => boolean
}

/** The files that come after one, in one of the orders, as far as listings are known. */
export class FileSequence {
  readonly #orders: FolderOrders
  readonly #kind: SequenceKind
  readonly #isMeant: (entry: RemoteEntry) => boolean
  #folder: FolderPlace
  /** Of the last object that was looked at in the folder; undefined: its first is next. */
  #name: string | undefined

  constructor(
    { orders, kind, isMeant }: FileSequenceParts,
    after: { readonly folder: FolderPlace; readonly name: string },
  ) {
    this.#orders = orders
    this.#kind = kind
    this.#isMeant = isMeant
    this.#folder = after.folder
    this.#name = after.name
  }

  /** undefined: none is known at the moment. */
  next(): FoundFile | undefined {
    for (let i = 0; i < maxLookedAt; i += 1) {
      const name = this.#nextName()
      if (name === undefined) {
        if (!this.#leave()) return undefined
        continue
      }
      const entry = this.#orders.entry(this.#folder.id, name)
      if (entry?.kind === 'folder' && this.#kind.isWalk) {
        if (!this.#orders.isKnown(entry.id)) return undefined
        this.#folder = { id: entry.id, name, above: this.#folder }
        this.#name = undefined
        continue
      }
      this.#name = name
      if (entry && this.#isMeant(entry)) return { entry, folder: this.#folder }
    }
    return undefined
  }

  #nextName(): string | undefined {
    const ordered = this.#orders.of(this.#folder.id, this.#kind.order)
    if (this.#name === undefined) return ordered?.names[0]
    const place = ordered?.places.get(this.#name)
    return place === undefined ? undefined : ordered?.names[place + 1]
  }

  /** False: there is nothing after the folder, or nobody knows what. */
  #leave(): boolean {
    const { name, above } = this.#folder
    const isPassed = this.#orders.of(this.#folder.id, this.#kind.order) !== undefined
    if (!this.#kind.isWalk || !above || !isPassed) return false
    this.#folder = above
    this.#name = name
    return true
  }
}

/** Where a folder is at the server; undefined for one that the server does not have. */
export function placeOf(folder: Node): FolderPlace | undefined {
  if (folder.id === undefined) return undefined
  const at = folder.remotePlace
  return { id: folder.id, name: at?.name ?? '', above: at && placeOf(at.parent) }
}

/** Path of what lies in a folder. */
export function pathIn(folder: FolderPlace, name: string): RemotePath {
  const path = [name]
  for (let at = folder; at.above; at = at.above) path.unshift(at.name)
  return path
}

/** A file with some content of at most `limitBytes`, all of which is at the server. */
export function isSmallFile(entry: RemoteEntry, limitBytes: number): boolean {
  const { kind, sizeBytes, entity, uploadSessionId } = entry
  if (kind !== 'file' || entity === undefined || uploadSessionId !== undefined) return false
  return sizeBytes > 0 && sizeBytes <= limitBytes && kindOf(entry) === 'file'
}
