import { chmod } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { once, setMaxListeners } from 'node:events'
import type { Log } from '../base/log.ts'
import { onJsonLines, writeJsonLine } from './json-lines.ts'
import type { ControlMethod, ControlMethods, Json } from './spec.ts'

/**
 * The protocol, one JSON object a line. Asked: `{"id":1,"method":"status","params":null}`. Answered, with the same id: any number
 * of `{"id":1,"progress":...}`, then one `{"id":1,"result":...}` or `{"id":1,"error":{"message":"..."}}`. Calls of one
 * connection run side by side; closing it aborts them.
 */
interface Request {
  readonly id: number
  readonly method: string
  readonly params: Json
}

export interface ControlParts {
  readonly socketPath: string
  readonly log: Log
}

/** Answers questions about a mount, over a socket that only its user may open. */
export class ControlServer {
  readonly #log: Log
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #methods = new Map<string, ControlMethod>()

  private constructor(log: Log) {
    this.#log = log
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /** The folder of the socket must be closed to others: until `chmod` the socket's own mode is the umask's. */
  static async start({ socketPath, log }: ControlParts): Promise<ControlServer> {
    const control = new ControlServer(log)
    control.#server.listen(socketPath)
    await once(control.#server, 'listening')
    await chmod(socketPath, 0o600)
    control.#server.unref()
    return control
  }

  /** Adds methods; a later one of the same name replaces the earlier. */
  add(methods: ControlMethods): void {
    for (const [name, method] of Object.entries(methods)) this.#methods.set(name, method)
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

  async #answer(socket: Socket, { id, method, params }: Request, signal: AbortSignal): Promise<void> {
    const run = this.#methods.get(method)
    try {
      if (!run) throw new Error(`this mount cannot answer "${method}" (is it of another version?)`)
      const progress = (event: Json) => writeJsonLine(socket, { id, progress: event })
      writeJsonLine(socket, { id, result: await run({ params, signal, progress }) })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      this.#log.debug('a control call failed', { method, reason: message })
      writeJsonLine(socket, { id, error: { message } })
    }
  }
}

function isRequest(message: unknown): message is Request {
  const { id, method, params } = (message ?? {}) as Partial<Record<keyof Request, unknown>>
  return typeof id === 'number' && typeof method === 'string' && params !== undefined
}
