import type { WireDirectLink } from '../../api/types.ts'
import { ApiFailure, BatchErrors } from '../failure.ts'
import { find, placeOf, type Op } from '../files/place.ts'
import { linkUrl } from '../files/present-share.ts'
import { ok } from '../http/answer.ts'
import { stringList } from '../http/fields.ts'
import { readJson } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'
import { activityCategory } from '../state/activities.ts'
import { normalUri } from '../uri.ts'
import { signedIn } from './user.ts'

const create: Handler = async (request) => {
  const { world, op, caller } = request
  const uris = stringList(await readJson(request), 'uris')
  const batchSize = caller.user?.group.directLinkBatchSize ?? 0
  // Guests have a batch size of 0, which is how an expired token shows here.
  if (batchSize === 0) throw new ApiFailure(40007)
  if (uris.length > batchSize) throw new ApiFailure(40014)
  const errors = new BatchErrors()
  const links = uris.flatMap((uri): WireDirectLink[] => {
    const key = normalUri(uri)
    const link = errors.attempt(key, () => makeLink(op, uri))
    return link ? [{ link: linkUrl(world, link), file_url: key }] : []
  })
  errors.throwIfAny(links.length > 0 ? links : undefined)
  return ok(links)
}

function makeLink(op: Op, uri: string) {
  const { world, caller } = op
  const place = placeOf(op, uri)
  if (place.owner !== caller.user) throw new ApiFailure(40082)
  const node = find(op, place)
  if (node.isFolder) throw new ApiFailure(40077)
  const content = { category: activityCategory.directLink }
  world.activities.record(node, { userNumber: caller.user.number, content })
  return world.shares.link(node)
}

const remove: Handler = (request) => {
  const { world, params } = request
  const user = signedIn(request)
  const link = world.shares.findLink(params['id']!)
  if (!link || link.ownerNumber !== user.number) throw new ApiFailure(404)
  const content = { category: activityCategory.deleteDirectLink }
  world.activities.record(link.node, { userNumber: user.number, content })
  world.shares.removeLink(link)
  return ok()
}

/** Follows a direct link to the current version; 404 while the file is in the trash. */
const follow: Handler = ({ world, params }) => {
  const parts = (params['rest'] ?? '').split('/')
  const download = parts[0] === 'd'
  const link = world.shares.findLink(parts[download ? 1 : 0] ?? '')
  if (!link || link.node.gone || world.tree.isTrashed(link.node)) throw new ApiFailure(404, { status: 404 })
  link.downloaded += 1
  const { node } = link
  const url = world.urls.contentUrl(node.current?.id ?? world.entities.noContentId, node.name, { download })
  return { kind: 'redirect', location: `${world.origin}${url.path}` }
}

export const linkRoutes: Route[] = [
  { method: 'PUT', pattern: '/file/source', handle: create },
  { method: 'DELETE', pattern: '/file/source/:id', handle: remove },
  { method: 'GET', pattern: '//f/*rest', handle: follow },
]
