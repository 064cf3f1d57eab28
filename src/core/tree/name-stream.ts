import type { RemoteEntry } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import { nameOfLive, type ChildName } from './child-name.ts'
import { kindOf } from './entry-attributes.ts'
import type { Listing } from './folder-cache.ts'
import type { ReceivedPages } from './received-pages.ts'
import type { Tree } from './tree.ts'

/**
 * The names of a folder for one reader, each once, in an order that stays. While the listing's pages still come it has those that are
 * certain to be shown; the whole listing adds the others.
 */
export class NameStream {
  readonly #tree: Tree
  readonly #folder: Node
  #names: ChildName[] = []
  #isWhole = false
  /** What was taken of the pages of one attempt. */
  #taken: { readonly arrived: readonly RemoteEntry[]; count: number } | undefined
  #given = new Set<string>()

  constructor(tree: Tree, folder: Node) {
    this.#tree = tree
    this.#folder = folder
  }

  get names(): readonly ChildName[] {
    return this.#names
  }

  /** No name comes any more. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  addPages({ arrived, entries }: ReceivedPages): void {
    if (this.#taken?.arrived !== arrived) this.#taken = { arrived, count: 0 }
    for (; this.#taken.count < arrived.length; this.#taken.count += 1) {
      const entry = arrived[this.#taken.count]!
      const name = entries.get(entry.name) === entry ? this.#nameOf(entry) : undefined
      if (name) this.#add(name)
    }
  }

  /** Answers whether the names are in the order of the listing: then another reader can go on where this one was. */
  end(listing: Listing): boolean {
    const all = this.#tree.namesIn(this.#folder, listing)
    const isFirst = this.#names.length === 0
    if (isFirst) this.#names = all
    else for (const name of all) this.#add(name)
    this.stop()
    if (isFirst) return true
    return this.#names.length === all.length && this.#names.every(({ name }, i) => name === all[i]!.name)
  }

  /** The folder is gone: it has no more names. */
  stop(): void {
    this.#isWhole = true
    this.#taken = undefined
    this.#given = new Set()
  }

  #add(child: ChildName): void {
    if (this.#given.has(child.name)) return
    this.#given.add(child.name)
    this.#names.push(child)
  }

  /** Undefined where it takes the whole listing to know whether it is shown. */
  #nameOf(entry: RemoteEntry): ChildName | undefined {
    const { table } = this.#tree
    const live = this.#folder.children.get(entry.name)
    if (live !== table.byId(entry.id)) return undefined
    if (live) return nameOfLive(live)
    const isBeingMade = entry.uploadSessionId !== undefined && entry.entity === undefined
    return isBeingMade ? undefined : { name: entry.name, kind: kindOf(entry), stableIno: 0 }
  }
}
