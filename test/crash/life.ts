import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { PosixFolder } from '../conformance/engines/posix-folder.ts'
import { projectFolder } from '../harness/embedded-server.ts'
import { Hands } from './hands.ts'
import { hookMark } from './hooked-layer.ts'
import type { Operation, Outcome } from './operations.ts'
import { atMost } from './progress.ts'
import { reportOptions, whereItIs } from './process-report.ts'
import { unmount } from './unmount.ts'
import type { Calls, FromChild, Method, Setup, ToChild } from './protocol.ts'

/** The process that is killed. */
export const childProgram = join(projectFolder, 'dist-crash/child.js')
/** So many lines of its log are told of a process that does not go on. */
const lastLines = 20

/** A call was not answered because the process ended. */
class EndedError extends Error {}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** One process with the drive, from its start to its end. */
export class Life {
  /** `write/staged-file.ts:171 before`: the hooks that were pulled in it. */
  readonly pulled: string[] = []
  readonly #process: ChildProcess
  readonly #mountpoint: string | undefined
  /** Of the run. */
  readonly #folder: string
  readonly #hands: Hands | undefined
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<void>
  /** Resolves when programs can be served, or when the process has ended before that: see `hasEnded`. */
  readonly begun: Promise<void>
  #hasEnded = false
  #lastId = 0
  #log = ''
  #tellReady: () => void = () => undefined

  /** Its process is there at once, and can be killed, whether or not it comes to serve anybody. */
  constructor(setup: Setup, program = childProgram) {
    const { mountpoint, stateFolder } = setup
    this.#mountpoint = mountpoint
    this.#folder = dirname(stateFolder)
    if (mountpoint !== undefined) this.#hands = new Hands(new PosixFolder(mountpoint))
    this.#process = spawn(process.execPath, [...reportOptions(this.#folder), program], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#process.on('message', (message: FromChild) => this.#take(message))
    this.#process.stdout?.on('data', (bytes: Buffer) => this.#note(bytes.toString()))
    this.#process.stderr?.on('data', (bytes: Buffer) => (this.#log += bytes.toString()))
    this.#ended = once(this.#process, 'close').then(() => this.#end())
    const ready = new Promise<void>((resolve) => (this.#tellReady = resolve))
    this.begun = Promise.race([ready, this.#ended])
    this.#send({ kind: 'start', setup })
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** What it wrote about itself. */
  get log(): string {
    return this.#log
  }

  async perform(operation: Operation): Promise<Outcome> {
    if (this.#hasEnded) return { kind: 'cut' }
    try {
      return await (this.#hands?.perform(operation) ?? this.call('perform', operation))
    } catch (error) {
      if (error instanceof EndedError) return { kind: 'cut' }
      throw error
    }
  }

  look(): Promise<Calls['look']['result']> {
    return this.#hands?.look() ?? this.call('look', null)
  }

  /** @throws {Error} when the process ends before it answers */
  call<M extends Method>(method: M, params: Calls[M]['params']): Promise<Calls[M]['result']> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) return reject(new EndedError('the process has ended'))
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject })
      this.#send({ kind: 'call', id, method, params })
    })
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** What keeps it from going on, in sentences: what it waits with, its last lines, and where it is. */
  async whatItDoes(): Promise<readonly string[]> {
    if (this.#hasEnded) return [`its process has ended: ${this.#lastLines()}`]
    const pending = this.call('pending', null).then(
      (uploads) => `what waits: ${JSON.stringify(uploads)}`,
      (error: unknown) => `it does not say what waits: ${String(error)}`,
    )
    const answer = await atMost(pending, 'it does not answer what waits')
    return [answer, `its last lines: ${this.#lastLines()}`, await whereItIs(this.#process, this.#folder)]
  }

  #lastLines(): string {
    return this.#log.split('\n').slice(-lastLines).join('\n')
  }

  /** Resolves when it is gone and everything that it said was heard. */
  ended(): Promise<void> {
    return this.#ended
  }

  /** In order; everything must be at the server already. */
  async close(): Promise<void> {
    await this.#hands?.closeAll()
    await this.call('close', null)
    this.kill()
    await this.#ended
  }

  #send(message: ToChild): void {
    this.#process.send(message, (error) => {
      // A process that dies takes no more messages: its end is told by itself.
      if (error && this.#process.exitCode === null && this.#process.signalCode === null) this.kill()
    })
  }

  #take(message: FromChild): void {
    if (message.kind === 'ready') return this.#tellReady()
    const waiting = this.#waiting.get(message.id)
    this.#waiting.delete(message.id)
    if (message.kind === 'answer') waiting?.resolve(message.result)
    else waiting?.reject(new Error(message.reason))
  }

  #note(text: string): void {
    for (const line of text.split('\n'))
      if (line.startsWith(hookMark)) this.pulled.push(line.slice(hookMark.length))
  }

  async #end(): Promise<void> {
    this.#hasEnded = true
    for (const { reject } of this.#waiting.values()) reject(new EndedError('the process has ended'))
    this.#waiting.clear()
    await this.#hands?.closeAll()
    if (this.#mountpoint !== undefined) await unmount(this.#mountpoint)
  }
}
