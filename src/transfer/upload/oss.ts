/** Aliyun's object store: it knows its parts by itself, and calls the server (api/04 §6.2). */
import { completeParts } from './complete-parts.ts'
import type { ContentUpload } from './content-upload.ts'
import { OCTETS, sendParts } from './parts.ts'
import { completionUrl, urlOf } from './session-urls.ts'

const headers = { 'content-type': OCTETS, 'x-oss-forbid-overwrite': 'true', 'x-oss-complete-all': 'yes' }

/** @throws {StorageError}; the signal's reason when it was aborted */
export async function uploadToOss(upload: ContentUpload): Promise<void> {
  await sendParts(upload, { urlOf: (index) => urlOf(upload, index) })
  await completeParts(upload, {
    url: completionUrl(upload),
    headers: headers,
    body: '',
  })
}
