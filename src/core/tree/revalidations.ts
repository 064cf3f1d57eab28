import { isRemoteError } from '../../remote/errors.ts'
import type { Node, NodeTable } from '../inode/index.ts'
import type { Reachability } from '../reachability.ts'
import type { FolderCache } from './folder-cache.ts'

export interface RevalidationsOptions {
  readonly table: NodeTable
  readonly folders: FolderCache
  readonly server: Reachability
  /** Asks the server, as it would for a program. */
  readonly refresh: (folder: Node) => Promise<unknown>
  /** It is about to be listed together with others. */
  readonly isCovered: (folder: Node) => boolean
}

/** Listings under way at a time: programs that wait for one come first. */
const atATime = 4

/** Lists folders anew of which what is known was answered already: each once, and not before the answer has left. */
export class Revalidations {
  readonly #options: RevalidationsOptions
  readonly #waiting = new Set<Node>()
  #running = 0

  constructor(options: RevalidationsOptions) {
    this.#options = options
  }

  /** While the server is away one question at a time finds out whether it is back. */
  add(folder: Node): void {
    const { server, folders, isCovered } = this.#options
    if (server.isAway && this.#running > 0) return
    if (this.#waiting.has(folder) || folders.isLoading(folder.listingKey) || isCovered(folder)) return
    this.#waiting.add(folder)
    folder.pins += 1
    if (this.#running >= atATime) return
    this.#running += 1
    setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    for (const folder of this.#waiting) {
      this.#waiting.delete(folder)
      await this.#list(folder)
      folder.pins -= 1
      this.#options.table.release(folder)
    }
    this.#running -= 1
  }

  async #list(folder: Node): Promise<void> {
    const { folders, refresh } = this.#options
    if (folder.isUnlinked || folders.isRecent(folder.listingKey)) return
    try {
      await refresh(folder)
    } catch (error) {
      // The next use asks, and is told why.
      if (!isRemoteError(error, 'offline')) folders.outdate(folder.listingKey)
    }
  }
}
