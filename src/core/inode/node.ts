import { invariant, InvariantError } from '../../base/assert.ts'
import type { Timespec } from '../../base/timespec.ts'
import type { EntityId, FileId, MetadataPatch, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { toPosixName } from '../names/index.ts'
import type { FileKind, Ino } from '../types.ts'
import type { Attempt, BaseEntity, FileContent, SyncState } from '../write/index.ts'

/** A name in a folder that is a node too. */
export interface NodePlace {
  readonly parent: Node
  /** The server's name, not the one that programs see. */
  readonly name: string
}

export function samePlace(a: NodePlace | undefined, b: NodePlace | undefined): boolean {
  return a?.parent === b?.parent && a?.name === b?.name
}

/**
 * One file, folder or symlink while the kernel, a handle, a child or unsent work refers to it. *Bound* to a file id once the
 * server knows it; the binding can change (a new version of a rename's target keeps the target's id).
 *
 * `place` is where programs see it; `remotePlace` where the server has it. They differ only while a rename waits to be sent.
 * Neither is set for an unlinked node, which lives on for who has it open.
 */
export class Node {
  readonly ino: Ino
  /** `st_ino`: derived from the file id, so that it survives being forgotten; see `NodeTable`. */
  readonly stableIno: number
  readonly kind: FileKind
  place: NodePlace | undefined
  remotePlace: NodePlace | undefined
  /** What the server said last; undefined for what exists only here. */
  entry: RemoteEntry | undefined
  /** Local content; made at the first open. Files only. */
  content: FileContent | undefined
  /** Attributes that the server does not have yet: they travel with the content, or are sent once it is there. */
  #unsent: UnsentAttributes | undefined
  /** Why attributes of it are not at the server: they are tried again, or were refused. */
  attributeTrouble: SyncState | undefined
  /** Who took over its id: the server keeps its content as an older version there. */
  successor: Node | undefined
  /**
   * Deleted, moved or given new content by somebody else: it lives on, without a name, for who has it open, and nothing that
   * is written to it could be saved.
   */
  isVanished = false
  /** A folder that the server has no more, kept because something in it is not sent yet: sending that makes it again. */
  isMissing = false
  /** Of what is about to be deleted or replaced: the version that its changes rested on, while the server has them not as its next one. */
  restedOn: BaseEntity | undefined
  /** Of what was deleted: contents that the server may have without anybody having heard of it. */
  sentUnheard: readonly Attempt[] | undefined
  /** Names in this folder under which the server may have a new file that was deleted here: not to be seen before that is known. */
  unheardNames: Set<string> | undefined
  /** Its rename or removal is not sent yet; see `RenameDelay`. */
  waits = false
  /** Why the server does not take it, in words; it is kept here. */
  refusal: string | undefined
  /** References by the kernel. */
  lookups = 0
  /** Open handles of files and folders. */
  handles = 0
  /** Open handles that may write. */
  writers = 0
  /** Unsent work that must not lose the node. */
  pins = 0
  /** Counts what programs could see of changes of the names in this folder. */
  namesVersion = 0
  /** Content whose bytes the kernel may hold in its pages, as it was opened last; undefined: they are to be dropped. */
  pagesOf: EntityId | undefined
  /** Nodes below, by server name; of what is no folder nothing can be. */
  readonly children: Map<string, Node>

  constructor(ino: Ino, stableIno: number, kind: FileKind) {
    this.ino = ino
    this.stableIno = stableIno
    this.kind = kind
    this.children = kind === 'folder' ? new Map() : none
  }

  get unsent(): UnsentAttributes {
    this.#unsent ??= { patches: new Map(), mtime: undefined }
    return this.#unsent
  }

  /** Asked of each file that is listed, few of which ever had any. */
  get hasUnsent(): boolean {
    return this.#unsent !== undefined && (this.#unsent.patches.size > 0 || this.#unsent.mtime !== undefined)
  }

  get id(): FileId | undefined {
    return this.entry?.id
  }

  /** What its listing is filed under: its id, or for a folder that the server does not have yet a stand-in. */
  get listingKey(): FileId {
    return this.entry?.id ?? (`new ${this.ino}` as FileId)
  }

  /** A folder or symbolic link that exists only here so far; see `Creations`. */
  get isNew(): boolean {
    return this.entry === undefined && this.kind !== 'file' && this.place !== undefined
  }

  get isRoot(): boolean {
    return this.ino === 1
  }

  get isFolder(): boolean {
    return this.kind === 'folder'
  }

  get isUnlinked(): boolean {
    return this.place === undefined && !this.isRoot
  }

  /** Unsent bytes, or never sent at all: the server's view of it must not replace ours. */
  get isLocal(): boolean {
    return !this.isRoot && (this.entry === undefined || this.content?.isDirty === true)
  }

  /** Holds, itself or below, what would be lost with its name: unsent bytes, or a program that may still write some. */
  get isNeeded(): boolean {
    if (this.isLocal || this.writers > 0) return true
    for (const child of this.children.values()) if (child.isNeeded) return true
    return false
  }

  /** The folder that the server has it in, or is going to have it in where it has it nowhere yet. */
  get remoteParent(): Node | undefined {
    return (this.remotePlace ?? this.place)?.parent
  }

  /** Path that a request must carry; undefined for an unlinked node. */
  get remotePath(): RemotePath | undefined {
    if (this.isRoot) return []
    const at = this.remotePlace ?? this.place
    const above = at?.parent.remotePath
    return at && above ? [...above, at.name] : undefined
  }

  /** Where the server can be asked for the content that this node had when it was last seen. */
  get contentPath(): RemotePath | undefined {
    return this.remotePath ?? this.successor?.contentPath
  }

  /** Path as programs see it, for messages. */
  get label(): string {
    if (this.isRoot) return '/'
    if (!this.place) return '(deleted file)'
    const above = this.place.parent.label
    const name = toPosixName(this.place.name)
    return above === '/' ? `/${name}` : `${above}/${name}`
  }

  /** True for the folder itself and everything below it. */
  isWithin(folder: Node): boolean {
    return this === folder || (this.place?.parent.isWithin(folder) ?? false)
  }

  /** Puts the node under a name, taking it away from where it was. */
  moveTo(parent: Node, name: string): void {
    this.detach()
    this.enter(parent, name)
    parent.namesVersion += 1
  }

  /** Takes its name away. */
  detach(): void {
    const parent = this.place?.parent
    this.leave()
    if (parent) parent.namesVersion += 1
  }

  /** Stands for a name that the folder has already. */
  enter(parent: Node, name: string): void {
    invariant(parent.isFolder, 'only a folder has names')
    const present = parent.children.get(name)
    // The message is put together only where it is needed: listings come here for each name.
    if (present !== undefined && present !== this)
      throw new InvariantError(`${parent.label}: two nodes of the name ${name}`)
    parent.children.set(name, this)
    this.place = { parent, name }
    this.isVanished = false
  }

  /** Stands for its name no more, which the folder goes on having. */
  leave(): void {
    if (this.place?.parent.children.get(this.place.name) === this)
      this.place.parent.children.delete(this.place.name)
    this.place = undefined
  }
}

const none: Map<string, Node> = new Map()

export interface UnsentAttributes {
  /** By metadata key. */
  readonly patches: Map<string, MetadataPatch>
  /** An mtime that somebody set, as opposed to the time of a write. */
  mtime: Timespec | undefined
}
