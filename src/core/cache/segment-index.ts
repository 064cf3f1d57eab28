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

  /** The one used longest ago, `except` aside. */
  oldest(except?: Entry): Entry | undefined {
    for (const entry of this.#entries.values()) if (entry !== except) return entry
    return undefined
  }

  all(): Entry[] {
    return [...this.#entries.values()]
  }

  #count({ name, bytes }: Entry, by: 1 | -1): void {
    this.#usedBytes += by * bytes
    const content = name.slice(0, name.indexOf('.'))
    const segments = (this.#contents.get(content) ?? 0) + by
    if (segments === 0) this.#contents.delete(content)
    else this.#contents.set(content, segments)
  }
}
