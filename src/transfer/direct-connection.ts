import { connect as connectPlain, isIP, type OnReadOpts, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Clock } from '../base/clock.ts'

/** Who uses a connection, and says where its bytes go. */
export interface Receiver {
  /** Where the next bytes may go: no more than fit are read. Asked after each time that some have come. */
  memory: () => Uint8Array
  /** These have come, into what `memory` has answered to this receiver or to the one before. */
  came: (bytes: Uint8Array) => void
  /** Nothing will come any more; with an error when the connection broke. */
  over: (error?: Error) => void
}

export interface ConnectOptions {
  readonly clock: Clock
  /** Per phase: name look-up, TCP, TLS. */
  readonly connectTimeoutMs: number
  /** Of an earlier connection to the same place. */
  readonly session?: Buffer | undefined
  readonly onSession?: (session: Buffer) => void
  readonly onClose: () => void
}

/** Taken over at once by whoever it is given to: connections can share it. */
const scratch = new Uint8Array(Buffer.allocUnsafeSlow(64 * 1024).buffer)

/** Where bytes go that nobody has a place for yet. */
export const sharedMemory = (): Uint8Array => scratch

/**
 * A connection that reads into the memory of whoever uses it. A stream of Node hands out pieces of 64 KiB, each in memory of
 * its own.
 */
export class DirectConnection {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #onClose: () => void
  #receiver: Receiver
  #isPaused = false
  #cancelPhase = () => {}
  #cancelRest = () => {}

  /** Connects. What is written meanwhile leaves afterwards. */
  constructor(url: URL, receiver: Receiver, options: ConnectOptions) {
    this.#receiver = receiver
    this.#clock = options.clock
    this.#onClose = options.onClose
    this.#socket = openSocket(url, options, {
      buffer: () => this.#receiver.memory(),
      callback: (length, memory) => {
        this.#receiver.came(memory.subarray(0, length))
        return !this.#isPaused
      },
    })
    this.#limitPhases(url.protocol === 'https:' ? 'secureConnect' : 'connect', options)
    this.#socket.on('end', () => this.#receiver.over())
    this.#socket.on('error', (error) => this.#receiver.over(error))
    this.#socket.on('close', () => {
      this.#cancelPhase()
      this.#cancelRest()
      this.#onClose()
      this.#receiver.over()
    })
  }

  get isUsable(): boolean {
    return this.#socket.writable && !this.#socket.destroyed
  }

  use(receiver: Receiver): void {
    this.#receiver = receiver
    this.#cancelRest()
    this.#socket.ref()
    this.resume()
  }

  /** Nobody uses it: closes it after `idleMs`, or as soon as anything comes. It does not keep the process alive. */
  rest(idleMs: number): void {
    this.#receiver = { memory: sharedMemory, came: () => this.destroy(), over: () => {} }
    this.#cancelRest = this.#clock.after(idleMs, () => this.destroy())
    this.#socket.unref()
    this.resume()
  }

  write(bytes: Uint8Array | string, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, encoding, done)
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #limitPhases(last: 'connect' | 'secureConnect', { clock, connectTimeoutMs }: ConnectOptions): void {
    const begin = () => {
      this.#cancelPhase()
      const late = Object.assign(new Error('connecting took too long'), { code: 'ETIMEDOUT' })
      this.#cancelPhase = clock.after(connectTimeoutMs, () => this.#socket.destroy(late))
    }
    begin()
    this.#socket.once('lookup', begin)
    this.#socket.once('connect', begin)
    this.#socket.once(last, () => this.#cancelPhase())
  }
}

function openSocket(url: URL, { session, onSession }: ConnectOptions, onread: OnReadOpts): Socket {
  // IPv6 addresses have brackets in a URL.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const place = { host, keepAlive: true, noDelay: true, onread }
  if (url.protocol !== 'https:') return connectPlain({ ...place, port: Number(url.port || 80) })
  const socket = connectTls({
    ...place,
    port: Number(url.port || 443),
    ALPNProtocols: ['http/1.1'],
    ...(isIP(host) === 0 && { servername: host }),
    ...(session && { session }),
  })
  socket.on('session', (next: Buffer) => onSession?.(next))
  return socket
}
