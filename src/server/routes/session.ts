import type { WireLogin } from '../../api/types.ts'
import { ApiFailure, invalid } from '../failure.ts'
import { ok } from '../http/answer.ts'
import { requiredQuery, requiredString } from '../http/fields.ts'
import { readJson } from '../http/request.ts'
import type { Handler, Route } from '../router.ts'
import { passwordMatches, type User } from '../state/users.ts'
import type { World } from '../state/world.ts'

const address = /^[^\s@]+@[^\s@]+\.[^\s@]+$/

const prepare: Handler = ({ world, query }) => {
  const email = requiredQuery(query, 'email')
  if (!address.test(email)) throw invalid('Email format error')
  if (!world.users.byEmail(email)) throw new ApiFailure(404)
  return ok({ webauthn_enabled: false, password_enabled: true })
}

/** The captcha comes before the body's other members, then the password, then a second factor. */
const signIn: Handler = async (request) => {
  const { world } = request
  const body = await readJson(request)
  if (world.settings.loginCaptcha && !world.captchas.matches(body['ticket'], body['captcha']))
    throw new ApiFailure(40026)
  const email = requiredString(body, 'email')
  if (!address.test(email)) throw invalid('Email format error')
  const password = requiredString(body, 'password')
  if (password.length < 4 || password.length > 128) throw invalid('Password format error')
  const user = world.users.byEmail(email)
  if (!user || !passwordMatches(user, password)) throw new ApiFailure(40080)
  if (user.status === 'manual_banned') throw new ApiFailure(40017)
  if (user.status === 'inactive') throw new ApiFailure(40018)
  if (user.twoFactorSecret !== undefined)
    return { kind: 'json', code: 203, body: { code: 203, data: world.twoFactor.open(user), msg: '' } }
  return ok(login(world, user))
}

const secondFactor: Handler = async (request) => {
  const { world } = request
  const body = await readJson(request)
  const otp = requiredString(body, 'otp')
  const sessionId = requiredString(body, 'session_id')
  const user = world.twoFactor.find(sessionId)
  if (!user) throw new ApiFailure(404)
  if (user.twoFactorSecret === undefined || !world.twoFactor.codeMatches(user.twoFactorSecret, otp))
    throw new ApiFailure(40022)
  world.twoFactor.close(sessionId)
  return ok(login(world, user))
}

function login(world: World, user: User): WireLogin {
  return { user: world.users.wire(user), token: world.tokens.issue(user) }
}

const refresh: Handler = async (request) => {
  const { world } = request
  const token = requiredString(await readJson(request), 'refresh_token')
  const known = world.tokens.refreshable(token)
  if (!known) throw new ApiFailure(40020)
  return ok(world.tokens.issue(known.user, known.family))
}

const signOut: Handler = async (request) => {
  const token = requiredString(await readJson(request), 'refresh_token')
  if (!request.world.tokens.signOut(token)) throw new ApiFailure(40020)
  return ok('')
}

export const sessionRoutes: Route[] = [
  { method: 'GET', pattern: '/session/prepare', handle: prepare },
  { method: 'POST', pattern: '/session/token', handle: signIn },
  { method: 'POST', pattern: '/session/token/2fa', handle: secondFactor },
  { method: 'POST', pattern: '/session/token/refresh', handle: refresh },
  { method: 'DELETE', pattern: '/session/token', handle: signOut },
]
