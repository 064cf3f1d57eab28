/** Who is signed in on this machine, and the account that the environment may hold. */
import { accountName, AccountStoreError, type AccountStore } from '../auth/account-store.ts'
import { originOf } from '../auth/origin.ts'
import { SignInError, type Account, type SignInRequest } from '../auth/sign-in.ts'
import { isApiError } from '../api/errors.ts'
import { systemClock } from '../base/clock.ts'
import { unreachableSentence } from '../mount/explain-failure.ts'
import { CliError, exitCodes } from './exit-codes.ts'

export interface AccountBook {
  /** The default account, the one that signed in last, first. */
  list(): Promise<readonly Account[]>
  /**
   * The account that `selector` means by e-mail address, server or both; the default one without it.
   * @throws {CliError} `signIn` when nobody is signed in, `usage` when it means none or several
   */
  find(selector: string | undefined): Promise<Account>
  /**
   * Signs in and keeps the tokens.
   * @throws {CliError} `signIn` or `unreachable`
   */
  signIn(url: string, request: SignInRequest): Promise<Account>
  /** Forgets the account here in any case; false when the server could not be told. */
  signOut(account: Account): Promise<boolean>
}

/** What `--account` and a mount's process are told: means one account of the store. */
export function accountSelector({ email, url }: Account): string {
  return `${email}@${new URL(url).host}`
}

export class StoredAccounts implements AccountBook {
  readonly #store: AccountStore

  constructor(store: AccountStore) {
    this.#store = store
  }

  list(): Promise<readonly Account[]> {
    return this.#store.list()
  }

  async find(selector: string | undefined): Promise<Account> {
    const isAnybodyThere = (await this.#store.list()).length > 0
    return this.#store.find(selector).catch((error: unknown) => {
      if (!(error instanceof AccountStoreError)) throw error
      throw new CliError(error.message, isAnybodyThere ? exitCodes.usage : exitCodes.signIn, { cause: error })
    })
  }

  async signIn(url: string, request: SignInRequest): Promise<Account> {
    const origin = originFrom(url)
    const { logIn } = await import('../auth/session.ts')
    return logIn(this.#store, origin, { ...request, clock: systemClock }).catch((error: unknown) => {
      throw explainSignIn(error, origin)
    })
  }

  async signOut(account: Account): Promise<boolean> {
    const { logOut } = await import('../auth/session.ts')
    return logOut(this.#store, account, { clock: systemClock })
  }
}

function originFrom(url: string): string {
  try {
    return originOf(url)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new CliError(`"${url}" will not do: ${error.message}`, exitCodes.usage, { cause: error })
  }
}

/** The exit code that fits; what is no failure of signing in stays as it is. */
export function explainSignIn(error: unknown, origin: string): unknown {
  if (error instanceof SignInError) return new CliError(error.message, exitCodes.signIn, { cause: error })
  if (!isApiError(error)) return error
  const away = unreachableSentence(error, origin)
  return new CliError(away ?? error.message, away === undefined ? exitCodes.signIn : exitCodes.unreachable, {
    cause: error,
  })
}

const environmentNames = ['CLOUDREVE_URL', 'CLOUDREVE_EMAIL', 'CLOUDREVE_PASSWORD'] as const

/**
 * Whether the environment holds an account (`CLOUDREVE_URL`, `CLOUDREVE_EMAIL`, `CLOUDREVE_PASSWORD`).
 * @throws {CliError} `usage` when one of the three is missing
 */
export function hasEnvironmentAccount(environment: Readonly<Record<string, string | undefined>>): boolean {
  const missing = environmentNames.filter((name) => !environment[name])
  if (missing.length === environmentNames.length) return false
  if (missing.length === 0) return true
  const verb = missing.length > 1 ? 'are' : 'is'
  throw new CliError(
    `the account of the environment is incomplete: ${missing.join(' and ')} ${verb} not set`,
    exitCodes.usage,
  )
}

export { accountName }
