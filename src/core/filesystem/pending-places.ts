/** Finds again, at the server as it is now, what an earlier process has left on record. */
import { absentAsUndefined } from '../../remote/errors.ts'
import type { FileId, RemotePath } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import type { Patience } from '../patience.ts'
import { reach, type Listing } from '../tree/index.ts'
import type { Core } from './core.ts'
import type { PendingRecord, PlaceRecord } from './pending-states.ts'
import { isFreeName, warnOfStranger } from './server-rename.ts'

/** A record, and what it speaks of. */
export interface Located {
  readonly key: string
  readonly record: PendingRecord
  /** Where the file is to be seen; undefined when it was deleted, or when that folder is to be made too. */
  readonly folder: Node | undefined
  /** Where the server had it. */
  readonly former: Node | undefined
  /** Key of the record of that folder, which is to be made too. */
  readonly newFolder: string | undefined
  /** What stands for the server's object; undefined when there is none, or none any more. */
  readonly node: Node | undefined
}

/** Looks for one record after the other; everything that it finds stays in memory until `release`. */
export class PendingPlaces {
  readonly #core: Core
  readonly #records: ReadonlyMap<string, PendingRecord>
  /** Objects whose names at the server are free here: they were renamed or deleted. */
  readonly #leaving: ReadonlySet<FileId>
  /** Objects that any record speaks of. */
  readonly #recorded: ReadonlySet<FileId>
  /** Folders that were to be made, by the key of their record, as far as the server has them by now. */
  readonly #made = new Map<string, Node | undefined>()
  /** By id, or path. */
  readonly #folders = new Map<string, Node>()
  readonly #pinned = new Set<Node>()

  /** For answers that nothing here knows: a program may be waiting to be served meanwhile. */
  readonly #impatient: Pick<Patience, 'run'> = {
    run: (subject, work) => this.#unlessAway(this.#core.patience.run(subject, work)),
  }

  constructor(core: Core, records: ReadonlyMap<string, PendingRecord>) {
    this.#core = core
    this.#records = records
    const all = [...records.values()]
    this.#leaving = idsOf(all.filter(({ at, place }) => at !== undefined || place === undefined))
    this.#recorded = idsOf(all)
  }

  /** @throws {RemoteError} when the server cannot be asked */
  async locate(key: string, record: PendingRecord): Promise<Located> {
    const mustBe = record.staged !== undefined || record.kind !== undefined
    const { place, at = place } = record
    const newFolder = this.#newFolderOf(place)
    const folder = place && (await this.#seenIn(place, mustBe))
    const former = record.at ? await this.#folderOf(record.at, false) : folder
    const node =
      record.kind === 'folder'
        ? await this.#newFolderNow(key, record)
        : record.id && at
          ? await this.#bound(record.id, former, at.name)
          : undefined
    await this.#lookForStranger(record, { node, former, folder })
    if (record.kind === 'symlink' && folder?.isFolder) await this.#childOf(folder, place!.name)
    return { key, record, folder, former, newFolder: folder ? undefined : newFolder, node }
  }

  /**
   * Somebody else has moved what was to be renamed: the earlier process may have ended between a request that renamed something else
   * in its place and the one that renames that back. Nothing proves it, so a person is told.
   */
  async #lookForStranger({ at, place, id, label }: PendingRecord, ends: Ends): Promise<void> {
    const { node, former, folder } = ends
    if (!at || !place || !former?.isFolder || isOnItsWay(node, { at, place }, ends)) return
    const isElsewhere = folder?.isFolder && folder !== former
    const places = [
      { parent: former, name: place.name },
      ...(isElsewhere ? [at.name, place.name].map((name) => ({ parent: folder, name })) : []),
    ].filter(({ parent, name }) => parent !== former || name !== at.name)
    for (const { parent, name } of places) {
      const found = (await this.#listingNow(parent)).entries.get(name)
      if (found && found.id !== id && !this.#recorded.has(found.id))
        return warnOfStranger(this.#core, label, [...(parent.remotePath ?? []), name])
    }
  }

  /** Key of the record of the folder of `place`, where that was to be made. */
  #newFolderOf(place: PlaceRecord | undefined): string | undefined {
    const key = place?.record
    return key !== undefined && this.#records.get(key)?.kind === 'folder' ? key : undefined
  }

  /** Undefined also where the folder is still to be made. */
  #seenIn(place: PlaceRecord, mustBe: boolean): Promise<Node | undefined> {
    const key = this.#newFolderOf(place)
    return key === undefined
      ? this.#folderOf(place, mustBe)
      : this.#newFolderNow(key, this.#records.get(key)!)
  }

  /** The server's folder where one was to be made, whoever has made it. */
  async #newFolderNow(key: string, { place }: PendingRecord): Promise<Node | undefined> {
    if (this.#made.has(key)) return this.#made.get(key)
    const above = await this.#seenIn(place!, true)
    const found = above?.isFolder ? await this.#childOf(above, place!.name) : undefined
    const node = found?.isFolder && !(found.id && this.#leaving.has(found.id)) ? found : undefined
    this.#made.set(key, node)
    return node
  }

  async #childOf(folder: Node, name: string): Promise<Node | undefined> {
    const child = await this.#childNow(folder, name)
    return child && this.#pin(child)
  }

  /** By what the server says now, where it can be asked: what was known before may be from before the record. */
  async #childNow(folder: Node, name: string): Promise<Node | undefined> {
    const { tree } = this.#core
    const live = folder.children.get(name)
    if (live?.isLocal) return live
    return tree.childIn(folder, name, await this.#listingNow(folder))
  }

  #listingNow(folder: Node): Promise<Listing> {
    const { tree } = this.#core
    const isKnown = tree.folders.known(folder.listingKey) !== undefined
    const asked = async () => tree.folders.fresh(folder.listingKey) ?? tree.asked(folder)
    return isKnown ? asked() : this.#unlessAway(asked())
  }

  /** One that has been away is not waited for; one that was there a moment ago is. */
  #unlessAway<T>(asked: Promise<T>): Promise<T> {
    const { server } = this.#core
    return server.isAway ? server.unlessAway(asked) : asked
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
    const key = place.folder ?? place.path.join('/')
    const found = this.#folders.get(key) ?? (await this.#folderNow(place, mustBe))
    if (!found) return undefined
    this.#folders.set(key, found)
    return this.#pin(found)
  }

  async #folderNow({ folder: id, path }: PlaceRecord, mustBe: boolean): Promise<Node | undefined> {
    const { changing, tree } = this.#core
    const known = (id && tree.table.byId(id)) ?? (await this.#reach(path))
    if (known && known.id === id) return known
    const moved = id && (await this.#pathOf(id))
    const found = moved && (await this.#reach(moved))
    if (found && found.id === id) return found
    if (known?.isFolder) return known
    if (!mustBe) return undefined
    await this.#impatient.run(`/${path.join('/')}`, () => changing.createFolder(path))
    return this.#reach(path)
  }

  async #bound(id: FileId, folder: Node | undefined, name: string): Promise<Node | undefined> {
    const { tree } = this.#core
    // An earlier try has found it, and given it its new name.
    const known = tree.table.byId(id)
    if (known?.waits) return this.#pin(known)
    const child = folder?.isFolder ? await this.#childNow(folder, name) : undefined
    if (child?.id === id) return this.#pin(child)
    const path = await this.#pathOf(id)
    const above = path && (await this.#reach(path.slice(0, -1)))
    const found = above?.isFolder ? await this.#childNow(above, path!.at(-1)!) : undefined
    return found?.id === id ? this.#pin(found) : undefined
  }

  async #pathOf(id: FileId): Promise<RemotePath | undefined> {
    const { remote } = this.#core
    const entry = await absentAsUndefined(this.#impatient.run(`object ${id}`, () => remote.infoById(id)))
    return entry && remote.facts.pathOf(entry.uri)
  }

  async #reach(path: RemotePath): Promise<Node | undefined> {
    const node = await absentAsUndefined(reach({ ...this.#core, patience: this.#impatient }, path))
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

/** What a record of a rename speaks of: the object, the folder where the server had it, and the one where it is to be. */
type Ends = Readonly<Record<'node' | 'former' | 'folder', Node | undefined>>

/** It is where it was, or where one of our own requests has brought it. */
function isOnItsWay(
  node: Node | undefined,
  { at, place }: Readonly<Record<'at' | 'place', PlaceRecord>>,
  { former, folder }: Ends,
): boolean {
  const now = node?.remotePlace
  if (!now || (now.parent !== former && now.parent !== folder)) return false
  return now.name === at.name || now.name === place.name || isFreeName(now.name)
}

function idsOf(records: readonly PendingRecord[]): ReadonlySet<FileId> {
  return new Set(records.flatMap(({ id }) => (id === undefined ? [] : [id])))
}
