import type { Attr, Ino } from '../../core/types.ts'

const SET_UID = 0o4000
const SET_GID = 0o2000
const GROUP_EXECUTE = 0o010

/**
 * Modes with set-id bits, as the kernel was shown them last. By HANDLE_KILLPRIV_V2 the kernel leaves it to us to take those bits
 * away when a file's content or owner changes, and asks for it with every single write: knowing which few files have any
 * makes the others free.
 */
export class ShownModes {
  readonly #special = new Map<Ino, number>()

  /** The kernel is about to be told these attributes. */
  note(ino: Ino, { kind, mode }: Pick<Attr, 'kind' | 'mode'>): void {
    if (kind === 'file' && mode & (SET_UID | SET_GID)) this.#special.set(ino, mode)
    else if (this.#special.size > 0) this.#special.delete(ino)
  }

  forget(ino: Ino): void {
    this.#special.delete(ino)
  }

  /** The mode that is left, or undefined when nothing is to be taken away. Set-gid without group execution is another thing: a lock. */
  withoutSetId(ino: Ino): number | undefined {
    const mode = this.#special.get(ino)
    if (mode === undefined) return undefined
    const left = mode & ~(mode & GROUP_EXECUTE ? SET_UID | SET_GID : SET_UID)
    return left === mode ? undefined : left
  }
}
