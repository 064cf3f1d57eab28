import type { Core } from './core.ts'
import { mtimeOf } from './node-view.ts'
import type { OpenContent } from './open-contents.ts'

/**
 * Keeps a content of which the name goes as if it had been written.
 * @throws {RemoteError} and errors of the local disk: what is here by then stays
 */
export async function bringHere(
  core: Core,
  { node, content, read }: OpenContent,
  signal: AbortSignal,
): Promise<void> {
  const time = mtimeOf(core, node)
  const release = await content.pause() // it is to be read, not uploaded
  try {
    if (!content.isHere) {
      node.unsent.mtime = time
      core.pending.touch(node)
    }
    await content.keep((start, end) => read(start, end, signal), signal)
  } finally {
    release()
  }
}
