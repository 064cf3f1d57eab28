import { Code } from '../../api/codes.ts'
import { isRefusal } from '../../api/errors.ts'
import type { Chunks } from './chunks.ts'
import { sendParallel, type ParallelRun } from './parallel.ts'

/**
 * The order that Cloudreve's own storages want: ascending, a few at a time, the last one alone and last (api/04 §4.3). Chunks that
 * were taken are known to `chunks`.
 */
export async function sendLastChunkLast(
  chunks: Chunks,
  { send, signal }: Pick<ParallelRun, 'send' | 'signal'>,
): Promise<void> {
  const last = chunks.count - 1
  let width = chunks.width
  for (;;) {
    const indexes = chunks.pending.filter((index) => index !== last)
    if (indexes.length === 0) break
    try {
      await sendParallel({ indexes, width, signal, send })
    } catch (error) {
      // A storage that does not reserve the space refuses a chunk that starts beyond the end so far: one after the other then.
      if (width === 1 || !isRefusal(error, Code.storageFailed)) throw error
      width = 1
    }
  }
  await sendParallel({ indexes: chunks.pending, width: 1, signal, send })
}
