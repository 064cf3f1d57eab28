/** One complete walk over everything below a folder, breadth first (api/00-live-files §11). */
import { RemoteError } from '../errors.ts'
import type { WireFile, WireListing } from '../../api/schema.ts'

export interface SubtreeWalkOptions {
  readonly fetch: (token: string | undefined) => Promise<WireListing>
  /** For messages. */
  readonly subject: string
}

/**
 * Ends without an error only after everything was seen; an object that two pages repeat is handed out once.
 * @throws {RemoteError} `unsupported` when the server gave up: then the deepest levels are missing
 */
export async function* walkSubtree({
  fetch,
  subject,
}: SubtreeWalkOptions): AsyncGenerator<readonly WireFile[]> {
  const seen = new Set<string>()
  let token: string | undefined
  for (let asked: Promise<WireListing> | undefined = fetch(undefined); asked;) {
    const page: WireListing = await asked
    const isTooMuch = page.recursion_limit_reached === true
    const next = page.pagination?.next_token || undefined
    const repeats = next !== undefined && next === token
    // On its way while this page is worked on. Who stops here has asked for one page in vain.
    asked = next === undefined || repeats || isTooMuch ? undefined : fetch(next)
    asked?.catch(() => undefined) // whoever wants the page hears of it
    const fresh = page.files.filter(({ id }) => !seen.has(id))
    for (const { id } of fresh) seen.add(id)
    yield fresh
    if (isTooMuch)
      throw new RemoteError('unsupported', `${subject}: the server does not list so many folders in one walk`)
    if (repeats)
      throw new RemoteError('protocol', `${subject}: the server repeats a page of the listing for ever`)
    token = next
  }
}
