import type { WireShareList } from '../../api/types.ts'
import { ApiFailure, invalid } from '../failure.ts'
import { find, isShortcut, placeOf, type Op } from '../files/place.ts'
import { presentShare, shareUrl } from '../files/present-share.ts'
import { ok } from '../http/answer.ts'
import {
  optionalBoolean,
  optionalInteger,
  optionalString,
  requiredString,
  smallPageSize,
  stringList,
} from '../http/fields.ts'
import { readJson, type ApiRequest } from '../http/request.ts'
import { cursorPagination } from '../list-pages.ts'
import type { Handler, Route } from '../router.ts'
import { activityCategory } from '../state/activities.ts'
import { randomSharePassword, type Share } from '../state/shares.ts'
import { pathOf, type FileNode } from '../state/tree.ts'
import type { World } from '../state/world.ts'
import { formatUri } from '../uri.ts'
import { signedIn } from './user.ts'

const mayShare = 2

const create: Handler = async (request) => {
  const { world, op } = request
  const user = signedIn(request)
  const body = await readJson(request)
  if (!user.group.permission.includes(mayShare)) throw new ApiFailure(40007)
  const password = optionalString(body, 'password') ?? ''
  if (password !== '' && !/^[0-9A-Za-z]{1,32}$/.test(password)) throw invalid()
  const node = shareable(op, requiredString(body, 'uri'))
  const isPrivate = optionalBoolean(body, 'is_private') ?? false
  const share = world.shares.add({
    ownerNumber: user.number,
    node,
    isPrivate,
    // A password without `is_private` makes a public link, without a word.
    password: isPrivate ? password || randomSharePassword() : '',
    ...limits(world, body),
  })
  world.tree.changed()
  record(request, share, activityCategory.share)
  return ok(shareUrl(world, share, true))
}

/** @throws {ApiFailure} 403 a root, another file system, or a shortcut */
function shareable(op: Op, uri: string): FileNode {
  const place = placeOf(op, uri)
  if (place.fs !== 'my' || place.elements.length === 0) throw new ApiFailure(403)
  const node = find(op, place)
  if (isShortcut(node)) throw new ApiFailure(403)
  return node
}

type Limits = Pick<Share, 'expiresUs' | 'remainingDownloads' | 'showView' | 'showReadme'>

/** What is left out is reset, also by an edit. Negative numbers count as none. */
function limits(world: World, body: Record<string, unknown>): Limits {
  const expireSeconds = optionalInteger(body, 'expire') ?? 0
  const downloads = optionalInteger(body, 'downloads') ?? 0
  return {
    expiresUs: expireSeconds > 0 ? world.time.stampUs() + expireSeconds * 1_000_000 : undefined,
    remainingDownloads: downloads > 0 ? downloads : undefined,
    showView: optionalBoolean(body, 'share_view') ?? false,
    showReadme: optionalBoolean(body, 'show_readme') ?? false,
  }
}

const edit: Handler = async (request) => {
  const { world, op } = request
  const user = signedIn(request)
  const body = await readJson(request)
  const share = known(request)
  const node = shareable(op, requiredString(body, 'uri'))
  if (share.ownerNumber !== user.number || share.node !== node) throw new ApiFailure(404)
  Object.assign(share, limits(world, body))
  record(request, share, activityCategory.editShare)
  return ok(shareUrl(world, share, true))
}

const info: Handler = (request) => {
  const { world, op, query, caller } = request
  const share = known(request)
  const owner = world.users.get(share.ownerNumber)
  const isGone = share.node.gone || world.tree.isTrashed(share.node) || world.shares.isOver(share)
  if (isGone || owner?.status !== 'active') throw new ApiFailure(404)
  const isRight = share.password === '' || query.get('password') === share.password
  const wantsSource = query.get('owner_extended') === 'true' && caller.user === owner
  if (wantsSource && !isRight) throw new ApiFailure(40069)
  const source = share.node.isFolder ? share.node : share.node.parent!
  const sourceUri = wantsSource ? formatUri(`cloudreve://${owner.id}@my`, pathOf(source)) : undefined
  const answer = ok(presentShare(op, share, { unlocked: isRight || caller.user === owner, sourceUri }))
  if (query.get('count_views') === 'true') {
    share.visited += 1
    record(request, share, activityCategory.shareViewed)
  }
  return answer
}

const list: Handler = (request) => {
  const { world, op, query } = request
  const user = signedIn(request)
  const pageSize = smallPageSize(query)
  const sign = query.get('order_direction') === 'desc' ? -1 : 1
  const after = Number(Buffer.from(query.get('next_page_token') ?? '', 'base64').toString() || 0)
  const shares = world.shares
    .ofOwner(user.number)
    .sort((a, b) => sign * (a.number - b.number))
    .filter(({ number }) => after === 0 || sign * (number - after) > 0)
  const page = shares.slice(0, pageSize)
  const more = shares.length > pageSize
  const nextToken = more ? Buffer.from(String(page.at(-1)!.number)).toString('base64') : undefined
  return ok({
    shares: page.map((share) => presentShare(op, share, { unlocked: true })),
    pagination: cursorPagination(pageSize, nextToken),
  } satisfies WireShareList)
}

const remove: Handler = (request) => {
  const user = signedIn(request)
  const share = known(request)
  if (share.ownerNumber !== user.number && !user.group.permission.includes(0)) throw new ApiFailure(404)
  record(request, share, activityCategory.deleteShare)
  request.world.shares.remove(share)
  request.world.tree.changed()
  return ok()
}

/** Own shares only; ids of others' are passed over. */
const removeMany: Handler = async (request) => {
  const { world } = request
  const user = signedIn(request)
  const ids = stringList(await readJson(request), 'ids')
  if (ids.some((id) => world.ids.decode('share', id) === undefined)) throw new ApiFailure(40001)
  for (const id of ids) {
    const share = world.shares.find(id)
    if (share?.ownerNumber === user.number) world.shares.remove(share)
  }
  world.tree.changed()
  return ok()
}

/** @throws {ApiFailure} 40001 no share's id, 404 unknown */
function known({ world, params }: ApiRequest): Share {
  const id = params['id']!
  if (world.ids.decode('share', id) === undefined) throw new ApiFailure(40001)
  const share = world.shares.find(id)
  if (!share) throw new ApiFailure(404)
  return share
}

function record({ world, caller }: ApiRequest, share: Share, category: number): void {
  world.activities.record(share.node, { userNumber: caller.user?.number, content: { category } })
}

/** The short link of a share: a redirect to the web page, whether the share exists or not. */
const shortLink: Handler = ({ params }) => {
  const [id = '', password] = (params['rest'] ?? '').split('/')
  const uri = `cloudreve://${id}${password === undefined ? '' : `:${password}`}@share`
  return { kind: 'redirect', location: `/home?path=${encodeURIComponent(uri)}` }
}

export const shareRoutes: Route[] = [
  { method: 'PUT', pattern: '/share', handle: create },
  { method: 'GET', pattern: '/share', handle: list },
  { method: 'DELETE', pattern: '/share', handle: removeMany },
  { method: 'GET', pattern: '/share/info/:id', handle: info },
  { method: 'POST', pattern: '/share/:id', handle: edit },
  { method: 'DELETE', pattern: '/share/:id', handle: remove },
  { method: 'GET', pattern: '//s/*rest', handle: shortLink },
]
