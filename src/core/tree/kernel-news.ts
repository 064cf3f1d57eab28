import type { Clock } from '../../base/clock.ts'
import type { Node } from '../inode/index.ts'
import { toPosixName, toServerName } from '../names/index.ts'
import type { KernelCache } from '../ports.ts'
import { AbsentNames } from './absent-names.ts'
import type { Listing } from './listing-memory.ts'
import { sameNames } from './listing-changes.ts'

/** What the kernel has to hear of what a listing says. */
export class KernelNews {
  readonly #kernel: KernelCache
  readonly #absent: AbsentNames

  constructor(kernel: KernelCache, clock: Pick<Clock, 'monotonic'>) {
    this.#kernel = kernel
    this.#absent = new AbsentNames(clock)
  }

  /** The kernel was told that there is no `name`: answers for how long it may believe it, ms. */
  noteAbsent(folder: Node, name: string, trustMs: number): number {
    return this.#absent.note(folder, name, trustMs)
  }

  /** It keeps names that it listed, and remembers which it did not find. */
  tellNames(folder: Node, before: Listing | undefined, { entries }: Listing): void {
    for (const name of this.#absent.take(folder, (name) => entries.has(toServerName(name))))
      this.#kernel.expireEntry(folder.ino, name)
    if (before && sameNames(before.entries, entries)) return
    folder.namesVersion += 1
    this.#kernel.invalidateInode(folder.ino)
  }

  /** Anything in the folder may have been changed: it is to ask anew for all that it knows there. Answers of how much it was told. */
  tellDoubt(folder: Node): number {
    let count = 1
    this.#kernel.invalidateInode(folder.ino)
    for (const [name, child] of folder.children) {
      if (child.lookups === 0) continue
      this.#kernel.expireEntry(folder.ino, toPosixName(name), child.isFolder)
      count += 1
    }
    for (const name of this.#absent.takeAll(folder)) {
      this.#kernel.expireEntry(folder.ino, name)
      count += 1
    }
    return count
  }

  /** What a link leads to is an attribute to us, and content to the kernel. */
  tellAttributes({ kind, ino }: Node): void {
    if (kind === 'symlink') this.#kernel.invalidateInode(ino)
    else this.#kernel.invalidateAttributes(ino)
  }
}
