/** Logs: JSON lines in a file for a mount in the background, readable lines on a terminal. Secrets are hidden in both. */
import { pino, type DestinationStream } from 'pino'
import { PinoPretty } from 'pino-pretty'
import type { Log, LogFields } from '../base/log.ts'
import { redact, redactText } from './redact.ts'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

export interface LoggerOptions {
  readonly level: LogLevel
  readonly destination: DestinationStream
}

export function createLogger({ level, destination }: LoggerOptions): Log {
  const logger = pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  )
  const line = (write: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: LogFields) => {
    if (logger.isLevelEnabled(write)) logger[write](redact(fields ?? {}) as object, redactText(message))
  }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

/** stderr, written at once, so that the last line before a crash is there. */
export function jsonDestination(): DestinationStream {
  return pino.destination({ dest: 2, sync: true })
}

/** Readable lines on stderr, with colours where it is a terminal. */
export function terminalDestination(): DestinationStream {
  return PinoPretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.isTTY,
    ignore: 'pid',
    translateTime: 'SYS:HH:MM:ss',
  })
}
