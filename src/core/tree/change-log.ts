import type { FileId, RemoteEntry } from '../../remote/types.ts'

type Mutation = (entries: Map<string, RemoteEntry>) => void

/** Own changes of names while a walk over many folders is on its way: what it brings never undoes them. */
export class ChangeLog {
  readonly #mutations = new Map<FileId, Mutation[]>()
  readonly #expired = new Set<FileId>()
  readonly #placedFolders = new Set<FileId>()

  noteMutation(folder: FileId, mutation: Mutation): void {
    const mutations = this.#mutations.get(folder)
    if (mutations) mutations.push(mutation)
    else this.#mutations.set(folder, [mutation])
  }

  noteExpired(folder: FileId): void {
    this.#expired.add(folder)
  }

  notePlaced({ kind, id }: RemoteEntry): void {
    if (kind === 'folder') this.#placedFolders.add(id)
  }

  /** A folder that was moved meanwhile: what the walk saw below it may be half of it. */
  wasPlaced(folder: FileId): boolean {
    return this.#placedFolders.has(folder)
  }

  /** Makes `entries`, which were asked for before, what they are after the changes; false when they cannot be believed. */
  applyTo(folder: FileId, entries: Map<string, RemoteEntry>): boolean {
    for (const mutation of this.#mutations.get(folder) ?? []) mutation(entries)
    return !this.#expired.has(folder)
  }
}
