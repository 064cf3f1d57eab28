/** Mounts of the real machine. */
import { resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { readWrittenOptions } from '../config/parse.ts'
import { startInBackground } from '../mount/start-in-background.ts'
import type { MountSpec } from '../mount/spec.ts'
import type { MountStarter } from './context.ts'
import type { Io } from './io.ts'

/** What serves a mount is loaded where this process does that itself. */
export function mountStarter(io: Pick<Io, 'err'>): MountStarter {
  const onNote = (sentence: string) => io.err(sentence)
  return {
    startInBackground: (spec) => startInBackground(spec, { onNote }),
    async runForeground(spec) {
      const { runMount } = await import('../mount/run-mount.ts')
      return runMount(spec, { log: await foregroundLog(spec), onNote })
    },
    cleanStale,
  }
}

async function foregroundLog(spec: MountSpec) {
  const { createLogger, terminalDestination } = await import('../mount/logger.ts')
  const level = spec.verbose ? 'debug' : readWrittenOptions(spec.options).logLevel
  return createLogger({ level, destination: terminalDestination() })
}

/** Asked only where no process of ours serves. */
async function cleanStale(mountpoint: string): Promise<boolean> {
  const { createLogger, terminalDestination } = await import('../mount/logger.ts')
  const { recoverMountpoint } = await import('../mount/recover-mountpoint.ts')
  return recoverMountpoint(resolve(mountpoint), {
    log: createLogger({ level: 'error', destination: terminalDestination() }),
    clock: systemClock,
    isServed: async () => false,
  })
}
