/** Upyun's object store: one form with everything; it tells the server, maybe after it has answered (api/04 §6.5). */
import { randomUUID } from 'node:crypto'
import type { StreamBody } from '../../api/http.ts'
import { requireStatus } from '../storage-answer.ts'
import { withChunkRetry } from './chunk-retry.ts'
import { Chunks } from './chunks.ts'
import type { ContentUpload } from './content-upload.ts'
import { onlyUrl } from './session-urls.ts'
import { storageSubject } from './storage-subject.ts'

/** @throws {StorageError}; the signal's reason when it was aborted, after cutting the body on its way */
export async function uploadToUpyun(upload: ContentUpload): Promise<void> {
  const { client, storage, session, signal } = upload
  const chunks = new Chunks(upload)
  const url = onlyUrl(upload)
  const about = storageSubject(upload, url)
  const fields = {
    policy: session.upload_policy,
    authorization: session.credential,
    ...(session.mime_type === '' ? {} : { 'content-type': session.mime_type }),
  }
  for (const index of chunks.pending) {
    await withChunkRetry(
      async () => {
        const { boundary, body } = form(fields, chunks.bodyOf(index))
        const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` }
        const request = { method: 'POST', url, headers, body, subject: about.subject, signal } as const
        requireStatus(await storage.send(request), [200], about)
      },
      { clock: client.clock, signal },
    )
    chunks.taken(index)
  }
}

/** The file comes last: what follows it is not read. */
function form(fields: Readonly<Record<string, string>>, file: StreamBody) {
  const boundary = `cloudreve-mount-${randomUUID()}`
  const values = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  )
  const head = Buffer.from(
    `${values.join('')}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n` +
      'Content-Type: application/octet-stream\r\n\r\n',
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  const body: StreamBody = {
    sizeBytes: head.length + file.sizeBytes + tail.length,
    async *open() {
      yield head
      yield* file.open()
      yield tail
    },
  }
  return { boundary, body }
}
