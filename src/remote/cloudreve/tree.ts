/** Folders and names: the `RemoteTree` half of the port. */
import {
  createFile,
  deleteFiles,
  fileInfo,
  listFolder,
  moveFiles,
  patchMetadata,
  renameFile,
} from '../../api/endpoints/files.ts'
import { Code } from '../../api/codes.ts'
import { isRefusal, type ApiError } from '../../api/errors.ts'
import { pathBelow } from '../../api/uri.ts'
import { RemoteError } from '../errors.ts'
import type { CallOptions, RemoteTree, RemoveOptions } from '../remote.ts'
import type { FileId, ListingPage, MetadataPatch, RemoteEntry, RemotePath, SubtreePage } from '../types.ts'
import {
  disjointBatches,
  plainBatches,
  requireWritable,
  topmostBatches,
  uriOf,
  type MountContext,
} from './context.ts'
import { walkListing, type PageRequest } from './listing-walk.ts'
import { walkSubtree } from './subtree-walk.ts'
import { toEntry, toPolicy } from './map-entry.ts'
import { asRemote, saysAbsent, toRemoteError } from './map-error.ts'

/** A condition that every object meets makes a listing recursive (api/00-live §3). */
const everything = '?created_gte=1&created_lte=4102444800'

interface Batching extends CallOptions {
  readonly paths: readonly RemotePath[]
  readonly split: (context: MountContext, paths: readonly RemotePath[]) => string[][]
}

export class CloudreveTree implements RemoteTree {
  readonly #context: MountContext

  constructor(context: MountContext) {
    this.#context = context
  }

  async *list(folder: RemotePath, { signal }: CallOptions = {}): AsyncGenerator<ListingPage> {
    const { client, pageSize, noContent } = this.#context
    const uri = uriOf(this.#context, folder)
    const fetch = ({ pageSize, token, page }: PageRequest) =>
      listFolder(client, uri, { pageSize, token, page, signal })
    try {
      const walk = walkListing({ fetch, pageSize, subject: this.#name(folder) })
      for await (const { listing, files, isLast } of walk) {
        yield {
          entries: files.map((file) => toEntry(file, noContent)),
          folder: toEntry(listing.parent, noContent),
          policy: toPolicy(listing.storage_policy),
          isLast,
        }
      }
    } catch (error) {
      throw toRemoteError(error, signal)
    }
  }

  async *listSubtree(folder: RemotePath, { signal }: CallOptions = {}): AsyncGenerator<SubtreePage> {
    const { client, pageSize, noContent } = this.#context
    const uri = `${uriOf(this.#context, folder)}${everything}`
    const fetch = (token: string | undefined) => listFolder(client, uri, { pageSize, token, signal })
    try {
      for await (const { files, parent } of walkSubtree({ fetch, subject: this.#name(folder) }))
        yield {
          entries: files.map((file) => toEntry(file, noContent)),
          folder: toEntry(parent, noContent),
        }
    } catch (error) {
      throw toRemoteError(error, signal)
    }
  }

  info(path: RemotePath, { signal }: CallOptions = {}): Promise<RemoteEntry> {
    return asRemote(async () => {
      const { client, noContent } = this.#context
      // The root of a file system has no information of its own (api/03 §4).
      if (path.length === 0) return this.#root(signal)
      return toEntry(await fileInfo(client, { uri: uriOf(this.#context, path) }, { signal }), noContent)
    }, signal)
  }

  infoById(id: FileId, { signal }: CallOptions = {}): Promise<RemoteEntry> {
    return asRemote(async () => {
      const { client, noContent } = this.#context
      const entry = toEntry(await this.#byId(id, signal), noContent)
      if (!/^cloudreve:\/\/(?:[^/]*@)?trash(?:\/|$)/i.test(entry.uri)) return entry
      client.log.debug('an object was found in the recycle bin', { id })
      throw new RemoteError('not-found', `${entry.name} is in the recycle bin`)
    }, signal)
  }

  createFolder(path: RemotePath, options: CallOptions = {}): Promise<RemoteEntry> {
    return this.#create(path, { type: 'folder' }, options)
  }

  createFile(
    path: RemotePath,
    metadata: Readonly<Record<string, string>>,
    options: CallOptions = {},
  ): Promise<RemoteEntry> {
    return this.#create(path, { type: 'file', metadata }, options)
  }

  rename(path: RemotePath, newName: string, { signal }: CallOptions = {}): Promise<RemoteEntry> {
    return asRemote(async () => {
      requireWritable(this.#context, path)
      const { client, noContent } = this.#context
      return toEntry(await renameFile(client, uriOf(this.#context, path), newName, { signal }), noContent)
    }, signal)
  }

  move(paths: readonly RemotePath[], folder: RemotePath, options: CallOptions = {}): Promise<void> {
    return this.#relocate(paths, folder, { ...options, copy: false })
  }

  copy(paths: readonly RemotePath[], folder: RemotePath, options: CallOptions = {}): Promise<void> {
    return this.#relocate(paths, folder, { ...options, copy: true })
  }

  async remove(
    paths: readonly RemotePath[],
    { signal, permanently = false }: RemoveOptions = {},
  ): Promise<void> {
    const { client } = this.#context
    const missing: ApiError[] = []
    await this.#inBatches({ paths, split: topmostBatches, signal }, async (uris) => {
      try {
        await deleteFiles(client, uris, { permanently, signal })
      } catch (error) {
        if (!saysAbsent(error)) throw error
        missing.push(error)
      }
    })
    if (missing.length > 0) throw this.#absent(missing)
  }

  patchMetadata(
    paths: readonly RemotePath[],
    patches: readonly MetadataPatch[],
    { signal }: CallOptions = {},
  ): Promise<void> {
    const { client } = this.#context
    return this.#inBatches({ paths, split: plainBatches, signal }, (uris) =>
      patchMetadata(client, uris, { patches, signal }),
    )
  }

  #create(
    path: RemotePath,
    creation: { type: 'file' | 'folder'; metadata?: Readonly<Record<string, string>> },
    { signal }: CallOptions,
  ): Promise<RemoteEntry> {
    return asRemote(async () => {
      requireWritable(this.#context, path)
      const { client, noContent } = this.#context
      const file = await createFile(client, uriOf(this.#context, path), { ...creation, signal })
      // The answer does not repeat what was just stored (api/03 §5).
      return { ...toEntry(file, noContent), metadata: creation.metadata ?? {} }
    }, signal)
  }

  #relocate(
    paths: readonly RemotePath[],
    folder: RemotePath,
    { copy, signal }: CallOptions & { readonly copy: boolean },
  ): Promise<void> {
    const { client } = this.#context
    const to = uriOf(this.#context, folder)
    return this.#inBatches({ paths, split: disjointBatches, signal }, (uris) =>
      moveFiles(client, { uris, to, copy, signal }),
    )
  }

  #inBatches({ paths, split, signal }: Batching, send: (uris: string[]) => Promise<void>): Promise<void> {
    return asRemote(async () => {
      for (const path of paths) requireWritable(this.#context, path)
      for (const batch of split(this.#context, paths)) await send(batch)
    }, signal)
  }

  async #root(signal: AbortSignal | undefined): Promise<RemoteEntry> {
    const { client, noContent } = this.#context
    const { parent } = await listFolder(client, uriOf(this.#context, []), { pageSize: 1, signal })
    return toEntry(parent, noContent)
  }

  async #byId(id: FileId, signal: AbortSignal | undefined) {
    const { client } = this.#context
    try {
      return await fileInfo(client, { id }, { signal })
    } catch (error) {
      // An id that is not there any more has no code of its own (api/03 §4); everything else that fails so is rare.
      if (!isRefusal(error, Code.unclassified)) throw error
      throw new RemoteError('not-found', `no object with id ${id} on the server`, {
        cause: error,
        code: error.code,
      })
    }
  }

  /** The server did the rest of each batch (api/00-live-files §15). */
  #absent(errors: readonly ApiError[]): RemoteError {
    const [{ code }] = errors as readonly [ApiError]
    const absent = errors.flatMap(({ items }) =>
      items.map(({ uri }) => pathBelow(this.#context.root, uri) ?? []),
    )
    const message = errors.map(({ message }) => message).join('; ')
    return new RemoteError('not-found', message, { cause: errors[0], code, absent })
  }

  #name(path: RemotePath): string {
    return `/${path.join('/')}`
  }
}
