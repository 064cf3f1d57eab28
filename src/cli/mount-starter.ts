/** Mounts of the real machine. */
import { resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { readWrittenOptions } from '../config/parse.ts'
import { createLogger, terminalDestination } from '../mount/logger.ts'
import { recoverMountpoint } from '../mount/recover-mountpoint.ts'
import { runMount } from '../mount/run-mount.ts'
import { startInBackground } from '../mount/start-in-background.ts'
import type { MountSpec } from '../mount/spec.ts'
import type { MountStarter } from './context.ts'
import type { Io } from './io.ts'

export function mountStarter(io: Pick<Io, 'err'>): MountStarter {
  const onNote = (sentence: string) => io.err(sentence)
  return {
    startInBackground: (spec) => startInBackground(spec, { onNote }),
    runForeground: (spec) => runMount(spec, { log: foregroundLog(spec), onNote }),
    cleanStale,
  }
}

function foregroundLog(spec: MountSpec) {
  const level = spec.verbose ? 'debug' : readWrittenOptions(spec.options).logLevel
  return createLogger({ level, destination: terminalDestination() })
}

/** Asked only where no process of ours serves. */
function cleanStale(mountpoint: string): Promise<boolean> {
  return recoverMountpoint(resolve(mountpoint), {
    log: createLogger({ level: 'error', destination: terminalDestination() }),
    clock: systemClock,
    isServed: async () => false,
  })
}
