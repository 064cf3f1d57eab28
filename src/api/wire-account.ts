/** Wire types of sign-in, users and the site; read them through `types.ts`. */

/** RFC 3339 with an offset, e.g. `2026-11-24T01:11:12.414820252Z`. The zero time is `0001-01-01T00:00:00Z`. */
export type WireTime = string

/** Base64 of a byte string; flag n is bit `n % 8` of byte `n / 8` (api/01 §13.4). */
export type WireBoolset = string

/** The answer around almost everything (api/01 §2). `code` 0 is success; HTTP is 200 either way. */
export interface WireEnvelope<T = unknown> {
  code: number
  /** A sentence in English, empty on success. Never match on it. */
  msg: string
  /** The result; with code 40073 a list of `WireLockConflict` (or absent: the caller's own lock is gone). */
  data?: T
  /** Only with code 40081: per-item errors, keyed by the item's URI as the server writes it again. */
  aggregated_error?: Record<string, WireEnvelope>
  /** Absent on success and on errors raised while validating the body. */
  correlation_id?: string
  /** Only of a server in debug mode. */
  error?: string
}

// ---- session and user -------------------------------------------------------------------------------------------

export interface WireGroup {
  id: string
  name: string
  permission?: WireBoolset
  direct_link_batch_size?: number
  /** Seconds that a deleted file stays in the trash. Absent when 0. */
  trash_retention?: number
}

export interface WirePin {
  uri: string
  name?: string
}

export interface WireUser {
  id: string
  email?: string
  nickname: string
  status?: string
  /** `file`, `gravatar`, or absent. */
  avatar?: string
  created_at: WireTime
  preferred_theme?: string
  anonymous?: boolean
  group?: WireGroup
  pined?: WirePin[]
  language?: string
  disable_view_sync?: boolean
  share_links_in_profile?: string
  /** Pro. */
  credit?: number
}

export interface WireToken {
  access_token: string
  refresh_token: string
  access_expires: WireTime
  refresh_expires: WireTime
}

/** `data` of a finished sign-in. With two factors it is code 203 and `data` is the id of the 2FA session. */
export interface WireLogin {
  user: WireUser
  token: WireToken
}

export interface WireLoginRequest {
  email: string
  password: string
  captcha?: string
  ticket?: string
}

export interface WireTwoFactorRequest {
  /** Six digits as a string: a JSON number is refused with 40001. */
  otp: string
  session_id: string
}

export interface WirePrepareLogin {
  webauthn_enabled: boolean
  password_enabled: boolean
}

export interface WireCapacity {
  /** Bytes. 0 means no space at all. */
  total: number
  /** Bytes; may exceed `total`. Old versions, the trash and unfinished uploads count. */
  used: number
  /** Pro. */
  storage_pack_total?: number
}

export interface WireUserSettings {
  version_retention_enabled: boolean
  /** Extensions without dot; absent means all. */
  version_retention_ext?: string[]
  /** Number of versions kept, the current one included; absent means unlimited. */
  version_retention_max?: number
  passwordless: boolean
  two_fa_enabled: boolean
  passkeys?: { id: string; name: string; created_at: WireTime; used_at?: WireTime }[]
  disable_view_sync: boolean
  share_links_in_profile: string
  oauth_grants?: {
    client_id: string
    client_name: string
    client_logo?: string
    scopes: string[]
    last_used_at?: WireTime
  }[]
}

/** Only the members present are changed. */
export interface WireUserSettingsPatch {
  nick?: string
  language?: string
  preferred_theme?: string
  version_retention_enabled?: boolean
  version_retention_ext?: string[]
  version_retention_max?: number
  disable_view_sync?: boolean
  share_links_in_profile?: string
  current_password?: string
  new_password?: string
  two_fa_enabled?: boolean
  two_fa_code?: string
}

// ---- site -------------------------------------------------------------------------------------------------------

export interface WireCaptcha {
  /** `data:image/png;base64,…`. */
  image: string
  ticket: string
}

/** `GET /site/config/basic`, and of every section that is not known. */
export interface WireSiteBasic {
  instance_id: string
  title: string
  user: WireUser
  themes?: string
  default_theme?: string
  logo?: string
  logo_light?: string
  custom_html?: Record<string, string>
  /** `normal`, `recaptcha`, `tcaptcha`, `turnstile`, `cap`. */
  captcha_type?: string
  captcha_ReCaptchaKey?: string
  captcha_cap_asset_server?: string
  app_promotion?: boolean
}

/** `GET /site/config/login`. */
export interface WireSiteLogin {
  login_captcha?: boolean
  reg_captcha?: boolean
  forget_captcha?: boolean
  authn?: boolean
  register_enabled?: boolean
  tos_url?: string
  privacy_policy_url?: string
}

/** `GET /site/config/explorer`. */
export interface WireSiteExplorer {
  /** URIs that one batch call may name. */
  max_batch_size?: number
  icons?: string
  map_provider?: string
  thumbnail_width?: number
  thumbnail_height?: number
  custom_props?: WireCustomProp[]
  full_text_search?: boolean
  show_encryption_status?: boolean
}

export interface WireCustomProp {
  id: string
  name: string
  type: string
  max?: number
  min?: number
  default?: string
  options?: string[]
  icon?: string
}

/** `GET /site/config/thumb`. */
export interface WireSiteThumb {
  thumb_exts?: string[]
}
