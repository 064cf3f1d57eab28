import type { Segment } from './segment.ts'

/** A segment file that is on the disk, or is about to be. */
export interface Entry {
  /** `<hash of the content>.<number>` */
  readonly name: string
  /** What it takes of the disk. */
  bytes: number
  /** Last use as the file tells it, ms since the epoch. */
  usedAtMs: number
  /** What is known of its blocks; undefined: nothing was read of it yet. */
  segment: Segment | undefined
}

/** All segment files, by their last use. */
export class SegmentIndex {
  /** Used longest ago first. */
  #entries = new Map<string, Entry>()
  /** How many segments a content has, by its hash. */
  readonly #contents = new Map<string, number>()
  #usedBytes = 0
  #newest: Entry | undefined
  /** Contents, by their hashes, that go last. */
  #protected: ReadonlySet<string> = new Set()

  get usedBytes(): number {
    return this.#usedBytes
  }

  get files(): number {
    return this.#entries.size
  }

  get contents(): number {
    return this.#contents.size
  }

  get(name: string): Entry | undefined {
    return this.#entries.get(name)
  }

  /** As the one used last. */
  add(entry: Entry): void {
    this.#entries.set(entry.name, entry)
    this.#newest = entry
    this.#count(entry, 1)
  }

  /** What was on the disk before this process used anything. Those that are known already stay as they are. */
  addOlder(found: readonly Entry[]): void {
    const older = found.filter(({ name }) => !this.#entries.has(name)).sort((a, b) => a.usedAtMs - b.usedAtMs)
    for (const entry of older) this.#count(entry, 1)
    this.#entries = new Map([...older.map((entry) => [entry.name, entry] as const), ...this.#entries])
  }

  use(entry: Entry): void {
    if (entry === this.#newest || !this.#entries.delete(entry.name)) return
    this.#entries.set(entry.name, entry)
    this.#newest = entry
  }

  grow(entry: Entry, bytes: number): void {
    entry.bytes += bytes
    this.#usedBytes += bytes
  }

  remove(entry: Entry): void {
    if (this.#entries.get(entry.name) !== entry) return
    this.#entries.delete(entry.name)
    this.#count(entry, -1)
  }

  protect(contents: ReadonlySet<string>): void {
    this.#protected = contents
  }

  isProtected(entry: Entry): boolean {
    return this.#protected.has(contentOf(entry))
  }

  /** The one used longest ago of those that are not protected, `except` aside: both count as used by that, or each call would pass over them. */
  oldest(except?: Entry): Entry | undefined {
    for (let left = this.#entries.size; left > 0; left -= 1) {
      const [entry] = this.#entries.values()
      if (entry !== except && !this.isProtected(entry!)) return entry
      this.use(entry!)
    }
    return undefined
  }

  /** As `oldest`, and what is protected when there is nothing else. */
  oldestOfAll(): Entry | undefined {
    const found = this.oldest()
    if (found) return found
    const [entry] = this.#entries.values()
    return entry
  }

  #count({ name, bytes }: Entry, by: 1 | -1): void {
    this.#usedBytes += by * bytes
    const content = contentOf({ name })
    const segments = (this.#contents.get(content) ?? 0) + by
    if (segments === 0) this.#contents.delete(content)
    else this.#contents.set(content, segments)
  }
}

/** Hash of the content that a segment file is of. */
export function contentOf({ name }: Pick<Entry, 'name'>): string {
  return name.slice(0, name.indexOf('.'))
}
