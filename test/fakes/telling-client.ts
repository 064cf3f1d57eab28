import type { WireEvent } from '../../src/api/types.ts'
import type { RemotePath } from '../../src/remote/types.ts'
import { toChange } from '../../src/remote/cloudreve/map-event.ts'
import { mergeEvents } from '../../src/server/state/event-merge.ts'
import type { ManualClock } from './manual-clock.ts'
import { toPath, type PathLike } from './memory-drive.ts'
import type { MemoryRemote } from './memory-remote.ts'
import type { MemoryNode } from './memory-tree.ts'

/** Quiet time of the server before it tells, ms (api/02 §9.5). */
const debounceMs = 5_000
/** What one flush has beyond these is lost without a word (api/00-live-files §9). */
const queuePlaces = 16

export interface TellingClientOptions {
  readonly remote: MemoryRemote
  readonly clock: ManualClock
  /** False: nobody is told of anything. */
  readonly isTelling?: boolean
}

/** Another client of a drive in memory, of whose changes the drive tells as a real server does: late, merged, and not of all. */
export class TellingClient {
  readonly #remote: MemoryRemote
  readonly #clock: ManualClock
  readonly #isTelling: boolean
  #pending: WireEvent[] = []
  #cancel: () => void = () => undefined
  #trashed = 0
  /** Something was not told of, as one change has undone another. For tests to reset. */
  hasUndone = false
  /** More was changed at once than can be told. For tests to reset. */
  hasOverflowed = false

  constructor({ remote, clock, isTelling = true }: TellingClientOptions) {
    this.#remote = remote
    this.#clock = clock
    this.#isTelling = isTelling
  }

  /** Folders on the way are made, and told of. */
  put(path: PathLike, content: string): void {
    const above = toPath(path).slice(0, -1)
    for (let depth = 1; depth <= above.length; depth += 1)
      if (!this.#remote.tree.find(above.slice(0, depth))) this.mkdir(above.slice(0, depth))
    const isThere = this.#remote.tree.find(toPath(path)) !== undefined
    const { id } = this.#remote.putAsOther(path, content)
    this.#note(isThere ? 'modify' : 'create', id, toPath(path))
  }

  /** With a time of its own, as `rsync -t` and `tar` of other programs upload. */
  putDated(path: PathLike, content: string, updatedAtMs: number): void {
    this.put(path, content)
    this.#node(path).updatedAtMs = updatedAtMs
  }

  mkdir(path: PathLike): void {
    this.#note('create', this.#remote.mkdirAsOther(path).id, toPath(path))
  }

  move(from: PathLike, to: PathLike): void {
    const { id } = this.#node(from)
    this.#remote.moveAsOther(from, to)
    this.#note('rename', id, toPath(from), toPath(to))
  }

  remove(path: PathLike): void {
    const { id } = this.#node(path)
    this.#remote.removeAsOther(path)
    this.#note('delete', id, toPath(path))
  }

  /** Out of the trash, to where there is room for it. It keeps its time, and is told of by the name that it had in the trash. */
  restore(node: MemoryNode, to: PathLike): void {
    const { trash } = this.#remote.tree
    trash.splice(trash.indexOf(node), 1)
    const { updatedAtMs } = node
    const path = toPath(to)
    this.#remote.tree.attach(node, this.#remote.tree.ensureFolder(path.slice(0, -1)), path.at(-1)!)
    node.updatedAtMs = updatedAtMs
    this.#trashed += 1
    const inTrash = `00000000-0000-4000-8000-${String(this.#trashed).padStart(12, '0')}`
    this.#note('create', node.id, [...path.slice(0, -1), inTrash])
  }

  /** A tag, which sets the file's time, or another key, of which nobody is told in any way. */
  tag(path: PathLike, key: string, value: string): void {
    const node = this.#node(path)
    node.metadata[key] = value
    if (key.startsWith('tag:')) node.updatedAtMs = this.#clock.now()
  }

  /** A session: the file bears its mark, and its content, if it has one, is the last complete one. */
  beginUpload(path: PathLike): void {
    const isThere = this.#remote.tree.find(toPath(path)) !== undefined
    const node = isThere ? this.#node(path) : this.#newFile(path)
    node.sessionId = `s of ${node.id}`
    if (!isThere) this.#note('create', node.id, toPath(path))
  }

  finishUpload(path: PathLike, content: string): void {
    const node = this.#node(path)
    node.sessionId = undefined
    this.#remote.tree.addVersion(node, Uint8Array.from(Buffer.from(content)), 10)
    this.#note('modify', node.id, toPath(path))
  }

  /** The server tells what it has collected, as when five seconds have passed. */
  #flush(): void {
    const events = mergeEvents(this.#pending)
    this.hasUndone ||= new Set(this.#pending.map(({ file_id }) => file_id)).size > events.length
    this.#pending = []
    const { feed } = this.#remote
    const changes = events.slice(0, queuePlaces).map(toChange)
    if (changes.length > 0) feed.tell({ kind: 'changes', changes })
    if (changes.length < queuePlaces) return
    this.hasOverflowed = true
    feed.tell({ kind: 'missed' })
  }

  #note(type: WireEvent['type'], id: string, from: RemotePath, to?: RemotePath): void {
    if (!this.#isTelling) return
    const event = { type, file_id: id, from: textOf(from), to: to ? textOf(to) : '' }
    this.#pending.push(event)
    this.#cancel()
    this.#cancel = this.#clock.after(debounceMs, () => this.#flush())
  }

  #node(path: PathLike): MemoryNode {
    return this.#remote.tree.get(toPath(path))
  }

  #newFile(path: PathLike): MemoryNode {
    const elements = toPath(path)
    const { tree } = this.#remote
    return tree.node('file', elements.at(-1)!, tree.ensureFolder(elements.slice(0, -1)))
  }
}

function textOf(path: RemotePath): string {
  return `/${path.join('/')}`
}
