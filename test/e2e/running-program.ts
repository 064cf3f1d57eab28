import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { readFile } from 'node:fs/promises'
import { expect } from 'vitest'

/** How a program ended. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** One that was told to end, or whose mount has died, and that has not ended by then cannot be ended, ms. */
const endsWithinMs = 20_000

/** A program that works on a mount while the test goes on: it tells in lines how far it is. */
export class RunningProgram {
  readonly lines: string[] = []
  readonly #child: ChildProcess
  readonly #output: Interface
  readonly #exit: Promise<unknown>
  #stderr = ''

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    })
    this.#exit = once(this.#child, 'exit')
    this.#output = createInterface({ input: this.#child.stdout! })
    this.#output.on('line', (line) => this.lines.push(line))
    this.#child.stderr!.on('data', (text: Buffer) => (this.#stderr += text.toString()))
  }

  /** A small script in Perl, which every Debian and Ubuntu has: its system calls are those that are written there. */
  static perl(script: string, ...args: readonly string[]): RunningProgram {
    return new RunningProgram('perl', ['-e', `$| = 1; ${script}`, ...args])
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Resolves when it has printed so many lines. */
  async printed(count: number): Promise<void> {
    while (this.lines.length < count && this.isRunning) {
      await Promise.race([once(this.#output, 'line'), this.#exit])
    }
    expect(this.lines.length, `lines of a program that ended: ${this.#stderr}`).toBeGreaterThanOrEqual(count)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** How it ended, however long it takes. */
  async finished(): Promise<Ending> {
    if (this.isRunning) await once(this.#child, 'close')
    return { code: this.#child.exitCode, signal: this.#child.signalCode }
  }

  /** How it ended; fails when it does not end. */
  async ended(): Promise<Ending> {
    if (this.isRunning) {
      const giveUp = setTimeout(() => this.#child.emit('stuck'), endsWithinMs)
      const [how] = await Promise.race([
        once(this.#child, 'close'),
        once(this.#child, 'stuck').then(() => ['stuck']),
      ])
      clearTimeout(giveUp)
      if (how === 'stuck') throw new Error(`a program cannot be ended: ${await this.#state()}`)
    }
    return { code: this.#child.exitCode, signal: this.#child.signalCode }
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** `State: D (disk sleep)`, and where in the kernel it waits. */
  async #state(): Promise<string> {
    const [status, stack] = await Promise.all(
      ['status', 'stack'].map((name) => readFile(`/proc/${this.#child.pid}/${name}`, 'utf8').catch(String)),
    )
    return `${/^State:.*$/m.exec(status!)?.[0]}\n${stack}`
  }
}
