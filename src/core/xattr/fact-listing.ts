import { LRUCache } from 'lru-cache'
import type { Clock } from '../../base/clock.ts'

/** `-o list-facts=`: whether listing the attributes of a file names the facts. Reading one by its name always works. */
export type ListFacts = 'auto' | 'always' | 'never'

/** More files than this within the window, and a process copies or scans. */
const MAX_FILES = 20
const WINDOW_MS = 2_000
/** A process that copied goes on copying, also after a pause for a large file. */
const QUIET_MS = 30_000
const MAX_PROCESSES = 256

interface Lister {
  /** Files that were listed within the window, with the time of the last listing; oldest first. */
  readonly files: Map<number, number>
  lastAt: number
  isBulk: boolean
}

/**
 * Decides who is shown facts in a listing. Programs that copy all attributes along must not pay a request for each file, nor
 * carry facts elsewhere; so in `auto` somebody who looks at a file sees them, but nobody while the file is open (`cp -a`,
 * file managers), nor a process that lists many files in a row (`rsync -X`, backups).
 */
export class FactListing {
  readonly #mode: ListFacts
  readonly #clock: Clock
  readonly #listers = new LRUCache<number, Lister>({ max: MAX_PROCESSES })
  #calls = 0

  constructor(mode: ListFacts, clock: Clock) {
    this.#mode = mode
    this.#clock = clock
  }

  /** Counts one listing by process `pid`. `file` tells files apart, as one is often listed twice; without it each call counts. */
  shouldList(pid: number, isOpen: boolean, file?: number): boolean {
    if (this.#mode !== 'auto') return this.#mode === 'always'
    this.#calls += 1
    const isBulk = this.#note(pid, file ?? -this.#calls)
    return !isBulk && !isOpen
  }

  #note(pid: number, file: number): boolean {
    const now = this.#clock.monotonic()
    const lister = this.#listers.get(pid) ?? { files: new Map<number, number>(), lastAt: now, isBulk: false }
    this.#listers.set(pid, lister)
    if (now - lister.lastAt > QUIET_MS) lister.isBulk = false
    lister.lastAt = now
    lister.files.delete(file)
    lister.files.set(file, now)
    for (const [old, at] of lister.files) {
      if (now - at <= WINDOW_MS && lister.files.size <= MAX_FILES + 1) break
      lister.files.delete(old)
    }
    if (lister.files.size > MAX_FILES) lister.isBulk = true
    return lister.isBulk
  }
}
