/** Finds again, at the server as it is now, what an earlier process has left on record. */
import { isRemoteError } from '../../remote/errors.ts'
import type { FileId, RemotePath } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import type { Core } from './core.ts'
import type { PendingRecord, PlaceRecord } from './pending-states.ts'

/** A record, and what it speaks of. */
export interface Located {
  readonly key: string
  readonly record: PendingRecord
  /** Where the file is to be seen; undefined when it was deleted. */
  readonly folder: Node | undefined
  /** What stands for the server's object; undefined when there is none, or none any more. */
  readonly node: Node | undefined
}

/** Looks for one record after the other; everything that it finds stays in memory until `release`. */
export class PendingPlaces {
  readonly #core: Core
  readonly #folders = new Map<FileId, Node>()
  readonly #pinned = new Set<Node>()

  constructor(core: Core) {
    this.#core = core
  }

  /** @throws {RemoteError} when the server cannot be asked */
  async locate(key: string, record: PendingRecord): Promise<Located> {
    const mustBe = record.staged !== undefined
    const folder = record.place && (await this.#folderOf(record.place, mustBe))
    const at = record.at ?? record.place
    const former = record.at ? await this.#folderOf(record.at, false) : folder
    const node = record.id && at ? await this.#bound(record.id, former, at.name) : undefined
    return { key, record, folder, node }
  }

  release(): void {
    for (const node of this.#pinned) {
      node.pins -= 1
      this.#core.tree.table.release(node)
    }
    this.#pinned.clear()
  }

  /** By its id, wherever it is by now; one that is gone is made again where something has to be saved in it. */
  async #folderOf(place: PlaceRecord, mustBe: boolean): Promise<Node | undefined> {
    const found = this.#folders.get(place.folder) ?? (await this.#folderNow(place, mustBe))
    if (!found) return undefined
    this.#folders.set(place.folder, found)
    return this.#pin(found)
  }

  async #folderNow({ folder: id, path }: PlaceRecord, mustBe: boolean): Promise<Node | undefined> {
    const { remote, patience, tree } = this.#core
    const known = tree.table.byId(id) ?? (await this.#reach(path))
    if (known?.id === id) return known
    const moved = await this.#pathOf(id)
    const found = moved && (await this.#reach(moved))
    if (found?.id === id) return found
    if (known?.isFolder) return known
    if (!mustBe) return undefined
    await patience.run(`/${path.join('/')}`, () => remote.createFolder(path))
    return this.#reach(path)
  }

  async #bound(id: FileId, folder: Node | undefined, name: string): Promise<Node | undefined> {
    const { tree } = this.#core
    // An earlier try has found it, and given it its new name.
    const known = tree.table.byId(id)
    if (known?.waits) return this.#pin(known)
    const child = folder?.isFolder ? await tree.child(folder, name) : undefined
    if (child?.id === id) return this.#pin(child)
    const path = await this.#pathOf(id)
    const above = path && (await this.#reach(path.slice(0, -1)))
    const found = above?.isFolder ? await tree.child(above, path!.at(-1)!) : undefined
    return found?.id === id ? this.#pin(found) : undefined
  }

  async #pathOf(id: FileId): Promise<RemotePath | undefined> {
    const { remote, patience } = this.#core
    const entry = await absentAsUndefined(patience.run(`object ${id}`, () => remote.infoById(id)))
    return entry && remote.facts.pathOf(entry.uri)
  }

  async #reach(path: RemotePath): Promise<Node | undefined> {
    const node = await absentAsUndefined(this.#core.tree.reach(path))
    return node && this.#pin(node)
  }

  #pin(node: Node): Node {
    if (!this.#pinned.has(node)) {
      this.#pinned.add(node)
      node.pins += 1
    }
    return node
  }
}

async function absentAsUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (isRemoteError(error, 'not-found')) return undefined
    throw error
  }
}
