import { systemClock, type Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { defaultComposition, loadCompose } from './composition.ts'
import { pinoLog } from './pino-log.ts'
import { serveMount, type ServeParts } from './serve-mount.ts'
import type { MountSpec } from './spec.ts'
import { StopRequests } from './stop-requests.ts'

export interface ForegroundOptions extends Partial<Pick<ServeParts, 'onNote' | 'onReady' | 'onDrain'>> {
  /** JSON lines on standard error when absent. */
  readonly log?: Log
  readonly clock?: Clock
  readonly stops?: StopRequests
  /** URL of a module that exports `compose`; the product's own when absent. */
  readonly composition?: string
}

/**
 * Serves the mount in this process, on the main thread, until it is unmounted or the process is asked to end (SIGINT, SIGTERM,
 * SIGHUP). Answers an exit code; the caller exits with it then, because open files of programs may keep the process alive.
 *
 * @throws an error whose message is a sentence for a person, when the mount cannot be made.
 */
export async function runForeground(spec: MountSpec, options: ForegroundOptions = {}): Promise<number> {
  const { stops = new StopRequests(), composition = defaultComposition } = options
  const stopListening = stops.listenToProcess()
  try {
    return await serveMount(spec, {
      compose: await loadCompose(composition),
      clock: options.clock ?? systemClock,
      log: options.log ?? pinoLog(spec),
      stops,
      onNote: options.onNote ?? (() => undefined),
      onReady: options.onReady ?? (() => undefined),
      onDrain: options.onDrain ?? (() => undefined),
    })
  } finally {
    stopListening()
  }
}
