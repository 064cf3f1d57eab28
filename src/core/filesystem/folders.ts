/** opendir, readdir, releasedir: a handle's names stay as they were given, and grow only while the folder's listing still comes. */
import { Errno } from '../../base/errno.ts'
import { andThen, type MaybePromise } from '../../base/maybe-promise.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import { toPosixName } from '../names/index.ts'
import { askSoon, NameStream, type ChildName, type Listing, type ReceivedPages } from '../tree/index.ts'
import type { Dirent, Entry, Fh, Ino, OpContext, Opened } from '../types.ts'
import { assertFolder, type Core } from './core.ts'
import type { HandleNumbers } from './handle-numbers.ts'
import { entryReply } from './node-view.ts'

interface FolderHandle {
  readonly node: Node
  names: NameStream | undefined
}

type EntryOfFolder = Dirent & { readonly entry: Entry }

/** What is to be answered: of `names` those after `cookie`, at most `limit`. */
interface RestOfNames {
  readonly names: readonly ChildName[]
  readonly cookie: number
  readonly limit: number
}

/** Names that the kernel was given last, of one folder. */
interface GivenNames {
  readonly version: number
  /** Monotonic, ms. */
  readonly atMs: number
}

/** Entries answered by one call: the kernel asks again with the last cookie. */
const batchSize = 1024

export class Folders {
  readonly #core: Core
  readonly #numbers: HandleNumbers
  readonly #handles: Map<Fh, FolderHandle>
  readonly #given = new WeakMap<Node, GivenNames>()

  constructor(core: Core, numbers: HandleNumbers) {
    this.#core = core
    this.#numbers = numbers
    this.#handles = numbers.table()
  }

  opendir(ino: Ino): Opened {
    const node = this.#core.tree.table.get(ino)
    assertFolder(node)
    const fh = this.#numbers.next()
    this.#handles.set(fh, { node, names: undefined })
    node.handles += 1
    return { fh, keepCache: this.#mayKeepNames(node), directIo: false }
  }

  /** The folder of a handle. @throws {FsError} EBADF */
  opened(fh: Fh): Node {
    return this.#get(fh).node
  }

  readdir(
    fh: Fh,
    cookie: number,
    context: OpContext,
    maxEntries = batchSize,
  ): MaybePromise<readonly Dirent[]> {
    return andThen(this.#namesOf(fh, cookie, context), (names) =>
      names
        .slice(cookie, cookie + Math.min(maxEntries, batchSize))
        .map((child, i) => direntOf(child, cookie + i + 1)),
    )
  }

  readdirPlus(
    fh: Fh,
    cookie: number,
    context: OpContext,
    maxEntries = batchSize,
  ): MaybePromise<readonly EntryOfFolder[]> {
    const limit = Math.min(maxEntries, batchSize)
    const { node } = this.#get(fh)
    return andThen(this.#namesOf(fh, cookie, context), (names) => {
      if (cookie >= names.length) return []
      const rest = { names, cookie, limit }
      return askSoon(this.#core.tree, node, context, {
        byPages: (pages) => this.#entriesOfPages(node, rest, pages),
        byListing: (listing) => this.#entries(node, rest, listing),
      })
    })
  }

  /** Up to the first that pages do not tell of; undefined when that is the first of all. */
  #entriesOfPages(
    node: Node,
    { names, cookie, limit }: RestOfNames,
    pages: ReceivedPages,
  ): readonly EntryOfFolder[] | undefined {
    const batch: EntryOfFolder[] = []
    for (let i = cookie; i < names.length && batch.length < limit; i += 1) {
      const found = this.#core.tree.childByPages(node, names[i]!.name, pages)
      if (!found) break
      batch.push(entryOf(this.#core, names[i]!, i + 1, found))
    }
    return batch.length > 0 ? batch : undefined
  }

  /** In one step: whatever was counted as a look-up is answered. */
  #entries(node: Node, { names, cookie, limit }: RestOfNames, listing: Listing): readonly EntryOfFolder[] {
    const { tree } = this.#core
    const batch: EntryOfFolder[] = []
    // An empty answer means the end to the kernel: names that are gone meanwhile are passed over.
    for (let i = cookie; i < names.length && batch.length < limit; i += 1) {
      const found = tree.childIn(node, names[i]!.name, listing)
      if (found) batch.push(entryOf(this.#core, names[i]!, i + 1, found))
    }
    return batch
  }

  releasedir(fh: Fh): void {
    const handle = this.#handles.get(fh)
    if (!handle) return
    this.#handles.delete(fh)
    handle.node.handles -= 1
    this.#core.tree.table.release(handle.node)
  }

  /**
   * The kernel may show the names of the last time again: while they are the same, and while it trusts their attributes too.
   * Later `ls -l` is better off with a listing, which brings all attributes at once, than with names it has to ask about one by one.
   */
  #mayKeepNames(node: Node): boolean {
    const { clock, tree, options } = this.#core
    const given = this.#given.get(node)
    if (!given || given.version !== node.namesVersion || !tree.isTrusted(node)) return false
    return clock.monotonic() - given.atMs < Math.min(options.entryTtlMs, options.attrTtlMs)
  }

  #get(fh: Fh): FolderHandle {
    const handle = this.#handles.get(fh)
    if (!handle) throw new FsError(Errno.EBADF, `folder handle ${fh} is not open`)
    return handle
  }

  /** At least one after `cookie`, or all there are. */
  #namesOf(fh: Fh, cookie: number, context: OpContext): MaybePromise<readonly ChildName[]> {
    const { tree } = this.#core
    const handle = this.#get(fh)
    const { node } = handle
    // Cookies may be those of names that the kernel had kept: those of a listing, in its order.
    const mayGrow = cookie === 0 || handle.names !== undefined
    const names = (cookie > 0 && handle.names) || new NameStream(tree, node)
    handle.names = names
    if (node.isUnlinked) names.stop()
    if (names.isWhole || cookie < names.names.length) return names.names
    if (cookie === 0) tree.opened(node)
    return askSoon(tree, node, context, {
      byPages: (pages) => {
        if (mayGrow) names.addPages(pages)
        return cookie < names.names.length ? names.names : undefined
      },
      byListing: (listing) => {
        // In one step: names of this version, and no other, are what the kernel is given.
        const isInOrder = names.end(listing)
        if (isInOrder)
          this.#given.set(node, { version: node.namesVersion, atMs: this.#core.clock.monotonic() })
        return names.names
      },
    })
  }
}

/** Written out, as it is made for each name of a long listing. */
function entryOf(core: Core, { name, kind, stableIno }: ChildName, cookie: number, node: Node) {
  return { name: toPosixName(name), kind, ino: stableIno, cookie, entry: entryReply(core, node) }
}

function direntOf({ name, kind, stableIno }: ChildName, cookie: number): Dirent {
  return { name: toPosixName(name), kind, ino: stableIno, cookie }
}
