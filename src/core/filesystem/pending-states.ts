import { randomUUID } from 'node:crypto'
import { Mutex } from '../../base/mutex.ts'
import type { Timespec } from '../../base/timespec.ts'
import type { EntityId, FileId, MetadataPatch, RemotePath } from '../../remote/types.ts'
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import type { Journal, JournalChange, JournalValue } from '../journal/index.ts'

/** A name in a folder, so that it can be found again. */
export interface PlaceRecord {
  /** The folder's id; left out: the server does not have it, or nobody knows its id yet. */
  readonly folder?: FileId
  /** Without an id: the key under which the folder itself is on record. */
  readonly record?: string
  /** Where the folder was, should nothing have its id any more, nor that key. */
  readonly path: RemotePath
  readonly name: string
}

/** What programs were told of one file and the server does not have yet. */
export interface PendingRecord {
  /** As the person knows it. */
  readonly label: string
  /** Of what is to be made at the server and is no file. */
  readonly kind?: 'folder' | 'symlink'
  /** The server's object; left out: the server has none. */
  readonly id?: FileId
  /** Content that the server had when it was seen last. */
  readonly entity?: EntityId
  /** Where programs see it; left out: it was deleted. */
  readonly place?: PlaceRecord
  /** Where the server has it, if not at `place`. */
  readonly at?: PlaceRecord
  /** Names its staged file. */
  readonly staged?: string
  /** Content that the staged file is to replace; left out: none. */
  readonly replaces?: EntityId
  /** Attributes to be set; one without a value is to be removed. */
  readonly patches?: readonly { readonly key: string; readonly value?: string }[]
  readonly mtime?: Timespec
}

export interface PendingStatesParts {
  readonly journal: JournalOfStates
  /**
   * Resolves when what is known of the server survives the end of this process; undefined: it does. A record does not end before, as
   * the next process would show again what was undone; nothing else waits for it.
   */
  readonly knownSettled?: () => Promise<void> | undefined
}

type JournalOfStates = Pick<Journal, 'change' | 'sync'>

/** What is on record of a node. */
interface Known {
  readonly key: string
  readonly text: string
  readonly staged: string | undefined
}

interface NodeChanges {
  readonly node: Node
  readonly before: Known | undefined
  readonly known: Known | undefined
  readonly changes: readonly JournalChange[]
}

/** Its key ends in the id of a staged file that no record names any more, so that its files are only left to be removed. */
const goneKey = 'gone:'

/**
 * Keeps on record, for every file, what programs were told and the server does not know: so that the next process goes on with it
 * when this one dies. One record a file says how the file is meant to be; it ends when the server agrees.
 */
export class PendingStates {
  readonly #journal: JournalOfStates
  readonly #knownSettled: () => Promise<void> | undefined
  readonly #known = new Map<Node, Known>()
  readonly #touched = new Set<Node>()
  /** Their records may end: what is known is settled. */
  readonly #mayEnd = new Set<Node>()
  #ending: Promise<void> = Promise.resolve()
  /** Ids of staged files that are on record as left to be removed. */
  readonly #gone = new Set<string>()
  #writing: Promise<void> | undefined
  readonly #gate = new Mutex()

  constructor({ journal, knownSettled = () => undefined }: PendingStatesParts) {
    this.#journal = journal
    this.#knownSettled = knownSettled
  }

  /** Something about `node` is different now. It is put on record at the end of this turn, with everything else that is. */
  touch(node: Node): void {
    this.#mayEnd.delete(node)
    this.#touch(node)
  }

  #touch(node: Node): void {
    this.#touched.add(node)
    this.#write().catch(() => undefined) // whoever waits for `written` hears of it, and tries again
  }

  /** Resolves when everything that was touched so far survives the end of this process. @throws the local disk's error */
  written(): Promise<void> {
    return this.#touched.size > 0 ? this.#write() : (this.#writing ?? Promise.resolve())
  }

  /** The same, with every record ended that has come to its end. @throws the local disk's error */
  async ended(): Promise<void> {
    await this.written()
    await this.#ending
    await this.written()
  }

  /** As `written`, for power loss. @throws the local disk's error */
  async synced(): Promise<void> {
    await this.written()
    await this.#journal.sync()
  }

  /** `node` goes on with what an earlier process left on record under `key`, which names the staged file `staged`. */
  adopt(node: Node, key: string, staged: string | undefined): void {
    this.#known.set(node, { key, text: '', staged })
    this.touch(node)
  }

  /** Nothing is put on record while `work` makes nodes again what the records say: half of that is less than they say. */
  hold<T>(work: () => Promise<T>): Promise<T> {
    return this.#gate.run(work)
  }

  /** Nothing is left to be done about what an earlier process left on record under `key`. */
  forget(key: string): Promise<void> {
    return this.#journal.change([{ key }])
  }

  /** The files of these ids are not there any more, not even after power loss. */
  removed(ids: readonly string[]): Promise<void> {
    for (const id of ids) this.#gone.delete(id)
    return this.#journal.change(ids.map((id) => ({ key: `${goneKey}${id}` })))
  }

  /** Under which `node` is on record, or is going to be. */
  #keyOf(node: Node): string {
    const known = this.#known.get(node)
    if (known) return known.key
    const key = randomUUID()
    this.#known.set(node, { key, text: '', staged: undefined })
    return key
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeTouched()
    return this.#writing
  }

  async #writeTouched(): Promise<void> {
    try {
      // What follows from one answer of the server or the disk is whole when the turn of the event loop ends.
      await new Promise((resolve) => setImmediate(resolve))
      await this.#gate.run(() => Promise.resolve())
      while (this.#touched.size > 0) await this.#writeSome()
    } finally {
      // Not a moment after the last look: what is touched in between would be nobody's to write.
      this.#writing = undefined
    }
  }

  async #writeSome(): Promise<void> {
    const nodes = [...this.#touched]
    this.#touched.clear()
    const changes = this.#withoutEnds(nodes.flatMap((node) => this.#changeOf(node)))
    if (changes.length === 0) return
    try {
      await this.#journal.change(changes.flatMap(({ changes }) => changes))
    } catch (error) {
      for (const node of nodes) this.#touched.add(node)
      throw error
    }
    for (const { node, known, before } of changes) {
      this.#mayEnd.delete(node)
      if (before?.staged !== undefined && before.staged !== known?.staged) this.#gone.add(before.staged)
      if (known?.staged !== undefined) this.#gone.delete(known.staged)
      if (known) this.#known.set(node, known)
      else this.#known.delete(node)
    }
  }

  /** Those that have to wait are touched anew when they need not any more. */
  #withoutEnds(changes: readonly NodeChanges[]): readonly NodeChanges[] {
    const settled = this.#knownSettled()
    if (!settled) return changes
    const isEarly = ({ node, known }: NodeChanges) => !known && !this.#mayEnd.has(node)
    const ends = changes.filter(isEarly).map(({ node }) => node)
    if (ends.length === 0) return changes
    this.#ending = this.#endAfter(Promise.all([this.#ending, settled]), ends)
    return changes.filter((change) => !isEarly(change))
  }

  async #endAfter(settled: Promise<unknown>, nodes: readonly Node[]): Promise<void> {
    await settled
    for (const node of nodes) {
      this.#mayEnd.add(node)
      this.#touch(node)
    }
  }

  #changeOf(node: Node): NodeChanges[] {
    const before = this.#known.get(node)
    const value = recordOf(node, (folder) => this.#keyOf(folder))
    const text = value && JSON.stringify(value)
    if (text === before?.text) return []
    const key = this.#keyOf(node)
    const known = text === undefined ? undefined : { key, text, staged: value?.staged }
    const change = value ? { key, value: value as unknown as JournalValue } : { key }
    return [{ node, before, known, changes: [change, ...this.#goneChanges(before?.staged, value?.staged)] }]
  }

  /**
   * In one step with the record that does not name the file any more: when the process dies before it is removed the next one knows.
   * After a conflict a file may be named again.
   */
  #goneChanges(before: string | undefined, after: string | undefined): JournalChange[] {
    const changes: JournalChange[] = []
    if (before === after) return changes
    if (before !== undefined) changes.push({ key: `${goneKey}${before}`, value: true })
    if (after !== undefined && this.#gone.has(after)) changes.push({ key: `${goneKey}${after}` })
    return changes
  }
}

/** What an earlier process left: the states of files by key, and the staged files that are only left to be removed. */
export function sortRecords(found: ReadonlyMap<string, JournalValue>): {
  readonly records: ReadonlyMap<string, PendingRecord>
  readonly gone: ReadonlySet<string>
} {
  const states = [...found].filter(([key]) => !key.startsWith(goneKey)) as unknown as [
    string,
    PendingRecord,
  ][]
  const goneKeys = [...found.keys()].filter((key) => key.startsWith(goneKey))
  const gone = new Set(goneKeys.map((key) => key.slice(goneKey.length)))
  for (const [, { staged }] of states) if (staged !== undefined) gone.delete(staged)
  return { records: new Map(states), gone }
}

/** What the server does not know of `node`; undefined when that is nothing. `keyOf`: of the record of a folder without an id. */
export function recordOf(node: Node, keyOf: (folder: Node) => string): PendingRecord | undefined {
  const { content, label, entry, place, remotePlace } = node
  const staged = content?.isDirty ? content.stagedId : undefined
  const isGone = node.isUnlinked && !node.waits
  if (staged === undefined && (isGone || (!node.waits && !node.isNew && !node.hasUnsent))) return undefined
  if (isGone) return { label, staged: staged! }
  return {
    label,
    ...(node.isNew && { kind: node.kind as 'folder' | 'symlink' }),
    ...(entry && { id: entry.id }),
    ...(entry?.entity && { entity: entry.entity }),
    ...(place && { place: placeRecord(place, keyOf) }),
    ...(entry && remotePlace && !samePlace(place, remotePlace) && { at: placeRecord(remotePlace, keyOf) }),
    ...(staged !== undefined && { staged }),
    ...(staged !== undefined && content!.replaces !== 'absent' && { replaces: content!.replaces }),
    ...(node.hasUnsent && unsentOf(node)),
  }
}

function unsentOf({ unsent }: Node): Pick<PendingRecord, 'patches' | 'mtime'> {
  const patches = [...unsent.patches.values()].map(patchRecord)
  return { ...(patches.length > 0 && { patches }), ...(unsent.mtime && { mtime: unsent.mtime }) }
}

function patchRecord({ key, value }: MetadataPatch): { key: string; value?: string } {
  return value === undefined ? { key } : { key, value }
}

function placeRecord({ parent, name }: NodePlace, keyOf: (folder: Node) => string): PlaceRecord {
  const folder = parent.id === undefined ? { record: keyOf(parent) } : { folder: parent.id }
  return { ...folder, path: parent.remotePath ?? [], name }
}
