/** What a walk over a subtree has brought, folder by folder. */
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'

interface WalkedFolder {
  readonly path: RemotePath
  readonly key: string
  /** By server name. */
  readonly entries: Map<string, RemoteEntry>
}

/** Names hold no slash. */
const keyOf = (path: RemotePath) => path.join('/')

/**
 * Puts the objects of a walk into their folders. The walk is breadth first: when it ends early, or as long as it goes on, folders at
 * the two lowest levels may lack some.
 */
export class WalkedSubtree {
  readonly #top: RemotePath
  readonly #folders = new Map<string, WalkedFolder>()
  readonly #folderEntries = new Map<string, RemoteEntry>()
  /** One as a rule: more where it moved meanwhile. */
  readonly #parentsOf = new Map<FileId, string | readonly string[]>()
  /** Where the last object is: the next one is there too, as a rule. */
  #current: { readonly above: RemotePath; readonly folder: WalkedFolder } | undefined
  readonly #doubtful = new Set<string>()
  readonly #changedFolders = new Set<FileId>()
  #deepest = 0
  #isWhole = false
  /** Objects. */
  count = 0

  get folders(): number {
    return this.#folders.size
  }

  constructor(top: RemotePath, entry: RemoteEntry) {
    this.#top = top
    this.#folderEntries.set(keyOf(top), entry)
    this.#folderAt(top)
  }

  /** `entry` is in the folder at `above`. */
  add(above: RemotePath, entry: RemoteEntry): void {
    if (this.#current?.above !== above) this.#current = { above, folder: this.#folderAt(above) }
    const { key, entries } = this.#current.folder
    entries.set(entry.name, entry)
    this.#deepest = Math.max(this.#deepest, above.length + 1)
    this.count += 1
    const parents = this.#parentsOf.get(entry.id)
    this.#parentsOf.set(entry.id, parents === undefined ? key : [parents, key].flat())
    if (entry.kind !== 'folder') return
    const path = [...above, entry.name]
    this.#folderEntries.set(keyOf(path), entry)
    this.#folderAt(path)
  }

  /** The walk has ended by itself. */
  end(): void {
    this.#isWhole = true
  }

  /** `entry` has changed while the walk went on: the folders that it is or was in, and itself, may have been seen by halves. */
  doubt(path: RemotePath, entry: RemoteEntry): void {
    const { id, kind } = entry
    if (kind === 'folder') {
      this.#changedFolders.add(id)
      this.#folderEntries.set(keyOf(path), entry)
    }
    for (const key of [keyOf(path), keyOf(path.slice(0, -1)), ...[this.#parentsOf.get(id) ?? []].flat()])
      this.#doubtful.add(key)
  }

  /** Folders in which something has changed meanwhile. */
  *doubtful(): Generator<RemoteEntry> {
    for (const key of this.#doubtful) {
      const folder = this.#folderEntries.get(key)
      if (folder) yield folder
    }
  }

  /** Folders below the top of which everything was seen, those above others first. */
  *complete(
    isMoved: (folder: FileId) => boolean,
  ): Generator<{ folder: RemoteEntry; entries: Map<string, RemoteEntry> }> {
    for (const [key, { path, entries }] of this.#folders) {
      if (path.length === this.#top.length) continue
      // A folder that moved upwards during the walk is not in it itself (api/00-live-files §11).
      const folder = this.#folderEntries.get(key)
      const isSeen = this.#isWhole || path.length + 1 < this.#deepest
      if (folder && isSeen && !this.#doubtful.has(key) && !this.#isBelowMoved(path, isMoved))
        yield { folder, entries }
    }
  }

  #isBelowMoved(path: RemotePath, isMoved: (folder: FileId) => boolean): boolean {
    for (let depth = this.#top.length; depth <= path.length; depth += 1) {
      const above = this.#folderEntries.get(keyOf(path.slice(0, depth)))
      // Below a folder that was moved some objects were seen under the old path, some under the new one.
      if (!above || isMoved(above.id) || this.#changedFolders.has(above.id)) return true
    }
    return false
  }

  #folderAt(path: RemotePath): WalkedFolder {
    const key = keyOf(path)
    const present = this.#folders.get(key)
    if (present) return present
    const folder = { path, key, entries: new Map<string, RemoteEntry>() }
    this.#folders.set(key, folder)
    return folder
  }
}
