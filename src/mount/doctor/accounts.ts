/** The accounts that an examination signs in with: those of the store, or the one of the environment. */
import { accountName, type AccountStore } from '../../auth/account-store.ts'
import { originOf } from '../../auth/origin.ts'
import { passwordSession, storedSession, type Session, type SessionOptions } from '../../auth/session.ts'
import type { Account } from '../../auth/sign-in.ts'

export interface ExaminedAccount {
  /** `ann@example.com at cloud.example.com` */
  readonly name: string
  readonly origin: string
  /** @throws {AccountStoreError} {@link SignInError} {@link ApiError} */
  readonly openSession: (options: SessionOptions) => Promise<Session>
  /** By the server's clock, ms since the epoch; undefined: a password is at hand, which signs in again. */
  readonly signedInUntilMs: () => Promise<number | undefined>
  /** What helps when it is signed out. */
  readonly signInRemedy: string
}

export function storedAccount(store: AccountStore, account: Account): ExaminedAccount {
  return {
    name: accountName(account),
    origin: account.url,
    openSession: (options) => storedSession(store, account, options),
    signedInUntilMs: async () => (await store.tokens(account)).refreshExpiresAtMs,
    signInRemedy: `cloudreve-mount login --email ${account.email} ${account.url}`,
  }
}

export interface EnvironmentAccount {
  readonly url: string
  readonly email: string
  /** Secret. */
  readonly password: string
}

/** @throws {TypeError} when the URL is none */
export function environmentAccount({ url, email, password }: EnvironmentAccount): ExaminedAccount {
  const origin = originOf(url)
  return {
    name: `${email} at ${new URL(origin).host}`,
    origin,
    openSession: (options) => passwordSession(origin, { email, password }, options),
    signedInUntilMs: () => Promise.resolve(undefined),
    signInRemedy: 'put right CLOUDREVE_EMAIL and CLOUDREVE_PASSWORD in the environment',
  }
}
