import { completeUpload } from '../../api/endpoints/uploads.ts'
import type { ContentUpload } from './content-upload.ts'

/** For storages that do not call the server by themselves (api/04 §7). @throws {ApiError} */
export function tellServer(
  { client, session, signal }: ContentUpload,
  { method, storage }: { readonly method: 'GET' | 'POST'; readonly storage: string },
): Promise<void> {
  const { session_id: sessionId, callback_secret: secret, uri } = session
  return completeUpload(client, { method, storage, sessionId, secret, uri, signal })
}
