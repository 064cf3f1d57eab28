/**
 * Keeps one account signed in. Owns the pair of tokens of the account: refreshes it shortly before the server forgets the
 * access token, one refresh at a time, and hands every new pair to `save`.
 */
import { delay } from '../base/clock.ts'
import { messageOf } from '../base/error-message.ts'
import { SingleFlight } from '../base/single-flight.ts'
import type { ApiClient } from '../api/client.ts'
import { Code } from '../api/codes.ts'
import { refreshToken } from '../api/endpoints/session.ts'
import { ApiError, isRefusal } from '../api/errors.ts'
import type { WireToken } from '../api/schema.ts'
import type { ServerClock } from '../api/server-clock.ts'
import type { AccessToken, TokenSource } from '../api/tokens.ts'

/** What an account needs to stay signed in. Secret. */
export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken: string
  /** ms since the epoch by the server's clock. */
  readonly accessExpiresAtMs: number
  /** ms since the epoch by the server's clock. */
  readonly refreshExpiresAtMs: number
}

export interface TokenSourceOptions {
  /** An anonymous client of the same server: refreshes carry no token header (api/01 §9.2). */
  readonly client: ApiClient
  /** Shared with the client that uses the tokens. */
  readonly serverClock: ServerClock
  readonly tokens: TokenPair
  /** Keeps a new pair. A failure is logged, the pair is used all the same. */
  readonly save?: ((tokens: TokenPair) => Promise<void>) | undefined
  /** A new sign-in in place of the pair that the server does not renew: where the password is at hand, or somebody signed in meanwhile. */
  readonly signInAgain?: ((refused: TokenPair) => Promise<TokenPair>) | undefined
  /** For messages: `ann@example.com`. */
  readonly accountName: string
}

/** Renewed so long before the end: a call takes its time, and clocks differ by a second. Less for short lives. */
const MARGIN_MS = 60_000
const MARGIN_SHARE = 0.2
/** A refusal may be a passing failure of the server's database (api/01 §9.2). */
const REFUSALS_BEFORE_GIVING_UP = 3
const REFUSAL_WAIT_MS = 300

export class AccountTokenSource implements TokenSource {
  readonly #client: ApiClient
  readonly #serverClock: ServerClock
  readonly #save: TokenSourceOptions['save']
  readonly #signInAgain: TokenSourceOptions['signInAgain']
  readonly #accountName: string
  readonly #flight = new SingleFlight<'refresh', TokenPair>()
  #tokens: TokenPair
  #marginMs = MARGIN_MS

  constructor(options: TokenSourceOptions) {
    this.#client = options.client
    this.#serverClock = options.serverClock
    this.#tokens = options.tokens
    this.#save = options.save
    this.#signInAgain = options.signInAgain
    this.#accountName = options.accountName
    this.#learnMargin(options.tokens)
  }

  async current(): Promise<AccessToken> {
    if (this.#serverClock.now() < this.#tokens.accessExpiresAtMs - this.#marginMs)
      return accessOf(this.#tokens)
    return accessOf(await this.#refresh())
  }

  async renew(rejected: AccessToken): Promise<AccessToken> {
    if (this.#tokens.accessToken !== rejected.value) return this.current()
    return accessOf(await this.#refresh())
  }

  isDoubtful(token: AccessToken): boolean {
    return this.#serverClock.now() >= token.expiresAtMs - MARGIN_SHARE * this.#marginMs
  }

  #refresh(): Promise<TokenPair> {
    return this.#flight.run('refresh', async () => {
      const tokens = await this.#newPair()
      this.#learnMargin(tokens)
      this.#tokens = tokens
      await this.#keep(tokens)
      return tokens
    })
  }

  async #newPair(): Promise<TokenPair> {
    for (let refusals = 1; ; refusals += 1) {
      try {
        return pairOf(await refreshToken(this.#client, this.#tokens.refreshToken))
      } catch (error) {
        if (!isRefusal(error, Code.credentialInvalid, Code.badParameter)) throw error
        if (refusals >= REFUSALS_BEFORE_GIVING_UP) return this.#startOver(error)
        await delay(this.#client.clock, REFUSAL_WAIT_MS)
      }
    }
  }

  #startOver(cause: ApiError): Promise<TokenPair> {
    if (this.#signInAgain) return this.#signInOnceMore(this.#signInAgain)
    throw this.#signedOut(cause)
  }

  async #signInOnceMore(signInAgain: (refused: TokenPair) => Promise<TokenPair>): Promise<TokenPair> {
    try {
      return await signInAgain(this.#tokens)
    } catch (error) {
      throw error instanceof ApiError ? error : this.#signedOut(error)
    }
  }

  #signedOut(cause: unknown): ApiError {
    return new ApiError('signed-out', `${this.#accountName} is signed out: sign in again`, {
      endpoint: 'POST /session/token/refresh',
      code: Code.credentialInvalid,
      cause,
    })
  }

  async #keep(tokens: TokenPair): Promise<void> {
    try {
      await this.#save?.(tokens)
    } catch (error) {
      this.#client.log.warn('the renewed sign-in could not be stored; it is used until this process ends', {
        account: this.#accountName,
        reason: messageOf(error),
      })
    }
  }

  #learnMargin(tokens: TokenPair): void {
    const lifeMs = tokens.accessExpiresAtMs - this.#serverClock.now()
    // A pair from the store may be near its end already: then its whole life is not known and the full margin serves.
    this.#marginMs = lifeMs > 0 ? Math.min(MARGIN_MS, lifeMs * MARGIN_SHARE) : MARGIN_MS
  }
}

export function pairOf(token: WireToken): TokenPair {
  return {
    accessToken: token.access_token,
    refreshToken: token.refresh_token,
    accessExpiresAtMs: token.access_expires,
    refreshExpiresAtMs: token.refresh_expires,
  }
}

function accessOf({ accessToken, accessExpiresAtMs }: TokenPair): AccessToken {
  return { value: accessToken, expiresAtMs: accessExpiresAtMs }
}
