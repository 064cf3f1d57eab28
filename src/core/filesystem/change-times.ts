import { LRUCache } from 'lru-cache'
import type { Clock } from '../../base/clock.ts'
import { timespecFromMs, type Timespec } from '../../base/timespec.ts'
import type { Node } from '../inode/index.ts'

export interface KnownTimes {
  /** Attributes, the name or (of a folder) the names in it were changed here last. */
  readonly ctime?: Timespec
  /** Somebody chose it. */
  readonly atime?: Timespec
  /** Of a folder: names in it were changed here last, or what it was before a change that moved only the server's time. */
  readonly folderMtime?: Timespec
}

const none: KnownTimes = {}

/**
 * Times for which the server has no place: when this mount changed attributes and names, and which access times programs chose.
 * Kept while the mount runs; the oldest go first.
 */
export class ChangeTimes {
  readonly #clock: Clock
  /** By `st_ino`: longer than the kernel remembers the node. */
  readonly #known = new LRUCache<number, KnownTimes>({ max: 100_000 })

  constructor(clock: Clock) {
    this.#clock = clock
  }

  of(node: Node): KnownTimes {
    // Most mounts only read: then there is nothing to look for.
    return (this.#known.size > 0 && this.#known.get(node.stableIno)) || none
  }

  /** Attributes or the name of `node` were changed. */
  changed(node: Node, chosen: Pick<KnownTimes, 'atime'> = {}): void {
    this.#set(node, { ctime: this.#now(), ...chosen })
  }

  /** A name came or went. */
  namesChanged(folder: Node): void {
    const now = this.#now()
    this.#set(folder, { ctime: now, folderMtime: now })
  }

  /** The server is about to move its time of `folder`, which is its mtime: that stays. */
  keepMtime(folder: Node, mtime: Timespec): void {
    if (!this.of(folder).folderMtime) this.#set(folder, { folderMtime: mtime })
  }

  /** The server knows the mtime of `folder`: somebody chose it. */
  forgetMtime(folder: Node): void {
    const { folderMtime: _, ...rest } = this.of(folder)
    this.#known.set(folder.stableIno, rest)
  }

  #set(node: Node, times: KnownTimes): void {
    this.#known.set(node.stableIno, { ...this.of(node), ...times })
  }

  #now(): Timespec {
    return timespecFromMs(this.#clock.now())
  }
}
