/** From anything thrown to one sentence on stderr and an exit code. */
import { CommanderError } from 'commander'
import { messageOf } from '../base/error-message.ts'
import { ConfigError } from '../config/config-error.ts'
import { MountError, type MountFailure } from '../mount/spec.ts'
import { redactText } from '../mount/redact.ts'
import { CliError, exitCodes, type ExitCode } from './exit-codes.ts'
import type { Io } from './io.ts'
import { printable } from './table.ts'

/** Writes the sentence; with `verbose` also where it came from, causes included. */
export function reportError(io: Pick<Io, 'err'>, error: unknown, verbose: boolean): ExitCode {
  // commander has written its own message, and help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  const message = messageOf(error)
  io.err(`cloudreve-mount: ${printable(redactText(message))}`)
  if (verbose) for (const line of trace(error)) io.err(redactText(line))
  else if (isBug(error)) io.err('This should not have happened; --verbose shows more.')
  return exitCodeOf(error)
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode
  if (error instanceof ConfigError) return exitCodes.usage
  if (error instanceof MountError) return mountFailureCodes[error.kind]
  return exitCodes.failed
}

const mountFailureCodes: Readonly<Record<MountFailure, ExitCode>> = {
  signIn: exitCodes.signIn,
  unreachable: exitCodes.unreachable,
  usage: exitCodes.usage,
  sharePassword: exitCodes.signIn,
  ending: exitCodes.failed,
  other: exitCodes.failed,
}

function isBug(error: unknown): boolean {
  if (!(error instanceof Error)) return true
  if (error instanceof TypeError || error instanceof RangeError || error.name === 'InvariantError')
    return true
  return (
    !(error instanceof CliError || error instanceof ConfigError || error instanceof MountError) &&
    error.name === 'Error'
  )
}

function trace(error: unknown): string[] {
  const lines: string[] = []
  let cause = error
  for (let depth = 0; cause instanceof Error && depth < 8; depth += 1) {
    lines.push(
      ...(cause.stack ?? cause.message)
        .split('\n')
        .map((line) => `  ${depth > 0 ? 'caused by ' : ''}${line}`),
    )
    cause = cause.cause
  }
  return lines
}
