/** Who a mount of the product is for: the stored sign-in, or that of the environment. */
import { AccountStore } from '../auth/account-store.ts'
import { desktopKeyring } from '../auth/keyring.ts'
import { storedSession, visitorSession, type Session } from '../auth/session.ts'
import { readWrittenOptions } from '../config/parse.ts'
import { AccountDrives } from './account-drives.ts'
import type { ComposeParts, Prepared } from './composition.ts'
import { environmentRemedy, environmentSession } from './environment-session.ts'
import { explainFailure } from './explain-failure.ts'
import { rootOf } from './root-of.ts'
import type { MountSpec } from './spec.ts'

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
  if (spec.accountKey === null) {
    const { timeoutMs } = readWrittenOptions(spec.options)
    return environmentSession(process.env, { ...parts, timeoutMs })
  }
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
  return accountKey === null ? environmentRemedy : `sign in again (cloudreve-mount login ${server})`
}
