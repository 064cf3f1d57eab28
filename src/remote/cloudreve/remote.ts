/** The port, put together from its parts. */
import type { ByteRange } from '../../base/ranges.ts'
import { userCapacity } from '../../api/endpoints/site.ts'
import { joinUri, pathBelow } from '../../api/uri.ts'
import type { Downloader } from '../../transfer/download.ts'
import type { StorageClient } from '../../transfer/storage-client.ts'
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
import { CloudreveChanges } from './changes.ts'
import { CloudreveContent } from './content.ts'
import type { MountContext } from './context.ts'
import { CloudreveHistory } from './history.ts'
import { CloudreveUrls } from './signed-urls.ts'
import { asRemote } from './map-error.ts'
import { CloudreveTrash } from './trash.ts'
import { CloudreveTree } from './tree.ts'

export interface RemoteParts {
  readonly context: MountContext
  readonly downloader: Downloader
  readonly storage: StorageClient
  readonly facts: Pick<
    RemoteProperties,
    'userId' | 'userName' | 'maxFileNameBytes' | 'capacity' | 'versions' | 'top'
  >
}

export class CloudreveRemote implements Remote {
  readonly facts: RemoteProperties
  readonly #context: MountContext
  readonly #downloader: Downloader
  readonly #storage: StorageClient
  readonly #tree: CloudreveTree
  readonly #trash: CloudreveTrash
  readonly #content: CloudreveContent
  readonly #history: CloudreveHistory
  readonly #urls: CloudreveUrls
  readonly #changes: CloudreveChanges

  constructor({ context, downloader, storage, facts }: RemoteParts) {
    const { client, readOnly, root } = context
    this.#context = context
    this.#downloader = downloader
    this.#storage = storage
    this.#tree = new CloudreveTree(context)
    this.#trash = new CloudreveTrash(context)
    this.#content = new CloudreveContent(context, downloader, storage)
    this.#history = new CloudreveHistory(context)
    this.#urls = new CloudreveUrls(context)
    this.#changes = new CloudreveChanges(context)
    const shown = { ...root, password: undefined }
    this.facts = {
      ...facts,
      origin: client.origin,
      readOnly,
      countsReads: root.fileSystem === 'share',
      uriOf: (path) => joinUri(shown, path),
      pathOf: (uri) => pathBelow(root, uri),
    }
  }

  list(folder: RemotePath, options?: CallOptions): AsyncIterable<ListingPage> {
    return this.#tree.list(folder, options)
  }

  listSubtree(folder: RemotePath, options?: CallOptions): AsyncIterable<SubtreePage> {
    return this.#tree.listSubtree(folder, options)
  }

  info(path: RemotePath, options?: CallOptions): Promise<RemoteEntry> {
    return this.#tree.info(path, options)
  }

  infoById(id: FileId, options?: CallOptions): Promise<RemoteEntry> {
    return this.#tree.infoById(id, options)
  }

  createFolder(path: RemotePath, options?: CallOptions): Promise<RemoteEntry> {
    return this.#tree.createFolder(path, options)
  }

  createFile(
    path: RemotePath,
    metadata: Readonly<Record<string, string>>,
    options?: CallOptions,
  ): Promise<RemoteEntry> {
    return this.#tree.createFile(path, metadata, options)
  }

  rename(path: RemotePath, newName: string, options?: CallOptions): Promise<RemoteEntry> {
    return this.#tree.rename(path, newName, options)
  }

  move(paths: readonly RemotePath[], folder: RemotePath, options?: CallOptions): Promise<void> {
    return this.#tree.move(paths, folder, options)
  }

  copy(paths: readonly RemotePath[], folder: RemotePath, options?: CallOptions): Promise<void> {
    return this.#tree.copy(paths, folder, options)
  }

  remove(paths: readonly RemotePath[], options?: RemoveOptions): Promise<void> {
    return this.#tree.remove(paths, options)
  }

  patchMetadata(
    paths: readonly RemotePath[],
    patches: readonly MetadataPatch[],
    options?: CallOptions,
  ): Promise<void> {
    return this.#tree.patchMetadata(paths, patches, options)
  }

  listTrash(top: RemotePath, options?: CallOptions): AsyncIterable<readonly TrashedEntry[]> {
    return this.#trash.listTrash(top, options)
  }

  countTrashed(folder: TrashedEntry, options?: CallOptions): Promise<TrashedCount> {
    return this.#trash.countTrashed(folder, options)
  }

  putBack(entries: readonly TrashedEntry[], options?: CallOptions): Promise<readonly TrashedEntry[]> {
    return this.#trash.putBack(entries, options)
  }

  purge(entries: readonly TrashedEntry[], options?: CallOptions): Promise<void> {
    return this.#trash.purge(entries, options)
  }

  readRange(content: ContentAddress, range: ByteRange, options?: RangeOptions): Promise<Uint8Array> {
    return this.#content.readRange(content, range, options)
  }

  prepareReads(contents: readonly ContentAddress[]): Promise<void> {
    return this.#content.prepareReads(contents)
  }

  upload(request: UploadRequest, options?: CallOptions): Promise<RemoteEntry> {
    return this.#content.upload(request, options)
  }

  makeCurrent(path: RemotePath, entity: EntityId, options?: CallOptions): Promise<void> {
    return this.#content.makeCurrent(path, entity, options)
  }

  cancelUpload(session: EndableSession, options?: CallOptions): Promise<boolean> {
    return this.#content.cancelUpload(session, options)
  }

  details(path: RemotePath, options?: CallOptions): Promise<RemoteDetails> {
    return this.#history.details(path, options)
  }

  activities(path: RemotePath, query: ActivityQuery, options?: CallOptions): Promise<ActivityPage> {
    return this.#history.activities(path, query, options)
  }

  contentUrl(path: RemotePath, options?: CallOptions): Promise<string> {
    return this.#urls.content(path, options)
  }

  thumbnailUrl(
    path: RemotePath,
    entry: Pick<RemoteEntry, 'metadata'>,
    options?: CallOptions,
  ): Promise<string | undefined> {
    return this.#urls.thumbnail(path, entry, options)
  }

  watch(options: { readonly signal: AbortSignal }): AsyncIterable<WatchNotice> {
    return this.#changes.watch(options)
  }

  now(): number {
    return this.#changes.now()
  }

  changesSince(sinceMs: number, options?: CallOptions): AsyncIterable<ChangedPage> {
    return this.#changes.changesSince(sinceMs, options)
  }

  capacity({ signal }: CallOptions = {}): Promise<Capacity> {
    return asRemote(async () => {
      if (!this.#context.isSignedIn) throw new RemoteError('unsupported', 'a visitor has no space of his own')
      const { total, used } = await userCapacity(this.#context.client, { signal })
      return { totalBytes: total, usedBytes: used }
    }, signal)
  }

  async close(): Promise<void> {
    await this.#context.client.close()
    this.#downloader.close()
    this.#storage.close()
  }
}
