import { LRUCache } from 'lru-cache'
import { absentAsUndefined } from '../../remote/errors.ts'
import type { FileId, RemotePath } from '../../remote/types.ts'
import type { Node } from '../inode/index.ts'
import { reach } from '../tree/index.ts'
import type { Core } from './core.ts'
import { keyOf } from './remote-paths.ts'
import type { RenameDelay } from './rename-delay.ts'

/** The server makes folders just before the file that they are for. By its clock alone, which has milliseconds there. */
const sameRequestMs = 200
const maxFolders = 1_000

/**
 * Folders that the server has made again under a former path, for something of ours. They go when nothing else is in them; where
 * something of ours arrives there once more by then, or was there all along, they go after that.
 */
export class MadeAgain {
  readonly #core: Core
  readonly #renames: RenameDelay
  readonly #ids = new LRUCache<FileId, true>({ max: maxFolders })
  /** They wait for being removed. */
  readonly #leaving = new Map<string, Node>()

  constructor(core: Core, renames: RenameDelay) {
    this.#core = core
    this.#renames = renames
  }

  /** The folder at the end of `path`, which was made for something of ours at `madeAtMs`, and what is left of those above it. */
  async remove(path: RemotePath, madeAtMs: number): Promise<void> {
    const { tree } = this.#core
    for (let at = path; at.length > 0; at = at.slice(0, -1)) {
      const folder = await absentAsUndefined(reach(this.#core, at))
      if (!folder || !this.#isOurs(folder, madeAtMs)) return
      this.#ids.set(folder.id!, true)
      if (!isUnused(folder)) return
      this.#renames.addRemoval(folder)
      folder.detach()
      tree.table.release(folder)
      this.#leaving.set(keyOf(at), folder)
    }
  }

  /** What is at the end of `path` can be reached again: something in it is to go first. */
  async bringBack(path: RemotePath): Promise<void> {
    for (let depth = 1; depth <= path.length; depth += 1) {
      const key = keyOf(path.slice(0, depth))
      const folder = this.#leaving.get(key)
      if (!folder) continue
      this.#leaving.delete(key)
      await this.#renames.settleIfSending(folder)
      const at = folder.remotePlace
      if (!at || folder.place || !this.#renames.has(folder) || at.parent.children.has(at.name)) continue
      folder.moveTo(at.parent, at.name)
      this.#renames.drop(folder)
    }
  }

  #isOurs({ isFolder, isRoot, entry, remotePlace }: Node, madeAtMs: number): boolean {
    if (!isFolder || isRoot || !entry || !remotePlace) return false
    const olderByMs = madeAtMs - entry.createdAtMs
    return this.#ids.has(entry.id) || (olderByMs >= 0 && olderByMs <= sameRequestMs)
  }
}

/** Nobody here has put anything into it. */
function isUnused({ children, handles }: Node): boolean {
  return children.size === 0 && handles === 0
}
