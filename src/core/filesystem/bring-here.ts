import type { Node } from '../inode/index.ts'
import type { FileContent } from '../write/index.ts'
import type { Core } from './core.ts'
import { mtimeOf } from './node-view.ts'

export interface BroughtContent {
  readonly node: Node
  readonly content: FileContent
  /** All of it. */
  readonly bytes: Uint8Array
}

/** Keeps the content of a file that is about to be deleted as if it had been written. False: it could not be kept. */
export async function bringHere(core: Core, { node, content, bytes }: BroughtContent): Promise<boolean> {
  const time = mtimeOf(core, node)
  const release = await content.pause() // it is to be deleted, not uploaded
  try {
    if (content.isHere) return false
    await content.write(0, bytes)
    node.unsent.mtime = time
    core.pending.touch(node)
    return true
  } catch (error) {
    // A full drive, too: that must not keep anybody from deleting. The reader's signed URL serves for a while.
    core.log.warn('the content of an open file could not be kept', { error: String(error) })
    return false
  } finally {
    release()
  }
}
