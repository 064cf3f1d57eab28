import type { WireUserSettings } from '../../api/types.ts'
import { ApiFailure, invalid } from '../failure.ts'
import { ok } from '../http/answer.ts'
import {
  optionalBoolean,
  optionalInteger,
  optionalString,
  requiredQuery,
  stringList,
} from '../http/fields.ts'
import { readJson, type ApiRequest } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'
import { passwordMatches, type User } from '../state/users.ts'

/** @throws {ApiFailure} 401 */
export function signedIn({ caller }: Pick<ApiRequest, 'caller'>): User {
  if (!caller.user) throw new ApiFailure(401)
  return caller.user
}

const me: Handler = (request) => ok(request.world.users.wire(signedIn(request)))

const capacity: Handler = (request) => {
  const { totalBytes, usedBytes } = signedIn(request)
  return ok({ total: totalBytes, used: usedBytes })
}

const settings: Handler = (request) => {
  const user = signedIn(request)
  const { enabled, extensions, max } = user.retention
  return ok({
    version_retention_enabled: enabled,
    ...(extensions.length > 0 ? { version_retention_ext: extensions } : {}),
    ...(max > 0 ? { version_retention_max: max } : {}),
    passwordless: false,
    two_fa_enabled: user.twoFactorSecret !== undefined,
    disable_view_sync: user.disableViewSync,
    share_links_in_profile: user.shareLinksInProfile,
  } satisfies WireUserSettings)
}

const patchSettings: Handler = async (request) => {
  const user = signedIn(request)
  const body = await readJson(request)
  const max = optionalInteger(body, 'version_retention_max')
  if (max !== undefined && max < 0) throw invalid()
  const enabled = optionalBoolean(body, 'version_retention_enabled')
  const extensions = body['version_retention_ext']
  if (extensions !== undefined && !Array.isArray(extensions)) throw invalid()
  const nick = optionalString(body, 'nick')
  if (nick !== undefined) user.nickname = nick
  if (enabled !== undefined) user.retention.enabled = enabled
  if (max !== undefined) user.retention.max = max
  if (Array.isArray(extensions))
    user.retention.extensions = extensions.length === 0 ? [] : stringList(body, 'version_retention_ext')
  user.disableViewSync = optionalBoolean(body, 'disable_view_sync') ?? user.disableViewSync
  user.shareLinksInProfile = optionalString(body, 'share_links_in_profile') ?? user.shareLinksInProfile
  changePassword(request, user, body)
  return ok()
}

/** Ignored unless both are there; all refresh tokens of the user die. @throws {ApiFailure} 40069 */
function changePassword({ world }: ApiRequest, user: User, body: Record<string, unknown>): void {
  const current = optionalString(body, 'current_password')
  const next = optionalString(body, 'new_password')
  if (current === undefined || next === undefined) return
  if (next.length < 6 || next.length > 128) throw invalid()
  if (!passwordMatches(user, current)) throw new ApiFailure(40069)
  world.users.setPassword(user, next)
}

const info: Handler = ({ world, params, caller }) => {
  const number = world.ids.decode('user', params['id']!)
  if (number === undefined) throw new ApiFailure(40001)
  const user = world.users.get(number)
  if (!user) throw new ApiFailure(-1)
  return ok(world.users.wireRedacted(user, { withEmail: caller.user !== undefined, withGroup: true }))
}

const search: Handler = (request) => {
  signedIn(request)
  const keyword = requiredQuery(request.query, 'keyword').toLowerCase()
  if (keyword.length < 2) throw invalid()
  const { users } = request.world
  const hits = users
    .all()
    .filter(({ email, nickname }) => `${email}\n${nickname}`.toLowerCase().includes(keyword))
  return ok(hits.slice(0, 10).map((user) => users.wireRedacted(user, { withEmail: true, withGroup: true })))
}

const avatar: Handler = () => ({ kind: 'text', status: 404, text: '' })

export const userRoutes: Route[] = [
  { method: 'GET', pattern: '/user/me', handle: me },
  { method: 'GET', pattern: '/user/capacity', handle: capacity },
  { method: 'GET', pattern: '/user/setting', handle: settings },
  { method: 'PATCH', pattern: '/user/setting', handle: patchSettings },
  { method: 'GET', pattern: '/user/info/:id', handle: info },
  { method: 'GET', pattern: '/user/search', handle: search },
  { method: 'GET', pattern: '/user/avatar/:id', handle: avatar },
]
