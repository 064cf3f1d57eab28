import type { NodeTable, Node } from '../inode/index.ts'

export interface RevalidationsOptions {
  readonly table: NodeTable
  /** Asks the server, as it would for a program. Its failure is nobody's here. */
  readonly list: (folder: Node) => Promise<void>
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

  add(folder: Node): void {
    if (this.#waiting.has(folder)) return
    this.#waiting.add(folder)
    folder.pins += 1
    if (this.#running >= atATime) return
    this.#running += 1
    setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    for (const folder of this.#waiting) {
      this.#waiting.delete(folder)
      if (!folder.isUnlinked) await this.#options.list(folder)
      folder.pins -= 1
      this.#options.table.release(folder)
    }
    this.#running -= 1
  }
}
