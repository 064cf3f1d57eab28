/** Which uploader a session's storage policy wants (api/04 §1). */
import type { WireUploadSession } from '../../api/schema.ts'
import type { ContentUpload } from './content-upload.ts'
import { encryptedSource } from './encrypted-source.ts'
import { uploadToServer } from './local.ts'
import { uploadToCos } from './cos.ts'
import { uploadToKs3 } from './ks3.ts'
import { uploadToObs } from './obs.ts'
import { uploadToOneDrive } from './onedrive.ts'
import { uploadToOss } from './oss.ts'
import { uploadToQiniu } from './qiniu.ts'
import { uploadToRemote } from './remote.ts'
import { uploadToS3 } from './s3.ts'
import { uploadToUpyun } from './upyun.ts'

type Uploader = (upload: ContentUpload) => Promise<void>

const uploaders: ReadonlyMap<string, Uploader> = new Map([
  ['local', uploadToServer],
  ['remote', uploadToRemote],
  ['s3', uploadToS3],
  ['ks3', uploadToKs3],
  ['cos', uploadToCos],
  ['oss', uploadToOss],
  ['obs', uploadToObs],
  ['qiniu', uploadToQiniu],
  ['upyun', uploadToUpyun],
  ['onedrive', uploadToOneDrive],
])

/** Cloudreve's own storages take an empty chunk; of others not every one does (api/04 §12). */
const takingEmptyChunks: ReadonlySet<string> = new Set(['local', 'remote'])

/** Whether a content of that size can go by this session; policies of a type that is not known here take none. */
export function canSend({ storage_policy: policy }: WireUploadSession, sizeBytes: number): boolean {
  if (!policy || policy.relay) return true
  return uploaders.has(policy.type) && (sizeBytes > 0 || takingEmptyChunks.has(policy.type))
}

/**
 * Sends the whole content. Resolving means that every byte was taken, not that the upload is complete: what the server says of the
 * file decides (api/04 §4.6).
 * @throws {StorageError} @throws {ApiError}; the signal's reason when it was aborted, after cutting the bodies on their way
 */
export async function sendContent(upload: ContentUpload): Promise<void> {
  const { storage_policy: policy } = upload.session
  const upon = !policy || policy.relay ? uploadToServer : uploaders.get(policy.type)
  if (!upon) throw new TypeError(`no uploader for storages of the type ${policy?.type}`)
  // What goes through the server it encrypts by itself, and gives no key.
  await upon({ ...upload, source: encryptedSource(upload.source, upload.session) })
}
