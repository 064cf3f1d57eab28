/**
 * A process that loads the addon and serves a null filesystem, on a mountpoint of its own. The tests never touch the mounted
 * folder: programs that they start do.
 */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, chownSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { isRequired } from './required-drivers.ts'

const project = resolve(import.meta.dirname, '../..')
const isSanitizing = process.env['NATIVE_SANITIZE'] === '1'
const built = join(project, 'native/build', isSanitizing ? 'Sanitize' : 'Release', 'cloudreve_fuse.node')
/** Another binary, and words that start the Node.js which loads it: for another processor, say. */
const { NATIVE_ADDON: addon = built, NATIVE_NODE: node = process.execPath } = process.env
const execute = promisify(execFile)

/** Why the addon cannot be tried here; undefined when it can. Where its driver is required that is an error. */
export function nativeUnavailable(): string | undefined {
  const why = existsSync(addon) ? mountUnavailable() : 'the addon is not built: npm run build:native'
  if (why !== undefined && isRequired('native')) throw new Error(`the native addon cannot be tried: ${why}`)
  return why
}

function mountUnavailable(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may mount directly'
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return undefined
  } catch (error) {
    return `/dev/fuse cannot be used: ${String(error)}`
  }
}

function hostEnvironment(): NodeJS.ProcessEnv {
  const environment = { ...process.env, NATIVE_ADDON: addon }
  if (!isSanitizing) return environment
  const found = spawnSync('c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' })
  return {
    ...environment,
    LD_PRELOAD: found.stdout.trim(),
    // Node itself leaves things behind at its end.
    ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  }
}

const nobody = 65_534
const dropRights = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']

/** Words before a command: a mount namespace of its own, in which the device belongs to everybody. */
function asOrdinaryUser(folder: string): string[] {
  const node = `${folder}/fuse`
  const script = `mknod -m 666 '${node}' c 10 229 && mount --bind '${node}' /dev/fuse && rm '${node}' && exec "$@"`
  return ['unshare', '-m', 'sh', '-c', script, 'sh', ...dropRights]
}

/**
 * Why no process with a mount namespace of its own can be had: in a chroot, the root is no mount. undefined when it can. With CI or
 * REQUIRE_MOUNT in the environment that is an error.
 */
export function namespaceUnavailable(): string | undefined {
  const { status, stderr, error } = spawnSync('unshare', ['-m', 'true'], { encoding: 'utf8' })
  if (status === 0) return undefined
  const why = error?.message ?? stderr.trim()
  if (process.env['CI'] || process.env['REQUIRE_MOUNT'])
    throw new Error(`there is no mount namespace to be had: ${why}`)
  return why
}

interface Answer {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
  readonly workerError?: string
}

interface HostOptions {
  readonly isOrdinary?: boolean
  /** Words before the command. */
  readonly before?: readonly string[]
}

export class NativeHost {
  readonly mountpoint: string
  readonly process: ChildProcess
  readonly workerErrors: string[] = []
  readonly #folder: string
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #lastId = 0
  #stderr = ''

  readonly #isOrdinary: boolean

  private constructor(folder: string, { isOrdinary = false, before = [] }: HostOptions) {
    this.#folder = folder
    this.#isOrdinary = isOrdinary
    this.mountpoint = folder
    const words = [...before, ...node.split(' '), join(project, 'test/fixtures/native/host.mjs')]
    const [program = '', ...rest] = isOrdinary ? [...asOrdinaryUser(folder), ...words] : words
    this.process = spawn(program, rest, { env: hostEnvironment(), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    this.process.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()))
    this.process.on('message', (message: Answer) => this.#settle(message))
    this.process.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the host ended: ${this.#stderr}`))
      this.#waiting.clear()
    })
  }

  static async start(): Promise<NativeHost> {
    return NativeHost.#start()
  }

  /** A process that may run on one processor only. */
  static async startOnOneProcessor(): Promise<NativeHost> {
    const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))
    return NativeHost.#start({ before: ['taskset', '--cpu-list', allowed?.[1] ?? '0'] })
  }

  /** A process of a user without any rights, where everybody may open the device, as on a desktop. */
  static async startAsOrdinaryUser(): Promise<NativeHost> {
    return NativeHost.#start({ isOrdinary: true })
  }

  static async #start(options: HostOptions = {}): Promise<NativeHost> {
    const folder = mkdtempSync(join(tmpdir(), 'cloudreve-mount-native-'))
    if (options.isOrdinary) chownSync(folder, nobody, nobody)
    const host = new NativeHost(folder, options)
    await Promise.race([once(host.process, 'message'), host.#refuseEnd()])
    return host
  }

  async #refuseEnd(): Promise<never> {
    await once(this.process, 'exit')
    throw new Error(`the host did not start: ${this.#stderr}`)
  }

  /** What the process wrote on standard error so far. */
  get stderr(): string {
    return this.#stderr
  }

  call<T = unknown>(command: string, ...words: readonly unknown[]): Promise<T> {
    this.#lastId += 1
    const id = this.#lastId
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      this.process.send({ id, command, words })
    })
  }

  mount(options: Record<string, unknown> = {}): Promise<unknown> {
    return this.call('mount', { mountpoint: this.mountpoint, ...options })
  }

  /** Standard output of a program that works on the mounted folder. */
  async run(program: string, ...words: string[]): Promise<string> {
    const prefix = this.#isOrdinary ? ['nsenter', '-t', String(this.process.pid), '-m', ...dropRights] : []
    const [first = '', ...rest] = [...prefix, program, ...words]
    const { stdout } = await execute(first, rest, { maxBuffer: 1 << 24 })
    return stdout
  }

  /** Standard output of a small program for Node, in which `mountpoint` is the folder and `fs` is there. */
  script(source: string, threads = 4): Promise<string> {
    return this.run(
      'env',
      `UV_THREADPOOL_SIZE=${threads}`,
      process.execPath,
      '-e',
      `const fs = require('node:fs'); const mountpoint = ${JSON.stringify(this.mountpoint)}; ${source}`,
    )
  }

  /** Resolves when `condition` holds; asks again as fast as it is answered. */
  async until<T>(ask: () => Promise<T>, condition: (answer: T) => boolean): Promise<T> {
    for (;;) {
      const answer = await ask()
      if (condition(answer)) return answer
    }
  }

  /** Ends the process in an orderly way. Answers its exit status and signal. */
  async end(): Promise<{ status: number | null; signal: string | null }> {
    if (this.process.connected) this.process.send({ command: 'exit', words: [] })
    return this.ended()
  }

  async ended(): Promise<{ status: number | null; signal: string | null }> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit')
    return { status: this.process.exitCode, signal: this.process.signalCode }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync('umount', ['-l', this.mountpoint], { stdio: 'ignore' })
    this.process.kill('SIGKILL')
    await this.ended()
    rmSync(this.#folder, { recursive: true })
  }

  #settle(answer: Answer): void {
    if (answer.workerError !== undefined) this.workerErrors.push(answer.workerError)
    if (answer.id === undefined) return
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.error) waiting?.reject(Object.assign(new Error(answer.error.message), answer.error))
    else waiting?.resolve(answer.result)
  }
}
