/** Contents on their way to the server (api/03 §9, api/04). */
import type { ApiClient } from '../client.ts'
import type { StreamBody } from '../http.ts'
import type { LaneName } from '../lanes.ts'
import * as schema from '../schema.ts'
import type { Waiting } from './files.ts'

/** Larger bodies have a lane of their own, bytes: a letter does not wait for a film. */
const SHORT_BODY_BYTES = 4 * 1024 * 1024

export interface ContentPut extends Waiting {
  /** Entity that is replaced; the id of "no content" for a file that should be new. Always sent: see api/00-live §5. */
  readonly previous: string
  readonly body: StreamBody
}

/** The whole content in one request, for every storage policy. Never repeated by the client: see the caller. */
export function putContent(
  client: ApiClient,
  uri: string,
  { previous, body, signal }: ContentPut,
): Promise<schema.WireFile> {
  return client.call({
    method: 'PUT',
    path: '/file/content',
    query: { uri, previous },
    body,
    schema: schema.file,
    repeat: 'once',
    subject: uri,
    lane: laneOf(body),
    signal,
  })
}

/** How contents can be encrypted here, where a storage policy wants that (api/04 §8). */
export const ENCRYPTION = 'aes-256-ctr'

export interface SessionRequest extends Waiting {
  readonly sizeBytes: number
  readonly previous: string
  /** Becomes the file's time at completion, ms since the epoch. */
  readonly modifiedAtMs: number | undefined
  readonly metadata: Readonly<Record<string, string>> | undefined
  /** Storage policy. Servers since 4.11 know it by themselves (api/06 §1.2). */
  readonly policyId?: string | undefined
}

/** A new version of a file that exists, or a file that does not. Locks the path until it is complete or cancelled. */
export function createUploadSession(
  client: ApiClient,
  uri: string,
  { sizeBytes, previous, modifiedAtMs, metadata, policyId, signal }: SessionRequest,
): Promise<schema.WireUploadSession> {
  return client.call({
    method: 'PUT',
    path: '/file/upload',
    json: {
      uri,
      size: sizeBytes,
      entity_type: 'version',
      previous,
      // Said always: where the storage policy asks for it, the answer brings the key.
      encryption_supported: [ENCRYPTION],
      ...(modifiedAtMs === undefined ? {} : { last_modified: modifiedAtMs }),
      ...(metadata ? { metadata } : {}),
      ...(policyId === undefined ? {} : { policy_id: policyId }),
    },
    schema: schema.uploadSession,
    repeat: 'once',
    subject: uri,
    lane: 'uploads',
    signal,
  })
}

export interface ChunkUpload extends Waiting {
  readonly sessionId: string
  readonly index: number
  readonly body: StreamBody
  /** For messages. */
  readonly uri: string
}

/** Sending the same bytes of a chunk again is harmless (api/04 §4.5). */
export async function uploadChunk(
  client: ApiClient,
  { sessionId, index, body, uri, signal }: ChunkUpload,
): Promise<void> {
  await client.call({
    method: 'POST',
    path: `/file/upload/${encodeURIComponent(sessionId)}/${index}`,
    route: '/file/upload/{session}/{index}',
    body,
    schema: schema.ignored,
    repeat: 'safe',
    subject: uri,
    lane: laneOf(body),
    signal,
  })
}

/** Ends a session and gives its reserved space back. 0 also when it is complete (api/00-live-files §2). */
export async function cancelUploadSession(
  client: ApiClient,
  session: { readonly id: string; readonly uri: string },
  { signal }: Waiting = {},
): Promise<void> {
  await client.call({
    method: 'DELETE',
    path: '/file/upload',
    json: { id: session.id, uri: session.uri },
    schema: schema.ignored,
    repeat: 'safe',
    subject: session.uri,
    signal,
  })
}

export interface UploadCallback extends Waiting {
  readonly method: 'GET' | 'POST'
  /** As the route spells the storage: `s3`. */
  readonly storage: string
  readonly sessionId: string
  readonly secret: string
  /** For messages. */
  readonly uri: string
}

/**
 * Tells the server that its storage has everything, which completes the file (api/04 §7). The secret in the path is all that it
 * asks for. 40011 also when an earlier call completed it and its answer was lost.
 */
export async function completeUpload(
  client: ApiClient,
  { method, storage, sessionId, secret, uri, signal }: UploadCallback,
): Promise<void> {
  const session = encodeURIComponent(sessionId)
  await client.call({
    method,
    path: `/callback/${storage}/${session}/${encodeURIComponent(secret)}`,
    route: `/callback/${storage}/{session}/{secret}`,
    schema: schema.ignored,
    repeat: 'safe',
    subject: uri,
    secrets: [secret],
    signedIn: false,
    signal,
  })
}

function laneOf({ sizeBytes }: StreamBody): LaneName {
  return sizeBytes <= SHORT_BODY_BYTES ? 'uploads' : 'largeBodies'
}
