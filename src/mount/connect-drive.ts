/** The server of a drive; one that cannot be reached as it was known before. */
import { waitAtMost } from '../base/clock.ts'
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
import { closeWhenItComes, silentServer } from './silent-server.ts'

export interface ConnectedDrive {
  readonly remote: Remote
  /** It could not be reached: it is asked when that is wanted. */
  readonly isAway: boolean
}

/** Under which the mirror remembers what the server said of itself. */
const fact = 'server'

/** A mount that could go on with what is known waits no longer for the server, ms. */
const knownDeadlineMs = 10_000

export interface ConnectDriveOptions extends ConnectOptions {
  readonly log: Log
  /** A mount that cannot waits so long for one that does not answer, ms. */
  readonly timeoutMs: number
}

/** @throws {RemoteError} also where it cannot be reached and nothing of it is known */
export async function connectDrive(
  options: ConnectDriveOptions,
  mirror: Mirror | undefined,
  connect: (options: ConnectOptions) => Promise<Remote> = connectCloudreve,
): Promise<ConnectedDrive> {
  const { log, clock, origin, timeoutMs } = options
  const known = mirror?.top && (mirror.fact(fact) as RememberedServer | null | undefined)
  const remember = (remote: Remote) => mirror?.setFact(fact, rememberedOf(remote) ?? null)
  const asked = connect(options)
  try {
    const deadlineMs = known ? knownDeadlineMs : timeoutMs
    const remote = await waitAtMost(asked, {
      clock,
      deadlineMs,
      late: () => silentServer(origin, deadlineMs),
    })
    remember(remote)
    return { remote, isAway: false }
  } catch (error) {
    if (!known || !isRemoteError(error, 'offline', 'unknown-outcome')) {
      closeWhenItComes(asked)
      throw error
    }
    asked.catch(() => undefined) // it is tried again
    log.warn('the server cannot be reached: the drive is shown as it was known, and changes are sent later', {
      server: origin,
      error,
    })
    const onConnected = (remote: Remote) => {
      log.info('the server can be reached again', { server: origin })
      remember(remote)
    }
    const remote = connectLater(options, known, {
      connect: goOnWith(asked, () => connect(options)),
      onConnected,
    })
    return { remote, isAway: true }
  }
}

/** First what is on its way. */
function goOnWith(asked: Promise<Remote>, connect: () => Promise<Remote>): () => Promise<Remote> {
  let next: Promise<Remote> | undefined = asked
  return () => {
    const connecting = next ?? connect()
    next = undefined
    return connecting
  }
}
