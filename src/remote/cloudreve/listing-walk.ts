/**
 * One complete walk over a folder. Works around the server's page defect: when folders exactly fill a page, its cursor skips
 * files (api/03 §3), so such a page is asked for again one object shorter.
 */
import { RemoteError } from '../errors.ts'
import type { WireFile, WireListing } from '../../api/schema.ts'
import { nextToken, pagesAhead } from './pages-ahead.ts'

export interface PageRequest {
  readonly pageSize: number
  readonly token: string | undefined
  /** Offset mode only. */
  readonly page: number | undefined
}

export interface WalkOptions {
  readonly fetch: (request: PageRequest) => Promise<WireListing>
  /** Objects asked for a page; the server may give fewer. */
  readonly pageSize: number
  /** For messages. */
  readonly subject: string
}

/** A page with the files that no page before it had. */
export interface WalkedPage {
  readonly listing: WireListing
  readonly files: readonly WireFile[]
  /** No other page follows. */
  readonly isLast: boolean
}

const FOLDER_TYPE = 1
/** A folder that changes all the time under an offset walk is not walked for ever. */
const OFFSET_RESTARTS = 3

/** Ends without an error only after everything was seen. Objects that pages repeat are handed out once. */
export async function* walkListing(options: WalkOptions): AsyncGenerator<WalkedPage> {
  const seen = new Set<string>()
  const first = await withoutDefect(options, undefined)
  const isCursor = first.pagination?.is_cursor ?? true
  const isWhole = isCursor ? nextToken(first) === undefined : first.files.length >= totalOf(first)
  yield { listing: first, files: freshOf(first, seen), isLast: isWhole }
  if (isCursor) yield* walkByCursor(options, first, seen)
  else yield* walkByOffset(options, first, seen)
}

async function* walkByCursor(
  options: WalkOptions,
  first: WireListing,
  seen: Set<string>,
): AsyncGenerator<WalkedPage> {
  let previous: string | undefined
  let token: string | undefined
  const ask = (page: WireListing) => {
    const next = nextToken(page)
    // Pages ordered by time begin with the last object of the page before: one of a single object never moves on.
    if (isSeen(page, seen) && next !== undefined && (next === token || next === previous)) {
      throw new RemoteError(
        'protocol',
        `${options.subject}: the server repeats a page of the listing for ever`,
      )
    }
    previous = token
    token = next
    return next === undefined ? undefined : withoutDefect(options, next)
  }
  for await (const listing of pagesAhead(ask(first), ask))
    yield { listing, files: freshOf(listing, seen), isLast: nextToken(listing) === undefined }
}

async function* walkByOffset(
  { fetch, pageSize, subject }: WalkOptions,
  first: WireListing,
  seen: Set<string>,
): AsyncGenerator<WalkedPage> {
  let restarts = 0
  let total = totalOf(first)
  let position = first.files.length
  for (let page = 1; position < total; page += 1) {
    const listing = await fetch({ pageSize: effectiveSize(first, pageSize), token: undefined, page })
    const shrank = totalOf(listing) < total
    if ((shrank || listing.files.length === 0) && ++restarts > OFFSET_RESTARTS) {
      throw new RemoteError('conflict', `${subject}: the folder kept changing while it was listed`)
    }
    total = totalOf(listing)
    // Something before this page is gone: what moved up was skipped, so look again from the start.
    const mustRestart = shrank || (listing.files.length === 0 && position < total)
    const isLast = !mustRestart && position + listing.files.length >= total
    yield { listing, files: freshOf(listing, seen), isLast }
    if (mustRestart) {
      position = 0
      page = -1
    } else {
      position += listing.files.length
    }
  }
}

/** The page behind `token`, asked for again with one object less as long as the defect shows. */
async function withoutDefect(
  { fetch, pageSize }: WalkOptions,
  token: string | undefined,
): Promise<WireListing> {
  let listing = await fetch({ pageSize, token, page: undefined })
  for (let size = effectiveSize(listing, pageSize) - 1; size > 0 && skipsFiles(listing); size -= 1) {
    listing = await fetch({ pageSize: size, token, page: undefined })
  }
  return listing
}

/** Folders only, and a cursor that goes on with files after the last *folder's* key. */
function skipsFiles(listing: WireListing): boolean {
  const token = nextToken(listing)
  if (token === undefined || listing.files.length === 0) return false
  if (listing.files.some(({ type }) => type !== FOLDER_TYPE)) return false
  return startsWithFiles(token)
}

/** A token that cannot be looked into counts as defective: asking again costs one request, missing files costs files. */
function startsWithFiles(token: string): boolean {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(token, 'base64').toString('utf8'))
    return typeof decoded !== 'object' || decoded === null || Reflect.get(decoded, 'start_with_file') === true
  } catch (error) {
    if (error instanceof SyntaxError) return true
    throw error
  }
}

function isSeen({ files }: WireListing, seen: ReadonlySet<string>): boolean {
  return files.every(({ id }) => seen.has(id))
}

function freshOf(listing: WireListing, seen: Set<string>): WireFile[] {
  const files = listing.files.filter(({ id }) => !seen.has(id))
  for (const { id } of files) seen.add(id)
  return files
}

function totalOf({ pagination, files }: WireListing): number {
  return pagination?.total_items ?? files.length
}

function effectiveSize({ pagination }: WireListing, asked: number): number {
  return pagination?.page_size || asked
}
