import type { WireListing } from '../../api/schema.ts'

/** Where the page after this one begins; undefined: it is the last. */
export function nextToken({ pagination }: WireListing): string | undefined {
  return pagination?.next_token || undefined
}

/**
 * Pages of a listing, from `first` on. `askNext` asks for the one after each, which is on its way while that one is worked on;
 * undefined: there is none. Who stops has asked for one page in vain.
 */
export async function* pagesAhead(
  first: Promise<WireListing> | undefined,
  askNext: (page: WireListing) => Promise<WireListing> | undefined,
): AsyncGenerator<WireListing> {
  for (let asked = first; asked;) {
    const page: WireListing = await asked
    asked = askNext(page)
    asked?.catch(() => undefined) // whoever wants the page hears of it
    yield page
  }
}
