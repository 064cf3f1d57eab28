/** Chunks to the server itself: `local` policies, and every policy that relays (api/04 §4). */
import { uploadChunk } from '../../api/endpoints/uploads.ts'
import { Chunks } from './chunks.ts'
import type { ContentUpload } from './content-upload.ts'
import { sendLastChunkLast } from './last-chunk-last.ts'
import { withLoneLockRetry } from './lone-lock.ts'

/** @throws {ApiError}; the signal's reason when it was aborted, after cutting the bodies on their way */
export async function uploadToServer(upload: ContentUpload): Promise<void> {
  const { client, session } = upload
  const chunks = new Chunks(upload)
  await sendLastChunkLast(chunks, {
    signal: upload.signal,
    send: async (index, signal) => {
      const chunk = {
        sessionId: session.session_id,
        index,
        body: chunks.bodyOf(index),
        uri: session.uri,
        signal,
      }
      await withLoneLockRetry(() => uploadChunk(client, chunk), { clock: client.clock, signal })
      chunks.taken(index)
    },
  })
}
