/** Who a mount of the product is for: the stored sign-in, or that of the environment. */
import { messageOf } from '../base/error-message.ts'
import { AccountStore } from '../auth/account-store.ts'
import { desktopKeyring } from '../auth/keyring.ts'
import { originOf } from '../auth/origin.ts'
import { passwordSession, storedSession, visitorSession, type Session } from '../auth/session.ts'
import { AccountDrives } from './account-drives.ts'
import type { ComposeParts, Prepared } from './composition.ts'
import { explainFailure } from './explain-failure.ts'
import { rootOf } from './root-of.ts'
import { MountError, type MountSpec } from './spec.ts'

/** @throws an error whose message is a sentence, when the account cannot sign in */
export async function compose(spec: MountSpec, parts: ComposeParts): Promise<Prepared> {
  const session = await sessionOf(spec, parts)
  const { account, name } = session
  const drives = new AccountDrives(session, parts)
  const explain = (error: unknown): never => {
    throw explainFailure(error, account.url, remedyFor(spec, account.url))
  }
  return {
    accountId: `${account.url} ${account.userId}`,
    account: name,
    mount: (asked) => drives.mount(asked).catch(explain),
    close: () => session.close(),
  }
}

async function sessionOf(spec: MountSpec, parts: ComposeParts): Promise<Session> {
  const server = spec.share?.visitorOf
  if (server !== undefined) return visitorSession(server, rootOf(spec).id ?? '', parts)
  if (spec.accountKey === null) return environmentSession(parts)
  return storeSession(spec.accountKey, spec, parts)
}

async function storeSession(key: string, spec: MountSpec, parts: ComposeParts): Promise<Session> {
  const store = new AccountStore({
    folder: spec.stateFolder,
    keyring: desktopKeyring,
    onPlainFile: (path) =>
      parts.log.info('there is no desktop keyring: the sign-in is kept in a file', { path }),
  })
  try {
    return await storedSession(store, await store.find(key), parts)
  } catch (error) {
    throw explainFailure(error, key, 'sign in again')
  }
}

function remedyFor({ accountKey }: Pick<MountSpec, 'accountKey'>, server: string): string {
  return accountKey === null
    ? 'see whether CLOUDREVE_PASSWORD is still right'
    : `sign in again (cloudreve-mount login ${server})`
}

/** The password stays in the environment and in memory: it signs in again when the session ends. */
async function environmentSession(parts: ComposeParts): Promise<Session> {
  const { CLOUDREVE_URL: url, CLOUDREVE_EMAIL: email, CLOUDREVE_PASSWORD: password } = process.env
  if (!url || !email || !password) {
    throw new MountError('CLOUDREVE_URL, CLOUDREVE_EMAIL and CLOUDREVE_PASSWORD must all be set')
  }
  const origin = environmentOrigin(url)
  try {
    return await passwordSession(origin, { email, password }, parts)
  } catch (error) {
    throw explainFailure(error, origin, remedyFor({ accountKey: null }, origin))
  }
}

function environmentOrigin(url: string): string {
  try {
    return originOf(url)
  } catch (error) {
    throw new MountError(`CLOUDREVE_URL will not do: ${messageOf(error)}`, { cause: error, kind: 'usage' })
  }
}
