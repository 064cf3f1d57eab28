/** A server that could not be reached when it was wanted: what it said before has to do until it can be. */
import { backoffMs } from '../../base/backoff.ts'
import { delay, type Clock } from '../../base/clock.ts'
import { messageOf } from '../../base/error-message.ts'
import type { ByteRange } from '../../base/ranges.ts'
import type { ChangedPage, WatchNotice } from '../changes.ts'
import { RemoteError } from '../errors.ts'
import type { TrashedCount, TrashedEntry } from '../trash.ts'
import type {
  CallOptions,
  ContentAddress,
  EndableSession,
  RangeOptions,
  Remote,
  RemoteProperties,
  RemoveOptions,
} from '../remote.ts'
import type {
  ActivityPage,
  ActivityQuery,
  Capacity,
  EntityId,
  FileId,
  ListingPage,
  MetadataPatch,
  RemoteDetails,
  RemoteEntry,
  RemotePath,
  SubtreePage,
  UploadRequest,
} from '../types.ts'

export interface LaterRemoteOptions {
  /** As they were told by an earlier connection. */
  readonly facts: RemoteProperties & { readonly top: NonNullable<RemoteProperties['top']> }
  readonly connect: () => Promise<Remote>
  readonly clock: Clock
  /** It can be asked from now on. */
  readonly onConnected: (remote: Remote) => void
}

const reconnect = { firstMs: 1_000, maxMs: 32_000 }

export class LaterRemote implements Remote {
  readonly #options: LaterRemoteOptions
  #remote: Remote | undefined
  #connecting: Promise<Remote> | undefined
  #isClosed = false

  constructor(options: LaterRemoteOptions) {
    this.#options = options
  }

  get facts(): RemoteProperties {
    return this.#remote?.facts ?? this.#options.facts
  }

  async *list(folder: RemotePath, options?: CallOptions): AsyncGenerator<ListingPage> {
    yield* (await this.#there()).list(folder, options)
  }

  async *listSubtree(folder: RemotePath, options?: CallOptions): AsyncGenerator<SubtreePage> {
    yield* (await this.#there()).listSubtree(folder, options)
  }

  async info(path: RemotePath, options?: CallOptions): Promise<RemoteEntry> {
    return (await this.#there()).info(path, options)
  }

  async infoById(id: FileId, options?: CallOptions): Promise<RemoteEntry> {
    return (await this.#there()).infoById(id, options)
  }

  async createFolder(path: RemotePath, options?: CallOptions): Promise<RemoteEntry> {
    return (await this.#there()).createFolder(path, options)
  }

  async createFile(
    path: RemotePath,
    metadata: Readonly<Record<string, string>>,
    options?: CallOptions,
  ): Promise<RemoteEntry> {
    return (await this.#there()).createFile(path, metadata, options)
  }

  async rename(path: RemotePath, newName: string, options?: CallOptions): Promise<RemoteEntry> {
    return (await this.#there()).rename(path, newName, options)
  }

  async move(paths: readonly RemotePath[], folder: RemotePath, options?: CallOptions): Promise<void> {
    return (await this.#there()).move(paths, folder, options)
  }

  async copy(paths: readonly RemotePath[], folder: RemotePath, options?: CallOptions): Promise<void> {
    return (await this.#there()).copy(paths, folder, options)
  }

  async remove(paths: readonly RemotePath[], options?: RemoveOptions): Promise<void> {
    return (await this.#there()).remove(paths, options)
  }

  async patchMetadata(
    paths: readonly RemotePath[],
    patches: readonly MetadataPatch[],
    options?: CallOptions,
  ): Promise<void> {
    return (await this.#there()).patchMetadata(paths, patches, options)
  }

  async *listTrash(top: RemotePath, options?: CallOptions): AsyncGenerator<readonly TrashedEntry[]> {
    yield* (await this.#there()).listTrash(top, options)
  }

  async countTrashed(folder: TrashedEntry, options?: CallOptions): Promise<TrashedCount> {
    return (await this.#there()).countTrashed(folder, options)
  }

  async putBack(entries: readonly TrashedEntry[], options?: CallOptions): Promise<readonly TrashedEntry[]> {
    return (await this.#there()).putBack(entries, options)
  }

  async purge(entries: readonly TrashedEntry[], options?: CallOptions): Promise<void> {
    return (await this.#there()).purge(entries, options)
  }

  async readRange(content: ContentAddress, range: ByteRange, options?: RangeOptions): Promise<Uint8Array> {
    return (await this.#there()).readRange(content, range, options)
  }

  /** Nobody waits for it: while the server cannot be asked nothing is prepared. */
  async prepareReads(contents: readonly ContentAddress[]): Promise<void> {
    await this.#remote?.prepareReads(contents)
  }

  async upload(request: UploadRequest, options?: CallOptions): Promise<RemoteEntry> {
    return (await this.#there()).upload(request, options)
  }

  async makeCurrent(path: RemotePath, entity: EntityId, options?: CallOptions): Promise<void> {
    return (await this.#there()).makeCurrent(path, entity, options)
  }

  async cancelUpload(session: EndableSession, options?: CallOptions): Promise<boolean> {
    return (await this.#there()).cancelUpload(session, options)
  }

  async details(path: RemotePath, options?: CallOptions): Promise<RemoteDetails> {
    return (await this.#there()).details(path, options)
  }

  async activities(path: RemotePath, query: ActivityQuery, options?: CallOptions): Promise<ActivityPage> {
    return (await this.#there()).activities(path, query, options)
  }

  async contentUrl(path: RemotePath, options?: CallOptions): Promise<string> {
    return (await this.#there()).contentUrl(path, options)
  }

  async thumbnailUrl(
    path: RemotePath,
    entry: Pick<RemoteEntry, 'metadata'>,
    options?: CallOptions,
  ): Promise<string | undefined> {
    return (await this.#there()).thumbnailUrl(path, entry, options)
  }

  async capacity(options?: CallOptions): Promise<Capacity> {
    return (await this.#there()).capacity(options)
  }

  /** By this machine's clock until the server has told its own. */
  now(): number {
    return this.#remote?.now() ?? this.#options.clock.now()
  }

  async *changesSince(sinceMs: number, options?: CallOptions): AsyncGenerator<ChangedPage> {
    yield* (await this.#there()).changesSince(sinceMs, options)
  }

  /** Tries until it can be reached, whether or not anybody else wants something. */
  async *watch(options: { readonly signal: AbortSignal }): AsyncGenerator<WatchNotice> {
    const { clock } = this.#options
    for (let attempt = 0; !options.signal.aborted; attempt += 1) {
      const remote = await this.#there().catch((error: unknown) => error)
      if (remote instanceof Error) {
        yield { kind: 'down', reason: messageOf(remote), isOffered: true }
        await delay(clock, backoffMs(attempt, reconnect), options.signal).catch(() => undefined)
      } else return yield* (remote as Remote).watch(options)
    }
    return undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#connecting?.catch(() => undefined) // whoever waited for it was told
    await this.#remote?.close()
  }

  #there(): Promise<Remote> {
    if (this.#remote) return Promise.resolve(this.#remote)
    if (this.#isClosed) return Promise.reject(new RemoteError('offline', 'the connection was closed'))
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #connect(): Promise<Remote> {
    const { connect, facts, onConnected } = this.#options
    const remote = await connect()
    const { top } = remote.facts
    if (top?.id !== facts.top.id || top.createdAtMs !== facts.top.createdAtMs) {
      await remote.close()
      throw new RemoteError(
        'denied',
        `${facts.origin} has another drive than the one that is shown: it was set up anew; unmount, and mount again`,
      )
    }
    this.#remote = remote
    onConnected(remote)
    return remote
  }
}
