import { randomUUID } from 'node:crypto'
import { Mutex } from '../../base/mutex.ts'
import type { Timespec } from '../../base/timespec.ts'
import type { EntityId, FileId, MetadataPatch, RemotePath } from '../../remote/types.ts'
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import type { Journal, JournalChange, JournalValue } from '../journal/index.ts'
import type { Attempt, EndingSession } from '../write/index.ts'
import { askedKey } from './asked-record.ts'
import { endingKey } from './ending-records.ts'

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
  /** Of what was deleted: contents that the server may have, which is ours then. Without an id: of a file that was new. */
  readonly sent?: readonly Attempt[]
  /** Attributes to be set; one without a value is to be removed. */
  readonly patches?: readonly { readonly key: string; readonly value?: string }[]
  readonly mtime?: Timespec
}

export interface PendingStatesParts {
  readonly journal: JournalOfStates
  readonly known?: SettlingKnowledge
}

/** What is known of the server, on its way to the local disk. */
export interface SettlingKnowledge {
  /** Folders that were changed by us, of which the next process would know what was before. */
  readonly unsettled: readonly FileId[]
  /** Resolves when what is known now survives the end of this process; undefined: it does. */
  settled(): Promise<void> | undefined
}

type JournalOfStates = Pick<Journal, 'change' | 'sync' | 'position'>

const nothingUnsettled: SettlingKnowledge = { unsettled: [], settled: () => undefined }

/** What is on record of a node. */
interface Known {
  readonly key: string
  readonly text: string
  readonly staged: string | undefined
  /** In the journal; undefined: an earlier process has written it. */
  readonly position?: number
}

interface NodeChanges {
  readonly node: Node
  readonly before: Known | undefined
  readonly known: Known | undefined
  readonly changes: readonly JournalChange[]
}

/** Its key ends in the id of a staged file that no record names any more, so that its files are only left to be removed. */
const goneKey = 'gone:'
/** Its key ends in the id of a folder of which the next process must not believe what it finds: a record of it has ended before that was written. */
const unsettledKey = 'unsettled:'

/**
 * Keeps on record, for every file, what programs were told and the server does not know: so that the next process goes on with it
 * when this one dies. One record a file says how the file is meant to be; it ends when the server agrees.
 */
export class PendingStates {
  readonly #journal: JournalOfStates
  readonly #knowledge: SettlingKnowledge
  readonly #known = new Map<Node, Known>()
  readonly #touched = new Set<Node>()
  /** How often each folder is about to be settled, and when all are. */
  readonly #unsettled = new Map<FileId, number>()
  #settling: Promise<unknown> = Promise.resolve()
  /** Ids of staged files that are on record as left to be removed. */
  readonly #gone = new Set<string>()
  #writing: Promise<void> | undefined
  readonly #gate = new Mutex()

  constructor({ journal, known = nothingUnsettled }: PendingStatesParts) {
    this.#journal = journal
    this.#knowledge = known
  }

  /** Something about `node` is different now. It is put on record at the end of this turn, with everything else that is. */
  touch(node: Node): void {
    this.#touched.add(node)
    this.#write().catch(() => undefined) // whoever waits for `written` hears of it, and tries again
  }

  /** Resolves when everything that was touched so far survives the end of this process. @throws the local disk's error */
  written(): Promise<void> {
    return this.#touched.size > 0 ? this.#write() : (this.#writing ?? Promise.resolve())
  }

  /** The same, and nothing is left to be settled. @throws the local disk's error */
  async ended(): Promise<void> {
    await this.written()
    await this.#settling
  }

  /** As `written`, for power loss. @throws the local disk's error */
  async synced(): Promise<void> {
    await this.written()
    await this.#journal.sync()
  }

  /** The same, as far as it is about `node`: costs nothing where that survives already. @throws the local disk's error */
  async syncedOf(node: Node): Promise<void> {
    await this.written()
    await this.#journal.sync(this.#known.get(node)?.position)
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

  /** Nothing is left to be done about what an earlier process left on record under `key`, but to remove the file `staged`. */
  forget(key: string, staged?: string): Promise<void> {
    return this.#journal.change([{ key }, ...this.#goneChanges(staged, undefined)])
  }

  /** The next process need not be told of these any more. */
  async forgetUnsettled(folders: readonly FileId[]): Promise<void> {
    if (folders.length === 0) return
    await this.#knowledge.settled()
    await this.#journal.change(folders.map((id) => ({ key: `${unsettledKey}${id}` })))
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
    const changes = nodes.flatMap((node) => this.#changeOf(node))
    if (changes.length === 0) return
    const unsettled = changes.some(({ known }) => !known) ? this.#knowledge.unsettled : []
    const notes = unsettled.map((id) => ({ key: `${unsettledKey}${id}`, value: true }))
    try {
      await this.#journal.change([...changes.flatMap(({ changes }) => changes), ...notes])
      if (unsettled.length > 0) this.#settle(unsettled)
    } catch (error) {
      for (const node of nodes) this.#touched.add(node)
      throw error
    }
    for (const { node, known, before } of changes) {
      if (before?.staged !== undefined && before.staged !== known?.staged) this.#gone.add(before.staged)
      if (known?.staged !== undefined) this.#gone.delete(known.staged)
      if (known) this.#known.set(node, { ...known, position: this.#journal.position })
      else this.#known.delete(node)
    }
  }

  #settle(folders: readonly FileId[]): void {
    for (const id of folders) this.#unsettled.set(id, (this.#unsettled.get(id) ?? 0) + 1)
    const settled = this.#forgetUnsettled(folders)
    this.#settling = Promise.all([this.#settling, settled])
  }

  async #forgetUnsettled(folders: readonly FileId[]): Promise<void> {
    await this.#knowledge.settled()
    const done: FileId[] = []
    for (const id of folders) {
      const left = this.#unsettled.get(id)! - 1
      if (left > 0) this.#unsettled.set(id, left)
      else if (this.#unsettled.delete(id)) done.push(id)
    }
    // Where it fails the next process asks the server once more than it would have to.
    await this.#journal.change(done.map((id) => ({ key: `${unsettledKey}${id}` }))).catch(() => undefined)
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

/** What an earlier process left. */
export interface SortedRecords {
  /** States of files, by key. */
  readonly records: ReadonlyMap<string, PendingRecord>
  /** Staged files that are only left to be removed. */
  readonly gone: ReadonlySet<string>
  /** Folders of which what is known is not what programs were told. */
  readonly unsettled: readonly FileId[]
  /** Upload sessions that are to be ended. */
  readonly endings: ReadonlyMap<string, EndingSession>
  /** Something was asked of the server that it may not have done yet. */
  readonly isAsked: boolean
}

const keysOfOthers = [goneKey, unsettledKey, endingKey, askedKey]

function isState(key: string): boolean {
  return !keysOfOthers.some((prefix) => key.startsWith(prefix))
}

export function sortRecords(found: ReadonlyMap<string, JournalValue>): SortedRecords {
  const states = [...found].filter(([key]) => isState(key)) as unknown as [string, PendingRecord][]
  const gone = new Set(idsAfter(goneKey, found))
  for (const [, { staged }] of states) if (staged !== undefined) gone.delete(staged)
  const endings = new Map(
    idsAfter(endingKey, found).map((key) => [
      key,
      found.get(`${endingKey}${key}`) as unknown as EndingSession,
    ]),
  )
  const unsettled = idsAfter(unsettledKey, found) as FileId[]
  return { records: new Map(states), gone, unsettled, endings, isAsked: found.has(askedKey) }
}

function idsAfter(prefix: string, found: ReadonlyMap<string, JournalValue>): string[] {
  return [...found.keys()].flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []))
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
    // Also where it is to be what it was: a request that is on its way may give it another name.
    ...((entry || !place) &&
      remotePlace &&
      (node.waits || !samePlace(place, remotePlace)) && { at: placeRecord(remotePlace, keyOf) }),
    ...(!place && node.sentUnheard && { sent: node.sentUnheard }),
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
