import type { Node } from '../inode/index.ts'
import type { SyncState } from '../write/index.ts'
import type { Core } from './core.ts'
import type { Creations } from './creations.ts'
import { isWanted } from './delayed-rename.ts'
import { changeOf, countOf, labelOf, type PendingChange } from './pending-change.ts'
import type { Removals } from './removals.ts'
import type { RenameDelay } from './rename-delay.ts'

/** Of so many deletions in one folder it is only said how many they are. */
const mostDeletions = 10

export interface PendingNamesParts {
  readonly core: Core
  readonly renames: RenameDelay
  readonly removals: Removals
  readonly creations: Creations
}

/** For people: which names the server has not heard of, and why. */
export class PendingNames {
  readonly #parts: PendingNamesParts

  constructor(parts: PendingNamesParts) {
    this.#parts = parts
  }

  /** By what has the name; what was deleted with its folder counts there. `within`: by the path from the drive's top folder. */
  each(within: (label: string) => boolean): Map<Node, PendingChange> {
    const all = [...this.#new(), ...this.#renames(), ...this.#deletions()]
    return new Map(all.filter(([, { label }]) => within(label)))
  }

  /** The same, where many deletions in one folder are one. */
  list(within: (label: string) => boolean): PendingChange[] {
    const others: PendingChange[] = []
    const deletions = new Map<string, PendingChange[]>()
    for (const change of this.each(within).values()) {
      const folder = change.label.slice(0, change.label.lastIndexOf('/') + 1)
      if (change.kind !== 'deletion') others.push(change)
      else if (deletions.get(folder)?.push(change) === undefined) deletions.set(folder, [change])
    }
    return [...others, ...[...deletions].flatMap(([folder, changes]) => together(folder, changes))]
  }

  /** What was deleted and had the path `label`, from the drive's top folder. */
  deletedAt(label: string): Node | undefined {
    for (const node of this.#parts.removals.waiting())
      if (node.remotePlace && !node.place && labelOf(node.remotePlace) === label) return node
    return undefined
  }

  *#new(): Iterable<[Node, PendingChange]> {
    for (const [node, { refused, trouble }] of this.#parts.creations.waiting()) {
      const kind = node.isFolder ? 'new folder' : 'new link'
      const state = refused
        ? ({ state: 'failed', detail: node.refusal } as SyncState)
        : this.#stateOf(trouble)
      if (node.place) yield [node, changeOf(kind, node.label, state)]
    }
  }

  *#renames(): Iterable<[Node, PendingChange]> {
    for (const [node, { origin = node.remotePlace }] of this.#parts.renames.waiting()) {
      if (!isWanted(node) || !origin) continue
      const state = this.#stateOf(node.refusal)
      yield [node, { ...changeOf('rename', node.label, state), from: labelOf(origin) }]
    }
  }

  *#deletions(): Iterable<[Node, PendingChange]> {
    const { removals } = this.#parts
    const counts = new Map<Node, number>()
    for (const node of removals.waiting()) {
      let top = node
      for (let at: Node | undefined = node; at; at = at.remoteParent) if (removals.has(at)) top = at
      counts.set(top, (counts.get(top) ?? 0) + 1)
    }
    for (const [node, count] of counts) {
      const heir = removals.heirOf(node)
      const isHeld = heir?.content?.isDirty && !heir.isUnlinked
      const state = this.#stateOf(node.refusal, isHeld ? `${heir.label} goes to the server first` : undefined)
      if (node.remotePlace) yield [node, { ...changeOf('deletion', labelOf(node.remotePlace), state), count }]
    }
  }

  #stateOf(trouble: string | undefined, why = 'it is sent in a moment'): SyncState {
    const { server, writeBack } = this.#parts.core
    const detail = writeBack.outage.detailOfNames ?? trouble
    if (detail !== undefined) return { state: 'retrying', detail }
    return server.isAway
      ? { state: 'retrying', detail: 'the server cannot be reached' }
      : { state: 'waiting', detail: why }
  }
}

/** Deletions in one folder, whose label ends in a slash where it stands for what was in it. */
function together(folder: string, changes: readonly PendingChange[]): readonly PendingChange[] {
  if (changes.length <= mostDeletions) return changes
  const { state } = changes.find((change) => change.state.state === 'retrying') ?? changes[0]!
  return [{ ...changeOf('deletion', folder, state), count: countOf(changes) }]
}
