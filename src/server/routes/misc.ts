import { ApiFailure } from '../failure.ts'
import { thumbnailUrl } from '../files/thumbnails.ts'
import { ok } from '../http/answer.ts'
import { optionalString, requiredQuery, requiredString, smallPageSize } from '../http/fields.ts'
import { readJson } from '../http/request.ts'
import { cursorPagination } from '../list-pages.ts'
import type { Handler, Route } from '../router.ts'
import { normalUri } from '../uri.ts'
import { signedIn } from './user.ts'

const pin: Handler = async (request) => {
  const body = await readJson(request)
  const uri = normalUri(requiredString(body, 'uri'))
  const name = optionalString(body, 'name')
  const { user } = request.caller
  if (!user) throw new ApiFailure(50001)
  const known = user.pins.find((other) => other.uri === uri)
  if (known && known.name !== name) throw new ApiFailure(40004)
  if (!known) user.pins.push({ uri, ...(name === undefined ? {} : { name }) })
  return ok()
}

const unpin: Handler = async (request) => {
  const uri = normalUri(requiredString(await readJson(request), 'uri'))
  const { user } = request.caller
  if (!user) throw new ApiFailure(50001)
  user.pins = user.pins.filter((pin) => pin.uri !== uri)
  return ok()
}

const thumb: Handler = async ({ op, query }) => ok(await thumbnailUrl(op, requiredQuery(query, 'uri')))

const davAccounts: Handler = (request) => {
  signedIn(request)
  return ok({ accounts: [], pagination: cursorPagination(smallPageSize(request.query), undefined) })
}

const tasks: Handler = (request) => {
  signedIn(request)
  return ok({ tasks: [], pagination: cursorPagination(smallPageSize(request.query), undefined) })
}

const fullTextSearch: Handler = (request) => {
  signedIn(request)
  throw new ApiFailure(40019)
}

export const miscRoutes: Route[] = [
  { method: 'PUT', pattern: '/file/pin', handle: pin },
  { method: 'DELETE', pattern: '/file/pin', handle: unpin },
  { method: 'GET', pattern: '/file/thumb', handle: thumb },
  { method: 'GET', pattern: '/file/search', handle: fullTextSearch },
  { method: 'GET', pattern: '/devices/dav', handle: davAccounts },
  { method: 'GET', pattern: '/workflow', handle: tasks },
]
