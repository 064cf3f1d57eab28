import { KeyedMutex } from '../../../../src/base/mutex.ts'
import { FsError } from '../../../../src/core/errors.ts'
import { Errno } from '../../../../src/base/errno.ts'
import type { FileSystem } from '../../../../src/core/ports.ts'
import type { Ino, OpContext } from '../../../../src/core/types.ts'
import { PosixError } from '../../engine.ts'
import type { Dentry, DentryTree } from './dentry-tree.ts'

/** A place in a folder; `name` is '.', '..' or an element, `''` for the root itself. */
export interface Spot {
  readonly parent: Dentry
  readonly name: string
  /** The path ended with a slash: only a folder will do. */
  readonly mustBeFolder: boolean
}

/** path_resolution(7): at most 40 links on the way. */
const mostLinks = 40

/** A walk in progress: counts links over its whole length. */
interface Walk {
  linksLeft: number
}

/** Paths into dentries, as the kernel walks them: one element at a time, symlinks followed on the way. */
export class PathWalk {
  /** Operations on the names of one folder run one after the other, as under the kernel's lock of it. */
  readonly folderLocks = new KeyedMutex<Ino>()
  readonly #fileSystem: FileSystem
  readonly #tree: DentryTree
  readonly #context: OpContext

  constructor(fileSystem: FileSystem, tree: DentryTree, context: OpContext) {
    this.#fileSystem = fileSystem
    this.#tree = tree
    this.#context = context
  }

  /** @throws {PosixError} ENOENT when the name is missing */
  async resolve(path: string, follow: boolean): Promise<Dentry> {
    const walk = { linksLeft: mostLinks }
    const dentry = await this.#finish(await this.#toParent(this.#tree.root, path, walk), follow, walk)
    if (!dentry) throw new PosixError('ENOENT', path)
    return dentry
  }

  /** Everything but the last element, which may be missing. */
  parentOf(path: string): Promise<Spot> {
    return this.#toParent(this.#tree.root, path, { linksLeft: mostLinks })
  }

  /** Where a symlink that was found as the last element leads, its own last element unresolved. */
  async throughLink(link: Dentry, linksFollowed: number): Promise<Spot> {
    if (linksFollowed >= mostLinks) throw new PosixError('ELOOP', link.name)
    const target = await this.#fileSystem.readlink(link.node.ino, this.#context)
    return this.#toParent(startOf(link, target), target, { linksLeft: mostLinks - linksFollowed })
  }

  /** One element; undefined when there is no such name. The caller holds the folder's lock. */
  async lookupLocked(parent: Dentry, name: string): Promise<Dentry | undefined> {
    if (parent.node.kind !== 'folder') throw new PosixError('ENOTDIR', parent.name)
    if (name === '' || name === '.') return parent
    if (name === '..') return parent.parent ?? parent
    const known = this.#tree.fresh(parent, name)
    if (known) return known
    try {
      const entry = await this.#fileSystem.lookup(parent.node.ino, name, this.#context)
      return this.#tree.add(parent, name, entry)
    } catch (error) {
      if (!(error instanceof FsError) || error.errno !== Errno.ENOENT) throw error
      const stale = parent.children.get(name)
      if (stale) this.#tree.unhash(stale)
      return undefined
    }
  }

  lookup(parent: Dentry, name: string): Promise<Dentry | undefined> {
    return this.folderLocks.run(parent.node.ino, () => this.lookupLocked(parent, name))
  }

  async #toParent(start: Dentry, path: string, walk: Walk): Promise<Spot> {
    const elements = path.split('/').filter((element) => element !== '')
    const mustBeFolder = path.endsWith('/')
    const name = elements.pop() ?? ''
    let at = start
    for (const element of elements) {
      const next = await this.#finish({ parent: at, name: element, mustBeFolder: true }, true, walk)
      if (!next) throw new PosixError('ENOENT', path)
      if (next.node.kind !== 'folder') throw new PosixError('ENOTDIR', path)
      at = next
    }
    return { parent: at, name, mustBeFolder }
  }

  async #finish(spot: Spot, follow: boolean, walk: Walk): Promise<Dentry | undefined> {
    const dentry = await this.lookup(spot.parent, spot.name)
    if (!dentry) return undefined
    if (dentry.node.kind === 'symlink' && (follow || spot.mustBeFolder)) {
      if (walk.linksLeft === 0) throw new PosixError('ELOOP', spot.name)
      walk.linksLeft -= 1
      const target = await this.#fileSystem.readlink(dentry.node.ino, this.#context)
      const next = await this.#toParent(startOf(dentry, target), target, walk)
      return this.#finish(next, true, walk)
    }
    if (spot.mustBeFolder && dentry.node.kind !== 'folder') throw new PosixError('ENOTDIR', spot.name)
    return dentry
  }
}

function startOf(link: Dentry, target: string): Dentry {
  if (target.startsWith('/')) throw new Error(`the case follows ${target}, which leads out of its folder`)
  return link.parent!
}
