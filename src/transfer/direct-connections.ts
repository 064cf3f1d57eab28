import { DirectConnection, type ConnectOptions, type Receiver } from './direct-connection.ts'

/** Connections that nobody used for so long are closed here, before a proxy closes them under a request, ms. */
const idleMs = 20_000
/** Before the server closes one, as it says, ms: a request may be on its way to it by then. */
const idleMarginMs = 1_000

/** Connections that are used one request after the other, by origin. */
export class DirectConnections {
  readonly #options: Pick<ConnectOptions, 'clock' | 'connectTimeoutMs'>
  readonly #all = new Set<DirectConnection>()
  /** Used last at the end. */
  readonly #idle = new Map<string, DirectConnection[]>()
  /** Of TLS, the latest of each origin. */
  readonly #sessions = new Map<string, Buffer>()
  #isClosed = false

  constructor(options: Pick<ConnectOptions, 'clock' | 'connectTimeoutMs'>) {
    this.#options = options
  }

  take(url: URL, receiver: Receiver): DirectConnection {
    const { origin } = url
    const idle = this.#idle.get(origin) ?? []
    for (let found = idle.pop(); found; found = idle.pop()) {
      if (!found.isUsable) continue
      found.use(receiver)
      return found
    }
    const made = new DirectConnection(url, receiver, {
      ...this.#options,
      session: this.#sessions.get(origin),
      onSession: (session) => this.#sessions.set(origin, session),
      onClose: () => this.#forget(origin, made),
    })
    this.#all.add(made)
    return made
  }

  /** Its answer has come to its end. `keepMs`: for so long the server keeps it, if it has said so. */
  giveBack({ origin }: URL, connection: DirectConnection, keepMs = Infinity): void {
    const restMs = Math.min(idleMs, keepMs - idleMarginMs)
    if (this.#isClosed || !connection.isUsable || restMs <= 0) return connection.destroy()
    connection.rest(restMs)
    const idle = this.#idle.get(origin) ?? []
    this.#idle.set(origin, idle)
    idle.push(connection)
  }

  /** Cuts those in use as well. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#all) connection.destroy()
  }

  #forget(origin: string, connection: DirectConnection): void {
    this.#all.delete(connection)
    const left = this.#idle.get(origin)?.filter((other) => other !== connection)
    if (left?.length) this.#idle.set(origin, left)
    else this.#idle.delete(origin)
  }
}
