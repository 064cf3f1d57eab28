import { backoffMs } from '../../base/backoff.ts'
import { absentAsUndefined } from '../../remote/errors.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { samePlace, type Node } from '../inode/index.ts'
import { kindOf, reach, samePath } from '../tree/index.ts'
import { pinned, tellKernels, type Core } from './core.ts'
import { findById } from './find-by-id.ts'
import { keyOf } from './remote-paths.ts'
import type { RenameDelay } from './rename-delay.ts'
import type { Strays } from './strays.ts'

/** While things go on being made in a folder, it is asked about every so often, ms. */
const longestWaitMs = 10_000

type Made = FileId | Node

interface Burst {
  dueAtMs: number
  readonly sinceMs: number
  /** The last was made then, monotonic ms. */
  lastAtMs: number
  /** By which path of the folder something was made: files by their ids, and folders that were new here, whose ids are not known yet. */
  readonly made: Map<Made, RemotePath>
  checking: Promise<void> | undefined
  failures: number
}

/**
 * The answer to an upload of a new file does not say in which folder it is: one that somebody else has moved away is made again on the
 * way, under its old name (api/00-live-files §8, §17.10). So once a burst the server is asked whether the folder is still the one that is
 * meant; if not, what was made is moved to where that is.
 */
export class FolderChecks {
  readonly #core: Core
  readonly #renames: RenameDelay
  readonly #strays: Strays
  readonly #bursts = new Map<Node, Burst>()
  #isClosed = false

  constructor(core: Core, renames: RenameDelay, strays: Strays) {
    this.#core = core
    this.#renames = renames
    this.#strays = strays
  }

  get count(): number {
    return this.#bursts.size
  }

  /** The server has made something of ours in `folder`, or in what was at its path, `at`, by then. */
  madeIn(folder: Node, made: Made, at: RemotePath): void {
    // Nobody moves the top folder, and that one of ours is the right one is found out when its id is.
    if (folder.isRoot || folder.isNew || folder.isMissing || this.#isClosed) return
    const now = this.#core.clock.monotonic()
    let burst = this.#bursts.get(folder)
    if (!burst) {
      burst = { dueAtMs: 0, sinceMs: now, lastAtMs: now, made: new Map(), checking: undefined, failures: 0 }
      this.#bursts.set(folder, burst)
      folder.pins += 1
      this.#plan(folder, burst)
    }
    burst.made.set(made, at)
    burst.lastAtMs = now
    // Whoever asks for the ids of new folders asks about this one too.
    const waitMs = this.#core.options.quietMs * (typeof made === 'string' ? 1 : 2)
    burst.dueAtMs = Math.min(Math.max(burst.dueAtMs, now + waitMs), burst.sinceMs + longestWaitMs)
  }

  /** Asks about `folder` now, if that is to be asked about. `byListing`: what is in it is of use. @throws {RemoteError} */
  async settle(folder: Node, { byListing = false } = {}): Promise<void> {
    const burst = this.#bursts.get(folder)
    if (burst) await this.#check(folder, burst, byListing)
  }

  /** Asks about every folder now. @throws {RemoteError} */
  async settleAll(): Promise<void> {
    const checks = [...this.#bursts].map(([folder, burst]) => this.#check(folder, burst))
    const results = await Promise.allSettled(checks)
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** Nothing is begun any more. */
  close(): void {
    this.#isClosed = true
  }

  #plan(folder: Node, burst: Burst): void {
    const { clock, options } = this.#core
    const waitMs = Math.max(burst.dueAtMs - clock.monotonic(), burst.dueAtMs === 0 ? options.quietMs : 0)
    clock.after(waitMs, () => {
      if (this.#isClosed || this.#bursts.get(folder) !== burst) return
      if (clock.monotonic() < burst.dueAtMs) return this.#plan(folder, burst)
      this.#check(folder, burst).catch((error: unknown) => {
        this.#core.log.info('a folder that something was made in is asked about later', {
          path: folder.label,
          reason: String(error),
        })
        burst.dueAtMs = clock.monotonic() + backoffMs(burst.failures, { firstMs: 1_000, maxMs: 60_000 })
        burst.failures += 1
        this.#plan(folder, burst)
      })
    })
  }

  #check(folder: Node, burst: Burst, byListing = false): Promise<void> {
    burst.checking ??= this.#ask(folder, burst, byListing).finally(() => {
      burst.checking = undefined
    })
    return burst.checking
  }

  async #ask(folder: Node, burst: Burst, byListing: boolean): Promise<void> {
    const { folderMoves } = this.#core
    await folderMoves.passed(folder)
    const all = [...burst.made]
    const path = folder.remotePath
    const here = all.filter(([, at]) => samePath(at, path)).map(([made]) => made)
    const isThere = byListing ? () => this.#isListed(folder) : () => this.#isFound(folder)
    const isDone =
      here.length === 0 || this.#isKnown(folder, burst) || (await folderMoves.use([folder], isThere))
    if (!isDone && path) await this.#bringOver(folder, path, here)
    if (path && here.length < all.length) await this.#bringAlong(folder, path, all)
    for (const [made] of all) burst.made.delete(made)
    if (burst.made.size > 0 || this.#bursts.get(folder) !== burst) return
    this.#bursts.delete(folder)
    folder.pins -= 1
    this.#core.tree.table.release(folder)
  }

  /** The folder has another path than when something was made in it. If that was our doing, what is in it has moved along. */
  async #bringAlong(
    folder: Node,
    path: RemotePath,
    all: readonly (readonly [Made, RemotePath])[],
  ): Promise<void> {
    const byPath = new Map<string, { readonly at: RemotePath; readonly made: Made[] }>()
    for (const [made, at] of all) {
      if (samePath(at, path)) continue
      const group = byPath.get(keyOf(at)) ?? { at, made: [] }
      group.made.push(made)
      byPath.set(keyOf(at), group)
    }
    for (const { at, made } of byPath.values())
      if (await this.#isLeft(made[0]!, at)) await this.#bringOver(folder, at, made)
  }

  async #isLeft(made: Made, at: RemotePath): Promise<boolean> {
    const id = typeof made === 'string' ? made : made.id
    const found = await findById(this.#core, id)
    return id === undefined || samePath(found?.path.slice(0, -1), at)
  }

  /** It was listed since: the answer to that has its id. */
  #isKnown({ id, isUnlinked }: Node, { lastAtMs }: Burst): boolean {
    if (isUnlinked || id === undefined) return true
    const listing = this.#core.tree.folders.peek(id)
    return listing !== undefined && listing.askedAt > lastAtMs
  }

  async #isFound(folder: Node): Promise<boolean> {
    const path = folder.remotePath
    const found = path && (await absentAsUndefined(this.#core.remote.info(path)))
    return found?.id === folder.id
  }

  async #isListed(folder: Node): Promise<boolean> {
    const path = folder.remotePath
    const listing = await absentAsUndefined(this.#core.tree.refresh(folder))
    return listing !== undefined && samePath(folder.remotePath, path)
  }

  /** What was made is in another folder: it belongs to where this one is by now. */
  #bringOver(folder: Node, path: RemotePath, made: readonly Made[]): Promise<void> {
    return pinned(this.#core, [folder], () => this.#bringOverTo(folder, path, made))
  }

  async #bringOverTo(folder: Node, path: RemotePath, made: readonly Made[]): Promise<void> {
    const { tree, log } = this.#core
    const above = folder.remoteParent
    const to = (await findById(this.#core, folder.id))?.path
    // Deleted: what was made again is what programs are shown from now on.
    if (!to || samePath(to, path)) {
      if (above?.id !== undefined) tree.folders.expire(above.id)
      return
    }
    if ((await absentAsUndefined(reach(this.#core, to))) !== folder) return
    const other = await absentAsUndefined(reach(this.#core, path))
    if (!other?.isFolder || other === folder) return
    await pinned(this.#core, [other], async () => {
      const { entries } = await tree.refresh(other)
      const strays = new Set<RemoteEntry>()
      const byId = new Map([...entries.values()].map((entry) => [entry.id, entry]))
      for (const each of made) {
        const entry = typeof each === 'string' ? byId.get(each) : entries.get(each.place?.name ?? '')
        if (entry && this.#belongs(entry, each, { folder, other })) strays.add(entry)
      }
      if (strays.size === 0) return
      const first = Math.min(...[...strays].map(({ createdAtMs }) => createdAtMs))
      log.info('a folder was moved by somebody else while something was made in it', { path: folder.label })
      await this.#strays.removeMadeAgain(path, first)
    })
  }

  /** `entry`, which is in `other`, belongs into `folder`: it is moved there. False: nobody here means it any more. */
  #belongs(entry: RemoteEntry, made: Made, { folder, other }: { folder: Node; other: Node }): boolean {
    const { tree } = this.#core
    if (typeof made !== 'string' && made.isNew && made.isFolder && made.place?.parent === folder)
      tree.bindFolder(made, entry)
    const known = tree.table.byId(entry.id)
    const at = { parent: other, name: entry.name }
    const isFree = !folder.children.has(entry.name)
    if (known?.remotePlace?.parent === folder) this.#renames.foundAt(known, at)
    else if (!known && isFree) this.#renames.foundAt(tree.table.addRemote(folder, entry, kindOf(entry)), at)
    else if (known && isFree && !this.#renames.has(known) && (!known.place || samePlace(known.place, at))) {
      // Listings have shown that it is not in the one, or that it is in the other.
      known.moveTo(folder, entry.name)
      this.#renames.foundAt(known, at)
      for (const place of [at, known.place!]) tellKernels(this.#core, place)
    } else return false
    return true
  }
}
