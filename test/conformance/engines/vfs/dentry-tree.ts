/**
 * What a kernel remembers of a FUSE filesystem: names (dentries) and the nodes they lead to, each with the number of look-ups
 * that the filesystem has counted and that are taken back with one `forget` when nothing refers to the node any more.
 *
 * Invariants: a dentry keeps its ancestors; a node is forgotten exactly once, with every look-up that was counted for it.
 */
import type { FileSystem } from '../../../../src/core/ports.ts'
import { ROOT_INO, type Entry, type FileKind, type Ino } from '../../../../src/core/types.ts'

interface KernelNode {
  readonly ino: Ino
  readonly kind: FileKind
  lookups: number
  dentries: number
}

export interface Dentry {
  parent: Dentry | undefined
  name: string
  readonly node: KernelNode
  readonly children: Map<string, Dentry>
  /** Open files and folders. */
  pins: number
  /** When the name must be looked up again, ms as `performance.now`. */
  expiresAt: number
  /** False for the unlinked: nothing finds it any more. */
  hashed: boolean
}

/** How long names are kept that nobody uses: `drop` at the end of each call, `keep` until memory is short. */
export type KeepPolicy = 'keep' | 'drop'

export class DentryTree {
  readonly root: Dentry
  readonly #fileSystem: FileSystem
  readonly #nodes = new Map<Ino, KernelNode>()
  readonly #dentries = new Set<Dentry>()

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem
    const node: KernelNode = { ino: ROOT_INO, kind: 'folder', lookups: 0, dentries: 1 }
    this.root = newDentry(undefined, '', node, Infinity)
  }

  /** Nodes which the filesystem must still know, the root aside. */
  get heldNodes(): number {
    return this.#nodes.size
  }

  /** A name that may be trusted without asking. */
  fresh(parent: Dentry, name: string): Dentry | undefined {
    const dentry = parent.children.get(name)
    return dentry && dentry.expiresAt > performance.now() ? dentry : undefined
  }

  /** No name is trusted any more. */
  expireAll(): void {
    for (const dentry of this.#dentries) dentry.expiresAt = -Infinity
  }

  /** Takes an answer of the filesystem in, which counts as a look-up. */
  add(parent: Dentry, name: string, entry: Entry): Dentry {
    const expiresAt = performance.now() + entry.entryTtlMs
    const node = this.#nodes.get(entry.ino) ?? this.#newNode(entry)
    node.lookups += 1
    const known = parent.children.get(name)
    if (known?.node === node) {
      known.expiresAt = expiresAt
      return known
    }
    if (known) this.unhash(known)
    const dentry = newDentry(parent, name, node, expiresAt)
    node.dentries += 1
    parent.children.set(name, dentry)
    this.#dentries.add(dentry)
    return dentry
  }

  /** The name is gone; who has it open keeps it. */
  unhash(dentry: Dentry): void {
    if (!dentry.hashed) return
    dentry.parent?.children.delete(dentry.name)
    dentry.hashed = false
  }

  /** After a rename the kernel keeps the source's node under the new name and unhashes the target's. */
  move(dentry: Dentry, parent: Dentry, name: string): void {
    const target = parent.children.get(name)
    if (target && target !== dentry) this.unhash(target)
    dentry.parent?.children.delete(dentry.name)
    dentry.parent = parent
    dentry.name = name
    parent.children.set(name, dentry)
  }

  exchange(a: Dentry, b: Dentry): void {
    const [parent, name] = [a.parent!, a.name]
    parent.children.delete(name)
    const [otherParent, otherName] = [b.parent!, b.name]
    otherParent.children.delete(otherName)
    this.#place(a, otherParent, otherName)
    this.#place(b, parent, name)
  }

  isAncestor(ancestor: Dentry, of: Dentry): boolean {
    for (let at: Dentry | undefined = of; at; at = at.parent) if (at === ancestor) return true
    return false
  }

  /** Forgets what nobody has open: everything, or (`keep`) only what has no name any more. */
  prune(policy: KeepPolicy): void {
    const alive = new Set<Dentry>()
    for (const dentry of this.#dentries) {
      if (dentry.pins === 0 && !(policy === 'keep' && isReachable(dentry))) continue
      for (let at: Dentry | undefined = dentry; at && !alive.has(at); at = at.parent) alive.add(at)
    }
    const unused = [...this.#dentries].filter((dentry) => !alive.has(dentry))
    // Children first, as the kernel must.
    for (const dentry of unused.sort((a, b) => depth(b) - depth(a))) this.#drop(dentry)
  }

  #place(dentry: Dentry, parent: Dentry, name: string): void {
    dentry.parent = parent
    dentry.name = name
    parent.children.set(name, dentry)
  }

  #newNode(entry: Entry): KernelNode {
    const node: KernelNode = { ino: entry.ino, kind: entry.attr.kind, lookups: 0, dentries: 0 }
    this.#nodes.set(entry.ino, node)
    return node
  }

  #drop(dentry: Dentry): void {
    this.unhash(dentry)
    this.#dentries.delete(dentry)
    const { node } = dentry
    node.dentries -= 1
    if (node.dentries > 0) return
    this.#nodes.delete(node.ino)
    this.#fileSystem.forget(node.ino, node.lookups)
  }
}

function newDentry(parent: Dentry | undefined, name: string, node: KernelNode, expiresAt: number): Dentry {
  return { parent, name, node, children: new Map(), pins: 0, expiresAt, hashed: true }
}

function isReachable(dentry: Dentry): boolean {
  for (let at: Dentry | undefined = dentry; at; at = at.parent) if (!at.hashed) return false
  return true
}

function depth(dentry: Dentry): number {
  let levels = 0
  for (let at = dentry.parent; at; at = at.parent) levels += 1
  return levels
}
