/** The mounts that run on this machine, as commands ask for them. */
import { realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { isDeadMountCode } from '../base/dead-mount.ts'
import { controlClient, mountOf } from '../mount/control-client.ts'
import { listRunning } from '../mount/registry.ts'
import type { Json, RunningMount } from '../mount/spec.ts'
import { CliError, exitCodes } from './exit-codes.ts'

export interface Mounts {
  list(): Promise<readonly RunningMount[]>
  at(mountpoint: string): Promise<RunningMount | undefined>
  /** Asks the process that serves `mountpoint`. @throws {MountError} with its sentence, or when it is gone */
  call<Result>(
    mountpoint: string,
    method: string,
    params?: Json,
    onProgress?: (event: Json) => void,
  ): Promise<Result>
  /** Asks the process that serves the mount in which `path` lies, passing it the absolute `path` too. */
  callAt<Result>(
    path: string,
    method: string,
    params?: { readonly [name: string]: Json },
    onProgress?: (event: Json) => void,
  ): Promise<Result>
}

export class RunningMounts implements Mounts {
  readonly #runtimeFolder: string

  constructor(runtimeFolder: string) {
    this.#runtimeFolder = runtimeFolder
  }

  list(): Promise<readonly RunningMount[]> {
    return listRunning(this.#runtimeFolder)
  }

  async at(mountpoint: string): Promise<RunningMount | undefined> {
    const running = await this.list()
    const spellings = await spellingsOf(mountpoint)
    const there = running.filter((mount) => spellings.includes(mount.mountpoint))
    return there.find(({ state }) => state !== 'draining') ?? there[0]
  }

  async call<Result>(
    mountpoint: string,
    method: string,
    params: Json = null,
    onProgress?: (event: Json) => void,
  ): Promise<Result> {
    const client = await controlClient(mountpoint, this.#runtimeFolder)
    try {
      return (await client.call(method, params, onProgress)) as Result
    } finally {
      client.close()
    }
  }

  async callAt<Result>(
    path: string,
    method: string,
    params: { readonly [name: string]: Json } = {},
    onProgress?: (event: Json) => void,
  ): Promise<Result> {
    const running = await this.list()
    for (const spelling of await spellingsOf(path)) {
      const mount = mountOf(running, spelling)
      if (mount) return this.call<Result>(mount.mountpoint, method, { ...params, path: spelling }, onProgress)
    }
    throw new CliError(`${path} is not in a folder that cloudreve-mount serves`, exitCodes.notMounted)
  }
}

export function notMounted(mountpoint: string): CliError {
  return new CliError(`nothing is mounted on ${resolve(mountpoint)}`, exitCodes.notMounted)
}

/**
 * The absolute path as it was typed, and with the links in the folders above it followed. The last name is left alone: the
 * mount on it may be dead, and a link in a mount is a file to ask about.
 */
async function spellingsOf(path: string): Promise<string[]> {
  const full = resolve(path)
  const parent = await realpath(dirname(full)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || isDeadMountCode(error.code)) return undefined
    throw error
  })
  return parent === undefined ? [full] : [full, join(parent, basename(full))]
}
