import { randomBytes } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { RemotePath } from '../../remote/types.ts'
import type { WriteRemote } from './types.ts'

interface Scratch {
  readonly path: Promise<RemotePath>
  users: number
}

/** After its last use, ms: the copies of one command share it. */
const idleMs = 10_000

export interface ScratchFolderParts {
  readonly remote: Pick<WriteRemote, 'createFolder' | 'list' | 'remove'>
  readonly hostName: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * A folder in the top folder of the drive in which copies get their new names, since the server copies under the same name only (api/03
 * §7). It is there while it is used, and nobody else puts anything into it; what a dead process left goes before the first use.
 */
export class ScratchFolder {
  readonly #parts: ScratchFolderParts
  readonly #prefix: string
  #current: Scratch | undefined
  #isSwept = false
  #cancelTimer: (() => void) | undefined

  constructor(parts: ScratchFolderParts) {
    this.#parts = parts
    this.#prefix = `.copying-${parts.hostName.replaceAll(/[^A-Za-z0-9-]/g, '-').slice(0, 40)}-`
  }

  /** After a failure of `work` another folder is made for the next: what is in this one is unknown. @throws {RemoteError} */
  async use<T>(work: (folder: RemotePath) => Promise<T>): Promise<T> {
    this.#cancelTimer?.()
    this.#current ??= { path: this.#make(), users: 0 }
    const scratch = this.#current
    scratch.users += 1
    try {
      return await work(await scratch.path)
    } catch (error) {
      if (this.#current === scratch) this.#current = undefined
      throw error
    } finally {
      scratch.users -= 1
      if (scratch.users === 0) this.#unused(scratch)
    }
  }

  /** Resolves when it is gone, or left for the next process. */
  async close(): Promise<void> {
    this.#cancelTimer?.()
    if (this.#current) await this.#remove(this.#current.path)
    this.#current = undefined
  }

  #unused(scratch: Scratch): void {
    const remove = () => {
      if (this.#current === scratch) this.#current = undefined
      void this.#remove(scratch.path)
    }
    if (this.#current === scratch) this.#cancelTimer = this.#parts.clock.after(idleMs, remove)
    else remove()
  }

  async #make(): Promise<RemotePath> {
    if (!this.#isSwept) await this.#sweep()
    this.#isSwept = true
    const path = [`${this.#prefix}${randomBytes(6).toString('hex')}`]
    await this.#parts.remote.createFolder(path)
    return path
  }

  async #sweep(): Promise<void> {
    const { remote } = this.#parts
    const left: RemotePath[] = []
    for await (const { entries } of remote.list([]))
      for (const { name, kind } of entries)
        if (kind === 'folder' && name.startsWith(this.#prefix)) left.push([name])
    for (const path of left) await this.#remove(Promise.resolve(path))
  }

  async #remove(folder: Promise<RemotePath>): Promise<void> {
    const path = await folder.catch(() => undefined)
    if (!path) return // it was never made
    try {
      await this.#parts.remote.remove([path], { permanently: true })
    } catch (error) {
      this.#parts.log.warn('the folder in which copies get their names could not be removed', { error })
    }
  }
}
