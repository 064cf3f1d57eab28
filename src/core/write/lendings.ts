import { isRemoteError } from '../../remote/errors.ts'
import type { FileId } from '../../remote/types.ts'
import type { FileContent } from './file-content.ts'
import type { Lender } from './types.ts'

/**
 * Which files show the content of another one. That content must not be replaced or deleted before they are copied at the server, or
 * have its bytes here.
 */
export class Lendings {
  readonly #borrowers = new Map<FileId, Set<FileContent>>()
  readonly #onEnd = new Map<FileId, (() => void)[]>()

  get isEmpty(): boolean {
    return this.#borrowers.size === 0
  }

  /** `content` borrows from another file than before, or from none. */
  note(content: FileContent, lender: Lender | undefined, former: Lender | undefined): void {
    if (former) this.#remove(former.id, content)
    if (!lender) return
    const borrowers = this.#borrowers.get(lender.id) ?? new Set()
    this.#borrowers.set(lender.id, borrowers.add(content))
  }

  /** Something is going to become of the file: what is a copy of it is sent at once. */
  hurry(id: FileId): void {
    for (const content of this.#borrowers.get(id) ?? []) if (!content.hasWriters) content.hurry()
  }

  /** Nobody has to do anything, and it is borrowed no more. */
  endsSoon(id: FileId): boolean {
    const borrowers = [...(this.#borrowers.get(id) ?? [])]
    return borrowers.length > 0 && borrowers.every(({ canBeSent, hasWriters }) => canBeSent && !hasWriters)
  }

  /**
   * Brings here what is borrowed of the file. What the server does not have any more keeps nothing back: the upload of the copy tells.
   * @throws {RemoteError} when the server cannot be asked, and errors of the local disk
   */
  async end(id: FileId, signal: AbortSignal): Promise<void> {
    for (const content of [...(this.#borrowers.get(id) ?? [])]) {
      try {
        await content.complete(signal)
      } catch (error) {
        if (!isRemoteError(error, 'entity-gone', 'not-found')) throw error
      }
    }
  }

  /** Calls `onEnd` once nothing is borrowed of the file any more. */
  whenEnded(id: FileId, onEnd: () => void): void {
    if (this.#borrowers.has(id)) this.#onEnd.set(id, [...(this.#onEnd.get(id) ?? []), onEnd])
    else onEnd()
  }

  #remove(id: FileId, content: FileContent): void {
    const borrowers = this.#borrowers.get(id)
    borrowers?.delete(content)
    if (borrowers?.size !== 0) return
    this.#borrowers.delete(id)
    const waiting = this.#onEnd.get(id) ?? []
    this.#onEnd.delete(id)
    for (const onEnd of waiting) onEnd()
  }
}
