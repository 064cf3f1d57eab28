import { RemoteError } from '../../src/remote/errors.ts'
import type {
  EntityId,
  FileId,
  RemoteEntry,
  RemotePath,
  RemoteVersion,
  SubtreePage,
} from '../../src/remote/types.ts'

export interface Version {
  readonly entity: EntityId
  readonly bytes: Uint8Array
  readonly createdAtMs: number
}

export interface MemoryNode {
  readonly id: FileId
  readonly kind: 'file' | 'folder'
  readonly createdAtMs: number
  name: string
  parent: MemoryNode | undefined
  updatedAtMs: number
  metadata: Record<string, string>
  /** Newest made first. */
  versions: Version[]
  current: EntityId | undefined
  sessionId: string | undefined
  readonly children: Map<string, MemoryNode>
}

/** Of an object in a walk. */
export interface WalkPlace {
  readonly depth: number
  readonly made: number
}

const comparePlaces = (a: WalkPlace, b: WalkPlace) => a.depth - b.depth || a.made - b.made

const forbidden = /[:\\*?"<>|/]/

/** The objects of a drive, addressed by path as the server does; knows nothing of calls and faults. */
export class MemoryTree {
  readonly root: MemoryNode
  readonly trash: MemoryNode[] = []
  /** Where and when something was deleted. */
  readonly deletions = new Map<MemoryNode, { readonly from: RemotePath; readonly atMs: number }>()
  readonly #now: () => number
  #sequence = 0

  constructor(now: () => number) {
    this.#now = now
    this.root = this.node('folder', '', undefined)
  }

  nextId(prefix: string): string {
    this.#sequence += 1
    return `${prefix}${this.#sequence.toString(36)}`
  }

  node(kind: 'file' | 'folder', name: string, parent: MemoryNode | undefined): MemoryNode {
    const node: MemoryNode = {
      id: this.nextId('f') as FileId,
      kind,
      createdAtMs: this.#now(),
      name,
      parent,
      updatedAtMs: this.#now(),
      metadata: {},
      versions: [],
      current: undefined,
      sessionId: undefined,
      children: new Map(),
    }
    parent?.children.set(name, node)
    return node
  }

  find(path: RemotePath): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.root
    for (const name of path) node = node?.children.get(name)
    return node
  }

  get(path: RemotePath): MemoryNode {
    const node = this.find(path)
    if (!node) throw new RemoteError('not-found', `${path.join('/')}: no such file or folder`)
    return node
  }

  folder(path: RemotePath): MemoryNode {
    const node = this.get(path)
    if (node.kind !== 'folder') throw new RemoteError('denied', `${path.join('/')}: not a folder`)
    return node
  }

  /** The folder of `path`, made with all its parents when it is missing. */
  ensureFolder(path: RemotePath): MemoryNode {
    let node = this.root
    for (const name of path) {
      const child = node.children.get(name) ?? this.node('folder', this.checkName(name), node)
      if (child.kind !== 'folder') throw new RemoteError('denied', `${path.join('/')}: below a file`)
      node = child
    }
    return node
  }

  checkName(name: string): string {
    if (forbidden.test(name) || name === '' || name === '.' || name === '..' || Buffer.byteLength(name) > 255)
      throw new RemoteError('bad-name', `${name}: the server refuses this name`)
    return name
  }

  /** Every object below `node`, itself included. */
  *walk(node: MemoryNode = this.root): Generator<MemoryNode> {
    yield node
    for (const child of node.children.values()) yield* this.walk(child)
  }

  /** A content that is kept somewhere, in the trash too. */
  versionOf(entity: EntityId): { readonly bytes: Uint8Array } | undefined {
    for (const top of [this.root, ...this.trash])
      for (const node of this.walk(top)) {
        const version = node.versions.find((kept) => kept.entity === entity)
        if (version) return version
      }
    return undefined
  }

  usedBytes(): number {
    let used = 0
    for (const top of [this.root, ...this.trash])
      for (const node of this.walk(top)) for (const version of node.versions) used += version.bytes.length
    return used
  }

  detach(node: MemoryNode): void {
    if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name)
    node.parent = undefined
  }

  toTrash(node: MemoryNode): void {
    this.deletions.set(node, { from: this.pathOf(node), atMs: this.#now() })
    this.detach(node)
    this.trash.push(node)
  }

  attach(node: MemoryNode, parent: MemoryNode, name: string): void {
    this.detach(node)
    node.name = name
    node.parent = parent
    parent.children.set(name, node)
    node.updatedAtMs = this.#now()
  }

  copyInto(node: MemoryNode, parent: MemoryNode, name = node.name): void {
    const copy = this.node(node.kind, name, parent)
    copy.metadata = { ...node.metadata }
    copy.versions = [...node.versions]
    copy.current = node.current
    for (const child of node.children.values()) this.copyInto(child, copy)
  }

  /** Makes `bytes` the newest and current version. */
  addVersion(node: MemoryNode, bytes: Uint8Array, keep: number): Version {
    const version = { entity: this.nextId('e') as EntityId, bytes, createdAtMs: this.#now() }
    node.versions = [version, ...node.versions].slice(0, keep)
    node.current = version.entity
    node.updatedAtMs = this.#now()
    return version
  }

  currentBytes(node: MemoryNode): Uint8Array {
    return node.versions.find(({ entity }) => entity === node.current)?.bytes ?? new Uint8Array()
  }

  /**
   * What comes `after` a place of a walk, one depth after another and in the order of making: as things are now, whatever the pages
   * before have shown.
   */
  pageBelow(
    folder: MemoryNode,
    after: WalkPlace,
    { size, changedSinceMs }: { size: number; changedSinceMs: number },
  ): SubtreePage & { readonly last: WalkPlace } {
    const found: [WalkPlace, MemoryNode][] = []
    let level = [...folder.children.values()]
    for (let depth = 1; level.length > 0; depth += 1) {
      for (const node of level) found.push([{ depth, made: Number.parseInt(node.id.slice(1), 36) }, node])
      level = level.flatMap(({ children }) => [...children.values()])
    }
    const page = found
      .filter(([place, node]) => node.updatedAtMs >= changedSinceMs && comparePlaces(place, after) > 0)
      .sort(([a], [b]) => comparePlaces(a, b))
      .slice(0, size)
    const entries = page.map(([, node]) => this.entry(node))
    return { entries, folder: this.entry(folder), last: page.at(-1)?.[0] ?? after }
  }

  pathOf(node: MemoryNode): RemotePath {
    return node.parent ? [...this.pathOf(node.parent), node.name] : []
  }

  entry(node: MemoryNode): RemoteEntry {
    return {
      id: node.id,
      kind: node.kind,
      name: node.name,
      sizeBytes: this.currentBytes(node).length,
      createdAtMs: node.createdAtMs,
      updatedAtMs: node.updatedAtMs,
      entity: node.current,
      metadata: { ...node.metadata },
      shared: false,
      owned: true,
      capability: 'v/8Pfw==',
      uri: uriOf(this.pathOf(node)),
      uploadSessionId: node.sessionId,
    }
  }
}

export function uriOf(path: RemotePath): string {
  return ['cloudreve://my', ...path.map(encodeURIComponent)].join('/')
}

export function pathOf(uri: string): RemotePath | undefined {
  const below = /^cloudreve:\/\/my(.*)$/.exec(uri)?.[1]
  return below?.split('/').slice(1).map(decodeURIComponent)
}

export function contains(ancestor: MemoryNode, node: MemoryNode): boolean {
  for (let at: MemoryNode | undefined = node; at; at = at.parent) if (at === ancestor) return true
  return false
}

export function versionsOf(node: MemoryNode, createdBy: string | undefined): RemoteVersion[] {
  return node.versions.map(({ entity, bytes, createdAtMs }) => ({
    entity,
    sizeBytes: bytes.length,
    createdAtMs,
    createdBy,
    isCurrent: entity === node.current,
  }))
}
