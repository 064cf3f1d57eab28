import { KeyedMutex } from '../../base/mutex.ts'
import { absentAsUndefined, isRemoteError } from '../../remote/errors.ts'
import type { EntityId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { CopySource } from './content-base.ts'
import { mayHaveBeenDone } from './failure.ts'
import { pathNow } from './fetch-piece.ts'
import { ScratchFolder, type ScratchFolderParts } from './scratch-folder.ts'
import type { WriteRemote } from './types.ts'

type CopyRemote = Pick<
  WriteRemote,
  'copy' | 'rename' | 'move' | 'info' | 'infoById' | 'remove' | 'facts' | 'createFolder' | 'list'
>

interface Copying {
  readonly from: RemotePath
  readonly entity: EntityId
  readonly metadata: CopySource['metadata']
  readonly to: RemotePath
}

/**
 * Copies of whole files at the server. It copies whatever the file holds in that moment, and under the same name only; so each copy
 * is looked at before it counts: it must have the very content that programs were shown, and no mark of an upload.
 *
 *   same name elsewhere: copied ──▶ asked for
 *   another name: copied into a folder of its own ──▶ renamed there, which answers what it is ──▶ moved
 */
export class ServerCopies {
  readonly #remote: CopyRemote
  readonly #log: ScratchFolderParts['log']
  readonly #scratch: ScratchFolder
  /** Two copies of the same name cannot be in the scratch folder at once. */
  readonly #names = new KeyedMutex<string>()

  constructor(parts: ScratchFolderParts & { readonly remote: CopyRemote }) {
    this.#remote = parts.remote
    this.#log = parts.log
    this.#scratch = new ScratchFolder(parts)
  }

  /**
   * Makes the file at `to`, which is not there yet. undefined: the server does not copy it, or not this content, and nothing of it
   * is left at `to`.
   * @throws {RemoteError} when it is to be tried again
   */
  async make(source: CopySource, to: RemotePath): Promise<RemoteEntry | undefined> {
    const { lender, path, entity, metadata } = source
    try {
      return await this.#make({ from: path, entity, metadata, to })
    } catch (error) {
      if (!isRefused(error)) throw error
      this.#log.debug('a file is not copied at the server', { file: to.join('/'), reason: error.message })
      if (!isRemoteError(error, 'not-found')) return undefined
    }
    try {
      const from = await pathNow(this.#remote, lender)
      return from.join('/') === path.join('/') ? undefined : await this.#make({ from, entity, metadata, to })
    } catch (error) {
      if (!isRefused(error)) throw error
      return undefined
    }
  }

  close(): Promise<void> {
    return this.#scratch.close()
  }

  #make(copying: Copying): Promise<RemoteEntry | undefined> {
    const { from, to } = copying
    const [name, newName] = [from.at(-1)!, to.at(-1)!]
    if (name === newName) return this.#copyTo(copying)
    const [first, second] = name < newName ? [name, newName] : [newName, name]
    return this.#names.run(first, () => this.#names.run(second, () => this.#copyAndRename(copying)))
  }

  async #copyTo({ from, entity, to }: Copying): Promise<RemoteEntry | undefined> {
    try {
      await this.#remote.copy([from], to.slice(0, -1))
    } catch (error) {
      if (!isRemoteError(error, 'exists', 'unknown-outcome')) throw error
      // An earlier try, or this one, may have made it.
      const found = await this.#found(to)
      if (!found && isRemoteError(error, 'unknown-outcome')) throw error
      return found && isCopyOf(entity, found) ? found : undefined
    }
    const made = await this.#found(to)
    if (!made || isCopyOf(entity, made)) return made
    await this.#takeBack(made, { from, to })
    return undefined
  }

  /** Somebody was faster, and the newer content was copied. One that is not that any more is not touched. */
  async #takeBack(
    made: RemoteEntry,
    { from, to }: { readonly from: RemotePath; readonly to: RemotePath },
  ): Promise<void> {
    const source = await this.#found(from)
    if (source && source.entity === made.entity) await this.#remote.remove([to])
  }

  #copyAndRename({ from, entity, metadata, to }: Copying): Promise<RemoteEntry | undefined> {
    const { facts } = this.#remote
    return this.#scratch.use(async (folder) => {
      const before = metadata()
      await this.#remote.copy([from], folder)
      const between = [...folder, to.at(-1)!]
      const renamed = await this.#remote.rename([...folder, from.at(-1)!], to.at(-1)!)
      // The answer to a rename is without metadata (api/03 §6).
      const isKnown = before !== undefined && before === metadata()
      const copied = isKnown ? { ...renamed, metadata: before } : await this.#remote.info(between)
      if (!isCopyOf(entity, copied)) {
        await this.#remote.remove([between])
        return undefined
      }
      try {
        await this.#remote.move([between], to.slice(0, -1))
      } catch (error) {
        if (!isRemoteError(error, 'exists')) throw error
        await this.#remote.remove([between])
        const found = await this.#found(to)
        return found && isCopyOf(entity, found) ? found : undefined
      }
      return { ...copied, uri: facts.uriOf(to) }
    })
  }

  #found(path: RemotePath): Promise<RemoteEntry | undefined> {
    return absentAsUndefined(this.#remote.info(path))
  }
}

function isCopyOf(entity: EntityId, { kind, entity: present, uploadSessionId }: RemoteEntry): boolean {
  return kind === 'file' && present === entity && uploadSessionId === undefined
}

function isRefused(error: unknown): error is Error {
  return isRemoteError(error) && !error.isTransient && !mayHaveBeenDone(error)
}
