/** Why the folder that `--root` means cannot be shown, for a person. */
import { Code } from '../api/codes.ts'
import { formatUri, type CloudreveUri } from '../api/uri.ts'
import { Errno } from '../base/errno.ts'
import { FsError } from '../core/index.ts'
import { isRemoteError, RemoteError } from '../remote/errors.ts'
import { MountError, type MountFailure } from './spec.ts'

const mustBeBought = 40083

/** @returns a {@link MountError}, or the error itself when it is about something else */
export function uselessRoot(root: CloudreveUri, server: string, cause: unknown): unknown {
  const aboutShare = root.fileSystem === 'share' ? shareTrouble(root, server, cause) : undefined
  if (aboutShare) return aboutShare
  const isFile = cause instanceof FsError && cause.errno === Errno.ENOTDIR
  if (!isFile && !isRemoteError(cause, 'not-found')) return cause
  const uri = formatUri({ ...root, password: undefined })
  const what = isFile ? `${uri} on ${server} is a file` : `${server} has no folder ${uri}`
  return new MountError(`${what}: say another folder with --root`, { cause, kind: 'usage' })
}

/** What the codes mean where a share is opened (api/06 §4). */
function shareTrouble(
  { id, password }: CloudreveUri,
  server: string,
  cause: unknown,
): MountError | undefined {
  if (!(cause instanceof RemoteError)) return undefined
  const share = `the share ${id} at ${server}`
  const because = (sentence: string, kind: MountFailure = 'other') =>
    new MountError(sentence, { cause, kind })
  switch (cause.code ?? Code.unclassified) {
    case Code.wrongSharePassword:
      return password === undefined
        ? because(`${share} has a password: say it in CLOUDREVE_SHARE_PASSWORD`, 'sharePassword')
        : because(`the password of ${share} is another one`, 'sharePassword')
    case Code.notFound:
    case Code.badParameter:
      return because(`there is no such share at ${server}: ${id} may have expired, or its owner has ended it`)
    case Code.guestsRefused:
      return because(
        `${server} shows shares only to who is signed in: cloudreve-mount login ${server}`,
        'signIn',
      )
    case Code.forbidden:
      return because(`this account may not open ${share}: its group may not see what others share`)
    case mustBeBought:
      return because(`${share} has to be bought first, on its page in a browser`)
    default:
      return undefined
  }
}
