/** Logs: JSON lines in a file for a mount in the background, readable lines on a terminal. Secrets are hidden in both. */
import { chmodSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { pino, type DestinationStream } from 'pino'
import { PinoPretty } from 'pino-pretty'
import type { Log, LogFields } from '../base/log.ts'
import { redact, redactText } from './redact.ts'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

export interface LoggerOptions {
  readonly level: LogLevel
  readonly destination: DestinationStream
}

/** A file over this size is set aside as `.1` when a log is opened, bytes. */
const ROTATE_AT_BYTES = 10 * 1024 ** 2

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

/** Appends to the file at `path`, which only its owner can read. Written at once, so that the last line before a crash is there. */
export function logFileDestination(path: string): DestinationStream {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  setAside(path)
  const destination = pino.destination({ dest: path, append: true, sync: true, mode: 0o600 })
  chmodSync(path, 0o600)
  return destination
}

/** stderr, with colours where it is a terminal. */
export function terminalDestination(): DestinationStream {
  return PinoPretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.isTTY,
    ignore: 'pid',
    translateTime: 'SYS:HH:MM:ss',
  })
}

function setAside(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats && stats.size > ROTATE_AT_BYTES) renameSync(path, `${path}.1`)
}
