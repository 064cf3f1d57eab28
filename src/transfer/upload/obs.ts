/** Huawei's object store: it calls the server (api/04 §6.3). */
import { completeParts, partList } from './complete-parts.ts'
import type { ContentUpload } from './content-upload.ts'
import { etagHeader, OCTETS, sendParts } from './parts.ts'
import { completionUrl, urlOf } from './session-urls.ts'

/** @throws {StorageError}; the signal's reason when it was aborted */
export async function uploadToObs(upload: ContentUpload): Promise<void> {
  const chunks = await sendParts(upload, { urlOf: (index) => urlOf(upload, index), etagIn: etagHeader })
  await completeParts(upload, {
    url: completionUrl(upload),
    headers: { 'content-type': OCTETS },
    body: partList(chunks),
  })
}
