/** Brings files into the disk cache because a person asks for it. */
import { Errno } from '../../base/errno.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { ContentAddress } from '../../remote/remote.ts'
import type { RemoteEntry } from '../../remote/types.ts'
import { FsError, toFsError } from '../errors.ts'
import { kindOf } from '../tree/index.ts'
import type { Core } from './core.ts'

export interface WarmProgress {
  readonly files: number
  readonly doneFiles: number
  readonly totalBytes: number
  readonly doneBytes: number
}

export interface WarmResult {
  readonly files: number
  readonly bytes: number
  /** What was not here when its turn came. */
  readonly fetchedBytes: number
  /** Files that are not all here, and why the first of them is not. */
  readonly leftFiles: number
  readonly reason: string | undefined
}

export interface WarmOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: WarmProgress) => void) | undefined
}

/** Files at a time: small ones wait for round trips, and programs that read meanwhile want their part of the line. */
const atOnce = 4
/** So many files get their URLs together. */
const announcedAtOnce = 100

/**
 * @throws {FsError} ENOSPC: the cache cannot hold them, or there is none; as a read, where the server is away
 */
export class Warming {
  readonly #core: Core
  readonly #options: WarmOptions
  readonly #contents: readonly ContentAddress[]
  readonly #totalBytes: number
  #doneFiles = 0
  #doneBytes = 0
  #missingBytes = 0
  #leftFiles = 0
  #reason: string | undefined

  constructor(core: Core, entries: readonly RemoteEntry[], options: WarmOptions) {
    this.#core = core
    this.#options = options
    this.#contents = entries.filter(hasContent).map((entry) => this.#contentOf(entry))
    this.#totalBytes = this.#contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  async run(): Promise<WarmResult> {
    const { diskLimitBytes } = this.#core.readers
    if (diskLimitBytes === 0)
      throw new FsError(Errno.ENOSPC, 'nothing is kept on this machine: --cache-limit is 0')
    if (this.#totalBytes > diskLimitBytes)
      throw new FsError(
        Errno.ENOSPC,
        `${inMiB(this.#totalBytes)} do not fit into the cache of ${inMiB(diskLimitBytes)}: mount with a larger --cache-limit`,
      )
    for (let from = 0; from < this.#contents.length; from += announcedAtOnce)
      await this.#warmBatch(this.#contents.slice(from, from + announcedAtOnce))
    return {
      files: this.#contents.length,
      bytes: this.#totalBytes,
      fetchedBytes: this.#missingBytes,
      leftFiles: this.#leftFiles,
      reason: this.#reason,
    }
  }

  async #warmBatch(batch: readonly ContentAddress[]): Promise<void> {
    const absent: ContentAddress[] = []
    for (const content of batch) {
      const presentBytes = (await this.#core.readers.onDisk(content)?.presentBytes()) ?? 0
      if (presentBytes < content.sizeBytes) absent.push(content)
      this.#missingBytes += content.sizeBytes - presentBytes
    }
    if (absent.length > 1) await this.#announce(absent)
    const waiting = [...batch]
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.#warm(next)
    }
    try {
      await Promise.all(Array.from({ length: atOnce }, work))
    } finally {
      waiting.length = 0 // where one has failed the others begin nothing any more
    }
  }

  async #announce(contents: readonly ContentAddress[]): Promise<void> {
    await this.#core.remote.prepareReads(contents).catch((error: unknown) => {
      this.#core.log.debug('URLs are asked for one by one', { error })
    })
  }

  async #warm(content: ContentAddress): Promise<void> {
    const { signal } = this.#options
    const label = `/${content.path()?.join('/') ?? ''}`
    const onBytes = (bytes: number) => {
      this.#doneBytes += bytes
      this.#tell()
    }
    try {
      const isWhole = await this.#core.readers.keep(content, { signal, onBytes })
      if (!isWhole) this.#leave(`${label}: the disk of the cache did not take it`)
    } catch (error) {
      // Others may be had all the same.
      if (signal?.aborted || !isRemoteError(error) || error.isTransient) throw toFsError(error, label)
      this.#leave(`${label}: ${error.message}`)
    }
    this.#doneFiles += 1
    this.#tell()
  }

  #leave(reason: string): void {
    this.#leftFiles += 1
    this.#reason ??= reason
  }

  #tell(): void {
    this.#options.onProgress?.({
      files: this.#contents.length,
      doneFiles: this.#doneFiles,
      totalBytes: this.#totalBytes,
      doneBytes: this.#doneBytes,
    })
  }

  #contentOf({ id, uri, entity, sizeBytes }: RemoteEntry): ContentAddress {
    const { tree, remote } = this.#core
    const path = () => tree.table.byId(id)?.contentPath ?? remote.facts.pathOf(uri)
    return { path, entity: entity!, sizeBytes }
  }
}

/** Folders and links have none, nor what somebody is just uploading. */
export function hasContent(entry: RemoteEntry): boolean {
  const { kind, entity, uploadSessionId, sizeBytes } = entry
  const isStored = kind === 'file' && entity !== undefined && uploadSessionId === undefined
  return isStored && sizeBytes > 0 && kindOf(entry) === 'file'
}

export function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2)} MiB`
}
