import { LRUCache } from 'lru-cache'
import { invariant } from '../../base/assert.ts'
import { NumberMap } from '../../base/number-map.ts'
import { hash52 } from '../../base/string-hash.ts'
import { Errno } from '../../base/errno.ts'
import type { FileId, RemoteEntry } from '../../remote/types.ts'
import { FsError } from '../errors.ts'
import { ROOT_INO, type FileKind, type Ino } from '../types.ts'
import { Node, type NodePlace } from './node.ts'

/**
 * All nodes that anything refers to, by number and by file id. Invariants: a node is in the table exactly while it has look-ups,
 * handles, children or pins (the root always); a file id is bound to at most one linked node.
 */
export class NodeTable {
  readonly root: Node
  readonly #byIno = new NumberMap<Ino, Node>()
  readonly #byId = new Map<FileId, Node>()
  /** Numbers of objects that were made here, before they had an id. */
  readonly #stableInos = new LRUCache<FileId, number>({ max: 100_000 })
  #nextIno = 2

  constructor(rootEntry: RemoteEntry) {
    this.root = new Node(ROOT_INO, 1, 'folder')
    this.root.entry = rootEntry
    this.#byIno.set(ROOT_INO, this.root)
    this.#byId.set(rootEntry.id, this.root)
  }

  get size(): number {
    return this.#byIno.size
  }

  /** @throws {FsError} ESTALE for a number that was forgotten: a bug of the driver or a very late request. */
  get(ino: Ino): Node {
    const node = this.#byIno.get(ino)
    if (!node) throw new FsError(Errno.ESTALE, `node ${ino} is not known any more`)
    return node
  }

  byId(id: FileId): Node | undefined {
    return this.#byId.get(id)
  }

  /** `st_ino` of an object that the server has, whether or not a node stands for it. */
  stableInoOf(id: FileId): number {
    return this.#byId.get(id)?.stableIno ?? this.#stableInos.peek(id) ?? stableInoOf(id)
  }

  /** Nodes that the kernel refers to, the root aside. */
  get heldCount(): number {
    return [...this.#byIno.values()].filter((node) => !node.isRoot && node.lookups + node.handles > 0).length
  }

  nodes(): Iterable<Node> {
    return this.#byIno.values()
  }

  /** A node for an object that the server has, under `parent`. */
  addRemote(parent: Node, entry: RemoteEntry, kind: FileKind): Node {
    const node = this.#add(kind, this.#stableInos.get(entry.id) ?? stableInoOf(entry.id))
    node.enter(parent, entry.name)
    node.entry = entry
    this.#byId.set(entry.id, node)
    node.remotePlace = node.place
    return node
  }

  /** A node for what the server has at `place` and programs do not see any more. */
  addUnlinked(place: NodePlace, entry: RemoteEntry, kind: FileKind): Node {
    const node = this.#add(kind, stableInoOf(entry.id))
    node.entry = entry
    node.remotePlace = place
    this.#byId.set(entry.id, node)
    return node
  }

  /** A node for what the server may have at `place`, under an id that nobody has heard, and programs do not see. */
  addUnheard(place: NodePlace): Node {
    const node = this.#add('file', undefined)
    node.remotePlace = place
    return node
  }

  /** A node for what exists only here. */
  addLocal(parent: Node, name: string, kind: FileKind = 'file'): Node {
    const node = this.#add(kind, undefined)
    node.moveTo(parent, name)
    return node
  }

  /** A node without a name for a new file that is going to stand, to programs, for what `node` stands for. */
  addInPlaceOf(node: Node): Node {
    return this.#add(node.kind, node.stableIno)
  }

  /** Says which server object a node stands for now. The id's former node, if any, keeps its record but loses the id. */
  bind(node: Node, entry: RemoteEntry): void {
    const isSame = node.id === entry.id
    if (!isSame) this.unbind(node)
    node.entry = entry
    this.#byId.set(entry.id, node)
    if (node.isRoot) return
    // Listings bind again and again: a number that is remembered counts as used.
    if (isSame) this.#stableInos.get(entry.id)
    else if (node.stableIno !== stableInoOf(entry.id)) this.#stableInos.set(entry.id, node.stableIno)
  }

  /** The node stands for no server object any more (its `entry` stays for who has it open). */
  unbind(node: Node): void {
    if (node.id !== undefined && this.#byId.get(node.id) === node) this.#byId.delete(node.id)
  }

  addLookup(node: Node): void {
    node.lookups += 1
  }

  /** A count below zero is a bug of the driver: it is clamped, the node goes. */
  forget(ino: Ino, count: number): void {
    const node = this.#byIno.get(ino)
    if (!node || node.isRoot) return
    node.lookups = Math.max(0, node.lookups - count)
    this.release(node)
  }

  /** Lets the node go when nothing refers to it any more, and then its folders likewise. */
  release(node: Node): void {
    if (node.isRoot || node.lookups > 0 || node.handles > 0 || node.children.size > 0 || node.pins > 0) return
    if (!this.#byIno.delete(node.ino)) return
    this.unbind(node)
    const above = [node.place?.parent, node.remotePlace?.parent]
    node.leave()
    for (const parent of above) if (parent) this.release(parent)
  }

  checkInvariants(): void {
    for (const [ino, node] of this.#byIno.entries()) {
      invariant(node.ino === ino, `node ${ino} is filed under another number`)
      invariant(node.lookups >= 0 && node.handles >= 0 && node.pins >= 0, `node ${ino} has a negative count`)
      if (node.place) {
        invariant(node.place.parent.children.get(node.place.name) === node, `node ${ino} is not at its place`)
        invariant(this.#byIno.has(node.place.parent.ino), `the folder of node ${ino} was let go`)
      }
    }
    for (const [id, node] of this.#byId) invariant(node.id === id, `id ${id} is bound to another node`)
  }

  #add(kind: FileKind, stableIno: number | undefined): Node {
    const ino = this.#nextIno as Ino
    this.#nextIno += 1
    // Files that are new here have no id yet: numbers above 2⁵² cannot collide with hashes (below).
    const node = new Node(ino, stableIno ?? 2 ** 52 + ino, kind)
    this.#byIno.set(ino, node)
    return node
  }
}

/** 52 bits of a hash of the id: the same after a remount; two ids of a million share one with probability 10⁻⁴. */
function stableInoOf(id: FileId): number {
  return hash52(id) + 2
}
