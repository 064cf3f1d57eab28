/**
 * A place to work as a user would: an embedded server in this process, the built command line in processes of its own, a
 * mountpoint, and folders for configuration, state and cache that nobody else uses. Nothing here touches the mounted folder
 * synchronously: the server could not answer meanwhile. To start a program with a folder of the mount as its `cwd` is such a touch.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { access, constants, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { untilProcessEnds } from '../../src/cli/process-end.ts'
import { isProcessAlive } from '../../src/base/process-state.ts'
import { lazyUnmount } from '../../src/fuse/lazy-unmount.ts'
import { readMounts } from '../../src/fuse/mountinfo.ts'
import { connectTo } from '../../src/mount/control-client.ts'
import { listRunning } from '../../src/mount/registry.ts'
import type { Json, RunningMount } from '../../src/mount/spec.ts'
import type { DriverName } from '../conformance/driver-differences.ts'
import type { RequestMark } from '../conformance/engine.ts'
import { getxattr } from '../conformance/engines/kernel-calls.ts'
import { DriveClient } from '../harness/drive-client.ts'
import {
  markRequests,
  projectFolder,
  serverUnavailable,
  type EmbeddedServer,
  type EmbeddedServerOptions,
} from '../harness/embedded-server.ts'
import { missingPrograms, run, runToEnd, type Ran } from '../harness/programs.ts'
import { startEmbedded } from '../harness/start-embedded.ts'

export const commandLine = join(projectFolder, 'bin/cloudreve-mount.js')

/** A command that takes longer hangs: it is ended, and its test fails, ms. */
const commandTimeoutMs = 60_000

/** Requests of signed URLs, as the request log calls them. */
export const contentRoute = 'GET /file/content'

/** Why nothing can be mounted here; undefined when it can. With REQUIRE_MOUNT in the environment that is an error; with CI a missing program is, too. */
export async function mountUnavailable(...programs: readonly string[]): Promise<string | undefined> {
  const why = (await fuseUnavailable()) ?? serverUnavailable()
  if (why !== undefined && process.env['REQUIRE_MOUNT']) throw new Error(`nothing can be mounted: ${why}`)
  const missing = await programsUnavailable(programs)
  if (missing !== undefined && process.env['CI']) throw new Error(missing)
  return why ?? missing
}

async function fuseUnavailable(): Promise<string | undefined> {
  if (!existsSync(join(projectFolder, 'dist/cli/main.js'))) return 'the project is not built'
  const usable = await access('/dev/fuse', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  return usable ? undefined : '/dev/fuse cannot be used'
}

async function programsUnavailable(programs: readonly string[]): Promise<string | undefined> {
  const missing = await missingPrograms(...programs)
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`
}

export interface WorkplaceOptions extends EmbeddedServerOptions {
  /** What every mount of the workplace is served by, unless its arguments say otherwise. */
  readonly driver: DriverName | 'auto'
  /** Of an installed package; that of this checkout otherwise. */
  readonly commandLine?: string
}

export interface MountOptions {
  /** Arguments of the command line after the mountpoint. */
  readonly args?: readonly string[]
  /** Where staged content goes; a folder of the workplace otherwise. */
  readonly stateHome?: string
  /** Options of the Node.js that serves. */
  readonly nodeOptions?: string
  /** Variables of the environment beside those of the workplace. */
  readonly env?: NodeJS.ProcessEnv
}

export class Workplace {
  readonly server: EmbeddedServer
  readonly drive: DriveClient
  /** For sources and copies; on a local disk. */
  readonly scratch: string
  readonly mountpoint: string
  readonly driver: DriverName | 'auto'
  readonly #commandLine: string
  readonly #mounts: Mount[] = []
  #cutsAreExpected = false
  #deathsAreExpected = false

  private constructor(server: EmbeddedServer, scratch: string, options: WorkplaceOptions) {
    this.server = server
    this.driver = options.driver
    this.#commandLine = options.commandLine ?? commandLine
    this.drive = new DriveClient(server)
    this.scratch = scratch
    this.mountpoint = join(scratch, 'cloud')
  }

  static async open(options: WorkplaceOptions): Promise<Workplace> {
    const scratch = await mkdtemp(join(tmpdir(), 'cm-e2e-'))
    const place = new Workplace(await startEmbedded(options), scratch, options)
    await mkdir(place.mountpoint)
    // Sockets of a path that the kernel takes, and a folder for this user alone.
    await mkdir(join(scratch, 'run'), { mode: 0o700 })
    return place
  }

  /** A path in the mounted folder. */
  at(path: string): string {
    return join(this.mountpoint, path)
  }

  /** Environment of the command line: the account, and folders of this workplace only. */
  environment(options: MountOptions = {}): NodeJS.ProcessEnv {
    return {
      ...process.env,
      CLOUDREVE_URL: this.server.url,
      CLOUDREVE_EMAIL: this.server.email,
      CLOUDREVE_PASSWORD: this.server.password,
      CLOUDREVE_MOUNT_DRIVER: this.driver,
      XDG_CONFIG_HOME: join(this.scratch, 'config'),
      XDG_STATE_HOME: options.stateHome ?? join(this.scratch, 'state'),
      XDG_CACHE_HOME: join(this.scratch, 'cache'),
      XDG_RUNTIME_DIR: join(this.scratch, 'run'),
      ...(options.nodeOptions === undefined ? {} : { NODE_OPTIONS: options.nodeOptions }),
      ...options.env,
    }
  }

  /** `cloudreve-mount …` to its end. */
  cli(args: readonly string[], options: MountOptions = {}): Promise<Ran> {
    const env = this.environment(options)
    return runToEnd(process.execPath, [this.#commandLine, ...args], { env, timeout: commandTimeoutMs })
  }

  /** Mounts in the background, as a user does; returns when programs can use the folder. */
  async mount(options: MountOptions = {}): Promise<Mount> {
    const { exitCode, stderr } = await this.cli([this.mountpoint, ...(options.args ?? [])], options)
    if (exitCode !== 0) throw new Error(`the mount ended with ${exitCode}: ${stderr}`)
    return this.current()
  }

  /** The mount that somebody has made with `cli`. */
  async current(): Promise<Mount> {
    const mount = new Mount(this, await this.#record())
    this.#mounts.push(mount)
    return mount
  }

  mark(): RequestMark {
    return markRequests(this.server)
  }

  /** A mount is about to be killed: what it asks for just then is cut by that, and by nobody else. */
  expectCuts(): void {
    this.#cutsAreExpected = true
  }

  /** A process is about to be killed: the kernel keeps what it had mounted. */
  expectDeath(): void {
    this.#deathsAreExpected = true
  }

  /**
   * Ends what is still mounted, also what a case that went wrong never came to know of, and asserts that no process left its
   * folder mounted and that no request was cut that could have harmed a server.
   */
  async close(): Promise<void> {
    this.server.faults.clear()
    await this.#endAll()
    const left = await this.#unmountLeft()
    const cut = this.server.requests.cutRequests.map(({ route, path }) => `${route} ${path}`)
    await this.server.close()
    await rm(this.scratch, { recursive: true, force: true })
    if (!this.#deathsAreExpected) assert.deepEqual(left, [], 'folders left mounted by processes that ended')
    if (!this.#cutsAreExpected)
      assert.deepEqual(cut, [], 'requests that were cut while the server worked on them')
  }

  async #endAll(): Promise<void> {
    const records = await this.#records()
    for (const { mountpoint } of records) await this.cli(['umount', '--force', mountpoint])
    const served = new Set(records.map(({ pid }) => pid))
    for (const mount of this.#mounts) if (!served.has(mount.pid)) await mount.terminate()
    for (const record of records) await new Mount(this, record).endInTime()
  }

  /** Whatever is mounted in this workplace; one that somebody mounted over another comes first. */
  async #unmountLeft(): Promise<string[]> {
    const inside = (await readMounts()).filter(({ mountpoint }) => mountpoint.startsWith(`${this.scratch}/`))
    const left = inside.map(({ mountpoint }) => mountpoint).reverse()
    for (const mountpoint of left) await lazyUnmount(mountpoint)
    return left
  }

  #records(): Promise<RunningMount[]> {
    return listRunning(join(this.scratch, 'run/cloudreve-mount'))
  }

  async #record(): Promise<RunningMount> {
    const record = (await this.#records()).find(({ mountpoint }) => mountpoint === this.mountpoint)
    if (!record) throw new Error('the mount left no record of itself')
    return record
  }
}

export class Mount {
  readonly pid: number
  readonly #place: Workplace
  readonly #record: RunningMount

  constructor(place: Workplace, record: RunningMount) {
    this.pid = record.pid
    this.#place = place
    this.#record = record
  }

  /** Resolves when everything written so far is at the server. */
  async settle(): Promise<void> {
    // close(2) does not wait for the release that it causes: a question which the kernel never answers itself, and which costs
    // no request, comes after it.
    await assert.rejects(getxattr(this.#place.mountpoint, 'user.barrier'), { code: 'ENODATA' })
    const result = await this.#ask('flush')
    assert.deepEqual(result, { leftFiles: 0, leftOthers: 0 }, 'what could not be sent')
  }

  status(): Promise<Readonly<Record<string, unknown>>> {
    return this.#ask('status') as Promise<Readonly<Record<string, unknown>>>
  }

  /** `cloudreve-mount umount`, then waits until the process is gone. */
  async unmount(): Promise<void> {
    const { exitCode, stderr } = await this.#place.cli(['umount', this.#place.mountpoint])
    if (exitCode !== 0) throw new Error(`umount ended with ${exitCode}: ${stderr}`)
    await this.gone()
  }

  kill(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL') this.#place.expectDeath()
    process.kill(this.pid, signal)
  }

  /** Resolves when the serving process has ended. */
  gone(): Promise<void> {
    return untilProcessEnds(this.pid)
  }

  async endIfRunning(): Promise<void> {
    if (!(await isProcessAlive(this.pid))) return
    await this.#place.cli(['umount', '--force', this.#record.mountpoint])
    await this.endInTime()
  }

  /** Ends a process that nobody can ask any more. */
  async terminate(): Promise<void> {
    if (!(await isProcessAlive(this.pid))) return
    this.kill('SIGTERM')
    await this.endInTime()
  }

  /** Waits for an end that is on its way, or brings it about. */
  async endInTime(): Promise<void> {
    const giveUp = setTimeout(() => this.kill('SIGKILL'), 30_000)
    await this.gone()
    clearTimeout(giveUp)
  }

  async #ask(method: string): Promise<Json> {
    const client = await connectTo(this.#record)
    try {
      return await client.call(method)
    } finally {
      client.close()
    }
  }
}

/** Same files with the same bytes and modes on both sides, as `diff -r` and `find` tell. */
export async function expectSameTree(a: string, b: string): Promise<void> {
  assert.equal(await run('diff', ['-r', '--no-dereference', a, b]), '')
  assert.equal(await modesOf(a), await modesOf(b))
}

async function modesOf(folder: string): Promise<string> {
  const listing = await run('find', [folder, '-type', 'f', '-printf', '%P %m\n'])
  return listing.split('\n').sort().join('\n')
}
