/** The end of a multipart upload: the storage puts the parts together (api/04 §6). */
import { failureOf, requireStatus } from '../storage-answer.ts'
import { StorageError } from '../storage-error.ts'
import { withChunkRetry } from './chunk-retry.ts'
import type { Chunks } from './chunks.ts'
import type { ContentUpload } from './content-upload.ts'
import { storageSubject } from './storage-subject.ts'

export interface Completion {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A storage may work for minutes on an object of many parts. */
const ANSWER_TIMEOUT_MS = 600_000
/** Stored, but the server, which the storage calls, did not take the news. */
const callbackFailures: readonly number[] = [203, 579]
/** The upload is not there any more; 612 is Qiniu's own number for it. */
const gone: readonly number[] = [404, 612]

/**
 * Asks until there is an answer. Where an earlier answer was lost the upload may be gone because it is complete: that ends well, and
 * what the server says of the file decides.
 * @throws {StorageError}
 */
export async function completeParts(
  upload: ContentUpload,
  { url, headers, body }: Completion,
): Promise<void> {
  const { client, storage, signal } = upload
  const about = storageSubject(upload, url)
  const request = {
    method: 'POST',
    url,
    headers,
    body,
    subject: about.subject,
    answerTimeoutMs: ANSWER_TIMEOUT_MS,
    signal,
  } as const
  const { status } = await withChunkRetry(
    async (attempt) => {
      const answer = await storage.send(request)
      if (attempt > 0 && gone.includes(answer.status)) return answer
      // S3 sends the status before it knows how it ends.
      if (/<Error[\s>]/.test(answer.text) && answer.status === 200)
        throw failureOf({ ...answer, status: 500 }, about)
      return requireStatus(answer, [200, ...callbackFailures], about)
    },
    { clock: client.clock, signal },
  )
  if (callbackFailures.includes(status)) throw callbackFailed(about.subject, status)
}

function callbackFailed(subject: string, status: number): StorageError {
  return new StorageError(
    'failed',
    `${subject}: the storage has the content, but could not tell the server so: it has to reach the server`,
    { status },
  )
}

/** Ascending, with the storage's own tags. */
export function partList(chunks: Chunks): string {
  const parts = chunks.ranges.map((_, index) => {
    const etag = escapeXml(chunks.etagOf(index) ?? '')
    return `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag></Part>`
  })
  return `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
}

/** Quotes may stand in text as they are. */
function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
