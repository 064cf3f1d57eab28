/**
 * Small files in a row: programs that copy or search a folder, and those that make thumbnails, read one file after the other,
 * each for two round trips. Once three were read that follow each other, the next ones are fetched before they are asked for.
 */
import { LRUCache } from 'lru-cache'
import type { ContentAddress } from '../../remote/remote.ts'
import type { FileId, RemoteEntry } from '../../remote/types.ts'
import { samePlace, type Node } from '../inode/index.ts'
import type { AheadFetches, ProbableRead } from '../read/index.ts'
import type { Core } from './core.ts'
import { FileRun } from './file-run.ts'
import {
  FileSequence,
  FolderOrders,
  isSmallFile,
  pathIn,
  placeOf,
  type FoundFile,
  type SequenceKind,
} from './file-sequence.ts'

/** Of a larger file the bytes take longer than the two round trips that fetching it ahead saves, on most lines. */
const smallBytes = 1024 ** 2
/** So many files that follow each other are believed to be a run … */
const firstNeeded = 3
/** … and where that was wrong twice as many, up to so many. */
const mostNeeded = 48
/** Files that are read further apart belong to no run, ms: who takes so long for one does not wait for round trips. */
const togetherMs = 5_000
/** Runs that are watched: a file that belongs to none begins one of each kind. */
const maxRuns = 24
/** So many folders in which a guess was wrong are remembered. */
const maxDoubted = 1_000

/** Those in one folder come first: what lies beyond it is only fetched for who was seen to go there. */
const kinds: readonly SequenceKind[] = [
  { order: 'listing', isWalk: false },
  { order: 'inode', isWalk: false },
  { order: 'name', isWalk: false },
  { order: 'listing', isWalk: true },
  { order: 'inode', isWalk: true },
  { order: 'name', isWalk: true },
]

interface WatchedRun {
  readonly run: FileRun
  /** Monotonic, ms. */
  readAtMs: number
}

export class FilesAhead {
  readonly #core: Pick<Core, 'tree' | 'clock' | 'readers'>
  readonly #orders: FolderOrders
  /** Used last first; those of one kind in the order of the kinds. */
  #runs: WatchedRun[] = []
  readonly #needed = new LRUCache<FileId, number>({ max: maxDoubted })

  constructor(core: Pick<Core, 'tree' | 'clock' | 'readers'>) {
    this.#core = core
    this.#orders = new FolderOrders(core.tree)
  }

  /** A program reads the first bytes of a file, which it has opened just now. */
  read({ entry, remotePlace, place }: Node): void {
    if (!entry || !place || !samePlace(place, remotePlace) || !isSmall(entry)) return
    this.#ahead.settle(entry.entity!)
    this.#endOld()
    const matching = this.#runs.filter((watched) => this.#advance(watched, entry.id))
    if (matching.length === 0) return this.#begin(entry.id, place)
    const believed = matching.find(({ run }) => run.isBelieved)
    this.#runs = [...matching, ...this.#runs.filter((watched) => !matching.includes(watched))]
    if (believed) this.#extend(believed)
  }

  /** A file of which `readBytes` were read, from its start on, is closed. */
  closed({ entry }: Node, readBytes: number): void {
    if (entry) for (const { run } of this.#runs) run.closed(entry.id, readBytes, entry.sizeBytes)
  }

  get #ahead(): AheadFetches {
    return this.#core.readers.ahead
  }

  #advance(watched: WatchedRun, id: FileId): boolean {
    const { run } = watched
    const advanced = run.advance(id)
    if (!advanced) return false
    watched.readAtMs = this.#core.clock.monotonic()
    for (const { entry } of advanced.passed) this.#ahead.settle(entry.entity!)
    if (!run.isWrong) return true
    this.#doubt(advanced.passed)
    this.#end(watched)
    return false
  }

  #begin(first: FileId, { parent, name }: NonNullable<Node['place']>): void {
    const folder = placeOf(parent)
    if (!folder) return
    const readAtMs = this.#core.clock.monotonic()
    const needed = this.#needed.get(folder.id) ?? firstNeeded
    const begun = kinds.map((kind) => {
      const sequence = new FileSequence({ orders: this.#orders, kind, isMeant: isSmall }, { folder, name })
      return { run: new FileRun({ sequence, kind, first, folder: folder.id, needed }), readAtMs }
    })
    const runs = [...begun, ...this.#runs]
    this.#runs = runs.slice(0, maxRuns)
    for (const watched of runs.slice(maxRuns)) this.#forget(watched)
  }

  #extend(watched: WatchedRun): void {
    const { run } = watched
    let roomBytes = this.#ahead.roomBytes
    const reads: ProbableRead[] = []
    run.extend((file) => {
      const read = this.#probable(file, run.headBytes)
      if (read && read.lengthBytes > roomBytes) return false
      roomBytes -= read?.lengthBytes ?? 0
      if (read) reads.push(read)
      return true
    })
    this.#ahead.fetch(reads, () => this.#endAll())
  }

  /** undefined: what programs see of it is not what the server has. */
  #probable(file: FoundFile, headBytes = Infinity): ProbableRead | undefined {
    const { entry, folder } = file
    const { table } = this.#core.tree
    if (!this.#isCurrent(file)) return undefined
    const path = () => table.byId(entry.id)?.contentPath ?? pathIn(folder, entry.name)
    const content: ContentAddress = { path, entity: entry.entity!, sizeBytes: entry.sizeBytes }
    const lengthBytes = Math.min(entry.sizeBytes, headBytes)
    return { content, lengthBytes, isCurrent: () => this.#isCurrent(file) }
  }

  #isCurrent({ entry, folder }: FoundFile): boolean {
    const node = this.#core.tree.table.byId(entry.id)
    const known = node?.entry ?? this.#orders.entry(folder.id, entry.name)
    if (known?.id !== entry.id || known.entity !== entry.entity) return false
    return !node || (samePlace(node.place, node.remotePlace) && !node.isLocal)
  }

  #endOld(): void {
    const from = this.#core.clock.monotonic() - togetherMs
    for (const watched of this.#runs) if (watched.readAtMs < from) this.#end(watched)
  }

  /** A server in trouble is not asked again before others have read some files for themselves. */
  #endAll(): void {
    for (const watched of this.#runs) this.#end(watched)
  }

  #end(watched: WatchedRun): void {
    this.#runs = this.#runs.filter((other) => other !== watched)
    this.#forget(watched)
  }

  /** What it has fetched and nobody has read need not be kept room for. */
  #forget({ run }: WatchedRun): void {
    for (const { entry } of run.pending) this.#ahead.settle(entry.entity!)
  }

  #doubt(passed: readonly FoundFile[]): void {
    for (const id of new Set(passed.map(({ folder }) => folder.id)))
      this.#needed.set(id, Math.min(mostNeeded, 2 * (this.#needed.get(id) ?? firstNeeded)))
  }
}

function isSmall(entry: RemoteEntry): boolean {
  return isSmallFile(entry, smallBytes)
}
