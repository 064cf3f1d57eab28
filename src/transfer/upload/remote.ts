/** Chunks to another node of the installation, which speaks like the server and tells it when all are in (api/04 §5). */
import { Code } from '../../api/codes.ts'
import { openEnvelope } from '../../api/envelope.ts'
import { isApiError, isRefusal } from '../../api/errors.ts'
import { isStorageError, StorageError } from '../storage-error.ts'
import { withChunkRetry } from './chunk-retry.ts'
import { Chunks } from './chunks.ts'
import type { ContentUpload } from './content-upload.ts'
import { sendLastChunkLast } from './last-chunk-last.ts'
import { withLoneLockRetry } from './lone-lock.ts'
import { OCTETS } from './parts.ts'
import { onlyUrl } from './session-urls.ts'
import { storageSubject } from './storage-subject.ts'

/** @throws {StorageError} @throws {ApiError} what the node says; the signal's reason when it was aborted */
export async function uploadToRemote(upload: ContentUpload): Promise<void> {
  const { clock } = upload.client
  const chunks = new Chunks(upload)
  await sendLastChunkLast(chunks, {
    signal: upload.signal,
    send: async (index, signal) => {
      const retry = { clock, signal, isPassing }
      await withChunkRetry(
        () => withLoneLockRetry(() => sendChunk({ ...upload, signal }, chunks, index), retry),
        retry,
      )
      chunks.taken(index)
    },
  })
}

async function sendChunk(upload: ContentUpload, chunks: Chunks, index: number): Promise<void> {
  const url = new URL(onlyUrl(upload))
  url.searchParams.set('chunk', String(index))
  const { subject, secrets } = storageSubject(upload, url.href)
  const answer = await upload.storage.send({
    method: 'POST',
    url: url.href,
    // The signature covers every header of Cloudreve's own: there must be none.
    headers: { authorization: upload.session.credential, 'content-type': OCTETS },
    body: chunks.bodyOf(index),
    subject,
    signal: upload.signal,
  })
  try {
    openEnvelope(answer, { endpoint: 'POST /slave/upload', mutating: true, subject, secrets })
  } catch (error) {
    if (!isRefusal(error, Code.signatureExpired)) throw error
    throw new StorageError('expired', error.message, { cause: error })
  }
}

function isPassing(error: unknown): boolean {
  if (isStorageError(error, 'failed', 'unreachable')) return true
  return isApiError(error, 'busy', 'gateway')
}
