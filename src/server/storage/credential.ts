import { assertNever } from '../../base/assert.ts'
import type { WireUploadCredential } from '../../api/types.ts'
import { chunkCount, type UploadSession } from '../state/uploads.ts'
import type { World } from '../state/world.ts'
import { signedUrl, tokenFor } from './signed-url.ts'

type Credential = Pick<
  WireUploadCredential,
  'upload_urls' | 'credential' | 'completeURL' | 'mime_type' | 'upload_policy'
>

/** What a client needs to send the bytes to the storage of its session (api/04 §2, §5, §6). */
export function credentialFor(world: World, session: UploadSession): Credential {
  const { storage, id } = session
  switch (storage) {
    case 'local':
      return {}
    case 'remote':
      return {
        upload_urls: [`${world.origin}/storage/remote/${id}`],
        credential: `Bearer Cr ${tokenFor(world, session, 'remote')}`,
      }
    case 'qiniu':
      return {
        upload_urls: [`${world.origin}/storage/qiniu/${id}`],
        credential: tokenFor(world, session, 'qiniu'),
        mime_type: 'application/octet-stream',
      }
    case 'upyun':
      return { upload_urls: [`${world.origin}/storage/upyun/${id}`], ...upyunCredential(world, session) }
    case 'onedrive':
      return { upload_urls: [signedUrl(world, session, `onedrive/${id}`)] }
    case 's3':
    case 'ks3':
    case 'cos':
    case 'oss':
    case 'obs':
      return {
        upload_urls: Array.from({ length: chunkCount(session) }, (_, index) =>
          signedUrl(world, session, `${storage}/${id}/${index + 1}`),
        ),
        completeURL: signedUrl(world, session, `${storage}/${id}`),
      }
    default:
      return assertNever(storage)
  }
}

export function upyunCredential(world: World, session: Pick<UploadSession, 'id'>) {
  return {
    credential: tokenFor(world, session, 'upyun'),
    upload_policy: Buffer.from(JSON.stringify({ 'save-key': session.id })).toString('base64'),
    mime_type: 'application/octet-stream',
  }
}
