import type { MessagePort, Worker } from 'node:worker_threads'
import type { Log, LogFields } from '../../base/log.ts'
import type { LogLevel } from '../logger.ts'
import { redact, redactText } from '../redact.ts'

interface LogMessage {
  readonly log: LogLevel
  readonly message: string
  readonly fields: LogFields
}

const levels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug']

/** A log whose lines are written by another thread: `receiveLog`. Lines below `level` cost nothing. */
export function sendLog(port: Pick<MessagePort, 'postMessage'>, level: LogLevel): Log {
  const line = (at: LogLevel) => {
    if (levels.indexOf(at) > levels.indexOf(level)) return () => undefined
    return (message: string, fields: LogFields = {}) => {
      const sent: LogMessage = { log: at, message: redactText(message), fields: plain(fields) }
      port.postMessage(sent)
    }
  }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

/** Writes what the other end of the port says to `log`. */
export function receiveLog(port: Pick<Worker, 'on'>, log: Log): void {
  port.on('message', (message: Partial<LogMessage>) => {
    const { log: level, message: text, fields } = message
    if (level !== undefined && text !== undefined) log[level](text, fields)
  })
}

/** Without secrets, and as JSON has it: what cannot travel between threads (functions, say) has no place in a log. */
function plain(fields: LogFields): LogFields {
  const text = JSON.stringify(redact(fields), (_name, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  return JSON.parse(text) as LogFields
}
