/** From `--root` and `--account` to what is mounted, and through whom. */
import { parseShareLink } from '../api/share-link.ts'
import { formatUri, parseUri, UriError, type CloudreveUri } from '../api/uri.ts'
import { originOf } from '../auth/origin.ts'
import type { MountOptions } from '../config/options.ts'
import type { MountSpec, ShareAccess } from '../mount/spec.ts'
import { accountSelector, hasEnvironmentAccount } from './accounts.ts'
import type { CliContext } from './context.ts'
import { CliError, exitCodes } from './exit-codes.ts'

export type MountRoot = Pick<MountSpec, 'accountKey' | 'rootUri' | 'share' | 'readOnly'>

/** @throws {CliError} */
export async function mountRoot(context: CliContext, options: MountOptions): Promise<MountRoot> {
  const { origin, root } = readRoot(options.root)
  const isShare = root.fileSystem === 'share'
  const account = await accountFor(context, options.account, origin)
  const password = context.io.environment['CLOUDREVE_SHARE_PASSWORD']
  const share: ShareAccess = {
    ...(account === undefined && origin !== undefined ? { visitorOf: origin } : {}),
    ...(password ? { password } : {}),
  }
  return {
    accountKey: account ?? null,
    rootUri: formatUri(root),
    // Who shares lets others read; nothing that a server may grant beyond that was ever tried.
    readOnly: options.readOnly || isShare,
    ...(isShare ? { share } : {}),
  }
}

interface TypedRoot {
  /** Of a link. */
  readonly origin?: string | undefined
  readonly root: CloudreveUri
}

function readRoot(text: string): TypedRoot {
  const typed = understood(text)
  if (typed.root.password === undefined) return typed
  throw new CliError(
    '--root must not hold the password of the share, as other users of this machine can read command lines: leave it out, it is ' +
      'asked for, or taken from CLOUDREVE_SHARE_PASSWORD',
    exitCodes.usage,
  )
}

function understood(text: string): TypedRoot {
  try {
    return parseShareLink(text) ?? { root: parseUri(text) }
  } catch (error) {
    if (!(error instanceof UriError)) throw error
    throw new CliError(`--root will not do: ${error.message}`, exitCodes.usage, { cause: error })
  }
}

/**
 * The key of a stored account; null: the one of the environment. A link says at which server; undefined: nobody is signed in there.
 * @throws {CliError}
 */
async function accountFor(
  { io, accounts }: CliContext,
  selector: string | undefined,
  server: string | undefined,
): Promise<string | null | undefined> {
  const isFromEnvironment = selector === undefined && hasEnvironmentAccount(io.environment)
  if (server === undefined) return isFromEnvironment ? null : accountSelector(await accounts.find(selector))
  if (isFromEnvironment) return originOf(io.environment['CLOUDREVE_URL']!) === server ? null : undefined
  if (selector === undefined) {
    const there = (await accounts.list()).find(({ url }) => url === server)
    return there && accountSelector(there)
  }
  const account = await accounts.find(selector)
  if (account.url === server) return accountSelector(account)
  throw new CliError(
    `--account is one at ${account.url}, and the link of --root leads to ${server}`,
    exitCodes.usage,
  )
}
