/** One complete walk over everything below a folder, breadth first (api/00-live-files §11). */
import { RemoteError } from '../errors.ts'
import type { WireFile, WireListing } from '../../api/schema.ts'
import { nextToken, pagesAhead } from './pages-ahead.ts'

export interface SubtreeFiles {
  readonly files: readonly WireFile[]
  /** What was walked over. */
  readonly parent: WireFile
}

export interface SubtreeWalkOptions {
  readonly fetch: (token: string | undefined) => Promise<WireListing>
  /** For messages. */
  readonly subject: string
}

/**
 * Ends without an error only after everything was seen; an object that two pages repeat is handed out once.
 * @throws {RemoteError} `unsupported` when the server gave up: then the deepest levels are missing
 */
export async function* walkSubtree({ fetch, subject }: SubtreeWalkOptions): AsyncGenerator<SubtreeFiles> {
  const seen = new Set<string>()
  let token: string | undefined
  let repeats = false
  const askNext = (page: WireListing) => {
    const next = nextToken(page)
    repeats = next !== undefined && next === token
    token = next
    return next === undefined || repeats || page.recursion_limit_reached === true ? undefined : fetch(next)
  }
  for await (const page of pagesAhead(fetch(undefined), askNext)) {
    const fresh = page.files.filter(({ id }) => !seen.has(id))
    for (const { id } of fresh) seen.add(id)
    yield { files: fresh, parent: page.parent }
    if (page.recursion_limit_reached === true)
      throw new RemoteError('unsupported', `${subject}: the server does not list so many folders in one walk`)
    if (repeats)
      throw new RemoteError('protocol', `${subject}: the server repeats a page of the listing for ever`)
  }
}
