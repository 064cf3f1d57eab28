/** Kingsoft's object store (api/04 §6.1). */
import { completeParts, partList } from './complete-parts.ts'
import type { ContentUpload } from './content-upload.ts'
import { etagHeader, OCTETS, sendParts } from './parts.ts'
import { completionUrl, urlOf } from './session-urls.ts'
import { tellServer } from './tell-server.ts'

/** @throws {StorageError} @throws {ApiError} from telling the server; the signal's reason when it was aborted */
export async function uploadToKs3(upload: ContentUpload): Promise<void> {
  const chunks = await sendParts(upload, { urlOf: (index) => urlOf(upload, index), etagIn: etagHeader })
  await completeParts(upload, {
    url: completionUrl(upload),
    headers: { 'content-type': OCTETS },
    body: partList(chunks),
  })
  await tellServer(upload, { method: 'GET', storage: 'ks3' })
}
