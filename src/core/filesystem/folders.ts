/** opendir, readdir, releasedir: one stable snapshot a handle. */
import { Errno } from '../../base/errno.ts'
import { andThen, type MaybePromise } from '../../base/maybe-promise.ts'
import { FsError } from '../errors.ts'
import type { Node } from '../inode/index.ts'
import { toPosixName } from '../names/index.ts'
import type { ChildName, Listing } from '../tree/index.ts'
import type { Dirent, Entry, Fh, Ino, OpContext, Opened } from '../types.ts'
import { assertFolder, type Core } from './core.ts'
import type { HandleNumbers } from './handle-numbers.ts'
import { entryReply } from './node-view.ts'

interface FolderHandle {
  readonly node: Node
  names: readonly ChildName[] | undefined
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
  readonly #handles = new Map<Fh, FolderHandle>()
  readonly #given = new WeakMap<Node, GivenNames>()

  constructor(core: Core, numbers: HandleNumbers) {
    this.#core = core
    this.#numbers = numbers
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
  ): MaybePromise<readonly (Dirent & { entry: Entry })[]> {
    const limit = Math.min(maxEntries, batchSize)
    const { node } = this.#get(fh)
    return andThen(this.#namesOf(fh, cookie, context), (names) => {
      if (cookie >= names.length) return []
      const rest = { names, cookie, limit }
      return andThen(this.#core.tree.listing(node, context), (listing) => this.#entries(node, rest, listing))
    })
  }

  /** In one step: whatever was counted as a look-up is answered. */
  #entries(
    node: Node,
    { names, cookie, limit }: { names: readonly ChildName[]; cookie: number; limit: number },
    listing: Listing,
  ): readonly (Dirent & { entry: Entry })[] {
    const { tree } = this.#core
    const batch: (Dirent & { entry: Entry })[] = []
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
    this.#numbers.free(fh)
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

  #namesOf(fh: Fh, cookie: number, context: OpContext): MaybePromise<readonly ChildName[]> {
    const handle = this.#get(fh)
    if (handle.names && cookie > 0) return handle.names
    const { node } = handle
    if (node.isUnlinked) return (handle.names = [])
    this.#core.tree.opened(node)
    return andThen(this.#core.tree.listing(node, context), (listing) => {
      // In one step: names of this version, and no other, are what the kernel is given.
      handle.names = this.#core.tree.namesIn(node, listing)
      this.#given.set(node, { version: node.namesVersion, atMs: this.#core.clock.monotonic() })
      return handle.names
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
