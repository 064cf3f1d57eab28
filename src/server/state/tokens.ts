import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import type { WireToken } from '../../api/types.ts'
import type { Settings } from '../options.ts'
import { formatMs, type ServerTime } from '../times.ts'
import type { User, Users } from './users.ts'

interface Claims {
  token_type: 'access' | 'refresh'
  /** User id. */
  sub: string
  /** Unix seconds. */
  nbf: number
  exp: number
  generation: number
  /** Refresh tokens only: the sign-in that they descend from. */
  root_token_id?: string
}

/** Whose access token it is; `anonymous` for everything that is not valid (any more): that is how the server treats it (api/01 §9.4). */
export type TokenOwner = { kind: 'anonymous' } | { kind: 'refresh' } | { kind: 'user'; user: User }

/** Issues and checks tokens. Nothing is stored per token; only signed-out families are remembered, until a crash. */
export class Tokens {
  readonly #settings: Settings
  readonly #time: ServerTime
  readonly #users: Users
  readonly #signedOut = new Set<string>()

  constructor(settings: Settings, time: ServerTime, users: Users) {
    this.#settings = settings
    this.#time = time
    this.#users = users
  }

  issue(user: User, family: string = randomUUID()): WireToken {
    const { accessTokenTtlMs, refreshTokenTtlMs } = this.#settings
    const access = this.#lifetime(accessTokenTtlMs)
    const refresh = this.#lifetime(refreshTokenTtlMs)
    const sub = user.id
    return {
      access_token: this.#sign({
        token_type: 'access',
        sub,
        ...access,
        generation: user.accessGeneration,
      }),
      refresh_token: this.#sign({
        token_type: 'refresh',
        sub,
        ...refresh,
        generation: user.passwordGeneration,
        root_token_id: family,
      }),
      access_expires: formatMs(this.#time.nowMs() + accessTokenTtlMs),
      refresh_expires: formatMs(this.#time.nowMs() + refreshTokenTtlMs),
    }
  }

  ownerOf(token: string): TokenOwner {
    const claims = this.#verify(token)
    if (!claims) return { kind: 'anonymous' }
    if (claims.token_type === 'refresh') return { kind: 'refresh' }
    const user = this.#users.byId(claims.sub)
    if (!user || claims.generation !== user.accessGeneration) return { kind: 'anonymous' }
    return { kind: 'user', user }
  }

  /** The user and family of a refresh token that still works; undefined for all others. */
  refreshable(token: string): { user: User; family: string } | undefined {
    const claims = this.#verify(token)
    if (claims?.token_type !== 'refresh' || claims.root_token_id === undefined) return undefined
    const user = this.#users.byId(claims.sub)
    if (!user || user.status !== 'active' || claims.generation !== user.passwordGeneration) return undefined
    if (this.#signedOut.has(claims.root_token_id)) return undefined
    return { user, family: claims.root_token_id }
  }

  /** Ends a family of refresh tokens; false when the token is malformed or expired. */
  signOut(token: string): boolean {
    const claims = this.#verify(token)
    if (claims?.token_type !== 'refresh' || claims.root_token_id === undefined) return false
    this.#signedOut.add(claims.root_token_id)
    return true
  }

  /** What a crash of the server loses. */
  forgetSignOuts(): void {
    this.#signedOut.clear()
  }

  /** Whole seconds, as a real server counts, unless the lifetime is a short one made for a test. */
  #lifetime(ttlMs: number): { nbf: number; exp: number } {
    const nbf = this.#time.nowSeconds()
    const whole = ttlMs >= 10_000
    return { nbf, exp: whole ? nbf + ttlMs / 1000 : (this.#time.nowMs() + ttlMs) / 1000 }
  }

  #sign(claims: Claims): string {
    const head = base64url({ alg: 'HS256', typ: 'JWT' })
    const body = `${head}.${base64url(claims)}`
    return `${body}.${this.#signature(body)}`
  }

  #verify(token: string): Claims | undefined {
    const end = token.lastIndexOf('.')
    const [, payload] = token.split('.')
    if (end < 0 || payload === undefined) return undefined
    const given = Buffer.from(token.slice(end + 1))
    const right = Buffer.from(this.#signature(token.slice(0, end)))
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
    return claims.exp * 1000 > this.#time.nowMs() ? claims : undefined
  }

  #signature(body: string): string {
    return createHmac('sha256', `token:${this.#settings.secret}`).update(body).digest('base64url')
  }
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
