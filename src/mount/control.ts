import { chmod } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { once, setMaxListeners } from 'node:events'
import { messageOf } from '../base/error-message.ts'
import type { Log } from '../base/log.ts'
import { onJsonLines, writeJsonLine } from './json-lines.ts'
import { MountError, type ControlMethod, type ControlMethods, type Json } from './spec.ts'

/**
 * The protocol, one JSON object a line. Asked: `{"id":1,"mountpoint":"/home/anna/cloud","method":"status","params":null}`, where
 * the mountpoint may be left out when the process serves one folder alone, or the question is about none. Answered, with the same id: any number
 * of `{"id":1,"progress":...}`, then one `{"id":1,"result":...}` or `{"id":1,"error":{"message":"...","kind":"other"}}`. Calls of one
 * connection run side by side; closing it aborts them.
 */
interface Request {
  readonly id: number
  readonly mountpoint?: string
  readonly method: string
  readonly params: Json
}

export interface ControlParts {
  readonly socketPath: string
  readonly log: Log
  /** Questions that are about no mount. */
  readonly methods?: ControlMethods
}

/** Answers questions to a process and about its mounts, over a socket that only its user may open. */
export class ControlServer {
  readonly #log: Log
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Of the process itself. */
  readonly #methods: ControlMethods
  /** The newest last: a folder may be mounted again before everything that its former mount left is sent. */
  readonly #mounts: { readonly mountpoint: string; readonly methods: ControlMethods }[] = []

  private constructor({ log, methods = {} }: ControlParts) {
    this.#log = log
    this.#methods = methods
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /** The folder of the socket must be closed to others: until `chmod` the socket's own mode is the umask's. */
  static async start(parts: ControlParts): Promise<ControlServer> {
    const control = new ControlServer(parts)
    control.#server.listen(parts.socketPath)
    await once(control.#server, 'listening')
    await chmod(parts.socketPath, 0o600)
    control.#server.unref()
    return control
  }

  /** Answers questions about one mount from now on, until the returned function is called. */
  add(mountpoint: string, methods: ControlMethods): () => void {
    const mount = { mountpoint, methods }
    this.#mounts.push(mount)
    return () => {
      const index = this.#mounts.indexOf(mount)
      if (index >= 0) this.#mounts.splice(index, 1)
    }
  }

  /** Ends the connections after what was answered so far has left. */
  async close(): Promise<void> {
    this.#server.close()
    const ends = [...this.#sockets].map((socket) => new Promise<void>((resolve) => socket.end(resolve)))
    await Promise.race([Promise.all(ends), once(this.#server, 'close')])
    for (const socket of this.#sockets) socket.destroy()
  }

  #serve(socket: Socket): void {
    const gone = new AbortController()
    setMaxListeners(0, gone.signal)
    this.#sockets.add(socket)
    socket.on('error', (error) => this.#log.warn('a control connection broke', { reason: error.message }))
    socket.on('close', () => {
      this.#sockets.delete(socket)
      gone.abort(new Error('the asker is gone'))
    })
    onJsonLines(socket, (message) => {
      if (isRequest(message)) void this.#answer(socket, message, gone.signal)
      else socket.destroy(new Error('a request that is none'))
    })
  }

  async #answer(socket: Socket, request: Request, signal: AbortSignal): Promise<void> {
    const { id, method, params } = request
    try {
      const run = this.#find(request)
      const progress = (event: Json) => writeJsonLine(socket, { id, progress: event })
      writeJsonLine(socket, { id, result: await run({ params, signal, progress }) })
    } catch (error) {
      const message = messageOf(error)
      this.#log.debug('a control call failed', { method, reason: message })
      writeJsonLine(socket, {
        id,
        error: { message, kind: error instanceof MountError ? error.kind : 'other' },
      })
    }
  }

  /** @throws {Error} a sentence */
  #find({ method, mountpoint }: Request): ControlMethod {
    const own = methodIn(this.#methods, method)
    if (own) return own
    const mounts = this.#mounts.filter((mount) => mountpoint === undefined || mount.mountpoint === mountpoint)
    if (mountpoint === undefined && mounts.length > 1)
      throw new Error(`this process serves several folders: say which one "${method}" is about`)
    const mount = mounts.at(-1)
    if (!mount) throw new Error(`${mountpoint ?? 'the folder'} is not mounted by this process (any more)`)
    const run = methodIn(mount.methods, method)
    if (!run) throw new Error(`this mount cannot answer "${method}" (is it of another version?)`)
    return run
  }
}

function methodIn(methods: ControlMethods, name: string): ControlMethod | undefined {
  return Object.hasOwn(methods, name) ? methods[name] : undefined
}

function isRequest(message: unknown): message is Request {
  const { id, mountpoint, method, params } = (message ?? {}) as Partial<Record<keyof Request, unknown>>
  const isAboutOne = mountpoint === undefined || typeof mountpoint === 'string'
  return typeof id === 'number' && isAboutOne && typeof method === 'string' && params !== undefined
}
