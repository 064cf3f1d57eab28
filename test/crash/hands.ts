import { constants } from 'node:fs'
import { patterned } from '../conformance/patterned.ts'
import { errorCode, type Engine, type Handle } from '../conformance/engine.ts'
import type { Operation, Outcome } from './operations.ts'
import { digestOf } from './world.ts'

type Disk = Pick<
  Engine,
  | 'open'
  | 'copyFile'
  | 'rename'
  | 'unlink'
  | 'mkdir'
  | 'rmdir'
  | 'symlink'
  | 'readlink'
  | 'chmod'
  | 'utimes'
  | 'setxattr'
  | 'removexattr'
  | 'readdirTypes'
  | 'readFile'
  | 'stat'
  | 'listxattr'
  | 'getxattr'
>

/** A file as a program sees it. */
export interface SeenFile {
  readonly path: string
  readonly sizeBytes: number
  readonly digest: string
  readonly mode: number
  /** Whole ms since the epoch. */
  readonly mtimeMs: number
  /** `user.note` */
  readonly note: string | undefined
  /** Where a symbolic link leads; of that nothing else is looked at. */
  readonly target?: string
}

/** Where the drive gives copies their names: for some seconds, or, when the process dies then, until the next copy. */
export const scratchPrefix = '.copying-'
const noteKey = 'user.note'
const emptyFile = { sizeBytes: 0, digest: digestOf(Buffer.alloc(0)), mode: 0, mtimeMs: 0, note: undefined }

const { O_RDWR, O_CREAT, O_EXCL, O_APPEND, O_TRUNC } = constants
const flagsOf = {
  new: O_RDWR | O_CREAT | O_EXCL,
  use: O_RDWR,
  append: O_RDWR | O_APPEND,
  over: O_RDWR | O_TRUNC,
} as const

/** Errnos of a program whose mount has died under it, and what cp(1) says of them. */
const cutCodes = new Set(['ENOTCONN', 'ECONNABORTED'])
const cutTexts = /Transport endpoint is not connected|Software caused connection abort/

/** Does on a filesystem what programs ask, and keeps what they have open. */
export class Hands {
  readonly #disk: Disk
  readonly #handles = new Map<number, Handle>()
  #isClosed = false

  constructor(disk: Disk) {
    this.#disk = disk
  }

  async perform(operation: Operation): Promise<Outcome> {
    try {
      await this.#do(operation)
      return { kind: 'done' }
    } catch (error) {
      const code = errorCode(error) ?? (operation.do === 'copy' ? 'cp' : undefined)
      if (code === undefined) throw error
      const reason = (error as Error).message
      const isCut = cutCodes.has(code) || (code === 'cp' && cutTexts.test(reason))
      return isCut || this.#isClosed ? { kind: 'cut' } : { kind: 'refused', code, reason }
    }
  }

  /** All files below the top, but for those in folders that may go while it looks. */
  async look(folder = ''): Promise<SeenFile[]> {
    const seen: SeenFile[] = []
    for (const [name, kind] of await this.#disk.readdirTypes(folder)) {
      if (folder === '' && name.startsWith(scratchPrefix)) continue
      const path = folder === '' ? name : `${folder}/${name}`
      if (kind === 'folder') {
        seen.push(...(await this.look(path)))
        continue
      }
      if (kind === 'symlink') {
        seen.push({ ...emptyFile, path, target: await this.#disk.readlink(path) })
        continue
      }
      const bytes = await this.#disk.readFile(path)
      const { mode, mtimeNs } = await this.#disk.stat(path)
      const mtimeMs = Number(mtimeNs / 1_000_000n)
      const note = await this.#noteOf(path)
      seen.push({ path, sizeBytes: bytes.length, digest: digestOf(bytes), mode, mtimeMs, note })
    }
    return seen
  }

  /** Errors of closing are no news: its process may be gone. */
  async closeAll(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#handles.values()].map((handle) => handle.close()))
    this.#handles.clear()
  }

  async #do(operation: Operation): Promise<void> {
    switch (operation.do) {
      case 'open': {
        const { handle, path, how } = operation
        const opened = await this.#disk.open(path, flagsOf[how], 0o644)
        // One that was on its way when all were closed: what nobody closes is an error of nobody later, and ends the tests.
        if (this.#isClosed) return opened.close()
        this.#handles.set(handle, opened)
        return undefined
      }
      case 'write':
        return this.#of(operation).write(patterned(operation.length, operation.token), operation.offset)
      case 'truncate':
        return this.#of(operation).truncate(operation.sizeBytes)
      case 'fsync':
        return this.#of(operation).fsync()
      case 'close': {
        const handle = this.#of(operation)
        this.#handles.delete(operation.handle)
        return handle.close()
      }
      case 'copy':
        return this.#disk.copyFile(operation.from, operation.to)
      case 'rename':
        return this.#disk.rename(operation.from, operation.to)
      case 'unlink':
        return this.#disk.unlink(operation.path)
      case 'mkdir':
        return this.#disk.mkdir(operation.path)
      case 'rmdir':
        return this.#disk.rmdir(operation.path)
      case 'chmod':
        return this.#disk.chmod(operation.path, operation.mode)
      case 'symlink':
        return this.#disk.symlink(operation.target, operation.path)
      case 'note': {
        const { path, value } = operation
        if (value === undefined) return this.#disk.removexattr(path, noteKey)
        return this.#disk.setxattr(path, noteKey, Buffer.from(value))
      }
      case 'utimes':
        return this.#disk.utimes(operation.path, 'omit', BigInt(operation.mtimeMs) * 1_000_000n)
    }
  }

  async #noteOf(path: string): Promise<string | undefined> {
    const isNoted = (await this.#disk.listxattr(path)).includes(noteKey)
    return isNoted ? (await this.#disk.getxattr(path, noteKey)).toString() : undefined
  }

  #of({ handle }: { readonly handle: number }): Handle {
    const open = this.#handles.get(handle)
    if (!open) throw new Error(`nothing is open as ${handle}`)
    return open
  }
}
