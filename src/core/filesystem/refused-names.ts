import type { FileId } from '../../remote/types.ts'
import type { LeftChange, PendingChange } from './pending-change.ts'

/** Of so many it is remembered that the server has refused them. */
const mostRefused = 100

/** A rename or deletion that the server refused: programs see what the server has. Paths begin at the drive's top folder. */
export interface RefusedName extends LeftChange {
  readonly kind: 'rename' | 'deletion'
  /** Of a rename: the path that it was to have. */
  readonly to?: string
  /** Of the deletion of a folder: everything in it that was deleted with it, and itself. */
  readonly all?: readonly string[]
}

/** Remembers which renames and deletions the server has refused, so that people can have them tried again, and tells of it. */
export class RefusedNames {
  readonly #onRefused: (change: LeftChange) => void
  /** The last one that was refused is the last. */
  readonly #refused = new Map<FileId, RefusedName>()

  constructor(onRefused: (change: LeftChange) => void = () => undefined) {
    this.#onRefused = onRefused
  }

  /** The server refuses it, and it is kept here as programs see it. */
  tell(change: LeftChange): void {
    this.#onRefused(change)
  }

  /** The server refuses it, and programs see what it has. */
  add(id: FileId, name: RefusedName): void {
    this.#refused.delete(id)
    this.#refused.set(id, name)
    const [oldest] = this.#refused.keys()
    if (oldest !== undefined && this.#refused.size > mostRefused) this.#refused.delete(oldest)
    this.tell(name)
  }

  get(id: FileId | undefined): RefusedName | undefined {
    return id === undefined ? undefined : this.#refused.get(id)
  }

  /** A program has changed the name again, or somebody has taken note of it; false: there is none. */
  forget(id: FileId | undefined): boolean {
    return id !== undefined && this.#refused.delete(id)
  }

  all(): Iterable<readonly [FileId, RefusedName]> {
    return [...this.#refused]
  }

  /** For people. */
  pending(within: (label: string) => boolean): PendingChange[] {
    const names = [...this.#refused.values()].filter(({ label }) => within(label))
    return names.map(({ label, kind, reason, all }) => ({
      label,
      kind,
      state: { state: 'failed', detail: reason },
      sizeBytes: 0,
      sentBytes: 0,
      count: all?.length ?? 1,
    }))
  }
}
