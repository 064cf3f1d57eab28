import type { DestinationStream } from 'pino'
import type { Log } from '../base/log.ts'
import { createLogger, jsonDestination, type LogLevel } from './logger.ts'

export interface PinoLogOptions {
  readonly verbose: boolean
  /** Options of the mount, of which `log-level` counts here. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Standard error when absent, written at once: nothing is lost when the process is killed. */
  readonly destination?: DestinationStream
}

/** The log of a serving process: one JSON object a line, without secrets; a healthy mount says little. */
export function pinoLog({ verbose, options, destination }: PinoLogOptions): Log {
  const level = logLevelOf({ verbose, ...(options === undefined ? {} : { options }) })
  return createLogger({ level, destination: destination ?? jsonDestination() })
}

/** What is worth a line in the log of a mount. */
export function logLevelOf({ verbose, options }: Pick<PinoLogOptions, 'verbose' | 'options'>): LogLevel {
  return verbose ? 'debug' : ((options?.['log-level'] ?? 'info') as LogLevel)
}
