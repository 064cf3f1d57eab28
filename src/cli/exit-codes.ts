/** How commands end. The one table: `--help` and the documentation are made from it. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notSaved: 3,
  signIn: 4,
  unreachable: 5,
  notMounted: 6,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const meanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'done',
  failed: 'failed; the sentence on stderr says why',
  usage: 'the command line, the environment or the configuration file cannot be understood',
  notSaved: 'not everything that was written is on the server yet',
  signIn: 'a sign-in is needed, or was refused',
  unreachable: 'the server cannot be reached',
  notMounted: 'nothing is mounted there',
  interrupted: 'interrupted by Ctrl-C',
}

/** One line a code, for the end of `--help`. */
export function exitCodeLines(): string[] {
  return Object.entries(exitCodes).map(
    ([name, code]) => `${String(code).padStart(3)}  ${meanings[name as keyof typeof exitCodes]}`,
  )
}

/** An error with the exit code that tells scripts what kind it is. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode = exitCodes.failed, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
