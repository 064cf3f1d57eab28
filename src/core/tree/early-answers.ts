/**
 * Answers by the first pages of a listing, while the rest of it is waited for: a folder of 100,000 entries comes in 50 requests,
 * and who wants one name, or the first of them, need not wait for them all. Only that something is there is believed of a page.
 */
import { andThen, type MaybePromise } from '../../base/maybe-promise.ts'
import type { Node } from '../inode/index.ts'
import type { Listing } from './folder-cache.ts'
import { idOf } from './places.ts'
import type { ReceivedPages } from './received-pages.ts'
import type { Asker } from './tree-options.ts'
import type { Tree } from './tree.ts'

export interface Answers<T> {
  /** Undefined where the pages are not enough. */
  readonly byPages: (pages: ReceivedPages) => T | undefined
  readonly byListing: (listing: Listing) => MaybePromise<T>
}

/** As `Tree.listing` does it, but not longer than is needed. */
export function askSoon<T>(
  tree: Tree,
  folder: Node,
  asker: Asker | undefined,
  answers: Answers<T>,
): MaybePromise<T> {
  const listing = tree.listing(folder, asker)
  return listing instanceof Promise ? waitSoon(tree, folder, listing, answers) : answers.byListing(listing)
}

/** The child of a name, as `Tree.child` finds it: for who looks, and changes nothing. */
export function lookUp(tree: Tree, folder: Node, name: string, asker: Asker): MaybePromise<Node | undefined> {
  const live = folder.children.get(name)
  if (live?.isLocal) return live
  const listing = tree.listing(folder, asker)
  if (!(listing instanceof Promise)) return tree.childIn(folder, name, listing)
  return waitSoon<Node | undefined>(tree, folder, listing, {
    byPages: (pages) => tree.childByPages(folder, name, pages),
    byListing: (whole) => tree.childIn(folder, name, whole),
  })
}

/** Asks the server, as `Tree.asked` does it, for the attributes of `node`, which is in `folder` there. */
export function askAttributes(
  tree: Tree,
  folder: Node,
  node: Node,
  { signal }: Asker,
): MaybePromise<unknown> {
  const asked = tree.asked(folder, signal)
  if (!(asked instanceof Promise)) return asked
  return waitSoon<unknown>(tree, folder, asked, {
    byPages: (pages) =>
      node.place && tree.childByPages(folder, node.place.name, pages) === node ? node : undefined,
    byListing: (listing) => listing,
  })
}

async function waitSoon<T>(
  tree: Tree,
  folder: Node,
  whole: Promise<Listing>,
  { byPages, byListing }: Answers<T>,
): Promise<T> {
  for (;;) {
    const pages = folder.isUnlinked ? undefined : tree.folders.receiving(idOf(folder))
    const answer = pages && byPages(pages)
    if (answer !== undefined) {
      // Who asks next, or for more, hears of it.
      whole.catch(() => undefined)
      return answer
    }
    const listing = await Promise.race([whole, pages?.grown() ?? whole])
    if (listing) return andThen(byListing(listing), (found) => found)
  }
}
