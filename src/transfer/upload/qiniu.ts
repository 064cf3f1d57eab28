/** Qiniu's object store: it calls the server (api/04 §6.4). */
import type { HttpAnswer } from '../../api/direct-exchange.ts'
import { membersOf, parseJson } from '../storage-answer.ts'
import { completeParts } from './complete-parts.ts'
import type { ContentUpload } from './content-upload.ts'
import { sendParts } from './parts.ts'
import { onlyUrl } from './session-urls.ts'

/** @throws {StorageError}; the signal's reason when it was aborted */
export async function uploadToQiniu(upload: ContentUpload): Promise<void> {
  const { credential, mime_type: mimeType } = upload.session
  const url = onlyUrl(upload)
  const headers = { authorization: `UpToken ${credential}` }
  const chunks = await sendParts(upload, { urlOf: (index) => `${url}/${index + 1}`, headers, etagIn })
  const parts = chunks.ranges.map((_, index) => ({ etag: chunks.etagOf(index), partNumber: index + 1 }))
  await completeParts(upload, {
    url,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ parts, ...(mimeType === '' ? {} : { mimeType }) }),
  })
}

function etagIn({ text }: HttpAnswer): string | undefined {
  const { etag } = membersOf(parseJson(text))
  return typeof etag === 'string' && etag !== '' ? etag : undefined
}
