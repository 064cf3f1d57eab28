import { Errno } from '../../base/errno.ts'
import { FsError } from '../../core/errors.ts'
import type { FileSystem, Place } from '../../core/ports.ts'
import { ROOT_INO, type Attr, type Ino, type OpContext } from '../../core/types.ts'

/** A node that a path leads to, with its attributes as of now. */
export interface Found {
  readonly ino: Ino
  readonly attr: Attr
}

/** What the addon puts where bytes are not UTF-8: the name that was meant cannot be known. */
const REPLACEMENT = '\uFFFD'

/**
 * Leads from paths to nodes, by looking up every element, each time: nothing is kept, so nothing can be out of date, and
 * each look-up is taken back as soon as the work on its node is done (a look-up in a known folder is cheap).
 */
export class PathWalk {
  readonly #fileSystem: FileSystem

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem
  }

  /** Runs `work` on the node at `path`, which cannot go meanwhile. */
  async node<T>(path: string, context: OpContext, work: (found: Found) => Promise<T> | T): Promise<T> {
    const names = elementsOf(path)
    const name = names.pop()
    if (name === undefined) {
      const { attr } = await this.#fileSystem.getattr(ROOT_INO, undefined, context)
      return work({ ino: ROOT_INO, attr })
    }
    return this.#below(names, context, (parent) => this.child({ parent, name }, context, work))
  }

  /** Runs `work` on the folder of `path` and the last name, which need not exist. */
  async place<T>(path: string, context: OpContext, work: (place: Place) => Promise<T>): Promise<T> {
    const names = elementsOf(path)
    const name = names.pop()
    if (name === undefined) throw new FsError(Errno.EBUSY, 'the root of the mount stays where it is')
    return this.#below(names, context, (parent) => work({ parent, name }))
  }

  /** Runs `work` on the node of a name in a folder that the caller holds. */
  async child<T>(place: Place, context: OpContext, work: (found: Found) => Promise<T> | T): Promise<T> {
    const { ino, attr } = await this.#lookup(place, context)
    try {
      return await work({ ino, attr })
    } finally {
      this.#fileSystem.forget(ino, 1)
    }
  }

  async #below<T>(names: string[], context: OpContext, work: (folder: Ino) => Promise<T>): Promise<T> {
    let folder: Ino = ROOT_INO
    try {
      for (const name of names) {
        const { ino } = await this.#lookup({ parent: folder, name }, context)
        this.#letGo(folder)
        folder = ino
      }
      return await work(folder)
    } finally {
      this.#letGo(folder)
    }
  }

  async #lookup({ parent, name }: Place, context: OpContext): Promise<Found> {
    if (name.includes(REPLACEMENT)) throw new FsError(Errno.ENOENT, `no such name: ${name}`)
    return this.#fileSystem.lookup(parent, name, context)
  }

  /** The root was never looked up. */
  #letGo(folder: Ino): void {
    if (folder !== ROOT_INO) this.#fileSystem.forget(folder, 1)
  }
}

/** @throws {FsError} EILSEQ: the name was not UTF-8 (or holds U+FFFD itself, which this driver cannot tell apart). */
export function checkNewName(name: string): void {
  if (name.includes(REPLACEMENT)) {
    throw new FsError(Errno.EILSEQ, `not a valid UTF-8 name: ${name}`)
  }
}

function elementsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '')
}
