import type { WireExplorerView } from '../../api/types.ts'
import type { Ids } from '../ids.ts'
import type { ServerTime, TimeUs } from '../times.ts'
import type { Entity } from './entities.ts'

/** A file or folder. Its id survives rename, move, new versions, trash and restore. */
export interface FileNode {
  readonly number: number
  readonly id: string
  /** Number of the user whose drive it is in. */
  readonly ownerNumber: number
  readonly isFolder: boolean
  name: string
  /** Undefined for roots and for what lies directly in the trash. */
  parent: FileNode | undefined
  /** Folders only; else empty. */
  readonly children: Map<string, FileNode>
  readonly createdUs: TimeUs
  updatedUs: TimeUs
  readonly metadata: Map<string, string>
  /** Oldest first, running uploads and thumbnails included. */
  entities: Entity[]
  /** The version that is current; undefined while there was never any content. */
  current: Entity | undefined
  view: WireExplorerView | undefined
  /** Deleted for good. */
  gone: boolean
}

interface NewNode {
  ownerNumber: number
  isFolder: boolean
  name: string
  parent: FileNode | undefined
  /** When it was made; now unless given. */
  atUs?: TimeUs
}

/** All drives: one root a user, and one flat trash a user. */
export class Tree {
  /** Rises with every change; listings that were sorted at another version are stale. */
  version = 0
  readonly #ids: Ids
  readonly #time: ServerTime
  readonly #byNumber = new Map<number, FileNode>()
  readonly #roots = new Map<number, FileNode>()
  readonly #trashes = new Map<number, Map<string, FileNode>>()
  #last = 0

  constructor(ids: Ids, time: ServerTime) {
    this.#ids = ids
    this.#time = time
  }

  root(ownerNumber: number): FileNode {
    let root = this.#roots.get(ownerNumber)
    if (!root) {
      root = this.create({ ownerNumber, isFolder: true, name: '', parent: undefined })
      this.#roots.set(ownerNumber, root)
    }
    return root
  }

  /** What lies directly in a user's trash, by internal name. */
  trash(ownerNumber: number): Map<string, FileNode> {
    let trash = this.#trashes.get(ownerNumber)
    if (!trash) this.#trashes.set(ownerNumber, (trash = new Map()))
    return trash
  }

  create({ ownerNumber, isFolder, name, parent, atUs }: NewNode): FileNode {
    const number = (this.#last += 1)
    const node: FileNode = {
      number,
      id: this.#ids.encode('file', number),
      ownerNumber,
      isFolder,
      name,
      parent,
      children: new Map(),
      createdUs: atUs ?? this.#time.stampUs(),
      updatedUs: atUs ?? this.#time.stampUs(),
      metadata: new Map(),
      entities: [],
      current: undefined,
      view: undefined,
      gone: false,
    }
    this.#byNumber.set(number, node)
    parent?.children.set(name, node)
    this.version += 1
    return node
  }

  find(number: number): FileNode | undefined {
    return this.#byNumber.get(number)
  }

  isTrashed(node: FileNode): boolean {
    const top = topOf(node)
    return this.#roots.get(node.ownerNumber) !== top
  }

  /** Takes a node out of its folder or out of the trash. */
  detach(node: FileNode): void {
    if (node.parent) node.parent.children.delete(node.name)
    else this.trash(node.ownerNumber).delete(node.name)
    node.parent = undefined
    this.version += 1
  }

  attach(node: FileNode, parent: FileNode, name: string): void {
    node.name = name
    node.parent = parent
    parent.children.set(name, node)
    this.version += 1
  }

  attachToTrash(node: FileNode, name: string): void {
    node.name = name
    this.trash(node.ownerNumber).set(name, node)
    this.version += 1
  }

  /** A write to the object's record: `updated_at` becomes now, unless a time is given. */
  touch(node: FileNode, updatedUs: TimeUs = this.#time.stampUs()): void {
    node.updatedUs = updatedUs
    this.version += 1
  }

  /** A change that does not move `updated_at`. */
  changed(): void {
    this.version += 1
  }

  /** Forgets a detached node and all below it. */
  forget(node: FileNode): void {
    for (const each of subtree(node)) {
      each.gone = true
      this.#byNumber.delete(each.number)
    }
    this.version += 1
  }
}

/** The node and everything below it, parents before children. */
export function* subtree(node: FileNode): Generator<FileNode> {
  yield node
  for (const child of node.children.values()) yield* subtree(child)
}

/** Path elements from the root of the drive (or, in the trash, from the trashed item). */
export function pathOf(node: FileNode): string[] {
  const elements: string[] = []
  for (let at: FileNode = node; at.parent; at = at.parent) elements.push(at.name)
  return elements.reverse()
}

/** Elements of `node` below `folder`; undefined when it is not there. */
export function pathBelow(node: FileNode, folder: FileNode): string[] | undefined {
  const elements: string[] = []
  for (let at: FileNode | undefined = node; at; at = at.parent) {
    if (at === folder) return elements.reverse()
    elements.push(at.name)
  }
  return undefined
}

function topOf(node: FileNode): FileNode {
  let top = node
  while (top.parent) top = top.parent
  return top
}
