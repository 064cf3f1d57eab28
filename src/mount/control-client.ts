import { realpath } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { dirname, join, basename, resolve } from 'node:path'
import { onJsonLines, writeJsonLine } from './json-lines.ts'
import { listRunning } from './registry.ts'
import { defaultRuntimeFolder } from './runtime-folder.ts'
import { MountError, type ControlClient, type Json, type MountFailure, type RunningMount } from './spec.ts'

interface Answer {
  readonly id: number
  readonly progress?: Json
  readonly result?: Json
  readonly error?: { readonly message: string; readonly kind?: MountFailure }
}

interface Waiting {
  readonly onProgress: (event: Json) => void
  readonly resolve: (result: Json) => void
  readonly reject: (error: Error) => void
}

/**
 * Reaches the process that serves the mount at, or above, `path`.
 *
 * @throws {MountError} when there is none.
 */
export async function controlClient(
  path: string,
  runtimeFolder: string = defaultRuntimeFolder(),
): Promise<ControlClient> {
  const running = await listRunning(runtimeFolder)
  const mount = mountOf(running, resolve(path)) ?? mountOf(running, await realParent(path))
  if (!mount) throw new MountError(`${path} is not in a folder that cloudreve-mount serves`)
  return connectTo(mount)
}

/** The mount whose folder `path` is, or is in; the innermost one, and rather a mounted one than one that was there before. */
export function mountOf(running: readonly RunningMount[], path: string): RunningMount | undefined {
  return running
    .filter(({ mountpoint }) => path === mountpoint || path.startsWith(`${mountpoint}/`))
    .sort((a, b) => b.mountpoint.length - a.mountpoint.length || hasLeft(a) - hasLeft(b))[0]
}

function hasLeft({ state }: RunningMount): number {
  return state === 'draining' ? 1 : 0
}

/** Links in the folders above are followed; the last name is not touched, because its mount may be stuck. */
async function realParent(path: string): Promise<string> {
  const full = resolve(path)
  const parent = await realpath(dirname(full)).catch((error: NodeJS.ErrnoException) => {
    throw new MountError(`${path} cannot be found: ${error.message}`, { cause: error })
  })
  return join(parent, basename(full))
}

/**
 * What is asked is about the mount.
 * @throws {MountError} when the process does not answer.
 */
export async function connectTo(mount: RunningMount): Promise<ControlClient> {
  const socket = connect(mount.socketPath)
  await once(socket, 'connect').catch((error: Error) => {
    throw new MountError(`process ${mount.pid}, which serves ${mount.mountpoint}, does not answer`, {
      cause: error,
      kind: 'ending',
    })
  })
  return new SocketClient(socket, mount)
}

class SocketClient implements ControlClient {
  readonly #socket: Socket
  readonly #waiting = new Map<number, Waiting>()
  readonly #mountpoint: string
  readonly #gone: string
  #nextId = 1

  constructor(socket: Socket, { pid, mountpoint }: RunningMount) {
    this.#socket = socket
    this.#mountpoint = mountpoint
    this.#gone = `process ${pid}, which served ${mountpoint}, ended before it answered`
    onJsonLines(socket, (message) => this.#take(message as Answer))
    // A broken connection is told by 'close', which follows.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#failAll())
  }

  call(
    method: string,
    params: Json = null,
    onProgress: (event: Json) => void = () => undefined,
  ): Promise<Json> {
    return new Promise((resolve, reject) => {
      if (!this.#socket.writable) return reject(new MountError(this.#gone))
      const id = this.#nextId++
      this.#waiting.set(id, { onProgress, resolve, reject })
      return writeJsonLine(this.#socket, { id, mountpoint: this.#mountpoint, method, params })
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take({ id, progress, result, error }: Answer): void {
    const waiting = this.#waiting.get(id)
    if (!waiting) return
    if (progress !== undefined) return waiting.onProgress(progress)
    this.#waiting.delete(id)
    if (error) waiting.reject(new MountError(error.message, { kind: error.kind ?? 'other' }))
    else waiting.resolve(result ?? null)
  }

  #failAll(): void {
    for (const { reject } of this.#waiting.values()) reject(new MountError(this.#gone))
    this.#waiting.clear()
  }
}
