/** Ties a node to its content: where uploads go, what travels with them, and what their outcome means for the tree. */
import { timespecToMs, type Timespec } from '../../base/timespec.ts'
import type { FileId, MetadataPatch, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { encodeMtime, MTIME_KEY } from '../attributes/index.ts'
import type { Node, NodePlace } from '../inode/index.ts'
import type { BaseEntity, ContentOwner, FileContent, KnownFile, Stray } from '../write/index.ts'
import type { AttributeSender } from './attribute-sender.ts'
import type { Creations } from './creations.ts'
import { tellKernels, type Core } from './core.ts'
import type { FolderChecks } from './folder-checks.ts'
import type { OpenContents } from './open-contents.ts'
import type { RenameDelay } from './rename-delay.ts'
import type { Removals } from './removals.ts'
import { replaceAttributes } from './replace-attributes.ts'
import type { Strays } from './strays.ts'

export interface OwnerParts {
  readonly core: Core
  readonly renames: RenameDelay
  readonly removals: Removals
  readonly attributes: AttributeSender
  readonly creations: Creations
  readonly strays: Strays
  readonly folderChecks: FolderChecks
  readonly openContents: OpenContents
  /** Handles of the node read the new content from now on. */
  readonly onConfirmed: (node: Node) => void
}

export class FileOwner implements ContentOwner {
  readonly #node: Node
  readonly #parts: OwnerParts
  /** When what is not confirmed yet was sent first, ms by the server's clock; undefined: by an earlier process, or not at all. */
  #sentSinceMs: number | undefined
  #pinned = false
  /** What is being confirmed was copied at the server, which makes no folders for that. */
  #isCopied = false
  #factsSent = false

  constructor(node: Node, parts: OwnerParts) {
    this.#node = node
    this.#parts = parts
  }

  get label(): string {
    return this.#node.label
  }

  get id(): FileId | undefined {
    return this.#node.id
  }

  follow(stray: Stray | undefined): Promise<boolean> {
    const left = stray && { ...stray, sinceMs: this.#sentSinceMs }
    return this.#parts.strays.follow(this.#node, left)
  }

  leave(stray: Stray): Promise<void> {
    return this.#parts.strays.leave({ ...stray, sinceMs: this.#sentSinceMs })
  }

  path(): RemotePath | undefined {
    return this.#node.isUnlinked ? undefined : this.#node.remotePath
  }

  known(id: FileId): KnownFile | undefined {
    const node = this.#parts.core.tree.table.byId(id)
    return node?.entry && { path: node.remotePath, entry: node.entry, isSettled: !node.hasUnsent }
  }

  uploadFacts(): ReturnType<ContentOwner['uploadFacts']> {
    const { unsent, content, entry } = this.#node
    this.#sentSinceMs ??= this.#parts.core.remote.now()
    const metadata: Record<string, string> = {}
    for (const { key, value } of unsent.patches.values()) if (value !== undefined) metadata[key] = value
    const sizeBytes = content!.sizeBytes
    const mtime = unsent.mtime ?? this.#staleMtimeReplacement(entry, sizeBytes)
    if (mtime) {
      const { key, value } = encodeMtime(mtime, { sizeBytes })
      metadata[key] = value!
    }
    this.#factsSent = Object.keys(metadata).length > 0
    return {
      ...(mtime && { modifiedAtMs: timespecToMs(mtime) }),
      ...(this.#factsSent && { metadata }),
      ...(entry && entry.entity === undefined && { onRemade: (made) => this.#remade(made) }),
    }
  }

  /** Still empty, and another object: whatever was sent is to be sent again. */
  #remade(made: RemoteEntry): void {
    const node = this.#node
    this.#parts.core.pending.touch(node)
    this.#parts.core.tree.table.bind(node, made)
    const folder = node.remotePlace?.parent
    if (folder && !folder.isUnlinked) this.#parts.core.tree.placed(folder, made)
  }

  async beforeUpload(): Promise<void> {
    const { core, renames, creations, openContents } = this.#parts
    const node = this.#node
    // What others show of the content that is to be replaced may not be kept by the server.
    if (node.id !== undefined) await core.writeBack.lendings.end(node.id, new AbortController().signal)
    await core.folderMoves.passed(node)
    await core.attributeCalls.passed(node)
    // What the server has is saved where it is, whatever waits to be renamed.
    while (!node.remotePlace && !renames.isNameFree(node)) await renames.freeNameOf(node)
    await creations.beforeUpload(node)
    await openContents.beforeReplacing(node)
    // After power loss the next process would send it once more, under the name that it had before. Trouble with the local disk keeps
    // nothing from the server.
    await core.pending.syncedOf(node).catch((error: unknown) => {
      core.log.warn('what is sent may be sent again after power loss', { file: node.label, error })
    })
  }

  recorded(): Promise<void> {
    const { pending } = this.#parts.core
    pending.touch(this.#node)
    return pending.written()
  }

  released(): Promise<void> {
    const { pending } = this.#parts.core
    pending.touch(this.#node)
    return pending.synced()
  }

  /** Attributes of the original that were not meant for this one must go. */
  copied(entry: RemoteEntry): void {
    this.#factsSent = false
    this.#isCopied = true
    const { unsent } = this.#node
    replaceAttributes(this.#node, entry.metadata)
    // It is of the same content, so a time that was chosen for the original would count here too.
    if (!unsent.mtime && entry.metadata[MTIME_KEY] !== undefined)
      unsent.patches.set(MTIME_KEY, { key: MTIME_KEY, value: undefined })
  }

  confirmed(answer: RemoteEntry, former: BaseEntity, path: RemotePath): void {
    const node = this.#node
    const { core, attributes, folderChecks, openContents, onConfirmed } = this.#parts
    const isNew = node.entry === undefined
    const isCopy = this.#isCopied
    this.#isCopied = false
    this.#sentSinceMs = undefined
    node.restedOn = undefined
    core.pending.touch(node)
    const entry = this.#merged(answer)
    core.tree.table.bind(node, entry)
    const writtenAt = node.content?.confirmedModifiedAt
    if (writtenAt) core.times.set(entry, writtenAt)
    core.seen.replaced(entry.id, former, entry.entity ?? 'absent')
    this.#placed(entry, path)
    if (isNew) core.seen.nameTaken(node)
    if (isNew && !isCopy && node.remotePlace)
      folderChecks.madeIn(node.remotePlace.parent, entry.id, path.slice(0, -1))
    this.#forgetSent(entry)
    onConfirmed(node)
    openContents.replaced(node)
    attributes.sendLater(node)
    this.changed()
  }

  found(entry: RemoteEntry, former: BaseEntity, path: RemotePath): void {
    const { core } = this.#parts
    this.#sentSinceMs = undefined
    core.pending.touch(this.#node)
    if (this.#node.entry === undefined) core.seen.nameTaken(this.#node)
    core.tree.table.bind(this.#node, entry)
    core.seen.replaced(entry.id, former, entry.entity ?? 'absent')
    this.#placed(entry, path)
  }

  displaced(copy: RemoteEntry, current: RemoteEntry): void {
    const { core, onConfirmed } = this.#parts
    const node = this.#node
    this.#sentSinceMs = undefined
    core.pending.touch(node)
    const folder = node.place?.parent
    core.log.warn('saved as a conflict copy: somebody else changed the file', {
      file: this.label,
      copy: copy.name,
    })
    const writtenAt = node.content?.confirmedModifiedAt
    if (writtenAt) core.times.set(copy, writtenAt)
    // What was set on ours went with the copy.
    node.unsent.patches.clear()
    node.unsent.mtime = undefined
    if (folder) {
      this.#becomes(current)
      core.tree.placed(folder, copy)
      tellKernels(core, { parent: folder, name: copy.name })
    }
    onConfirmed(node)
    this.replaced()
  }

  /** Its changes are elsewhere: from now on it is what somebody else has put, or moved, to its place. */
  #becomes(current: RemoteEntry): void {
    const { core, renames } = this.#parts
    const { tree } = core
    const node = this.#node
    const other = tree.table.byId(current.id)
    if (other !== node) {
      const from = other ? other.remotePlace : this.#listedAt(current)
      // Two that stand for one file would be replaced by each other, and deleted for it.
      if (other && (other.isNeeded || other.hasUnsent || renames.has(other))) {
        if (node.remotePlace) tree.folders.expire(node.remotePlace.parent.listingKey)
        return tree.vanish(node)
      }
      if (other) tree.vanish(other)
      if (from) tree.removed(from.parent, from.name)
    }
    tree.table.bind(node, current)
    this.#placed(current, node.remotePath)
    return undefined
  }

  /** The other name in the folder under which it was listed. */
  #listedAt({ id, name }: RemoteEntry): NodePlace | undefined {
    const parent = this.#node.remotePlace?.parent
    const listing = parent && this.#parts.core.tree.folders.known(parent.listingKey)
    for (const entry of listing?.entries.values() ?? [])
      if (entry.id === id && entry.name !== name) return { parent: parent!, name: entry.name }
    return undefined
  }

  /** What the server has by now is shown, and not what the changes were made to. */
  discarded(): void {
    this.#parts.core.tree.catchUp(this.#node)
    this.replaced()
  }

  /** Whoever wrote did so through the kernel, which knows. */
  changed(): void {
    const { lendings } = this.#parts.core.writeBack
    const { id, content } = this.#node
    if (id !== undefined && !lendings.isEmpty && content?.isDirty) lendings.hurry(id)
    if (!content?.isDirty) this.#parts.removals.contentSettled(this.#node)
    this.#pin(this.#node.content?.isDirty === true)
  }

  replaced(): void {
    this.#node.pagesOf = undefined
    this.#parts.core.kernel.invalidateInode(this.#node.ino)
    this.#parts.attributes.sendLater(this.#node)
    this.changed()
  }

  /** The server has the file where the upload went; a rename that waits is not sent by that. */
  #placed(entry: RemoteEntry, path: RemotePath | undefined): void {
    const { core, renames, creations } = this.#parts
    const node = this.#node
    if (node.place && !renames.has(node)) node.remotePlace = node.place
    const at = node.remotePlace
    if (!at || node.isUnlinked) return
    core.tree.placed(at.parent, entry)
    core.tree.madeAgain(at.parent)
    if (path) creations.uploadedInto(at.parent, path.slice(0, -1))
  }

  #pin(wanted: boolean): void {
    if (wanted === this.#pinned) return
    this.#pinned = wanted
    this.#node.pins += wanted ? 1 : -1
    this.#parts.core.tree.table.release(this.#node)
  }

  /** A one-request save answers without metadata: what was known then still holds. */
  #merged(answer: RemoteEntry): RemoteEntry {
    const former = this.#node.entry
    if (!former) return answer
    const entry = { ...answer, shared: isStillShared(former, answer) }
    return this.#factsSent ? entry : { ...entry, metadata: { ...former.metadata, ...answer.metadata } }
  }

  #forgetSent(entry: RemoteEntry): void {
    const { unsent } = this.#node
    const isThere = ({ key, value }: MetadataPatch) => entry.metadata[key] === value
    for (const patch of unsent.patches.values()) if (isThere(patch)) unsent.patches.delete(patch.key)
    if (unsent.mtime && isThere(encodeMtime(unsent.mtime, { sizeBytes: entry.sizeBytes })))
      unsent.mtime = undefined
  }

  /**
   * A stored mtime that names only a size would hold for new content of the same size too: then the new content's time
   * must replace it.
   */
  #staleMtimeReplacement(entry: RemoteEntry | undefined, sizeBytes: number): Timespec | undefined {
    const written = this.#node.content?.modifiedAt
    if (!entry || !written) return undefined
    const { key, value } = encodeMtime(written, { sizeBytes })
    const stored = entry.metadata[key]
    return stored !== undefined && stored !== value && entry.sizeBytes === sizeBytes ? written : undefined
  }
}

/** The content of a file, made at its first use. */
export function contentOf(node: Node, parts: OwnerParts): FileContent {
  if (node.content) return node.content
  const owner = new FileOwner(node, parts)
  owners.set(node, owner)
  const { entry } = node
  node.content = parts.core.writeBack.content(owner, {
    entity: entry?.entity ?? 'absent',
    sizeBytes: entry?.sizeBytes ?? 0,
  })
  return node.content
}

const owners = new WeakMap<Node, FileOwner>()

/** Drops what is staged of a file that nobody can reach any more. */
export async function discardContent(node: Node): Promise<void> {
  await node.content?.discard()
  owners.get(node)?.discarded()
}

/** Answers to a save never say that a file is shared; listings do. */
function isStillShared(former: RemoteEntry, answer: RemoteEntry): boolean {
  return answer.shared || (former.id === answer.id && former.shared)
}
