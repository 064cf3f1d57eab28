/**
 * The filesystem as POSIX and Linux have it, in memory and as simple as possible: what every engine is compared with. Its
 * own judge is a folder of the machine's disk.
 */
import { constants } from 'node:fs'
import { openFlagBits, PosixError, type OpenFlags } from '../conformance/engine.ts'

export interface RefNode {
  readonly kind: 'file' | 'folder' | 'symlink'
  content: Buffer
  readonly target: string
  mode: number
  /** The time that somebody set, undefined while the last change was a write. */
  setMtimeNs: bigint | undefined
  /** Counts changes of the content: while it stands, an mtime that was seen stands too. */
  changes: number
  readonly children: Map<string, RefNode>
  readonly xattrs: Map<string, Buffer>
}

export interface RefHandle {
  readonly node: RefNode
  readonly flags: number
}

interface Found {
  readonly parent: RefNode
  readonly name: string
  readonly node: RefNode | undefined
}

const { O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_TRUNC, O_WRONLY } = constants
const mostLinks = 40

export class Reference {
  readonly root = newNode('folder', 0o755)

  /** All paths of one kind, in an order that depends on the tree alone. */
  paths(kind: RefNode['kind'] | 'any'): readonly string[] {
    const found: string[] = []
    const visit = (folder: RefNode, prefix: string): void => {
      for (const name of [...folder.children.keys()].sort()) {
        const child = folder.children.get(name)!
        if (kind === 'any' || child.kind === kind) found.push(prefix + name)
        if (child.kind === 'folder') visit(child, `${prefix}${name}/`)
      }
    }
    visit(this.root, '')
    return found
  }

  node(path: string, follow = true): RefNode {
    const { node } = this.#find(path, follow)
    if (!node) throw new PosixError('ENOENT', path)
    return node
  }

  open(path: string, mode: OpenFlags): RefHandle {
    const flags = openFlagBits(mode)
    const creates = (flags & O_CREAT) !== 0
    const { parent, name, node } = this.#find(path, !(creates && (flags & O_EXCL) !== 0))
    if (node && creates && (flags & O_EXCL) !== 0) throw new PosixError('EEXIST', path)
    if (!node && !creates) throw new PosixError('ENOENT', path)
    const opened = node ?? newNode('file', 0o644)
    if (opened.kind === 'folder') throw new PosixError('EISDIR', path)
    if (!node) parent.children.set(name, opened)
    if ((flags & O_TRUNC) !== 0) change(opened, Buffer.alloc(0))
    return { node: opened, flags }
  }

  write({ node, flags }: RefHandle, offset: number, data: Buffer): void {
    if ((flags & (O_WRONLY | O_RDWR)) === 0) throw new PosixError('EBADF', 'write')
    if (data.length === 0) return
    const start = (flags & O_APPEND) !== 0 ? node.content.length : offset
    const next = Buffer.alloc(Math.max(node.content.length, start + data.length))
    node.content.copy(next)
    data.copy(next, start)
    change(node, next)
  }

  read({ node, flags }: RefHandle, offset: number, length: number): Buffer {
    if ((flags & O_WRONLY) !== 0) throw new PosixError('EBADF', 'read')
    return node.content.subarray(offset, offset + length)
  }

  truncateHandle({ node, flags }: RefHandle, sizeBytes: number): void {
    if ((flags & (O_WRONLY | O_RDWR)) === 0) throw new PosixError('EINVAL', 'ftruncate')
    resize(node, sizeBytes)
  }

  truncate(path: string, sizeBytes: number): void {
    const node = this.node(path)
    if (node.kind === 'folder') throw new PosixError('EISDIR', path)
    resize(node, sizeBytes)
  }

  mkdir(path: string): void {
    this.#make(path, newNode('folder', 0o755))
  }

  symlink(target: string, path: string): void {
    this.#make(path, newNode('symlink', 0o777, target))
  }

  /** The product makes no hard links: the checks that Linux does first, then EPERM. */
  link(existing: string, path: string): void {
    const node = this.node(existing, false)
    const { node: taken } = this.#find(path, false)
    if (taken) throw new PosixError('EEXIST', path)
    throw new PosixError('EPERM', node.kind)
  }

  rmdir(path: string): void {
    const { parent, name, node } = this.#find(path, false)
    if (!node) throw new PosixError('ENOENT', path)
    if (node.kind !== 'folder') throw new PosixError('ENOTDIR', path)
    if (node.children.size > 0) throw new PosixError('ENOTEMPTY', path)
    parent.children.delete(name)
  }

  unlink(path: string): void {
    const { parent, name, node } = this.#find(path, false)
    if (!node) throw new PosixError('ENOENT', path)
    if (node.kind === 'folder') throw new PosixError('EISDIR', path)
    parent.children.delete(name)
  }

  rename(from: string, to: string): void {
    // Both folders are walked before either name is looked up.
    const sourceParent = this.#parent(from)
    const targetParent = this.#parent(to)
    const source = sourceParent.parent.children.get(sourceParent.name)
    if (!source) throw new PosixError('ENOENT', from)
    const target = targetParent.parent.children.get(targetParent.name)
    if (contains(source, targetParent.parent)) throw new PosixError('EINVAL', to)
    if (target && target !== source && contains(target, sourceParent.parent)) {
      throw new PosixError('ENOTEMPTY', to)
    }
    if (target === source) return
    if (target) checkReplace(source, target, to)
    sourceParent.parent.children.delete(sourceParent.name)
    targetParent.parent.children.set(targetParent.name, source)
  }

  readdir(path: string): readonly string[] {
    const node = this.node(path)
    if (node.kind !== 'folder') throw new PosixError('ENOTDIR', path)
    return [...node.children.keys()].sort()
  }

  readlink(path: string): string {
    const node = this.node(path, false)
    if (node.kind !== 'symlink') throw new PosixError('EINVAL', path)
    return node.target
  }

  setxattr(path: string, name: string, value: Buffer): void {
    const node = this.node(path, false)
    if (node.kind === 'symlink') throw new PosixError('EPERM', path)
    node.xattrs.set(name, value)
  }

  getxattr(path: string, name: string): Buffer {
    const value = this.node(path, false).xattrs.get(name)
    if (!value) throw new PosixError('ENODATA', path)
    return value
  }

  removexattr(path: string, name: string): void {
    const node = this.node(path, false)
    if (node.kind === 'symlink') throw new PosixError('EPERM', path)
    if (!node.xattrs.delete(name)) throw new PosixError('ENODATA', path)
  }

  #make(path: string, made: RefNode): void {
    const { parent, name, node } = this.#find(path, false)
    if (node) throw new PosixError('EEXIST', path)
    parent.children.set(name, made)
  }

  #parent(path: string): { parent: RefNode; name: string } {
    const { parent, name } = this.#find(path, false)
    return { parent, name }
  }

  #find(path: string, follow: boolean): Found {
    return walk([this.root], path, follow, { left: mostLinks })
  }
}

/** `stack` holds the folders from the root down to where the walk starts. */
function walk(stack: readonly RefNode[], path: string, follow: boolean, links: { left: number }): Found {
  const trail = [...stack]
  const elements = path.split('/').filter((element) => element !== '' && element !== '.')
  if (elements.length === 0) return { parent: trail.at(-1)!, name: '', node: trail.at(-1) }
  for (const [i, element] of elements.entries()) {
    const folder = trail.at(-1)!
    if (folder.kind !== 'folder') throw new PosixError('ENOTDIR', path)
    const isLast = i === elements.length - 1
    if (element === '..') {
      if (trail.length > 1) trail.pop()
      if (isLast) return { parent: trail.at(-1)!, name: '..', node: trail.at(-1) }
      continue
    }
    const node = folder.children.get(element)
    if (node?.kind === 'symlink' && (follow || !isLast)) {
      if (links.left === 0) throw new PosixError('ELOOP', path)
      links.left -= 1
      const rest = [node.target, ...elements.slice(i + 1)].join('/')
      return walk(trail, rest, follow, links)
    }
    if (isLast) return { parent: folder, name: element, node }
    if (!node) throw new PosixError('ENOENT', path)
    trail.push(node)
  }
  throw new Error('a walk ends at its last element')
}

function newNode(kind: RefNode['kind'], mode: number, target = ''): RefNode {
  return {
    kind,
    mode,
    target,
    content: Buffer.alloc(0),
    setMtimeNs: undefined,
    changes: 0,
    children: new Map(),
    xattrs: new Map(),
  }
}

function change(node: RefNode, content: Buffer): void {
  node.content = content
  node.setMtimeNs = undefined
  node.changes += 1
}

function resize(node: RefNode, sizeBytes: number): void {
  const next = Buffer.alloc(sizeBytes)
  node.content.copy(next)
  change(node, next)
}

function contains(folder: RefNode, wanted: RefNode): boolean {
  return folder === wanted || [...folder.children.values()].some((child) => contains(child, wanted))
}

function checkReplace(source: RefNode, target: RefNode, subject: string): void {
  if (source.kind === 'folder' && target.kind !== 'folder') throw new PosixError('ENOTDIR', subject)
  if (source.kind !== 'folder' && target.kind === 'folder') throw new PosixError('EISDIR', subject)
  if (target.children.size > 0) throw new PosixError('ENOTEMPTY', subject)
}
