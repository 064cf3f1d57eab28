/** `/file`: the tree (api/03). Addresses are `cloudreve://` URIs; every call may throw `ApiError`. */
import type { ApiClient } from '../client.ts'
import * as schema from '../schema.ts'

export interface Waiting {
  readonly signal?: AbortSignal | undefined
}

export interface ListQuery extends Waiting {
  /** > 0; the server clamps it to its own maximum. */
  readonly pageSize: number
  /** Cursor of the page before; undefined = first page. */
  readonly token?: string | undefined
  /** Offset mode: number of the page, from 0. */
  readonly page?: number | undefined
}

/**
 * One page of a folder. Order is always given: without it a view that somebody saved decides (api/00-live-account §2.6), and
 * the creation time is the one key that never changes during a walk.
 */
export function listFolder(
  client: ApiClient,
  uri: string,
  { pageSize, token, page, signal }: ListQuery,
): Promise<schema.WireListing> {
  return client.call({
    method: 'GET',
    path: '/file',
    query: {
      uri,
      page,
      page_size: pageSize,
      order_by: 'created_at',
      order_direction: 'asc',
      next_page_token: token,
    },
    schema: schema.listing,
    repeat: 'read',
    subject: uri,
    signal,
  })
}

/** `extended` adds versions, shares and links, `summary` how much is in a folder. Roots answer 403 (api/03 §4). */
export function fileInfo(
  client: ApiClient,
  address: { readonly uri: string } | { readonly id: string },
  { extended, summary, signal }: Waiting & { readonly extended?: boolean; readonly summary?: boolean } = {},
): Promise<schema.WireFile> {
  return client.call({
    method: 'GET',
    path: '/file/info',
    query: { ...address, extended, folder_summary: summary },
    schema: schema.file,
    repeat: 'read',
    subject: 'uri' in address ? address.uri : `the file with id ${address.id}`,
    signal,
  })
}

export interface Creation extends Waiting {
  readonly type: 'file' | 'folder'
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** With missing parents; 40004 when the name is taken. */
export function createFile(
  client: ApiClient,
  uri: string,
  { type, metadata, signal }: Creation,
): Promise<schema.WireFile> {
  return client.call({
    method: 'POST',
    path: '/file/create',
    json: { uri, type, err_on_conflict: true, ...(metadata ? { metadata } : {}) },
    schema: schema.file,
    repeat: 'once',
    subject: uri,
    signal,
  })
}

export function renameFile(
  client: ApiClient,
  uri: string,
  newName: string,
  { signal }: Waiting = {},
): Promise<schema.WireFile> {
  return client.call({
    method: 'POST',
    path: '/file/rename',
    json: { uri, new_name: newName },
    schema: schema.file,
    repeat: 'once',
    subject: uri,
    signal,
  })
}

export interface Move extends Waiting {
  readonly uris: readonly string[]
  /** An existing folder. */
  readonly to: string
  readonly copy: boolean
}

export async function moveFiles(client: ApiClient, { uris, to, copy, signal }: Move): Promise<void> {
  await client.call({
    method: 'POST',
    path: '/file/move',
    json: { uris, dst: to, copy },
    schema: schema.ignored,
    repeat: 'once',
    subject: subjectOf(uris),
    signal,
  })
}

export async function deleteFiles(
  client: ApiClient,
  uris: readonly string[],
  { permanently, signal }: Waiting & { readonly permanently: boolean },
): Promise<void> {
  await client.call({
    method: 'DELETE',
    path: '/file',
    json: { uris, skip_soft_delete: permanently },
    schema: schema.ignored,
    repeat: 'once',
    subject: subjectOf(uris),
    signal,
  })
}

/** Out of the trash, one after the other; a batch error names those that stay there. */
export async function restoreFiles(
  client: ApiClient,
  uris: readonly string[],
  { signal }: Waiting = {},
): Promise<void> {
  await client.call({
    method: 'POST',
    path: '/file/restore',
    json: { uris },
    schema: schema.ignored,
    repeat: 'once',
    subject: subjectOf(uris),
    signal,
  })
}

export interface Patch {
  readonly key: string
  /** undefined removes the key. */
  readonly value: string | undefined
}

export async function patchMetadata(
  client: ApiClient,
  uris: readonly string[],
  { patches, signal }: Waiting & { readonly patches: readonly Patch[] },
): Promise<void> {
  await client.call({
    method: 'PATCH',
    path: '/file/metadata',
    json: {
      uris,
      patches: patches.map(({ key, value }) =>
        value === undefined ? { key, remove: true } : { key, value },
      ),
    },
    schema: schema.ignored,
    repeat: 'safe',
    subject: subjectOf(uris),
    signal,
  })
}

/** Makes a stored version the current one; that it is already changes nothing (api/03 §13.1). */
export async function setCurrentVersion(
  client: ApiClient,
  uri: string,
  { version, signal }: Waiting & { readonly version: string },
): Promise<void> {
  await client.call({
    method: 'POST',
    path: '/file/version/current',
    json: { uri, version },
    schema: schema.ignored,
    repeat: 'safe',
    subject: uri,
    signal,
  })
}

export interface DownloadUrls {
  /** In the order asked for; '' where the object has none (see `skipErrors`). */
  readonly urls: readonly string[]
  /** ms since the epoch by the server's clock: the earliest of the batch (api/03 §10.1). */
  readonly expiresAtMs: number | undefined
}

export interface UrlQuery extends Waiting {
  /** A version other than the current one; for a single address. */
  readonly entity?: string | undefined
  /** Objects without a URL give '' instead of failing the whole call. */
  readonly skipErrors?: boolean
  /** A URL made now instead of one that the server remembers. */
  readonly fresh?: boolean
}

/** Signed URLs of contents. Inside a share each call counts as a download of each file. */
export async function downloadUrls(
  client: ApiClient,
  uris: readonly string[],
  { entity, skipErrors, fresh, signal }: UrlQuery = {},
): Promise<DownloadUrls> {
  const answer = await client.call({
    method: 'POST',
    path: '/file/url',
    json: {
      uris,
      ...(entity === undefined ? {} : { entity }),
      ...(skipErrors ? { skip_error: true } : {}),
      ...(fresh ? { no_cache: true } : {}),
    },
    schema: schema.downloadUrls,
    repeat: 'read',
    subject: subjectOf(uris),
    signal,
  })
  return { urls: answer.urls.map(({ url }) => url), expiresAtMs: answer.expires ?? undefined }
}

/** Signed URL of a small picture, which is made first if need be. -1 or 40077: there is none (api/00-live-account §47). */
export async function thumbnailUrl(
  client: ApiClient,
  uri: string,
  { signal }: Waiting = {},
): Promise<string> {
  const answer = await client.call({
    method: 'GET',
    path: '/file/thumb',
    query: { uri },
    schema: schema.thumbnail,
    repeat: 'read',
    subject: uri,
    signal,
  })
  return answer.url
}

export interface ActivityPageQuery extends Waiting {
  /** ≥ 10. */
  readonly pageSize: number
  readonly direction: 'asc' | 'desc'
  /** undefined = everything. */
  readonly filter: 'my' | 'updates' | 'reads' | undefined
  readonly token: string | undefined
}

/** Pro only: `no-route` elsewhere (api/05 §5). */
export function fileActivities(
  client: ApiClient,
  uri: string,
  { pageSize, direction, filter, token, signal }: ActivityPageQuery,
): Promise<schema.WireActivities> {
  return client.call({
    method: 'GET',
    path: '/file/activities',
    query: { uri, page_size: pageSize, order_direction: direction, filter, next_page_token: token },
    schema: schema.activities,
    repeat: 'read',
    subject: uri,
    signal,
  })
}

function subjectOf(uris: readonly string[]): string {
  const [first] = uris
  return first !== undefined && uris.length === 1 ? first : `${uris.length} objects`
}
