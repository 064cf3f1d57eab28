import { systemClock, type Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { chooseDriver, type DriverWish } from './choose-driver.ts'
import { defaultComposition, loadCompose } from './composition.ts'
import type { AccountHost } from './host/account-host.ts'
import { hostHere } from './host/host-here.ts'
import { hostInThread } from './host/host-in-thread.ts'
import { probeDriver } from './open-driver.ts'
import { logLevelOf, pinoLog } from './pino-log.ts'
import { serveMount, type ServeParts } from './serve-mount.ts'
import type { MountSpec } from './spec.ts'
import { StopRequests } from './stop-requests.ts'

export interface RunOptions extends Partial<
  Pick<ServeParts, 'onNote' | 'onReady' | 'onDrain' | 'isForeground'>
> {
  /** JSON lines on standard error when absent. */
  readonly log?: Log
  readonly clock?: Clock
  readonly stops?: StopRequests
  /** URL of a module that exports `compose`; the product's own when absent. */
  readonly composition?: string
}

/**
 * Serves the mount in this process until it is unmounted or the process is asked to end (SIGINT, SIGTERM, SIGHUP); signals and
 * the control socket stay with the main thread. Answers an exit code; the caller exits with it then, because open files of
 * programs may keep the process alive.
 *
 * @throws an error whose message is a sentence for a person, when the mount cannot be made.
 */
export async function runMount(spec: MountSpec, options: RunOptions = {}): Promise<number> {
  const { stops = new StopRequests(), log = pinoLog(spec), clock = systemClock } = options
  const stopListening = stops.listenToProcess()
  try {
    return await serveMount(spec, {
      host: (asked) => hostFor(asked, { ...options, log, clock }),
      clock,
      log,
      stops,
      onNote: options.onNote ?? (() => undefined),
      onReady: options.onReady ?? (() => undefined),
      onDrain: options.onDrain ?? (() => undefined),
      isForeground: options.isForeground ?? true,
    })
  } finally {
    stopListening()
  }
}

/** The libfuse2 addon works on the main thread of a process alone. */
async function hostFor(
  spec: MountSpec,
  { composition = defaultComposition, log, clock }: RunOptions & { log: Log; clock: Clock },
): Promise<AccountHost> {
  const { name } = await chooseDriver((spec.options['driver'] ?? 'auto') as DriverWish, probeDriver)
  if (name === 'native') return hostInThread(spec, { composition, log, logLevel: logLevelOf(spec) })
  return hostHere(spec, { compose: await loadCompose(composition), log, clock })
}
