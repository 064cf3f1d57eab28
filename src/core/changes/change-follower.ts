/**
 * Keeps what is known of the drive true. While the server tells of changes (`live`) listings are believed for minutes, and only
 * what it names is asked for again; while it does not, it is asked from time to time, if anybody uses the drive.
 *
 * What was told is taken at its word as little as possible: after each gap everything that is known is merely probable, and one
 * question names most of what was changed meanwhile.
 */
import { backoffMs } from '../../base/backoff.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { RemoteChange, WatchNotice } from '../../remote/changes.ts'
import type { Remote } from '../../remote/remote.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Mirror } from '../mirror/index.ts'
import type { KernelCache } from '../ports.ts'
import type { Reachability } from '../reachability.ts'
import type { Tree } from '../tree/index.ts'
import { Behind } from './behind.ts'
import { ChangedFolders, namesOf } from './changed-folders.ts'
import { KernelDoubts } from './kernel-doubts.ts'

export interface FollowOptions {
  readonly remote: Pick<Remote, 'watch' | 'changesSince' | 'now' | 'infoById' | 'facts'>
  readonly tree: Tree
  readonly kernel: KernelCache
  readonly clock: Clock
  readonly log: Log
  /** While the server tells nothing; 0 = never. */
  readonly pollMs: number
  readonly server: Pick<Reachability, 'worked'>
  /** Is told of everything, also of what nobody here has looked at. */
  readonly watcher?: ChangeWatcher | undefined
  /** What an earlier process has known, and what the next one will. */
  readonly mirror?: Pick<Mirror, 'since'> | undefined
}

export interface ChangeWatcher {
  /** Somebody else has changed what is, or was, at these paths. */
  changed(paths: readonly RemotePath[]): void
  /** These have been changed, perhaps long ago, perhaps by us. */
  found(entries: readonly RemoteEntry[]): void
  /** Anything may have been changed. */
  doubted(): void
}

/**
 * - `live`: the server tells of changes
 * - `polling`: it is asked for them while the drive is in use
 * - `none`: neither; listings are believed until they are old
 */
export type FollowState =
  | { readonly kind: 'live'; readonly sinceMs: number }
  | { readonly kind: 'polling'; readonly everyMs: number; readonly reason: string }
  | { readonly kind: 'none'; readonly reason: string }

/** Changes that go on and on are told only when they pause (api/02 §9.5): in between they are asked for. */
const LIVE_POLL_MS = 60_000
/** More than that is not followed one by one. */
const MAX_CHANGES = 2_000
const MAX_POLL_MS = 300_000
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export class ChangeFollower {
  readonly #options: FollowOptions
  readonly #changed: ChangedFolders
  readonly #behind: Behind
  readonly #kernels: KernelDoubts
  readonly #end = new AbortController()
  /** Everything that the server's clock set before was told or asked for. */
  #since: number
  #liveSince: number | undefined
  #wasLive = false
  #reason = 'not connected yet'
  #failures = 0
  #asking: Promise<void> | undefined
  #cancelPoll: () => void = () => undefined

  constructor(options: FollowOptions) {
    const { remote, tree, kernel } = options
    this.#options = options
    this.#behind = new Behind(options)
    this.#kernels = new KernelDoubts(tree)
    const pathOf = (uri: string) => remote.facts.pathOf(uri)
    this.#changed = new ChangedFolders({ tree, kernel, behind: this.#behind, pathOf })
    this.#since = options.mirror?.since ?? remote.now()
  }

  /** What was changed since an earlier process has known it is asked for at once. */
  start(): void {
    const { mirror } = this.#options
    void this.#watch()
    if (mirror?.since !== undefined) void this.#ask()
    else if (mirror) mirror.since = this.#since
    this.#schedule()
  }

  get state(): FollowState {
    const [sinceMs, everyMs, reason] = [this.#liveSince, this.#options.pollMs, this.#reason]
    if (sinceMs !== undefined) return { kind: 'live', sinceMs }
    return everyMs > 0 ? { kind: 'polling', everyMs, reason } : { kind: 'none', reason }
  }

  /** Requests under way end by themselves; the stream is cut. */
  close(): void {
    this.#end.abort()
    this.#cancelPoll()
    this.#behind.close()
    this.#kernels.close()
  }

  async #watch(): Promise<void> {
    const { remote, log } = this.#options
    try {
      for await (const notice of remote.watch({ signal: this.#end.signal })) this.#heed(notice)
    } catch (error) {
      log.error('changes made elsewhere are not told any more', { reason: String(error) })
      this.#down(String(error))
    }
  }

  #heed(notice: WatchNotice): void {
    switch (notice.kind) {
      case 'live':
        return this.#live()
      case 'changes':
        return this.#told(notice.changes)
      case 'missed':
        this.#options.tree.folders.disbelieveAll()
        return this.#doubt()
      case 'down':
        return this.#down(notice.reason)
    }
  }

  #told(changes: readonly RemoteChange[]): void {
    this.#options.watcher?.changed(changes.flatMap(namesOf))
    const lost = this.#changed.lost(changes)
    this.#changed.told(changes)
    // The server tells of what was restored by the name that it had in the trash (api/02 §9.3), wherever that is.
    const restored = changes.filter(({ kind, path }) => kind === 'created' && uuid.test(path.at(-1) ?? ''))
    for (const id of new Set([...lost, ...restored.map(({ id }) => id)])) void this.#find(id)
  }

  async #find(id: FileId): Promise<void> {
    const { remote, log } = this.#options
    try {
      const { uri } = await remote.infoById(id, { signal: this.#end.signal })
      const path = remote.facts.pathOf(uri)
      if (!path) return
      this.#options.watcher?.changed([path])
      this.#changed.changedIn(path.slice(0, -1))
    } catch (error) {
      log.debug('it is not known where something has come', { id, reason: String(error) })
    }
  }

  /** What was listed before the first time goes on being believed as without a stream. */
  #live(): void {
    const { tree, clock, log } = this.#options
    log.debug('the server tells of changes')
    this.#options.server.worked()
    this.#liveSince = clock.now()
    if (this.#wasLive) this.#doubt()
    else tree.folders.follow()
    this.#wasLive = true
    this.#schedule()
  }

  #down(reason: string): void {
    const { tree, clock, log } = this.#options
    if (this.#liveSince !== undefined)
      log.info('the server tells nothing of changes for now', {
        reason,
        wasLiveMs: clock.now() - this.#liveSince,
      })
    this.#reason = reason
    this.#liveSince = undefined
    tree.folders.unfollow()
    this.#schedule()
  }

  /** What the answer names need not be looked for. */
  #doubt(): void {
    const { folders } = this.#options.tree
    folders.doubtAll()
    folders.follow()
    this.#kernels.tell()
    this.#options.watcher?.doubted()
    void this.#askAnew().then(() => this.#changed.doubted())
  }

  /** A question that is on its way already does not ask for what happened since. */
  async #askAnew(): Promise<void> {
    await this.#asking
    await this.#ask()
  }

  /** One question at a time; who asks meanwhile shares it. */
  #ask(): Promise<void> {
    this.#asking ??= this.#askNow().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askNow(): Promise<void> {
    const { remote, log } = this.#options
    const { signal } = this.#end
    let askedAt: number | undefined
    let count = 0
    try {
      for await (const { entries, askedAtMs } of remote.changesSince(this.#since, { signal })) {
        askedAt ??= askedAtMs
        count += entries.length
        this.#options.watcher?.found(entries)
        this.#changed.found(entries)
        if (count >= MAX_CHANGES) break
      }
      this.#failures = 0
      this.#options.server.worked()
    } catch (error) {
      if (signal.aborted) return
      const level = isRemoteError(error) ? 'debug' : 'error'
      log[level]('it is not known what was changed elsewhere', { reason: String(error) })
      this.#failures += 1
      return isRemoteError(error, 'unsupported') ? this.#doubtRest() : undefined
    }
    if (count >= MAX_CHANGES) this.#doubtRest()
    if (askedAt !== undefined) this.#askedUntil(askedAt)
  }

  #askedUntil(ms: number): void {
    this.#since = ms
    if (this.#options.mirror) this.#options.mirror.since = ms
  }

  /** Too much to be followed one by one. */
  #doubtRest(): void {
    this.#options.tree.folders.doubtAll()
    this.#kernels.tell()
    this.#options.watcher?.doubted()
    this.#changed.doubted()
  }

  #schedule(): void {
    this.#cancelPoll()
    const everyMs = this.#liveSince === undefined ? this.#options.pollMs : LIVE_POLL_MS
    if (everyMs === 0 || this.#end.signal.aborted) return
    const pauseMs =
      this.#failures === 0 ? everyMs : backoffMs(this.#failures, { firstMs: everyMs, maxMs: MAX_POLL_MS })
    this.#cancelPoll = this.#options.clock.after(pauseMs, () => void this.#poll())
  }

  /** Nobody is asked while nobody looks. */
  async #poll(): Promise<void> {
    if (this.#options.tree.folders.takeUsed()) await this.#ask()
    this.#schedule()
  }
}
