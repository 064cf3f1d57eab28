import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from './embedded-server.ts'

const program = join(projectFolder, 'node_modules/.cache/cloudreve-mount/moto/bin/moto_server')

/** Why there is no moto here; undefined when there is. With CI in the environment that is an error. */
export function motoUnavailable(): string | undefined {
  if (existsSync(program)) return undefined
  const why = 'moto, an S3 server in Python, is not installed: npm run setup -- --tests'
  if (process.env['CI']) throw new Error(why)
  process.stdout.write(`skipped: ${why}\n`)
  return why
}

/** An S3 server of others on the loopback interface, with nothing in it. */
export class Moto {
  readonly origin: string
  readonly #process: ChildProcess

  private constructor(origin: string, process: ChildProcess) {
    this.origin = origin
    this.#process = process
  }

  /** Resolves when it listens, on any free port. @throws {Error} with what it said when it ends before */
  static start(): Promise<Moto> {
    const process = spawn(program, ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] })
    return new Promise((resolve, reject) => {
      let said = ''
      process.stderr.on('data', (piece: Buffer) => {
        said += piece.toString()
        const origin = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1]
        if (origin !== undefined) resolve(new Moto(origin, process))
      })
      process.once('error', reject)
      process.once('exit', () => reject(new Error(`moto did not start: ${said}`)))
    })
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill()
    await ended
  }
}
