/** A listing as text: most of what is said of an object is said of its neighbours too, or is nothing (docs/formats/mirror.md). */
import type { EntityId, FileId, RemoteEntry, StoragePolicy } from '../../remote/types.ts'

/** What was known of a folder. */
export interface RememberedListing {
  /** By server name. */
  readonly entries: Map<string, RemoteEntry>
  readonly folder: RemoteEntry
  readonly policy: StoragePolicy | undefined
  /** When the server was asked, ms since the epoch by this machine's clock. */
  readonly askedAtMs: number
  /** The same by the monotonic clock of the process `run`, ms. */
  readonly askedAt: number
  readonly run: string
}

/** Bits of the second member of a row. */
const isFolder = 1
const isShared = 2
const isOwned = 4
/** The record is of a change of ours: the server may have another time for it. */
const isOwn = 8

type Row = [
  id: string,
  bits: number,
  name: string,
  sizeBytes: number,
  /** Relative to the one before. */
  createdAtMs: number,
  /** Relative to `createdAtMs`. */
  updatedAtMs: number,
  /** Index. */
  capability: number,
  entity?: string | 0,
  /** 0: the folder's and the name; 1: the same, the name percent-encoded; else what stands for the name, or a whole one. */
  address?: string | 0 | 1,
  metadata?: Readonly<Record<string, string>> | 0,
  uploadSessionId?: string | 0,
]

type Text = [
  askedAtMs: number,
  askedAt: number,
  run: string,
  capabilities: string[],
  /** Its address is whole. */
  folder: Row,
  policy: StoragePolicy | 0,
  entries: Row[],
]

/** One for all that have none. */
const noMetadata: Readonly<Record<string, string>> = Object.freeze({})

export function formatListing(
  listing: RememberedListing,
  isOwnRecord: (entry: RemoteEntry) => boolean = () => false,
): string {
  const { entries, folder, policy, askedAtMs, askedAt, run } = listing
  const rows = new RowWriter(isOwnRecord)
  const self = rows.row(folder, '')
  const base = `${folder.uri}/`
  const text: Text = [
    askedAtMs,
    askedAt,
    run,
    rows.capabilities,
    self,
    policy ?? 0,
    [...entries.values()].map((entry) => rows.row(entry, base)),
  ]
  return JSON.stringify(text)
}

/** `own` takes the records that `isOwnRecord` named. */
export function parseListing(text: string, own: (entry: RemoteEntry) => void): RememberedListing {
  const [askedAtMs, askedAt, run, capabilities, self, policy, rows] = JSON.parse(text) as Text
  const reader = new RowReader(capabilities, own)
  const folder = reader.entry(self, '')
  const base = `${folder.uri}/`
  const entries = new Map<string, RemoteEntry>()
  for (const row of rows) entries.set(row[2], reader.entry(row, base))
  return { entries, folder, policy: policy === 0 ? undefined : policy, askedAtMs, askedAt, run }
}

export function formatEntry(entry: RemoteEntry): string {
  const rows = new RowWriter(() => false)
  const row = rows.row(entry, '')
  return JSON.stringify([rows.capabilities, row])
}

export function parseEntry(text: string): RemoteEntry {
  const [capabilities, row] = JSON.parse(text) as [string[], Row]
  return new RowReader(capabilities, () => undefined).entry(row, '')
}

class RowWriter {
  readonly capabilities: string[] = []
  readonly #indexOf = new Map<string, number>()
  readonly #isOwnRecord: (entry: RemoteEntry) => boolean
  #createdAtMs = 0

  constructor(isOwnRecord: (entry: RemoteEntry) => boolean) {
    this.#isOwnRecord = isOwnRecord
  }

  row(entry: RemoteEntry, base: string): Row {
    const { id, kind, name, sizeBytes, createdAtMs, updatedAtMs, capability, shared, owned } = entry
    const bits =
      (kind === 'folder' ? isFolder : 0) |
      (shared ? isShared : 0) |
      (owned ? isOwned : 0) |
      (this.#isOwnRecord(entry) ? isOwn : 0)
    const sinceLast = createdAtMs - this.#createdAtMs
    this.#createdAtMs = createdAtMs
    const index = this.#indexOfCapability(capability)
    const row: Row = [id, bits, name, sizeBytes, sinceLast, updatedAtMs - createdAtMs, index]
    const rest = [
      entry.entity ?? 0,
      addressOf(entry, base),
      hasAny(entry.metadata) ? entry.metadata : 0,
      entry.uploadSessionId ?? 0,
    ]
    while (rest.at(-1) === 0) rest.pop()
    return [...row, ...rest] as Row
  }

  #indexOfCapability(capability: string): number {
    const present = this.#indexOf.get(capability)
    if (present !== undefined) return present
    this.#indexOf.set(capability, this.capabilities.length)
    return this.capabilities.push(capability) - 1
  }
}

class RowReader {
  readonly #capabilities: readonly string[]
  readonly #own: (entry: RemoteEntry) => void
  #createdAtMs = 0

  constructor(capabilities: readonly string[], own: (entry: RemoteEntry) => void) {
    this.#capabilities = capabilities
    this.#own = own
  }

  entry(row: Row, base: string): RemoteEntry {
    const [id, bits, name, sizeBytes, sinceLast, changedAfterMs, capability] = row
    const [entity = 0, address = 0, metadata = 0, uploadSessionId = 0] = row.slice(7) as [
      Row[7]?,
      Row[8]?,
      Row[9]?,
      Row[10]?,
    ]
    this.#createdAtMs += sinceLast
    const entry: RemoteEntry = {
      id: id as FileId,
      kind: (bits & isFolder) === 0 ? 'file' : 'folder',
      name,
      sizeBytes,
      createdAtMs: this.#createdAtMs,
      updatedAtMs: this.#createdAtMs + changedAfterMs,
      entity: entity === 0 ? undefined : (entity as EntityId),
      metadata: metadata === 0 ? noMetadata : metadata,
      shared: (bits & isShared) !== 0,
      owned: (bits & isOwned) !== 0,
      capability: this.#capabilities[capability] ?? '',
      uri: addressIn(address, name, base),
      uploadSessionId: uploadSessionId === 0 ? undefined : uploadSessionId,
    }
    if ((bits & isOwn) !== 0) this.#own(entry)
    return entry
  }
}

function addressOf({ uri, name }: RemoteEntry, base: string): string | 0 | 1 {
  const rest = uri.slice(base.length)
  // It is not where the folder is: moved by us, and not listed since.
  if (!uri.startsWith(base) || rest.includes('/')) return uri
  if (rest === name) return 0
  return rest === percentEncoded(name) ? 1 : rest
}

function addressIn(address: string | 0 | 1, name: string, base: string): string {
  if (address === 0) return base + name
  if (address === 1) return base + percentEncoded(name)
  return address.includes('/') ? address : base + address
}

/** As it is where it is not well-formed. */
function percentEncoded(name: string): string {
  try {
    return encodeURIComponent(name)
  } catch {
    return name
  }
}

function hasAny(metadata: RemoteEntry['metadata']): boolean {
  for (const _ in metadata) return true
  return false
}
