/** Bytes in and out: the `RemoteContent` part of the port. */
import { setCurrentVersion } from '../../api/endpoints/files.ts'
import { invariant } from '../../base/assert.ts'
import type { ByteRange } from '../../base/ranges.ts'
import type { ContentSource, Downloader } from '../../transfer/download.ts'
import type { StorageClient } from '../../transfer/storage-client.ts'
import type { CallOptions, ContentAddress, EndableSession, RangeOptions, RemoteContent } from '../remote.ts'
import type { EntityId, RemoteEntry, RemotePath, UploadRequest } from '../types.ts'
import { requireWritable, uriOf, type MountContext } from './context.ts'
import { asRemote } from './map-error.ts'
import { Uploader } from './upload.ts'

export class CloudreveContent implements RemoteContent {
  readonly #context: MountContext
  readonly #downloader: Downloader
  readonly #uploader: Uploader

  constructor(context: MountContext, downloader: Downloader, storage: StorageClient) {
    this.#context = context
    this.#downloader = downloader
    this.#uploader = new Uploader(context, downloader, storage)
  }

  async readRange(
    content: ContentAddress,
    range: ByteRange,
    options: RangeOptions = {},
  ): Promise<Uint8Array> {
    const { sizeBytes } = content
    invariant(
      range.start >= 0 && range.start <= range.end && range.end <= sizeBytes,
      'a range within the content',
    )
    if (range.start === range.end) return new Uint8Array(0)
    const source = this.#sourceOf(content)
    return asRemote(() => this.#downloader.read(source, range, options), options.signal)
  }

  prepareReads(contents: readonly ContentAddress[]): Promise<void> {
    return asRemote(() => this.#downloader.prepare(contents.map((content) => this.#sourceOf(content))))
  }

  #sourceOf(content: ContentAddress): ContentSource {
    const { entity, sizeBytes } = content
    return {
      uri: () => {
        const path = content.path()
        return path === undefined ? undefined : uriOf(this.#context, path)
      },
      entity,
      sizeBytes,
      subject: `/${content.path()?.join('/') ?? `(content ${entity})`}`,
    }
  }

  upload(request: UploadRequest, { signal }: CallOptions = {}): Promise<RemoteEntry> {
    return asRemote(async () => {
      requireWritable(this.#context, request.path)
      return this.#uploader.upload(request, signal)
    }, signal)
  }

  makeCurrent(path: RemotePath, entity: EntityId, { signal }: CallOptions = {}): Promise<void> {
    return asRemote(() => {
      requireWritable(this.#context, path)
      return setCurrentVersion(this.#context.client, uriOf(this.#context, path), { version: entity, signal })
    }, signal)
  }

  cancelUpload(session: EndableSession, { signal }: CallOptions = {}): Promise<boolean> {
    return asRemote(() => this.#uploader.end(session, signal), signal)
  }
}
