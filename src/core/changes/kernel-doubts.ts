import type { Node } from '../inode/index.ts'
import type { Tree } from '../tree/index.ts'

/** So much is told in a row; then it is the turn of programs, which may wait for us. */
const TOLD_AT_ONCE = 1_000

/** Has kernels ask anew for what they know of folders: it may be trusted there for longer than here. */
export class KernelDoubts {
  readonly #tree: Tree
  #left: Node[] = []
  #isRunning = false

  constructor(tree: Tree) {
    this.#tree = tree
  }

  /** Of all folders that they know, those first that they learnt of last. */
  tell(): void {
    this.#left = [...this.#tree.table.nodes()].filter(({ isFolder }) => isFolder)
    if (!this.#isRunning) this.#tellSome()
  }

  close(): void {
    this.#left = []
  }

  #tellSome(): void {
    let count = 0
    for (let folder = this.#left.pop(); folder; folder = this.#left.pop()) {
      count += this.#tree.news.tellDoubt(folder)
      if (count >= TOLD_AT_ONCE) break
    }
    this.#isRunning = this.#left.length > 0
    if (this.#isRunning) setImmediate(() => this.#tellSome())
  }
}
