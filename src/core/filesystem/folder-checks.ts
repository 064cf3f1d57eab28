import { backoffMs } from '../../base/backoff.ts'
import { absentAsUndefined } from '../../remote/errors.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import { kindOf, reach, samePath } from '../tree/index.ts'
import { pinned, type Core } from './core.ts'
import type { RenameDelay } from './rename-delay.ts'
import type { Strays } from './strays.ts'

/** While things go on being made in a folder, it is asked about every so often, ms. */
const longestWaitMs = 10_000

interface Burst {
  dueAtMs: number
  readonly sinceMs: number
  /** The last was made then, monotonic ms. */
  lastAtMs: number
  /** What was made: files by their ids, and folders that were new here, whose ids are not known yet. */
  readonly made: Set<FileId | Node>
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

  /** The server has made something of ours in `folder`, or in what has its name by now. */
  madeIn(folder: Node, made: FileId | Node): void {
    // Nobody moves the top folder, and that one of ours is the right one is found out when its id is.
    if (folder.isRoot || folder.isNew || folder.isMissing || this.#isClosed) return
    const now = this.#core.clock.monotonic()
    let burst = this.#bursts.get(folder)
    if (!burst) {
      burst = { dueAtMs: 0, sinceMs: now, lastAtMs: now, made: new Set(), checking: undefined, failures: 0 }
      this.#bursts.set(folder, burst)
      folder.pins += 1
      this.#plan(folder, burst)
    }
    burst.made.add(made)
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
    const made = [...burst.made]
    const path = folder.remotePath
    const isThere = byListing ? () => this.#isListed(folder) : () => this.#isFound(folder)
    const isDone = this.#isKnown(folder, burst) || (await folderMoves.use([folder], isThere))
    if (!isDone && path) await pinned(this.#core, [folder], () => this.#bringOver(folder, path, made))
    for (const id of made) burst.made.delete(id)
    if (burst.made.size > 0 || this.#bursts.get(folder) !== burst) return
    this.#bursts.delete(folder)
    folder.pins -= 1
    this.#core.tree.table.release(folder)
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
  async #bringOver(folder: Node, path: RemotePath, made: readonly (FileId | Node)[]): Promise<void> {
    const { remote, tree, log } = this.#core
    const above = folder.remoteParent
    const found = folder.id && (await absentAsUndefined(remote.infoById(folder.id)))
    const to = found && remote.facts.pathOf(found.uri)
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
  #belongs(
    entry: RemoteEntry,
    made: FileId | Node,
    { folder, other }: { folder: Node; other: Node },
  ): boolean {
    const { tree } = this.#core
    if (typeof made !== 'string' && made.isNew && made.isFolder && made.place?.parent === folder)
      tree.bindFolder(made, entry)
    const known = tree.table.byId(entry.id)
    if (known ? known.remotePlace?.parent !== folder : folder.children.has(entry.name)) return false
    const node = known ?? tree.table.addRemote(folder, entry, kindOf(entry))
    this.#renames.foundAt(node, { parent: other, name: entry.name })
    return true
  }
}
