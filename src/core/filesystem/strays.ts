/**
 * What somebody else has moved while something was sent to its path: the server has made another file there, and the folders that led
 * to it (api/00-live-files §17.10). The file is found by its id; what our request made goes, if nothing else has become of it.
 */
import { messageOf } from '../../base/error-message.ts'
import { Mutex } from '../../base/mutex.ts'
import { absentAsUndefined, RemoteError } from '../../remote/errors.ts'
import type { FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import { samePlace, type Node, type NodePlace } from '../inode/index.ts'
import { isBelow, kindOf, reach, samePath } from '../tree/index.ts'
import type { Stray } from '../write/index.ts'
import { tellKernels, type Core } from './core.ts'
import { findById, folderOfFound, type FoundObject } from './find-by-id.ts'
import { freeConflictName } from './free-conflict-name.ts'
import { MadeAgain } from './made-again.ts'
import type { RenameDelay } from './rename-delay.ts'

/** Clocks of `Date` headers have whole seconds, and below two nobody corrects ours. */
const clockToleranceMs = 3_000

/** What is to be done about something that our request has left. */
type Verdict = 'remove' | 'restore' | 'leave'

export interface LeftBehind extends Stray {
  /** When the first request was sent that may have made it, ms by the server's clock; undefined: not known. */
  readonly sinceMs: number | undefined
}

interface Following {
  /** Of the node when that was looked for. */
  readonly id: FileId | undefined
  readonly found: FoundObject | undefined
  readonly stray: LeftBehind | undefined
}

export class Strays {
  readonly #core: Core
  readonly #renames: RenameDelay
  readonly #madeAgain: MadeAgain
  /** One removes the folders in which another one is. */
  readonly #order = new Mutex()

  constructor(core: Core, renames: RenameDelay) {
    this.#core = core
    this.#renames = renames
    this.#madeAgain = new MadeAgain(core, renames)
  }

  /**
   * The path of `node` has another object: goes to where it is by now, and removes `stray`. False: it is nowhere.
   * @throws {RemoteError} when that is to be tried again
   */
  async follow(node: Node, stray: LeftBehind | undefined): Promise<boolean> {
    const { id } = node
    const found = await findById(this.#core, id)
    return this.#followTo(node, { id, found, stray })
  }

  /** The same for what is renamed. @throws {RemoteError} `exists` where a folder that it is in by now has its new name */
  async followRenamed(node: Node): Promise<boolean> {
    const { id, place } = node
    const found = await findById(this.#core, id)
    const folder = place?.parent.remotePath
    if (found && folder && isBelow(found.path, [...folder, place.name]))
      throw new RemoteError('exists', `${node.label}: a folder that it is in has the name at the server`)
    return this.#followTo(node, { id, found, stray: undefined })
  }

  /** What was sent to a path that nothing is sent to any more goes. @throws {RemoteError} when that is to be tried again */
  async leave(stray: LeftBehind): Promise<void> {
    if ((await this.#judge(stray)) === 'remove') await this.#removeStray(stray)
  }

  async #followTo(node: Node, { id, found, stray }: Following): Promise<boolean> {
    const path = node.remotePath
    if (!found || node.id !== id || (!path && (stray || node.isUnlinked))) return false
    const verdict = stray && (await this.#judge(stray))
    await this.#bring(node, found)
    if (!samePath(path, found.path))
      this.#core.log.info('somebody else has moved what was to be changed: it is changed where it is now', {
        file: node.label,
      })
    if (stray && verdict === 'remove') await this.#removeStray(stray)
    return true
  }

  /** The folder that the server has at the end of `path`, where that was made for something of ours at `madeAtMs`: it goes if nothing else is in it. */
  removeMadeAgain(path: RemotePath, madeAtMs: number): Promise<void> {
    return this.#order.run(() => this.#madeAgain.remove(path, madeAtMs))
  }

  async #judge({ path, entry, replaced, sinceMs }: LeftBehind): Promise<Verdict> {
    const { remote, log } = this.#core
    const found = await absentAsUndefined(remote.details(path))
    if (!found || found.entry.id !== entry.id || found.entry.entity !== entry.entity) return 'leave'
    const isMade = sinceMs !== undefined && entry.createdAtMs >= sinceMs - clockToleranceMs
    if (isMade && found.versions.length <= 1) return 'remove'
    if (replaced !== 'absent' && found.versions.some(({ entity }) => entity === replaced)) {
      await remote.makeCurrent(path, replaced)
      return 'restore'
    }
    log.warn('a file that was there before has got the content of one that somebody else has moved', {
      file: path.join('/'),
    })
    return 'leave'
  }

  /** Programs see it where it is by now, unless they have given it another name. */
  async #bring(node: Node, { entry, path }: FoundObject): Promise<void> {
    const { tree } = this.#core
    const folder = await folderOfFound(this.#core, path.slice(0, -1), node)
    const from = node.remotePlace
    const to = { parent: folder, name: path.at(-1)! }
    if (samePlace(from, to) || node.isUnlinked) return
    const isRenamed = !samePlace(node.place, from)
    const shown = node.place
    if (!isRenamed) this.#show(node, to)
    this.#renames.foundAt(node, isRenamed || !samePlace(node.place, to) ? to : node.place!)
    const { metadata } = node.entry!
    const isNewVersion = entry.entity !== node.entry!.entity && !node.content?.isDirty
    tree.table.bind(node, isNewVersion ? { ...node.entry!, ...nameOf(entry) } : { ...entry, metadata })
    if (from && this.#isShownAt(from, node)) tree.folders.expire(from.parent.listingKey)
    // Another version, too: the listing of its folder is what shows that.
    if (isNewVersion) tree.folders.expire(folder.listingKey)
    else tree.placed(folder, entry)
    for (const at of [shown, node.place]) if (at) tellKernels(this.#core, at)
    await node.content?.relabel()
  }

  /** What is known of the folder does not say what is there instead. */
  #isShownAt({ parent, name }: NodePlace, { id }: Node): boolean {
    const present = this.#core.tree.folders.known(parent.listingKey)?.entries.get(name)
    return present === undefined || present.id === id
  }

  #show(node: Node, { parent, name }: NodePlace): void {
    const present = parent.children.get(name)
    const isFree = present === undefined || present === node
    node.moveTo(parent, isFree ? name : freeConflictName(this.#core, { parent, name }))
  }

  /** It is compared once more before it goes; where that cannot be, a file too many is there. */
  async #removeStray(stray: LeftBehind): Promise<void> {
    try {
      await this.#order.run(() => this.#remove(stray))
    } catch (error) {
      const fields = { file: stray.path.join('/'), reason: messageOf(error) }
      this.#core.log.warn('a file that was made under a former name could not be removed', fields)
    }
  }

  async #remove({ path, entry }: LeftBehind): Promise<void> {
    const { tree } = this.#core
    const above = path.slice(0, -1)
    await this.#madeAgain.bringBack(above)
    const folder = await this.#folderAt(above)
    if (!folder) return
    const present = tree.table.byId(entry.id) ?? folder.children.get(entry.name)
    if (present && (present.id !== entry.id || present.isNeeded || present.handles > 0)) return
    const stray = present ?? tree.table.addRemote(folder, entry, kindOf(entry))
    this.#renames.addRemoval(stray)
    stray.detach()
    await this.#madeAgain.remove(above, entry.createdAtMs)
  }

  /**
   * The folder that the server has at `path`; undefined: none. One that is known under this path here may have been moved meanwhile:
   * then what our request has made is in another one, which was made with it.
   */
  async #folderAt(path: RemotePath): Promise<Node | undefined> {
    const { tree, remote } = this.#core
    if (path.length === 0) return tree.table.root
    const entry = await absentAsUndefined(remote.info(path))
    if (!entry) return undefined
    const known = await reach(this.#core, path)
    if (known.id === entry.id) return known
    for (let depth = 0; depth < path.length; depth += 1)
      await tree.refresh(await reach(this.#core, path.slice(0, depth)))
    return reach(this.#core, path)
  }
}

function nameOf({ name, uri }: RemoteEntry): Pick<RemoteEntry, 'name' | 'uri'> {
  return { name, uri }
}
