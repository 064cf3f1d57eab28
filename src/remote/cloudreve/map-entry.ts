/** From the server's file records to the port's types. */
import { lastName, withoutPassword } from '../../api/uri.ts'
import type { WireExtendedInfo, WireFile, WireStoragePolicy } from '../../api/schema.ts'
import type { EntityId, FileId, RemoteDetails, RemoteEntry, RemoteVersion, StoragePolicy } from '../types.ts'

const FOLDER_TYPE = 1
/** Set on a file while an upload to it runs, or was abandoned (api/04 §3). */
export const UPLOAD_MARK = 'sys:upload_session_id'
/** Thumbnails (1) and live photos (2) are entities too. */
const VERSION_TYPE = 0

/** @param noContent id that the server uses for "no content" (api/01 §13.1) */
export function toEntry(file: WireFile, noContent: EntityId): RemoteEntry {
  const isFolder = file.type === FOLDER_TYPE
  const hasContent = !isFolder && file.primary_entity !== '' && file.primary_entity !== noContent
  return {
    id: file.id as FileId,
    kind: isFolder ? 'folder' : 'file',
    name: nameOf(file),
    sizeBytes: isFolder ? 0 : file.size,
    createdAtMs: file.created_at,
    updatedAtMs: file.updated_at,
    entity: hasContent ? (file.primary_entity as EntityId) : undefined,
    metadata: file.metadata,
    shared: file.shared,
    owned: file.owned,
    capability: file.capability,
    // Roots come with a slash at their end (api/01 §7.3).
    uri: withoutPassword(file.path).replace(/\/$/, ''),
    uploadSessionId: file.metadata[UPLOAD_MARK],
  }
}

/** The address is exact where JSON had to replace bytes of the name; in the trash it is an id, and the name is right. */
function nameOf({ name, path }: WireFile): string {
  if (/^cloudreve:\/\/(?:[^/]*@)?trash(?:\/|$)/i.test(path)) return name
  return lastName(path) ?? name
}

export function toPolicy(policy: WireStoragePolicy | null | undefined): StoragePolicy | undefined {
  if (!policy) return undefined
  const { id, name, type, max_size: maxSizeBytes, relay } = policy
  return { id, name, type, maxSizeBytes, relay }
}

export function toDetails(file: WireFile, noContent: EntityId): RemoteDetails {
  const info = file.extended_info
  return {
    entry: toEntry(file, noContent),
    policy: toPolicy(info?.storage_policy),
    versions: versionsOf(file),
    shares: (info?.shares ?? []).map(toShare),
    directLinks: (info?.direct_links ?? []).map(toDirectLink),
    storageUsedBytes: info?.storage_used ?? 0,
  }
}

/** Without the placeholder of a running upload: it is listed like a version, and reading it gives zeroes (api/00-live-files §3). */
function versionsOf({ extended_info: info, metadata, primary_entity: current }: WireFile): RemoteVersion[] {
  const versions = (info?.entities ?? []).filter(({ type }) => type === VERSION_TYPE)
  const [newest] = versions
  const placeholder = metadata[UPLOAD_MARK] !== undefined && newest?.id !== current ? newest?.id : undefined
  return versions
    .filter(({ id }) => id !== placeholder)
    .map((entity) => ({
      entity: entity.id as EntityId,
      sizeBytes: entity.size,
      createdAtMs: entity.created_at,
      createdBy: entity.created_by?.nickname,
      isCurrent: entity.id === current,
    }))
}

function toShare(share: WireExtendedInfo['shares'][number]): RemoteDetails['shares'][number] {
  return {
    id: share.id,
    url: share.is_private ? withoutLinkPassword(share.url) : share.url,
    createdAtMs: share.created_at,
    expiresAtMs: share.expires ?? undefined,
    expired: share.expired,
    visited: share.visited,
    isPrivate: share.is_private,
  }
}

/** The address of a protected share ends with its password: `…/s/{id}/{password}`. */
function withoutLinkPassword(url: string): string {
  return url.replace(/(\/s\/[^/?#]+)\/[^/?#]+/, '$1')
}

function toDirectLink(link: WireExtendedInfo['direct_links'][number]): RemoteDetails['directLinks'][number] {
  return { id: link.id, url: link.url, createdAtMs: link.created_at, downloaded: link.downloaded }
}
