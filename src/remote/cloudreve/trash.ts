/** The `RemoteTrash` part of the port. */
import { deleteFiles, fileInfo, listFolder, restoreFiles } from '../../api/endpoints/files.ts'
import type { WireFile } from '../../api/schema.ts'
import { formatUri, pathBelow, UriError } from '../../api/uri.ts'
import { RemoteError } from '../errors.ts'
import type { CallOptions } from '../remote.ts'
import type { RemoteTrash, TrashedCount, TrashedEntry } from '../trash.ts'
import type { RemotePath } from '../types.ts'
import { chunksOf, type MountContext } from './context.ts'
import { toEntry } from './map-entry.ts'
import { asRemote, isPartial, saysAbsent, toRemoteError } from './map-error.ts'
import { walkSubtree } from './subtree-walk.ts'

/** Both are there for whatever lies in the trash (api/03 §8.1). */
const RESTORE_URI = 'sys:restore_uri'
const COLLECT_TIME = 'sys:expected_collect_time'

export class CloudreveTrash implements RemoteTrash {
  readonly #context: MountContext

  constructor(context: MountContext) {
    this.#context = context
  }

  /**
   * The trash is one flat folder, cannot be ordered by the time of the deletion (api/00-live §2.5) and may be long: the server is
   * asked for what holds the path in its old address, where it escapes names as we do.
   */
  async *listTrash(top: RemotePath, { signal }: CallOptions = {}): AsyncGenerator<readonly TrashedEntry[]> {
    const { client, pageSize, root } = this.#context
    const wanted = formatUri({ ...root, id: undefined, password: undefined, path: [...root.path, ...top] })
    const path = wanted.slice('cloudreve://my'.length)
    const uri = `cloudreve://trash?meta_${RESTORE_URI}=${encodeURIComponent(path)}`
    const fetch = (token: string | undefined) => listFolder(client, uri, { pageSize, token, signal })
    try {
      for await (const { files } of walkSubtree({ fetch, subject: 'the trash' }))
        yield files.map((file) => this.#toTrashed(file))
    } catch (error) {
      throw toRemoteError(error, signal)
    }
  }

  countTrashed({ entry }: TrashedEntry, { signal }: CallOptions = {}): Promise<TrashedCount> {
    return asRemote(async () => {
      const how = { summary: true, signal }
      const { folder_summary: found } = await fileInfo(this.#context.client, { uri: entry.uri }, how)
      if (!found)
        throw new RemoteError('unsupported', `${entry.name}: the server does not count what is in it`)
      const { files, folders, completed: isWhole, calculated_at: countedAtMs } = found
      return { files, folders, isWhole, countedAtMs }
    }, signal)
  }

  putBack(entries: readonly TrashedEntry[], { signal }: CallOptions = {}): Promise<readonly TrashedEntry[]> {
    const { client, batchSize } = this.#context
    return asRemote(async () => {
      const left = new Set<string>()
      for (const batch of chunksOf(urisOf(entries), batchSize)) {
        try {
          await restoreFiles(client, batch, { signal })
        } catch (error) {
          if (!isPartial(error)) throw error
          for (const { uri } of error.items) left.add(uri)
        }
      }
      return entries.filter(({ entry }) => left.has(entry.uri))
    }, signal)
  }

  purge(entries: readonly TrashedEntry[], { signal }: CallOptions = {}): Promise<void> {
    const { client, batchSize } = this.#context
    return asRemote(async () => {
      for (const batch of chunksOf(urisOf(entries), batchSize)) {
        try {
          await deleteFiles(client, batch, { permanently: true, signal })
        } catch (error) {
          if (!saysAbsent(error)) throw error
        }
      }
    }, signal)
  }

  #toTrashed(file: WireFile): TrashedEntry {
    return {
      entry: toEntry(file, this.#context.noContent),
      from: this.#pathOf(file.metadata[RESTORE_URI]),
      keptUntilMs: Number(file.metadata[COLLECT_TIME] ?? 0) * 1000,
    }
  }

  /** Names that are no UTF-8 have no path here. */
  #pathOf(uri: string | undefined): RemotePath | undefined {
    try {
      return uri === undefined ? undefined : pathBelow(this.#context.root, uri)
    } catch (error) {
      if (error instanceof UriError) return undefined
      throw error
    }
  }
}

function urisOf(entries: readonly TrashedEntry[]): string[] {
  return entries.map(({ entry }) => entry.uri)
}
