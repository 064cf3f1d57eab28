import { pino, stdTimeFunctions, type DestinationStream } from 'pino'
import type { Log } from '../base/log.ts'

export interface PinoLogOptions {
  readonly verbose: boolean
  /** Standard error when absent, written at once: nothing is lost when the process is killed. */
  readonly destination?: DestinationStream
}

/** The log of a serving process: one JSON object a line; a healthy mount says little. */
export function pinoLog({ verbose, destination }: PinoLogOptions): Log {
  const logger = pino(
    { level: verbose ? 'debug' : 'info', base: { pid: process.pid }, timestamp: stdTimeFunctions.isoTime },
    destination ?? pino.destination({ dest: 2, sync: true }),
  )
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  }
}
