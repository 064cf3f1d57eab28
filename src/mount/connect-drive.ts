/** The server of a drive; one that cannot be reached as it was known before. */
import type { Log } from '../base/log.ts'
import type { Mirror } from '../core/index.ts'
import {
  connectCloudreve,
  connectLater,
  rememberedOf,
  type ConnectOptions,
  type RememberedServer,
} from '../remote/cloudreve/index.ts'
import { isRemoteError } from '../remote/errors.ts'
import type { Remote } from '../remote/remote.ts'

export interface ConnectedDrive {
  readonly remote: Remote
  /** It could not be reached: it is asked when that is wanted. */
  readonly isAway: boolean
}

/** Under which the mirror remembers what the server said of itself. */
const fact = 'server'

/** @throws {RemoteError} also where it cannot be reached and nothing of it is known */
export async function connectDrive(
  options: ConnectOptions & { readonly log: Log },
  mirror: Mirror | undefined,
): Promise<ConnectedDrive> {
  const remember = (remote: Remote) => mirror?.setFact(fact, rememberedOf(remote) ?? null)
  try {
    const remote = await connectCloudreve(options)
    remember(remote)
    return { remote, isAway: false }
  } catch (error) {
    const known = mirror?.top && (mirror.fact(fact) as RememberedServer | null | undefined)
    if (!known || !isRemoteError(error, 'offline', 'unknown-outcome')) throw error
    const { log, origin } = options
    log.warn('the server cannot be reached: the drive is shown as it was known, and changes are sent later', {
      server: origin,
      error,
    })
    const connected = (remote: Remote) => {
      log.info('the server can be reached again', { server: origin })
      remember(remote)
    }
    return { remote: connectLater(options, known, connected), isAway: true }
  }
}
