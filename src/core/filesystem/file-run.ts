import type { FileId } from '../../remote/types.ts'
import type { FoundFile, SequenceKind } from './file-sequence.ts'

/** Files ahead at most, in number: four calls' worth of URLs would be asked for what is not read any more. */
const maxWindow = 128
/** Programs with several threads read slightly out of order: what is so far behind is not going to be read. */
const late = 16
/** Before a run is believed it may be out of order by so many. */
const unsure = 2
/** Who went from one folder to the next so often goes on to others, too. */
const neededFolders = 2
/** One file that was fetched and not read costs as much trust as so many that were. */
const priceOfWaste = 8

export interface FileRunStart {
  readonly sequence: { next(): FoundFile | undefined }
  readonly kind: SequenceKind
  readonly first: FileId
  /** The folder that it is in. */
  readonly folder: FileId
  /** So many files that follow each other are believed to be a run. */
  readonly needed: number
}

/**
 * Files that a program reads one after the other, and those that come next. Knows an order and what was read: no I/O, no time.
 *
 *     … read … | frontier | fetched ahead … | ahead
 *
 * Places count from the first file on. The window, from the frontier on, is never longer than what was read, so that a wrong guess
 * costs no more than was read before; what turns out to be passed over makes it shorter, until the run ends.
 */
export class FileRun {
  readonly kind: SequenceKind
  readonly #sequence: FileRunStart['sequence']
  readonly #needed: number
  readonly #places: Map<FileId, number>
  readonly #files = new Map<number, FoundFile>()
  /** Fetched, and not read so far. */
  readonly #pending = new Map<number, FoundFile>()
  /** Places that were read last. */
  #recent: number[] = [0]
  #read = 1
  #wasted = 0
  #frontier = 0
  #ahead = 1
  /** The next place of the sequence. */
  #end = 1
  #headBytes: number | undefined
  /** Of the frontier. */
  #folder: FileId
  /** Times that it was another one. */
  #crossings = 0

  constructor({ sequence, kind, first, folder, needed }: FileRunStart) {
    this.#sequence = sequence
    this.kind = kind
    this.#needed = needed
    this.#places = new Map([[first, 0]])
    this.#folder = folder
  }

  /** Enough files were read to believe that it goes on. */
  get isBelieved(): boolean {
    return this.#read >= this.#needed && this.#trust > 0
  }

  /** What was fetched was passed over too often. */
  get isWrong(): boolean {
    return this.#trust <= 0
  }

  /** What was fetched and not read so far. */
  get pending(): FoundFile[] {
    return [...this.#pending.values()]
  }

  /** So much of a file is read, from its start on, bytes; undefined: all of it. */
  get headBytes(): number | undefined {
    return this.#headBytes
  }

  /** A file is read. False: it does not belong here. `passed`: fetched for nothing. */
  advance(id: FileId): { readonly passed: readonly FoundFile[] } | false {
    while (this.#end <= this.#frontier + unsure && this.#produce());
    const place = this.#places.get(id)
    if (place === undefined) return false
    if (this.#recent.includes(place)) return { passed: [] }
    this.#recent = [...this.#recent, place].slice(-Math.max(this.#needed, late))
    this.#read = this.isBelieved ? this.#read + 1 : this.#adjacent()
    this.#pending.delete(place)
    if (place > this.#frontier) this.#moveTo(place)
    return { passed: this.#forgetLate() }
  }

  /** The files to fetch now, of which `take` may refuse one: then that and all after it wait for the next time. */
  extend(take: (file: FoundFile) => boolean): void {
    this.#ahead = Math.max(this.#ahead, this.#frontier + 1)
    const window = this.isBelieved ? Math.min(maxWindow, this.#trust) : 0
    if (window < 1 || this.#ahead - this.#frontier - 1 > window / 2) return
    for (const until = this.#frontier + 1 + window; this.#ahead < until; this.#ahead += 1) {
      if (this.#ahead === this.#end && !this.#produce()) return
      const file = this.#files.get(this.#ahead)!
      const isBeyond = file.folder.id !== this.#folder && this.#crossings < neededFolders
      if (isBeyond || !take(file)) return
      this.#pending.set(this.#ahead, file)
    }
  }

  /** A file of the run was closed after its first `readBytes` were read. */
  closed(id: FileId, readBytes: number, sizeBytes: number): void {
    if (!this.#places.has(id)) return
    if (readBytes < sizeBytes) this.#headBytes = Math.max(this.#headBytes ?? 0, readBytes)
    else if (this.#headBytes !== undefined && sizeBytes > this.#headBytes) this.#headBytes = undefined
  }

  #moveTo(place: number): void {
    this.#frontier = place
    const folder = this.#files.get(place)?.folder.id ?? this.#folder
    if (folder !== this.#folder) this.#crossings += 1
    this.#folder = folder
  }

  get #trust(): number {
    return this.#read - priceOfWaste * this.#wasted
  }

  /** How many of the last places follow each other without a gap. */
  #adjacent(): number {
    const places = [...this.#recent].sort((a, b) => b - a)
    let count = 1
    while (count < places.length && places[count] === places[count - 1]! - 1) count += 1
    return count
  }

  #produce(): boolean {
    const file = this.#sequence.next()
    if (!file) return false
    this.#files.set(this.#end, file)
    this.#places.set(file.entry.id, this.#end)
    this.#end += 1
    return true
  }

  #forgetLate(): FoundFile[] {
    const passed: FoundFile[] = []
    for (const [place, file] of this.#files) {
      if (place >= this.#frontier - late) break
      this.#files.delete(place)
      this.#places.delete(file.entry.id)
      if (!this.#pending.delete(place)) continue
      this.#wasted += 1
      passed.push(file)
    }
    return passed
  }
}
