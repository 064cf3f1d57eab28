import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  errorCode,
  type Abilities,
  type Engine,
  type EngineHost,
  type Semantics,
  type ServerView,
} from '../engine.ts'
import { PosixFolder } from './posix-folder.ts'

/** A mount that another process serves, and what can be done to it besides file operations. */
export interface MountUnderTest {
  readonly mountpoint: string
  readonly can: Abilities
  readonly semantics: Semantics
  /** The server's side of a folder of the mount. */
  serverView?(folder: string): ServerView
  /** Resolves when everything accepted is at the server. */
  settle(): Promise<void>
  /** Unmounts in order and mounts again at the same place. */
  remount?(): Promise<void>
  stop(): Promise<void>
}

/** One folder of the mount, of its own for each case. */
class MountedFolder extends PosixFolder implements Engine {
  readonly name: string
  readonly can: Abilities
  readonly semantics: Semantics
  readonly server?: ServerView
  readonly remount?: () => Promise<void>
  readonly #mount: MountUnderTest

  constructor(name: string, mount: MountUnderTest, folder: string) {
    super(join(mount.mountpoint, folder))
    this.name = name
    this.can = mount.can
    this.semantics = mount.semantics
    this.#mount = mount
    const server = mount.serverView?.(folder)
    if (server) this.server = server
    if (mount.remount) this.remount = () => mount.remount!()
  }

  settle(): Promise<void> {
    return this.#mount.settle()
  }

  async close(): Promise<void> {
    await this.remove()
    await this.#mount.settle()
  }
}

/** Runs the cases on a real mountpoint through the kernel. The mount is a process of its own: see `kernel-calls.ts`. */
export class MountHost implements EngineHost {
  readonly name: string
  readonly #begin: () => Promise<MountUnderTest>
  readonly #why: () => Promise<string | undefined>
  #mount: MountUnderTest | undefined
  #folders = 0

  constructor(name: string, why: () => Promise<string | undefined>, begin: () => Promise<MountUnderTest>) {
    this.name = name
    this.#why = why
    this.#begin = begin
  }

  unavailable(): Promise<string | undefined> {
    return this.#why()
  }

  async start(): Promise<void> {
    this.#mount = await this.#begin()
  }

  async fresh(): Promise<Engine> {
    if (!this.#mount) throw new Error(`${this.name} was not started`)
    this.#folders += 1
    const folder = `case-${this.#folders}`
    const mount = await this.#withFolder(this.#mount, folder)
    await mount.settle()
    return new MountedFolder(this.name, mount, folder)
  }

  /** A case that killed the mount has failed by itself; the next ones get a new mount, so that they tell about themselves. */
  async #withFolder(mount: MountUnderTest, folder: string): Promise<MountUnderTest> {
    try {
      await mkdir(join(mount.mountpoint, folder))
      return mount
    } catch (error) {
      if (!['ENOTCONN', 'ECONNABORTED'].includes(errorCode(error) ?? '')) throw error
      console.error('the mount died under the case before; it is mounted anew')
      await mount.stop()
      this.#mount = await this.#begin()
      await mkdir(join(this.#mount.mountpoint, folder))
      return this.#mount
    }
  }

  async stop(): Promise<void> {
    await this.#mount?.stop()
  }
}
