import { backoffMs } from '../../base/backoff.ts'
import { messageOf } from '../../base/error-message.ts'
import { isRemoteError } from '../../remote/errors.ts'
import type { Node } from '../inode/index.ts'
import { samePath } from '../tree/index.ts'
import type { RecoveredFile } from '../write/index.ts'
import { tellKernels, type Core } from './core.ts'
import { contentOf, type OwnerParts } from './file-owner.ts'
import { freeConflictName } from './free-conflict-name.ts'
import type { Namespace } from './namespace.ts'
import { changeOf, type ChangeKind, type PendingChange } from './pending-change.ts'
import { PendingPlaces, type Located } from './pending-places.ts'
import type { PendingRecord } from './pending-states.ts'
import { removeUnheard } from './unheard-uploads.ts'

const vanishedDetail =
  'its bytes are not on this machine any more, and never came to the server: the file that held them is gone from the state folder, or ' +
  'cannot be read (the log says which). Nothing is left to send; `cloudreve-mount pending discard` takes note of it'

export interface RestoreParts {
  readonly core: Core
  readonly owners: OwnerParts
  /** What an earlier process left on record, by key. */
  readonly records: ReadonlyMap<string, PendingRecord>
  readonly namespace: Pick<Namespace, 'removeAgain'>
}

/**
 * Goes on where an earlier process ended: the view becomes again what programs were told, and what the server does not know of
 * it is sent.
 *
 *   on record ──(found at the server)──▶ taken up, the same record goes on
 *       '──(the server is away)──▶ tried again, however long it takes
 *
 * Everything is found first, and only then changed: files may have taken each other's names.
 */
export class Restore {
  readonly #parts: RestoreParts
  readonly #left: Map<string, PendingRecord>
  /** Folders that are to be made, by the key of their record. */
  readonly #newFolders = new Map<string, Node>()
  /** New files whose bytes are not here any more, by the key of their record: that stays until somebody has taken note of it. */
  readonly #vanished = new Map<string, PendingRecord>()
  #detail = ''
  #cancelTimer: (() => void) | undefined
  #isTrying = false
  #isClosed = false

  constructor(parts: RestoreParts) {
    this.#parts = parts
    this.#left = new Map(parts.records)
  }

  /** Number of files that an earlier process left something of. */
  get found(): number {
    return this.#parts.records.size
  }

  /** Resolves after the first try. What the server could not be asked about is tried again later. */
  async run(): Promise<void> {
    if (this.#left.size === 0) return
    const { core } = this.#parts
    if (core.options.readOnly) {
      this.#detail = 'this mount changes nothing; it goes on when the drive is mounted for writing'
      return
    }
    await this.#try(0)
  }

  /** Somebody waits for everything to arrive: what was not taken up yet is tried at once. */
  async again(): Promise<void> {
    if (this.#left.size === 0 || this.#isTrying || this.#parts.core.options.readOnly) return
    this.#cancelTimer?.()
    await this.#try(0)
  }

  /** What was not taken up yet. */
  pending(within: (label: string) => boolean = () => true): readonly PendingChange[] {
    const { writeBack, options } = this.#parts.core
    const state = options.readOnly ? 'waiting' : 'retrying'
    return [...this.#left.values()]
      .filter(({ label }) => within(label))
      .map(({ label, staged, ...record }) => ({
        label,
        kind: staged === undefined ? kindOfName(record) : 'content',
        count: 1,
        state: { state, detail: this.#detail },
        sizeBytes: (staged && writeBack.recovered(staged)?.sideCar.extents.sizeBytes) || 0,
        sentBytes: 0,
      }))
  }

  /** New files of which nothing is left that could be sent, for people. */
  vanished(within: (label: string) => boolean): readonly PendingChange[] {
    const labels = [...this.#vanished.values()].map(({ label }) => label).filter(within)
    return labels.map((label) => changeOf('content', label, { state: 'failed', detail: vanishedDetail }))
  }

  /** Somebody has taken note of it; false: nothing of that name has vanished. */
  async forgetVanished(label: string): Promise<boolean> {
    const [found] = [...this.#vanished].filter(([, record]) => record.label === label)
    if (!found) return false
    const [key] = found
    this.#vanished.delete(key)
    await this.#parts.core.pending.forget(key)
    return true
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer?.()
  }

  async #try(attempt: number): Promise<void> {
    const { core } = this.#parts
    const places = new PendingPlaces(core, this.#parts.records)
    this.#isTrying = true
    try {
      const { located, failure } = await this.#locate(places)
      await core.sending.hold(() => core.pending.hold(() => this.#takeUp(located)))
      if (located.length > 0)
        core.log.info('what an earlier run left is taken up again', { files: located.length })
      if (failure) throw failure
    } catch (error) {
      this.#detail = messageOf(error)
      core.log.warn('what an earlier run left cannot be taken up yet', { reason: this.#detail })
      this.#tryLater(attempt)
    } finally {
      places.release()
      this.#isTrying = false
    }
  }

  /** While the server is away what is known here has to do: `failure` says why it did not for all of them. */
  async #locate(
    places: PendingPlaces,
  ): Promise<{ readonly located: readonly Located[]; readonly failure: Error | undefined }> {
    const located: Located[] = []
    let failure: Error | undefined
    for (const [key, record] of this.#left)
      try {
        located.push(await places.locate(key, record))
      } catch (error) {
        if (!isRemoteError(error, 'offline')) throw error
        failure ??= error
      }
    return { located, failure }
  }

  #tryLater(attempt: number): void {
    if (this.#isClosed) return
    const delayMs = backoffMs(attempt, { firstMs: 1_000, maxMs: 60_000 })
    this.#cancelTimer = this.#parts.core.clock.after(delayMs, () => void this.#try(attempt + 1))
  }

  async #takeUp(located: readonly Located[]): Promise<void> {
    for (const { key, node, record } of located) if (node) this.#adopt(node, key, record)
    const removed = located.filter(({ record }) => !record.place)
    const failures = await this.#restoreAll(removed)
    const moved = located.filter(
      ({ record, node, folder, newFolder }) =>
        record.at && node && !node.waits && (folder !== undefined || newFolder !== undefined),
    )
    for (const { node } of moved) node!.detach()
    const byKey = new Map(located.map((found) => [found.key, found]))
    for (const { key, record } of located) if (record.kind === 'folder') this.#placeFolder(key, byKey)
    for (const found of moved) this.#move(found)
    failures.push(...(await this.#restoreAll(located.filter(({ record }) => record.place))))
    if (failures.length > 0) throw failures[0]
  }

  /** One that fails keeps none of the others back. Answers why some did. */
  async #restoreAll(located: readonly Located[]): Promise<unknown[]> {
    const failures: unknown[] = []
    for (const found of located) {
      try {
        await this.#restore(found)
        this.#left.delete(found.key)
      } catch (error) {
        failures.push(error)
      }
    }
    return failures
  }

  /** A folder that is to be made is seen again, in one that may be to be made too. */
  #placeFolder(key: string, byKey: ReadonlyMap<string, Located>): Node {
    const known = this.#newFolders.get(key)
    if (known) return known
    const { record, folder, newFolder, node } = byKey.get(key)!
    const placed = node ?? this.#addFolder(folder ?? this.#placeFolder(newFolder!, byKey), record.place!.name)
    this.#newFolders.set(key, placed)
    return placed
  }

  #addFolder(parent: Node, name: string): Node {
    const { core, owners } = this.#parts
    const node = core.tree.addFolder(parent, this.#freeName(parent, name))
    owners.creations.add(node, { maybeSent: true })
    core.changes.namesChanged(node)
    tellKernels(core, node.place!)
    return node
  }

  #folderOf({ folder, newFolder }: Located): Node {
    return folder ?? this.#newFolders.get(newFolder!)!
  }

  /** Under its new name again; the server hears of it in a moment. */
  #move(found: Located): void {
    const { record, node } = found
    const { core, owners } = this.#parts
    const folder = this.#folderOf(found)
    const name = this.#freeName(folder, record.place!.name)
    node!.moveTo(folder, name)
    owners.renames.addRename(node!)
    tellKernels(core, { parent: folder, name })
    core.log.debug('a rename is sent once more', { file: node!.label })
  }

  async #restore(found: Located): Promise<void> {
    const { record, key, node } = found
    const { core } = this.#parts
    if (!record.place) return this.#restoreRemoval(found)
    if (record.kind !== undefined) return this.#restoreNew(found)
    const recovered = this.#recoveredFor(record)
    if (record.staged !== undefined && !recovered)
      core.log.warn('of a file that an earlier run had not sent there is nothing that can be sent now', {
        file: record.label,
      })
    if (!recovered && !node) return this.#vanish(key, record)
    const file = node ?? (await this.#newFile(found))
    this.#giveAttributes(file, record, recovered)
    if (!node) this.#adopt(file, key, record)
    if (recovered) await contentOf(file, this.#parts.owners).restore(recovered)
    else this.#parts.owners.attributes.sendLater(file)
    return undefined
  }

  /** What lies in lost+found is told of there. */
  #vanish(key: string, record: PendingRecord): Promise<void> | undefined {
    const { pending, writeBack } = this.#parts.core
    const isLost = writeBack.lostAndFound.some(({ label }) => label === record.label)
    if (record.staged === undefined || isLost) return pending.forget(key)
    this.#vanished.set(key, record)
    return undefined
  }

  /** A staged file that could not be read is nobody's to remove. */
  #adopt(node: Node, key: string, record: PendingRecord): void {
    const staged = this.#recoveredFor(record) && record.staged
    this.#parts.core.pending.adopt(node, key, staged)
  }

  #giveAttributes({ unsent, entry }: Node, record: PendingRecord, recovered?: RecoveredFile): void {
    for (const { key, value } of record.patches ?? []) unsent.patches.set(key, { key, value })
    // It is of the content that the file had then.
    const isSameContent = record.staged === undefined && entry?.entity === record.entity
    if (recovered || isSameContent) unsent.mtime = record.mtime
  }

  /** A folder or link that was to be made. */
  async #restoreNew(found: Located): Promise<void> {
    const { key, record } = found
    const { core, owners } = this.#parts
    const node = this.#newFolders.get(key) ?? this.#addLink(found)
    this.#giveAttributes(node, record)
    core.pending.adopt(node, key, undefined)
    if (!node.isNew) owners.attributes.sendLater(node)
  }

  /** The server may have it by now: making it once more finds that out. */
  #addLink(found: Located): Node {
    const { core, owners } = this.#parts
    const parent = this.#folderOf(found)
    const { name } = found.record.place!
    const present = parent.children.get(name)
    const isSame = ({ key, value }: { key: string; value?: string }) =>
      present!.entry?.metadata[key] === value
    if (present?.kind === 'symlink' && found.record.patches?.every(isSame)) return present
    const node = core.tree.table.addLocal(parent, this.#freeName(parent, name), 'symlink')
    owners.creations.add(node, { maybeSent: true })
    tellKernels(core, node.place!)
    return node
  }

  /** A file that took another's place is on record as its next version before its side-car says so. */
  #recoveredFor({ staged, replaces, place, at = place }: PendingRecord): RecoveredFile | undefined {
    const recovered = staged === undefined ? undefined : this.#parts.core.writeBack.recovered(staged)
    if (!recovered || !replaces) return recovered
    const { sideCar } = recovered
    const isOlder = at !== undefined && !samePath(sideCar.path, [...at.path, at.name])
    if (sideCar.replaces !== 'absent' && !isOlder) return recovered
    return { ...recovered, sideCar: { ...recovered.sideCar, replaces } }
  }

  async #restoreRemoval(found: Located): Promise<void> {
    const { record, key, node } = found
    const { core, namespace } = this.#parts
    const { staged } = record
    if (!node && record.sent && record.id === undefined) return this.#removeUnheard(found)
    const isChanged = node?.entry?.entity !== record.entity && !record.sent
    if (node && isChanged)
      core.log.warn('changed by somebody else, so it is not deleted', { file: node.label })
    if (!node || isChanged) {
      const forgotten = core.pending.forget(key, staged)
      if (staged !== undefined)
        core.writeBack.dropRecovered(
          staged,
          forgotten.then(() => core.pending.synced()),
        )
      return forgotten
    }
    const at = node.place
    // Whether it is what was sent is found out when it is to be deleted.
    if (node.entry?.entity !== record.entity)
      core.tree.table.bind(node, { ...node.entry!, entity: record.entity })
    await namespace.removeAgain(node, record.sent)
    if (staged !== undefined) core.writeBack.dropRecovered(staged, core.pending.synced())
    if (at) tellKernels(core, at)
    return undefined
  }

  /** It may be at the server under an id that nobody knows. */
  async #removeUnheard({ record, key, former }: Located): Promise<void> {
    const { core, owners } = this.#parts
    if (!former?.isFolder) return core.pending.forget(key)
    const node = removeUnheard(owners, { parent: former, name: record.at!.name }, record.sent)
    core.pending.adopt(node, key, undefined)
  }

  /** The server may have a file of the name by now: the upload finds out whose it is. */
  async #newFile(found: Located): Promise<Node> {
    const { core } = this.#parts
    const { tree } = core
    const { name } = found.record.place!
    const folder = this.#folderOf(found)
    const present = await tree.child(folder, name)
    if (present?.kind === 'file' && !present.isLocal && !present.waits) return present
    const node = tree.table.addLocal(folder, this.#freeName(folder, name))
    tellKernels(core, { parent: folder, name })
    return node
  }

  #freeName(parent: Node, name: string): string {
    return parent.children.has(name) ? freeConflictName(this.#parts.core, { parent, name }) : name
  }
}

/** The staged files that records speak of. */
export function stagedIdsOf(records: ReadonlyMap<string, PendingRecord>): ReadonlySet<string> {
  return new Set([...records.values()].flatMap(({ staged }) => (staged === undefined ? [] : [staged])))
}

function kindOfName({ kind, place, at }: Pick<PendingRecord, 'kind' | 'place' | 'at'>): ChangeKind {
  if (kind !== undefined) return kind === 'folder' ? 'new folder' : 'new link'
  if (!place) return 'deletion'
  return at ? 'rename' : 'attributes'
}
