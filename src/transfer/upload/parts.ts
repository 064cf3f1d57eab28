/** Parts of a multipart upload at an object store, each to a URL of its own (api/04 §6). */
import type { HttpAnswer } from '../../api/direct-exchange.ts'
import { requireStatus } from '../storage-answer.ts'
import { StorageError } from '../storage-error.ts'
import { withChunkRetry } from './chunk-retry.ts'
import { Chunks } from './chunks.ts'
import type { ContentUpload } from './content-upload.ts'
import { sendParallel } from './parallel.ts'
import { storageSubject } from './storage-subject.ts'

export interface PartsOptions {
  readonly urlOf: (index: number) => string
  readonly headers?: Readonly<Record<string, string>>
  /** What the storage calls a part, where completing needs that. */
  readonly etagIn?: (answer: HttpAnswer) => string | undefined
}

/** Bodies go with exactly this type: signatures may cover it. */
export const OCTETS = 'application/octet-stream'

/**
 * Sends what is not there yet, in any order, side by side as far as the policy allows.
 * @throws {StorageError}; the signal's reason when it was aborted, after cutting the bodies on their way
 */
export async function sendParts(
  upload: ContentUpload,
  { urlOf, headers, etagIn }: PartsOptions,
): Promise<Chunks> {
  const { client, storage, signal } = upload
  const chunks = new Chunks(upload)
  await sendParallel({
    indexes: chunks.pending,
    width: chunks.width,
    signal,
    send: async (index, signal) => {
      const url = urlOf(index)
      const about = storageSubject(upload, url)
      const part = { method: 'PUT', url, headers: { 'content-type': OCTETS, ...headers }, signal } as const
      const answer = await withChunkRetry(
        async () => {
          const sent = { ...part, body: chunks.bodyOf(index), subject: about.subject }
          return requireStatus(await storage.send(sent), [200], about)
        },
        { clock: client.clock, signal },
      )
      const etag = etagIn?.(answer)
      if (etagIn && etag === undefined)
        throw new StorageError('malformed', `${about.subject}: the storage took a part without naming it`)
      chunks.taken(index, etag)
    },
  })
  return chunks
}

/** Verbatim, with its quotes. */
export function etagHeader({ headers }: HttpAnswer): string | undefined {
  return headers.etag
}
