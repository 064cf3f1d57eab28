/**
 * What goes over the wire between a client and a Cloudreve v4 server, as the server writes it: no logic, no validation. An
 * optional member is one that the server leaves out; `null` is written where the server really sends it. Times are
 * RFC 3339 strings with up to nine fractional digits, sizes are bytes, ids are case-sensitive strings that are distinct per kind.
 */

import type { WireBoolset, WireTime, WireUser } from './wire-account.ts'

export type * from './wire-account.ts'

// ---- files ------------------------------------------------------------------------------------------------------

/** 0 file, 1 folder. */
export type WireFileType = 0 | 1

/** A file or folder (api/03 §2.1). */
export interface WireFile {
  type: WireFileType
  /** Survives rename, move, overwrite, trash and restore; not a copy. */
  id: string
  /** Display name; in the trash the original one. Empty for the root. */
  name: string
  created_at: WireTime
  updated_at: WireTime
  /** Bytes of the current version; 0 for folders and for files whose first upload is still running. */
  size: number
  /** `null`: not loaded by this call; `{}`: none. */
  metadata: Record<string, string> | null
  /** URI in the caller's view. Absent only in the `parent` of a trash listing. */
  path?: string
  shared?: boolean
  capability?: WireBoolset
  owned?: boolean
  /** Id of the current version. Folders and files without content share one constant id. */
  primary_entity?: string
  folder_summary?: WireFolderSummary
  extended_info?: WireExtendedInfo
  /** Pro. */
  permission?: WireBoolset
}

export interface WireFolderSummary {
  size: number
  files: number
  folders: number
  completed: boolean
  calculated_at: WireTime
}

export interface WireExtendedInfo {
  storage_policy?: WireStoragePolicy
  storage_used: number
  /** Newest made first, thumbnails included; not current first. */
  entities?: WireEntity[]
  shares?: WireShare[]
  direct_links?: WireDirectLinkInfo[]
  view?: WireExplorerView
}

/** 0 version, 1 thumbnail, 2 live photo. */
export type WireEntityType = 0 | 1 | 2

export interface WireEntity {
  id: string
  size: number
  type: WireEntityType
  created_at: WireTime
  storage_policy?: WireStoragePolicy
  created_by?: WireUser
  encrypted_with?: string
}

/** `local`, `remote`, `s3`, `ks3`, `oss`, `cos`, `obs`, `qiniu`, `upyun`, `onedrive`; unknown ones must be tolerated. */
export type WireStoragePolicyType = string

export interface WireStoragePolicy {
  id: string
  name: string
  type: WireStoragePolicyType
  /** Bytes; 0 = no limit. */
  max_size: number
  allowed_suffix?: string[]
  denied_suffix?: string[]
  allowed_name_regexp?: string
  denied_name_regexp?: string
  /** The whole file goes to the server as one chunk, whatever the type. */
  relay?: boolean
  /** Absent means 1. */
  chunk_concurrency?: number
  encryption?: boolean
}

export interface WirePagination {
  /** Counts from 0; meaningless in cursor mode. */
  page: number
  page_size: number
  /** Offset mode only. */
  total_items?: number
  /** Absent on the last page. */
  next_token?: string
  is_cursor?: boolean
}

export interface WireListProps {
  capability: WireBoolset
  max_page_size: number
  /** `null` while searching. */
  order_by_options: string[] | null
  order_direction_options: string[] | null
}

export interface WireExplorerView {
  page_size: number
  order?: string
  order_direction?: string
  view?: string
  thumbnail?: boolean
  gallery_width?: number
  columns?: { type: number; width?: number; props?: { metadata_key?: string; custom_props_id?: string } }[]
}

/** `data` of `GET /file`. */
export interface WireListing {
  files: WireFile[] | null
  parent: WireFile
  /** `null` on the last page of some recursive listings. */
  pagination: WirePagination | null
  props: WireListProps
  context_hint: string | null
  recursion_limit_reached?: boolean
  mixed_type: boolean
  single_file_view?: boolean
  /** The policy that the next upload into this folder gets. Absent in the trash. */
  storage_policy?: WireStoragePolicy
  view?: WireExplorerView
}

export type WireOrderBy = 'name' | 'size' | 'updated_at' | 'created_at'

/** Query of `GET /file`; `uri` may carry search conditions, which make the listing a recursive one (api/03 §20). */
export interface WireListQuery {
  uri: string
  page?: number
  page_size?: number
  order_by?: WireOrderBy
  order_direction?: 'asc' | 'desc'
  next_page_token?: string
}

/** Query of `GET /file/info`; one of `uri` and `id`. */
export interface WireInfoQuery {
  uri?: string
  id?: string
  extended?: boolean
  folder_summary?: boolean
}

export interface WireCreateRequest {
  uri: string
  type: 'file' | 'folder'
  metadata?: Record<string, string>
  err_on_conflict?: boolean
}

export interface WireRenameRequest {
  uri: string
  new_name: string
}

export interface WireMoveRequest {
  uris: string[]
  /** An existing folder. */
  dst: string
  copy?: boolean
}

export interface WireDeleteRequest {
  uris: string[]
  skip_soft_delete?: boolean
  unlink?: boolean
}

export interface WireRestoreRequest {
  uris: string[]
}

export interface WireMetadataPatch {
  key: string
  value?: string
  remove?: boolean
}

export interface WireMetadataRequest {
  uris: string[]
  patches: WireMetadataPatch[]
}

export interface WireUrlRequest {
  uris: string[]
  entity?: string
  download?: boolean
  redirect?: boolean
  no_cache?: boolean
  skip_error?: boolean
  use_primary_site_url?: boolean
  archive?: boolean
}

/** `data` of `POST /file/url`: in the order of the request. */
export interface WireUrls {
  urls: { url: string; stream_saver_display_name?: string }[]
  /** Earliest expiry of the batch. URLs are handed out again, so it may be near. */
  expires: WireTime | null
}

export interface WireThumb {
  url: string
  expires: WireTime | null
  obfuscated?: boolean
}

/** Body of `POST /file/version/current` and `DELETE /file/version`. */
export interface WireVersionRequest {
  uri: string
  version: string
}

/** One holder of a lock that stands in the way; `data` of code 40073 is a list of these. */
export interface WireLockConflict {
  path?: string
  /** Shown to the owner of the drive only. */
  token?: string
  owner: { application: { type: string; inner_xml?: string; viewer_id?: string } }
  type: WireFileType
}

export interface WireUnlockRequest {
  tokens: string[]
}

export interface WirePinRequest {
  uri: string
  name?: string
}

export interface WireViewRequest {
  uri: string
  view?: WireExplorerView | null
}

// ---- uploads ----------------------------------------------------------------------------------------------------

/** Body of `PUT /file/upload` (api/04 §2). */
export interface WireUploadRequest {
  uri: string
  /** Bytes, exact. */
  size: number
  policy_id?: string
  /** Unix milliseconds; becomes `updated_at`. */
  last_modified?: number
  mime_type?: string
  metadata?: Record<string, string>
  /** Empty: the file must not exist. `version`: a new version, or a new file. */
  entity_type?: '' | 'version' | 'live_photo'
  /** The expected `primary_entity`; ignored when the file does not exist. */
  previous?: string
  encryption_supported?: string[]
}

/** `data` of `PUT /file/upload`. */
export interface WireUploadCredential {
  session_id: string
  upload_id: string
  /** Bytes; 0 = everything in one chunk. */
  chunk_size: number
  /** Unix seconds. */
  expires: number
  upload_urls?: string[]
  credential?: string
  completeURL?: string
  storage_policy?: WireStoragePolicy
  uri: string
  callback_secret: string
  mime_type?: string
  upload_policy?: string
  encrypt_metadata?: { algorithm: string; key_plain_text: string; iv: string; key: null }
  ak?: string
  keyTime?: string
}

/** Body of `DELETE /file/upload`. */
export interface WireUploadCancelRequest {
  id: string
  uri: string
}

// ---- shares and direct links ------------------------------------------------------------------------------------

export interface WireShare {
  id: string
  name?: string
  visited: number
  downloaded?: number
  remain_downloads?: number
  expires?: WireTime
  unlocked: boolean
  password_protected?: boolean
  source_type?: WireFileType
  owner: WireUser
  created_at: WireTime
  expired: boolean
  url: string
  show_readme?: boolean
  size: number
  is_private?: boolean
  password?: string
  share_view?: boolean
  source_uri?: string
}

/** Body of `PUT /share` and `POST /share/{id}`. `password` without `is_private` makes a public link. */
export interface WireShareRequest {
  uri: string
  is_private?: boolean
  password?: string
  /** Seconds from now. */
  expire?: number
  downloads?: number
  share_view?: boolean
  show_readme?: boolean
}

export interface WireShareList {
  shares: WireShare[] | null
  pagination: WirePagination
}

/** A direct link in `extended_info`. */
export interface WireDirectLinkInfo {
  id: string
  url: string
  downloaded: number
  created_at: WireTime
}

/** One entry of the answer to `PUT /file/source`. */
export interface WireDirectLink {
  link: string
  file_url: string
}

// ---- events and activities --------------------------------------------------------------------------------------

/** `data` of an `event` in the stream of `GET /file/events`; Pro may send an array of these. */
export interface WireEvent {
  type: 'create' | 'modify' | 'rename' | 'delete'
  file_id: string
  /** Relative to the subscribed folder, with a leading `/`, not percent-encoded. */
  from: string
  /** The new path of a rename, else empty. */
  to: string
}

/** What happened (api/05 §4); all members but `category` may be absent or null. */
export interface WireActivityContent {
  /** Number of the server's audit log (api/05 §3). */
  category: number
  original_name?: string | null
  new_name?: string | null
  from?: string | null
  to?: string | null
  entity_create_time?: WireTime | null
  storage_policy_id?: string | null
  storage_policy?: string | null
  exts?: Record<string, unknown> | null
}

export interface WireActivity {
  id: string
  content: WireActivityContent
  created_at: WireTime
  /** Absent or null for the system and for anonymous visitors. */
  user?: WireUser | null
  version_id?: string | null
}

/** `data` of `GET /file/activities` (Pro; a community server answers 404 text/plain). */
export interface WireActivityList {
  activities: WireActivity[]
  pagination: WirePagination
}

export interface WireActivityQuery {
  uri: string
  /** At least 10. */
  page_size: number
  order_direction?: 'asc' | 'desc'
  next_page_token?: string
  filter?: '' | 'my' | 'updates' | 'reads'
}
