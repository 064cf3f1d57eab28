/** Records of files as `schema.file` reads them, in a hundredth of its time: a page of a listing has 2,000. */

/** What `schema.file` makes of a record without details. */
export interface ListedFile {
  readonly type: number
  readonly id: string
  readonly name: string
  readonly path: string
  readonly created_at: number
  readonly updated_at: number
  readonly size: number
  readonly metadata: Record<string, string>
  readonly shared: boolean
  readonly owned: boolean
  readonly capability: string
  readonly primary_entity: string
}

/** Undefined where there is anything that servers do not answer as a rule: then `schema.file` says what it is, or what is wrong. */
export function listedFile(value: unknown): ListedFile | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const raw = value as Readonly<Record<string, unknown>>
  const { type, id, name, size = 0, shared = false, owned = false } = raw
  const { path = '', capability = '', primary_entity = '' } = raw
  if (!isNumber(type) || !isText(id) || !isText(name) || !isNumber(size)) return undefined
  if (!isText(path) || !isText(capability) || !isText(primary_entity)) return undefined
  if (typeof shared !== 'boolean' || typeof owned !== 'boolean') return undefined
  if (raw['extended_info'] !== undefined || raw['folder_summary'] !== undefined) return undefined
  const [created_at, updated_at] = [instantOf(raw['created_at']), instantOf(raw['updated_at'])]
  const metadata = textsOf(raw['metadata'])
  if (created_at === undefined || updated_at === undefined || !metadata) return undefined
  return {
    type,
    id,
    name,
    path,
    created_at,
    updated_at,
    size,
    metadata,
    shared,
    owned,
    capability,
    primary_entity,
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isNumber = (value: unknown): value is number => Number.isFinite(value)

function instantOf(value: unknown): number | undefined {
  const atMs = isText(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(atMs) ? undefined : atMs
}

function textsOf(value: unknown): Record<string, string> | undefined {
  if (value === undefined || value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) return undefined
  const texts: Record<string, string> = {}
  for (const [key, text] of Object.entries(value)) {
    if (!isText(text) || key === '__proto__') return undefined
    texts[key] = text
  }
  return texts
}
