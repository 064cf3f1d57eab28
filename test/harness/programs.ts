import { execFile, type ExecFileOptions } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

export interface Ran {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
}

const largestOutputBytes = 64 * 1024 * 1024

/** Runs a program to its end, whatever its exit code; never through a shell, never waiting synchronously. */
export function runToEnd(
  program: string,
  args: readonly string[],
  options: ExecFileOptions & { input?: string } = {},
): Promise<Ran> {
  const { input, ...rest } = options
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {
        ...rest,
        encoding: 'utf8',
        maxBuffer: largestOutputBytes,
        env: { ...process.env, LC_ALL: 'C.UTF-8', ...rest.env },
      },
      (error, stdout, stderr) => {
        if (error && typeof error.code === 'string') return reject(error)
        if (error?.signal)
          return reject(new Error(`${program} was ended by ${error.signal}`, { cause: error }))
        resolve({ stdout, stderr, exitCode: child.exitCode ?? 0 })
      },
    )
    if (input !== undefined) child.stdin?.end(input)
  })
}

/** Runs a program that must succeed. */
export async function run(
  program: string,
  args: readonly string[],
  options: ExecFileOptions & { input?: string } = {},
): Promise<string> {
  const { stdout, stderr, exitCode } = await runToEnd(program, args, options)
  if (exitCode === 0) return stdout
  throw new Error(`${program} ${args.join(' ')} ended with ${exitCode}:\n${stderr || stdout}`)
}

/** The programs that are not installed here. */
export async function missingPrograms(...programs: readonly string[]): Promise<readonly string[]> {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = await Promise.all(
    programs.map(async (program) => {
      const tries = folders.map((folder) => access(join(folder, program), constants.X_OK))
      return (await Promise.allSettled(tries)).some(({ status }) => status === 'fulfilled')
    }),
  )
  return programs.filter((_, i) => found[i] !== true)
}
