/** `cloudreve-mount demo`: the embedded server with a small drive, mounted, until Ctrl-C. Leaves nothing behind. */
import { mkdir, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { environmentSource, resolveOptions, writtenOptions } from '../../config/parse.ts'
import type { MountSpec } from '../../mount/spec.ts'
import { parseMountpoint } from '../arguments.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../exit-codes.ts'
import { endProcess, untilProcessEnds } from '../process-end.ts'
import { listenForStop, untilAborted, type StopSignals } from '../stop-signals.ts'

export interface DemoServer {
  readonly url: string
  readonly email: string
  /** Secret, though good for this one run only. */
  readonly password: string
  close(): Promise<void>
}

/** What a demo needs from the machine; tests pass their own. */
export interface DemoParts {
  readonly startServer: () => Promise<DemoServer>
  readonly stop: StopSignals
  /** Ends the process of the mount; resolves when it is gone. */
  readonly endProcess: (pid: number, hurry: AbortSignal) => Promise<void>
  /** Resolves when the process has ended by itself. */
  readonly processEnd: (pid: number, signal: AbortSignal) => Promise<void>
  /** Receives the account that the mount's process reads from its environment. */
  readonly environment: Record<string, string | undefined>
}

export function addDemo(program: Command, context: CliContext): void {
  program
    .command('demo')
    .description('mount a small drive of a server that runs here, to try things out; Ctrl-C ends it')
    .argument(
      '[mountpoint]',
      'an empty folder, made when it does not exist (default: ~/cloudreve-demo)',
      parseMountpoint,
    )
    .addHelpText(
      'after',
      `
Examples:
  cloudreve-mount demo
  cloudreve-mount demo ~/somewhere-empty`,
    )
    .action(async (mountpoint: string | undefined) => {
      const stop = listenForStop()
      try {
        await demo(context, mountpoint, { ...machine, stop, environment: process.env })
      } finally {
        stop.release()
      }
    })
}

const machine: Omit<DemoParts, 'stop' | 'environment'> = {
  async startServer() {
    const { startServer } = await import('../../server/index.ts')
    return startServer({ seed: 'demo', pro: true })
  },
  endProcess,
  processEnd: untilProcessEnds,
}

export async function demo(
  context: CliContext,
  mountpoint: string | undefined,
  parts: DemoParts,
): Promise<void> {
  const { io } = context
  const folder = resolve(mountpoint ?? join(io.environment['HOME'] || homedir(), 'cloudreve-demo'))
  const cleanups: (() => Promise<unknown>)[] = []
  try {
    const isOurs = await makeFolder(context, folder)
    if (isOurs) cleanups.push(() => removeFolder(folder))
    const server = await parts.startServer()
    cleanups.push(() => server.close())
    const scratch = await mkdtemp(join(tmpdir(), 'cloudreve-mount-demo-'))
    cleanups.push(() => rm(scratch, { recursive: true }))
    const { email: CLOUDREVE_EMAIL, password: CLOUDREVE_PASSWORD, url: CLOUDREVE_URL } = server
    Object.assign(parts.environment, { CLOUDREVE_URL, CLOUDREVE_EMAIL, CLOUDREVE_PASSWORD })
    const { pid } = await context.starter.startInBackground(demoSpec(context, folder, scratch))
    cleanups.push(() => parts.endProcess(pid, parts.stop.second))
    for (const line of demoText(folder)) io.out(line)
    await untilItEnds(pid, parts, cleanups)
    if (parts.stop.first.aborted) io.err(`Unmounting ${folder} …`)
  } finally {
    for (const cleanup of cleanups.reverse()) {
      await cleanup().catch((error: Error) => io.err(`cloudreve-mount: ${error.message}`))
    }
  }
}

/** Until Ctrl-C, or until somebody unmounted the folder: then its process needs no ending any more. */
async function untilItEnds(
  pid: number,
  { stop, processEnd }: DemoParts,
  cleanups: (() => Promise<unknown>)[],
) {
  const ended = processEnd(pid, stop.first).then(() => stop.first.aborted || cleanups.pop())
  await Promise.race([untilAborted(stop.first), ended])
}

/** @returns whether the folder was made here */
async function makeFolder({ mounts, starter }: CliContext, folder: string): Promise<boolean> {
  if (await mounts.at(folder)) {
    throw new CliError(`${folder} is mounted already: run \`cloudreve-mount umount ${folder}\` first`)
  }
  await starter.cleanStale(folder)
  const made = await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0) {
    throw new CliError(`${folder} is not empty: name another folder for the demo`, exitCodes.usage)
  }
  return made !== undefined
}

async function removeFolder(folder: string): Promise<void> {
  try {
    await rmdir(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EBUSY' && code !== 'ENOTEMPTY') throw error
    const reason = code === 'EBUSY' ? 'is still mounted: `cloudreve-mount umount` says why' : 'is not empty'
    throw new CliError(`${folder} is left, since it ${reason}`, exitCodes.failed, { cause: error })
  }
}

function demoSpec({ io, paths }: CliContext, mountpoint: string, scratch: string): MountSpec {
  // Which driver works depends on the machine; all other wishes are for the user's own drive.
  const { driver } = resolveOptions([environmentSource(io.environment)])
  return {
    mountpoint,
    accountKey: null,
    rootUri: 'cloudreve://my',
    readOnly: false,
    options: writtenOptions({ ...resolveOptions([]), driver }),
    config: null,
    stateFolder: join(scratch, 'state'),
    cacheFolder: join(scratch, 'cache'),
    // Where other commands look, so that `status` and `activities` find the demo from any terminal.
    runtimeFolder: paths.runtimeFolder,
    logFile: join(scratch, 'mount.log'),
    verbose: false,
  }
}

/** Files of the demo drive that the text names (src/server/seed/demo.ts). */
export const demoFiles = {
  withHistory: 'Documents/Project plan.md',
  table: 'Documents/Budget.csv',
} as const

/** Five things to try, each a line that works when it is pasted into another terminal. */
export function demoText(folder: string): string[] {
  const program = quoted(fileURLToPath(new URL('../../../bin/cloudreve-mount.js', import.meta.url)))
  const at = (path: string) => quoted(join(folder, path))
  return [
    `A demo drive is mounted on ${folder}. Five things to try in another terminal:`,
    '',
    `  ls -lR ${quoted(folder)}`,
    `  getfattr --absolute-names --only-values -n user.cloudreve.activities ${at(demoFiles.withHistory)}`,
    `  cp /etc/os-release ${at('my-system.txt')} && cat ${at('my-system.txt')}`,
    `  mv ${at(demoFiles.table)} ${at('Documents/Costs.csv')} && node ${program} activities ${at('Documents/Costs.csv')}`,
    `  node ${program} info ${at(demoFiles.withHistory)}`,
    '',
    'Ctrl-C ends the demo.',
  ]
}

/** As a word for a shell: as it is where that is safe. */
function quoted(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
