/** What an editor renames away and leaves as its backup is the new file; the id stays with the name. */
import { messageOf } from '../../base/error-message.ts'
import type { EntityId, FileId, RemoteEntry, RemotePath } from '../../remote/types.ts'
import type { Node, NodePlace } from '../inode/index.ts'
import { pinned, tellKernels, type Core } from './core.ts'
import { isWanted, type Delayed } from './delayed-rename.ts'
import { contentOf, discardContent, type OwnerParts } from './file-owner.ts'
import { mtimeOf } from './node-view.ts'
import { keepAttributes } from './replace-attributes.ts'
import { inheritOfDeleted, takeOver } from './take-over.ts'

/** A content up to this size that is here is sent again: a copy at the server takes more requests. */
const sentLimitBytes = 1024 * 1024
/** The save waits so long for a copy of what it replaces, ms; then the bytes are brought here before. */
const copyWaitsMs = 10_000

/** A file of the server that was renamed within its folder, and is otherwise as the server has it. */
interface Renamed {
  readonly node: Node
  readonly entry: RemoteEntry & { readonly entity: EntityId }
  readonly path: RemotePath
  readonly place: NodePlace
  /** The new file that has its old name. */
  readonly heir: Node
}

/**
 * gedit, vim and emacs save so where they keep backups:
 *
 *   n renamed to n~, a new n written ──(nothing more becomes of it for a moment)──▶ the new n is the next version of the old one,
 *                                                                                  n~ a new file with a copy of its content
 *
 * All of that is on record in one step, and needs no server: the content of n~ is staged, or borrowed from what n is at the server, and
 * sent before that is replaced.
 */
export class KeptBackups {
  readonly #core: Core
  readonly #parts: () => OwnerParts
  /** Ends the waiting of saves for copies. */
  readonly #waiting = new Set<() => void>()

  constructor(core: Core, parts: () => OwnerParts) {
    this.#core = core
    this.#parts = parts
  }

  /** The new file that stands where the server still has `node` gets its id. False: nothing has happened, it is to be renamed. */
  async keepId(node: Node, delayed: Delayed): Promise<boolean> {
    const renamed = this.#look(node, delayed)
    if (!renamed) return false
    const { heir, place } = renamed
    return pinned(this.#core, [node, heir], async () => {
      await this.#core.attributeCalls.passed(node)
      return this.#core.folderLocks.run(place.parent, () => this.#keepId(renamed, delayed))
    })
  }

  /** Nothing is waited for any more. */
  close(): void {
    for (const end of [...this.#waiting]) end()
  }

  #look(node: Node, delayed: Delayed): Renamed | undefined {
    const { entry, remotePath: path } = node
    if (!isWanted(node) || !isUntouched(node) || !path || !entry?.entity) return undefined
    const { place, remotePlace } = node
    if (place.parent !== remotePlace.parent || this.#parts().renames.waiting().get(node) !== delayed)
      return undefined
    // Of a request that has failed nobody knows what it has done.
    if (delayed.settling || delayed.replaced || delayed.failures + delayed.refusals > 0) return undefined
    const heir = remotePlace.parent.children.get(remotePlace.name)
    return heir && isSaved(heir)
      ? { node, entry: { ...entry, entity: entry.entity }, path, place, heir }
      : undefined
  }

  /** @requires lock of the folder */
  async #keepId(renamed: Renamed, delayed: Delayed): Promise<boolean> {
    const { node, heir, place, entry } = renamed
    const isStill = () => {
      const now = this.#look(node, delayed)
      return now?.heir === heir && now.place === place && now.entry.entity === entry.entity
    }
    if (!isStill()) return false
    const backup = this.#core.tree.table.addInPlaceOf(node)
    return pinned(this.#core, [backup], async () => {
      const release = await heir.content!.pause()
      if ((await this.#isStaged(backup, renamed)) && isStill()) {
        this.#exchange(backup, renamed)
        await this.#send(backup)
        this.#once(entry.id, release)
        return true
      }
      release()
      await discardContent(backup).catch((error: unknown) => {
        this.#core.log.error('the content of a backup could not be dropped', { file: node.label, error })
      })
      return false
    })
  }

  /** False: the drive or the local disk is full, say. */
  async #isStaged(backup: Node, renamed: Renamed): Promise<boolean> {
    try {
      return await this.#stage(backup, renamed)
    } catch (error) {
      const fields = { file: renamed.node.label, reason: messageOf(error) }
      this.#core.log.info('a backup takes the id of its file along', fields)
      return false
    }
  }

  /** The content of the backup, which nobody sees yet: should the process end it is nothing. */
  async #stage(backup: Node, { entry, path, place }: Renamed): Promise<boolean> {
    const { entity, sizeBytes, id } = entry
    const content = contentOf(backup, this.#parts())
    const isSmall = sizeBytes <= sentLimitBytes
    const bytes = isSmall ? await this.#core.readers.cached({ entity, sizeBytes }) : undefined
    if (sizeBytes === 0) await content.createEmpty()
    else if (bytes) await content.write(0, bytes)
    else {
      const lent = { base: entity, baseSizeBytes: sizeBytes, lender: { id, path } }
      if (!(await content.borrow(lent, { start: 0, end: sizeBytes }))) return false
    }
    await inheritOfDeleted(this.#parts(), backup, place)
    await content.fsync()
    return true
  }

  /** In one step: nothing is waited for in between. */
  #exchange(backup: Node, { node, entry, place, heir }: Renamed): void {
    const { seen, pending } = this.#core
    keepAttributes(entry, backup.unsent)
    backup.unsent.mtime = mtimeOf(this.#core, node)
    takeOver(this.#parts(), heir, node)
    // Who was just told of it looks again.
    node.isVanished = true
    backup.moveTo(place.parent, place.name)
    seen.nameTaken(backup)
    pending.touch(backup)
    this.#succeed(backup, place)
    tellKernels(this.#core, place)
  }

  /** gedit removes its last backup first: the new one is its next version. What is to be copied at the server is a new file. */
  #succeed(backup: Node, { parent, name }: NodePlace): void {
    const former = this.#parts().renames.removedAt(parent, name)
    if (former?.entry && backup.content!.lenderPath === undefined) takeOver(this.#parts(), backup, former)
  }

  /** After that is on record: the next process would give the id of what is saved by then to the backup. */
  async #send({ content, label }: Node): Promise<void> {
    try {
      await this.#core.pending.written()
      await content!.relabel()
    } catch (error) {
      this.#core.log.error('a backup could not be put on record', { file: label, error })
    }
    content!.hurry()
  }

  /** Goes on with the save when nothing borrows of the file of `id` any more. */
  #once(id: FileId, goOn: () => void): void {
    const end = () => {
      if (!this.#waiting.delete(end)) return
      cancel()
      goOn()
    }
    const cancel = this.#core.clock.after(copyWaitsMs, end)
    this.#waiting.add(end)
    this.#core.writeBack.lendings.whenEnded(id, end)
  }
}

/** Nothing of it is changed here, or being changed. */
function isUntouched({ kind, entry, content, writers, hasUnsent, isVanished }: Node): boolean {
  const isAsShown = !content || (!content.isHere && content.base === entry?.entity)
  const isQuiet = writers === 0 && !hasUnsent && !isVanished && entry?.uploadSessionId === undefined
  return kind === 'file' && isAsShown && isQuiet
}

/** A new file that somebody has written, and not as a copy: what is written on and on is no editor's save. */
function isSaved({ kind, entry, content, writers }: Node): boolean {
  if (kind !== 'file' || entry !== undefined || !content) return false
  return writers === 0 && content.canBeSent && content.lenderPath === undefined
}
