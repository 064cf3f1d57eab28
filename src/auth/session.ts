/** From an account to a token source that keeps it signed in. */
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { ApiClient } from '../api/client.ts'
import { signOut } from '../api/endpoints/session.ts'
import { isApiError } from '../api/errors.ts'
import { ServerClock } from '../api/server-clock.ts'
import type { TokenSource } from '../api/tokens.ts'
import { accountName, AccountStoreError, type AccountStore } from './account-store.ts'
import { signIn, SignInError, type Account, type SignInRequest } from './sign-in.ts'
import { AccountTokenSource, type TokenPair } from './token-source.ts'

export interface SessionOptions {
  readonly clock: Clock
  readonly log?: Log
}

/** A signed-in account, or a visitor, ready for a connection. `close` when the connection is closed. */
export interface Session {
  readonly account: Account
  /** For people: `ann@example.com at cloud.example.com`. */
  readonly name: string
  /** undefined: an anonymous visitor, who may see shares. */
  readonly tokenSource: TokenSource | undefined
  /** To be handed to the connection: both judge expiry by the same clock. */
  readonly serverClock: ServerClock
  close(): Promise<void>
}

/** An account of the store; renewed tokens go back into the store. */
export async function storedSession(
  store: AccountStore,
  account: Account,
  options: SessionOptions,
): Promise<Session> {
  const tokens = await store.tokens(account)
  const { client, serverClock } = anonymousClient(account.url, options)
  const tokenSource = new AccountTokenSource({
    client,
    serverClock,
    tokens,
    accountName: accountName(account),
    save: (renewed) => store.saveTokens(account, renewed),
    signInAgain: (refused) => signedInMeanwhile(store, account, refused),
  })
  return { account, name: accountName(account), tokenSource, serverClock, close: () => client.close() }
}

/** Nobody who is signed in: somebody to whom a link of a share was sent. What is kept for him is kept by the share. */
export function visitorSession(origin: string, shareId: string, options: SessionOptions): Session {
  const { client, serverClock } = anonymousClient(origin, options)
  const account = { url: origin, userId: `share-${shareId}`, email: '', nickname: 'visitor' }
  const name = `a visitor of the share ${shareId} at ${new URL(origin).host}`
  return { account, name, tokenSource: undefined, serverClock, close: () => client.close() }
}

/** Who is told to sign in again does so with a command beside this process, which leaves the new pair in the store. */
async function signedInMeanwhile(
  store: AccountStore,
  account: Account,
  refused: TokenPair,
): Promise<TokenPair> {
  const stored = await store.tokens(account)
  if (stored.refreshToken !== refused.refreshToken) return stored
  throw new SignInError(`nobody has signed in again as ${accountName(account)}`)
}

/** An account whose password is at hand (environment variables): nothing is stored, the password signs in again when needed. */
export async function passwordSession(
  origin: string,
  request: SignInRequest,
  options: SessionOptions,
): Promise<Session> {
  const { client, serverClock } = anonymousClient(origin, options)
  try {
    const { account, tokens } = await signIn(client, request)
    const tokenSource = new AccountTokenSource({
      client,
      serverClock,
      tokens,
      accountName: accountName(account),
      signInAgain: async () => (await signIn(client, request)).tokens,
    })
    return { account, name: accountName(account), tokenSource, serverClock, close: () => client.close() }
  } catch (error) {
    await client.close()
    throw error
  }
}

/** Signs in with a password and keeps the account. */
export async function logIn(
  store: AccountStore,
  origin: string,
  request: SignInRequest & SessionOptions,
): Promise<Account> {
  const { client } = anonymousClient(origin, request)
  try {
    const signedIn = await signIn(client, request)
    await store.save(signedIn)
    return signedIn.account
  } finally {
    await client.close()
  }
}

/**
 * Ends the sign-in at the server and forgets it here. When the server cannot be asked it is forgotten here all the same;
 * false tells that it lives on there until it expires.
 */
export async function logOut(
  store: AccountStore,
  account: Account,
  options: SessionOptions,
): Promise<boolean> {
  const { client } = anonymousClient(account.url, options)
  try {
    const { refreshToken } = await store.tokens(account)
    await signOut(client, refreshToken)
    return true
  } catch (error) {
    options.log?.warn('the server was not told of the sign-out', { reason: String(error) })
    if (isApiError(error) || error instanceof AccountStoreError) return false
    throw error
  } finally {
    await store.remove(account)
    await client.close()
  }
}

function anonymousClient(origin: string, { clock, log }: SessionOptions) {
  const serverClock = new ServerClock(clock)
  return { serverClock, client: new ApiClient({ origin, clock, serverClock, ...(log ? { log } : {}) }) }
}
