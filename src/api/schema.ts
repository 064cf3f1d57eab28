/**
 * What the server's answers look like, checked at the edge. Tolerant: unknown members pass, omitted ones have a default,
 * `null` lists and maps are empty; a missing member that this client cannot do without is an error.
 */
import { z } from 'zod'
import { listedFile } from './listed-file.ts'

/** RFC 3339 with any offset and fraction, as ms since the epoch. */
export const instant = z.string().transform((text, context) => {
  const atMs = Date.parse(text)
  if (Number.isNaN(atMs)) context.addIssue({ code: 'custom', message: 'not a time' })
  return atMs
})

function listOf<T extends z.ZodType>(item: T) {
  return z
    .array(item)
    .nullish()
    .transform((list) => list ?? [])
}

/** Always there: without it the answer is another one than was asked for. `null` = empty. */
function requiredListOf<T extends z.ZodType>(item: T) {
  return z
    .array(item)
    .nullable()
    .transform((list) => list ?? [])
}

const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false)

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '')

const count = z
  .number()
  .nullish()
  .transform((value) => value ?? 0)

/** Answers without `data`, or whose `data` nobody needs. */
export const ignored = z.unknown().transform(() => undefined)

export const storagePolicy = z.object({
  id: z.string(),
  name: text,
  type: z.string(),
  max_size: count,
  relay: flag,
  chunk_concurrency: count,
})

export const user = z.object({
  id: z.string(),
  email: text,
  nickname: text,
})

const entity = z.object({
  id: z.string(),
  type: count,
  size: count,
  created_at: instant,
  created_by: user.nullish(),
})

const share = z.object({
  id: z.string(),
  url: text,
  created_at: instant,
  expires: instant.nullish(),
  expired: flag,
  visited: count,
  is_private: flag,
})

const directLink = z.object({
  id: z.string(),
  url: text,
  created_at: instant,
  downloaded: count,
})

const extendedInfo = z.object({
  storage_policy: storagePolicy.nullish(),
  storage_used: count,
  entities: listOf(entity),
  shares: listOf(share),
  direct_links: listOf(directLink),
})

const folderSummary = z.object({
  files: z.number(),
  folders: z.number(),
  completed: flag,
  calculated_at: instant,
})

export const file = z.object({
  type: z.number(),
  id: z.string(),
  name: z.string(),
  path: text,
  created_at: instant,
  updated_at: instant,
  size: count,
  metadata: z
    .record(z.string(), z.string())
    .nullish()
    .transform((map) => map ?? {}),
  shared: flag,
  owned: flag,
  capability: text,
  primary_entity: text,
  extended_info: extendedInfo.nullish(),
  folder_summary: folderSummary.nullish(),
})

const pagination = z.object({
  page: count,
  page_size: count,
  total_items: z.number().nullish(),
  next_token: z.string().nullish(),
  is_cursor: flag,
})

/** Of many files; always there, `null` = empty. */
const files = z
  .array(z.unknown())
  .nullable()
  .transform((list, context): WireFile[] => {
    const read: WireFile[] = []
    for (const [index, raw] of (list ?? []).entries()) {
      const plain = listedFile(raw)
      const found = plain ? undefined : file.safeParse(raw)
      if (plain) read.push(plain)
      else if (found?.success) read.push(found.data)
      else
        for (const { path, message } of found?.error.issues ?? [])
          context.addIssue({ code: 'custom', path: [index, ...path], message })
    }
    return read
  })

export const listing = z.object({
  files,
  parent: file,
  pagination: pagination.nullish(),
  props: z.object({ max_page_size: count, capability: text }).nullish(),
  storage_policy: storagePolicy.nullish(),
  /** Of a walk that the server did not finish. */
  recursion_limit_reached: z.boolean().optional(),
})

export const downloadUrls = z.object({
  urls: z.array(z.object({ url: z.string() })),
  expires: instant.nullish(),
})

export const thumbnail = z.object({ url: z.string().min(1) })

export const thumbnailConfig = z.object({ thumb_exts: z.array(z.string()).nullish() })

export const uploadSession = z.object({
  session_id: z.string().min(1),
  chunk_size: count,
  /** Unix seconds. */
  expires: z.number(),
  storage_policy: storagePolicy.nullish(),
  uri: z.string(),
  /** One a chunk, or one for all; signed. */
  upload_urls: listOf(z.string()),
  /** What a storage wants to be shown: a header's value, an upload token or a signature (api/04 §5, §6). */
  credential: text,
  completeURL: text,
  callback_secret: text,
  mime_type: text,
  upload_policy: text,
  /** Where the content is to be encrypted before it leaves (api/04 §8). */
  encrypt_metadata: z.object({ algorithm: z.string(), key_plain_text: z.string(), iv: z.string() }).nullish(),
})

export const capacity = z.object({ total: z.number(), used: z.number() })

/** Only what tells whether overwritten content is kept (api/02 §6.7). */
export const userSettings = z.object({
  version_retention_enabled: flag,
  /** Without dot; absent or empty = all. */
  version_retention_ext: z.array(z.string()).nullish(),
  /** The current version counts; 0 = no limit. */
  version_retention_max: count,
})

export const token = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1),
  access_expires: instant,
  refresh_expires: instant,
})

export const signedIn = z.object({ user, token })

export const captcha = z.object({ image: z.string(), ticket: z.string() })

export const basicConfig = z.object({ captcha_type: text, instance_id: text, title: text })
export const loginConfig = z.object({ login_captcha: flag })
export const explorerConfig = z.object({ max_batch_size: count })

const logEntry = z.object({
  category: z.number(),
  original_name: z.string().nullish(),
  new_name: z.string().nullish(),
  from: z.string().nullish(),
  to: z.string().nullish(),
  entity_create_time: instant.nullish(),
  storage_policy: z.string().nullish(),
  storage_policy_name: z.string().nullish(),
})

export const activities = z.object({
  activities: requiredListOf(
    z.object({
      id: z.string(),
      content: logEntry,
      created_at: instant,
      user: user.nullish(),
      version_id: z.string().nullish(),
    }),
  ),
  pagination: pagination.nullish(),
})

const event = z.object({
  type: z.enum(['create', 'modify', 'rename', 'delete']),
  file_id: z.string(),
  from: text,
  to: text,
})

/** One, or on Pro several (api/02 §9.2). */
export const events = z.union([event.transform((one) => [one]), z.array(event)])

export type WireEvents = z.output<typeof events>
export type WireFile = z.output<typeof file>
export type WireExtendedInfo = z.output<typeof extendedInfo>
export type WireListing = z.output<typeof listing>
export type WireStoragePolicy = z.output<typeof storagePolicy>
export type WireUploadSession = z.output<typeof uploadSession>
export type WireVersionRetention = z.output<typeof userSettings>
export type WireUser = z.output<typeof user>
export type WireToken = z.output<typeof token>
export type WireSignedIn = z.output<typeof signedIn>
export type WireActivities = z.output<typeof activities>
