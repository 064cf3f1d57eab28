import { randomBytes, randomUUID } from 'node:crypto'
import { systemClock, type Clock } from '../base/clock.ts'

export interface UserOptions {
  email: string
  password: string
  nickname?: string
  /** Member of the group "Admin" (all rights); else of "User", which has the rights of a new installation. */
  admin?: boolean
  /** Base32; sign-in then asks for a code. */
  twoFactorSecret?: string
  /** Quota, bytes. */
  totalBytes?: number
  /** Keep old versions on overwrite; on by default. */
  retention?: boolean
  /** Versions kept, the current one included; 0 = unlimited; 10 by default. */
  retentionMax?: number
}

export const policyTypes = [
  'local',
  'remote',
  's3',
  'ks3',
  'cos',
  'oss',
  'obs',
  'qiniu',
  'upyun',
  'onedrive',
] as const
export type PolicyType = (typeof policyTypes)[number]

/** All times in ms, all sizes in bytes; defaults are those of a new installation. */
export interface ServerOptions {
  /** 0 or absent: any free one. */
  port?: number
  /** Keep the content of files in this folder; absent: in memory. */
  contentFolder?: string
  /** Answer the activities call of Pro. */
  pro?: boolean
  accessTokenTtlMs?: number
  refreshTokenTtlMs?: number
  urlTtlMs?: number
  /** A URL is handed out again until this long before its end. */
  urlReuseMarginMs?: number
  uploadSessionTtlMs?: number
  /** Added to every request. */
  rttMs?: number
  /** Of all contents together, each direction; 0 = unlimited. */
  bandwidthBytesPerSecond?: number
  chunkSizeBytes?: number
  chunkConcurrency?: number
  /** The policy relays uploads: one chunk for everything. */
  relay?: boolean
  /** Type of the storage policy; what is not relayed goes to the storage's side of this server. */
  policyType?: PolicyType
  /** The policy wants contents encrypted: by clients that can, where they are not relayed. */
  encryption?: boolean
  /** Page by number instead of by cursor. */
  offsetPaging?: boolean
  maxPageSize?: number
  maxBatchSize?: number
  maxRecursiveFolders?: number
  /** Upper bound of `PUT /file/content`. */
  maxPutBytes?: number
  /** Policy's upper bound of one file; 0 = none. */
  maxFileBytes?: number
  allowedSuffixes?: string[]
  deniedSuffixes?: string[]
  /** Quiet time before events are sent. */
  debounceMs?: number
  keepAliveMs?: number
  eventPush?: boolean
  /** The server is older than 4.11: it knows nothing of events, nor which storage policy an upload is for (api/06 §1.2). */
  isBefore411?: boolean
  /** Quota of every user that has none of its own. */
  totalBytes?: number
  trashRetentionMs?: number
  users?: UserOptions[]
  seed?: 'empty' | 'demo'
  clock?: Clock
  loginCaptcha?: boolean
  /** Answer of every captcha; random when absent. */
  captchaAnswer?: string
  /** Guests may open shares. */
  guestsMayOpenShares?: boolean
  /** Origin of URLs that the server hands out; its own address when absent. */
  siteUrl?: string
  /** What `GET /site/ping` says. */
  version?: string
}

export type Settings = Required<Omit<ServerOptions, 'contentFolder' | 'siteUrl'>> & {
  contentFolder: string | undefined
  siteUrl: string | undefined
  instanceId: string
  /** Secret of ids, signatures and tokens. */
  secret: string
}

const minute = 60_000
const day = 24 * 60 * minute
const mebibyte = 1024 * 1024

const defaults = {
  port: 0,
  pro: false,
  accessTokenTtlMs: 60 * minute,
  refreshTokenTtlMs: 14 * day,
  urlTtlMs: 60 * minute,
  urlReuseMarginMs: 10 * minute,
  uploadSessionTtlMs: day,
  rttMs: 0,
  bandwidthBytesPerSecond: 0,
  chunkSizeBytes: 25 * mebibyte,
  chunkConcurrency: 0,
  relay: false,
  policyType: 'local' as PolicyType,
  encryption: false,
  offsetPaging: false,
  maxPageSize: 2000,
  maxBatchSize: 3000,
  maxRecursiveFolders: 65_535,
  maxPutBytes: 50 * mebibyte,
  maxFileBytes: 0,
  allowedSuffixes: [],
  deniedSuffixes: [],
  debounceMs: 5000,
  keepAliveMs: 30_000,
  eventPush: true,
  isBefore411: false,
  totalBytes: 1024 * 1024 * mebibyte,
  trashRetentionMs: 7 * day,
  seed: 'empty' as const,
  loginCaptcha: false,
  captchaAnswer: '',
  guestsMayOpenShares: true,
}

export function resolveOptions(options: ServerOptions): Settings {
  const users = options.users ?? []
  return {
    ...defaults,
    ...options,
    clock: options.clock ?? systemClock,
    version: options.version ?? (options.pro ? '4.18.0-pro' : '4.18.0'),
    users:
      users.length > 0
        ? users
        : [
            {
              email: 'demo@example.com',
              password: randomBytes(9).toString('base64url'),
              nickname: 'Demo',
              admin: true,
            },
          ],
    contentFolder: options.contentFolder,
    siteUrl: options.siteUrl,
    instanceId: randomUUID(),
    secret: randomBytes(32).toString('hex'),
  }
}
