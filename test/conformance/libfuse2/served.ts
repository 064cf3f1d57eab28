import { execFile, fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { FuseDriver } from '../../../src/fuse/driver.ts'
import { mountAt, readMounts } from '../../../src/fuse/mountinfo.ts'
import { builtPath } from './build.ts'
import type { Answer, Counts, Request } from './mount-server.ts'

export const run = promisify(execFile)

/** The errno's name of a refusal. */
export function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => 'done',
    (error: NodeJS.ErrnoException) => error.code,
  )
}

/** Why no mount can be made here, in words; a run that must prove something (`CI`) gets an error instead. */
export async function whyNoFuse(): Promise<string | undefined> {
  const isThere = await access('/dev/fuse').then(
    () => true,
    () => false,
  )
  if (isThere) return undefined
  const reason = 'no /dev/fuse on this machine'
  if (process.env['CI']) throw new Error(`${reason}, and CI is set`)
  console.warn(`tests on a real mount are left out: ${reason}`)
  return reason
}

/** A filesystem in memory, mounted by a process of its own. This process uses the folder as any program does. */
export class Served {
  readonly mountpoint: string
  readonly #child: ChildProcess
  readonly #answers: Answer[] = []
  /** Exit code or signal. */
  readonly exited: Promise<number | NodeJS.Signals>

  private constructor(mountpoint: string, child: ChildProcess) {
    this.mountpoint = mountpoint
    this.#child = child
    child.on('message', (answer: Answer) => {
      this.#answers.push(answer)
      child.emit('answer')
    })
    this.exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  }

  static async start(driver: FuseDriver['name'], mountpoint?: string, ...args: string[]): Promise<Served> {
    const folder = mountpoint ?? (await mkdtemp(join(tmpdir(), `${driver}-`)))
    const child = fork(builtPath('test/conformance/libfuse2/mount-server.ts'), [driver, folder, ...args])
    const served = new Served(folder, child)
    const answer = await served.hear(['ready', 'failed'])
    if (answer.say === 'failed') throw new Error(answer.reason)
    return served
  }

  path(...names: string[]): string {
    return join(this.mountpoint, ...names)
  }

  async counts(): Promise<Counts> {
    this.#ask({ ask: 'counts' })
    const answer = await this.hear(['counts'])
    return (answer as Extract<Answer, { say: 'counts' }>).counts
  }

  /** Empty files in a folder of the root. */
  async make(folder: string, names: string[]): Promise<void> {
    this.#ask({ ask: 'make', folder, names })
    await this.hear(['made'])
  }

  async unmount(): Promise<void> {
    this.#ask({ ask: 'unmount' })
    await this.hear(['unmounted'])
  }

  /** The next answer of one of these kinds. */
  async hear(kinds: readonly Answer['say'][]): Promise<Answer> {
    for (;;) {
      const index = this.#answers.findIndex(({ say }) => kinds.includes(say))
      if (index >= 0) return this.#answers.splice(index, 1)[0]!
      await Promise.race([once(this.#child, 'answer'), this.#failOnExit()])
    }
  }

  /** From now on it answers nothing. */
  stop(): void {
    this.#child.kill('SIGSTOP')
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }

  async isMounted(): Promise<boolean> {
    return mountAt(await readMounts(), this.mountpoint) !== undefined
  }

  /** Whatever a test left: nothing stays mounted, no process stays. */
  async end(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill()
    while (await this.isMounted()) await run('umount', ['-l', this.mountpoint])
    await rmdir(this.mountpoint).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  }

  #ask(request: Request): void {
    this.#child.send(request)
  }

  async #failOnExit(): Promise<never> {
    const how = await this.exited
    throw new Error(`the serving process has ended: ${how}`)
  }
}
