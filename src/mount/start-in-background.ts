import { fork, type ChildProcess } from 'node:child_process'
import { mkdir, open } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MountError, type MountFailure, type MountSpec } from './spec.ts'

/** The child is told once, over IPC: its command line shows the mountpoint alone. */
export interface StartMessage {
  readonly spec: MountSpec
  readonly composition: string | undefined
}

/** What the child says before it is on its own. */
export type ChildMessage =
  | { say: 'note'; sentence: string }
  /** Of the process that serves it: another one when that serves the account already. */
  | { say: 'ready'; pid: number }
  | { say: 'failed'; sentence: string; kind: MountFailure }

export interface BackgroundOptions {
  /** What whoever wants the mount should know: why it takes longer, what an earlier one left behind. */
  readonly onNote?: (sentence: string) => void
  /** URL of a module that exports `compose`; the product's own when absent. */
  readonly composition?: string
}

/**
 * Starts a process that serves the mount and outlives this one; resolves when programs can use the folder. When this process
 * ends before that, so does the other.
 *
 * @throws {MountError} the sentence why it cannot be had.
 */
export async function startInBackground(
  spec: MountSpec,
  options: BackgroundOptions = {},
): Promise<{ mountpoint: string; pid: number }> {
  await mkdir(dirname(spec.logFile), { recursive: true, mode: 0o700 })
  const log = await open(spec.logFile, 'a', 0o600)
  try {
    const child = forkServer(spec, log.fd)
    const pid = await untilReady(child, spec, options)
    child.disconnect()
    child.unref()
    return { mountpoint: spec.mountpoint, pid }
  } finally {
    await log.close()
  }
}

function forkServer({ mountpoint }: MountSpec, logFd: number): ChildProcess {
  const main = fileURLToPath(new URL(`./serve-main${extname(import.meta.url)}`, import.meta.url))
  // Of its own session: a Ctrl-C in this terminal is not for it. In `/`, so that it keeps no folder busy.
  return fork(main, [mountpoint], {
    detached: true,
    cwd: '/',
    execArgv: [],
    stdio: ['ignore', logFd, logFd, 'ipc'],
  })
}

function untilReady(child: ChildProcess, spec: MountSpec, options: BackgroundOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      const how = signal ? `was ended by ${signal}` : `ended with code ${code}`
      reject(new MountError(`the process that should serve ${spec.mountpoint} ${how}: see ${spec.logFile}`))
    })
    child.on('message', (message: ChildMessage) => {
      if (message.say === 'note') return options.onNote?.(message.sentence)
      if (message.say === 'failed') {
        return reject(new MountError(message.sentence, { kind: message.kind }))
      }
      return resolve(message.pid)
    })
    const start: StartMessage = { spec, composition: options.composition }
    child.send(start, (error) => {
      if (error) reject(error)
    })
  })
}
