/** Which account a command means. */
import { CliError, exitCodes } from './exit-codes.ts'

/** An account that signed in on this machine. No secrets. */
export interface AccountRecord {
  /** In the token store. */
  readonly key: string
  /** Origin of the server. */
  readonly url: string
  readonly email: string
  readonly nickname: string
  readonly userId: string
}

/** The account of the environment, kept nowhere. */
export interface EnvironmentAccount {
  readonly url: string
  readonly email: string
  /** Secret. */
  readonly password: string
}

/** `ann@example.com at https://cloud.example.com`. */
export function accountInWords({ email, url }: Pick<AccountRecord, 'email' | 'url'>): string {
  return `${email} at ${url}`
}

/**
 * The account that `wanted` names by e-mail address, server, both (`ann@example.com@cloud.example.com`) or key; without a
 * name the only one.
 * @throws {CliError} `signIn` when there is none, `usage` when there are several
 */
export function chooseAccount(accounts: readonly AccountRecord[], wanted: string | undefined): AccountRecord {
  const found = wanted === undefined ? accounts : accounts.filter((account) => isMeant(account, wanted))
  if (found.length === 1) return found[0]!
  const names = (list: readonly AccountRecord[]) => list.map(accountInWords).join('; ')
  if (found.length > 1) {
    throw new CliError(`several accounts fit, name one with --account: ${names(found)}`, exitCodes.usage)
  }
  if (accounts.length === 0) {
    throw new CliError('nobody is signed in: run `cloudreve-mount login <url>` first', exitCodes.signIn)
  }
  throw new CliError(`there is no account "${wanted ?? ''}" here, only ${names(accounts)}`, exitCodes.usage)
}

function isMeant({ key, email, url }: AccountRecord, wanted: string): boolean {
  const { host, hostname } = new URL(url)
  const servers = [url, host, hostname]
  const address = email.toLowerCase()
  const name = wanted.toLowerCase().replace(/\/+$/, '')
  return (
    wanted === key ||
    name === address ||
    servers.some((server) => name === server || name === `${address}@${server}`)
  )
}

/**
 * The account of `CLOUDREVE_URL`, `CLOUDREVE_EMAIL` and `CLOUDREVE_PASSWORD`; `undefined` when none of them is set.
 * @throws {CliError} `usage` naming the missing one
 */
export function environmentAccount(
  environment: Readonly<Record<string, string | undefined>>,
): EnvironmentAccount | undefined {
  const names = ['CLOUDREVE_URL', 'CLOUDREVE_EMAIL', 'CLOUDREVE_PASSWORD'] as const
  const missing = names.filter((name) => !environment[name])
  if (missing.length === names.length) return undefined
  if (missing.length > 0) {
    throw new CliError(
      `the account of the environment is incomplete: ${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set`,
      exitCodes.usage,
    )
  }
  const [url, email, password] = names.map((name) => environment[name]!) as [string, string, string]
  return { url, email, password }
}
