import { Duplex } from 'node:stream'
import { sharedMemory, type DirectConnection, type Receiver } from './direct-connection.ts'

/** Whoever has a place for a body. */
export interface BodyTarget {
  /** As long as the body, and not within the memory that connections share. */
  readonly memory: Uint8Array
  /** Read at once at most so much. */
  readonly pieceBytes: () => number
  /** So many bytes have come since the last time. */
  readonly onFilled: (bytes: number) => void
  readonly onFull: () => void
  readonly onBroken: (error: Error | undefined) => void
}

/**
 * What Node's HTTP client takes for its connection, for one request. It hears the head of each answer by itself; then it is
 * said whether the body goes on to the client, or past it into memory that is waiting for it.
 *
 *     head --(the client has read it)--> asked --`bodyInto`--> past the client
 *       ^------------`nextHead`-----------/   `--`passOn`--> through it
 */
export class HttpLine extends Duplex implements Receiver {
  /** For so long the server keeps the connection after this request, if it has said so. */
  keepMs: number | undefined
  readonly #connection: DirectConnection
  #state: 'head' | 'asked' | 'passing' | 'filling' | 'over' = 'head'
  /** What has come and was not handed on. */
  #rest: Uint8Array = new Uint8Array()
  #target: BodyTarget | undefined
  #filled = 0

  constructor(connect: (receiver: Receiver) => DirectConnection) {
    super()
    this.#connection = connect(this)
  }

  get connection(): DirectConnection {
    return this.#connection
  }

  memory(): Uint8Array {
    if (this.#state !== 'filling') return sharedMemory()
    const { memory, pieceBytes } = this.#target!
    return memory.subarray(this.#filled, this.#filled + pieceBytes())
  }

  came(bytes: Uint8Array): void {
    if (this.#state === 'filling') this.#fill(bytes)
    else if (this.#state === 'passing') this.#pass(Buffer.from(bytes))
    else {
      this.#rest = Buffer.concat([this.#rest, bytes])
      if (this.#state === 'head') this.#lookForHead()
    }
  }

  over(error?: Error): void {
    if (this.#state === 'over') return
    const target = this.#target
    this.#state = 'over'
    target?.onBroken(error)
    if (error || target) this.destroy(error)
    else this.push(null)
  }

  /** The head was not the one of the answer: another follows. */
  nextHead(): void {
    this.#whenRead(() => {
      this.#state = 'head'
      this.#connection.resume()
      this.#lookForHead()
    })
  }

  /** The body goes through the client. */
  passOn(): void {
    this.#whenRead(() => {
      this.#state = 'passing'
      this.#connection.resume()
      this.#pass(this.#takeRest())
    })
  }

  /** The body, of just that many bytes, goes past the client, which hears no more. */
  bodyInto(target: BodyTarget): void {
    this.#state = 'filling'
    this.#target = target
    this.#connection.resume()
    const rest = this.#takeRest()
    if (rest.length > 0) this.#fill(rest)
  }

  /** The connection is somebody else's from now on. */
  release(): DirectConnection {
    this.#state = 'over'
    this.destroy()
    return this.#connection
  }

  override _read(): void {
    if (this.#state === 'passing') this.#connection.resume()
  }

  /** The client does so where the connection is not to be used again. */
  override _final(done: (error?: Error | null) => void): void {
    this.#connection.destroy()
    done()
  }

  override _write(bytes: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#connection.write(bytes, encoding, done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#state !== 'over') this.#connection.destroy()
    this.#state = 'over'
    done(error)
  }

  /** The client is in the middle of a head, and must not be given more before its end. */
  #whenRead(goOn: () => void): void {
    process.nextTick(() => {
      if (this.#state === 'asked') goOn()
    })
  }

  #lookForHead(): void {
    const rest = Buffer.from(this.#rest.buffer, this.#rest.byteOffset, this.#rest.byteLength)
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0 && rest.length < sharedMemory().length) return
    this.#rest = end < 0 ? new Uint8Array() : rest.subarray(end + 4)
    this.#state = 'asked'
    // Until the client has read it, which may take a turn of the loop.
    this.#connection.pause()
    this.push(end < 0 ? rest : rest.subarray(0, end + 4))
  }

  #takeRest(): Uint8Array {
    const rest = this.#rest
    this.#rest = new Uint8Array()
    return rest
  }

  #pass(bytes: Uint8Array): void {
    if (bytes.length > 0 && !this.push(bytes)) this.#connection.pause()
  }

  #fill(bytes: Uint8Array): void {
    const { memory, onFilled, onFull } = this.#target!
    const fitting = bytes.subarray(0, memory.length - this.#filled)
    if (bytes.buffer !== memory.buffer) memory.set(fitting, this.#filled)
    this.#filled += fitting.length
    onFilled(fitting.length)
    if (this.#state !== 'filling' || this.#filled < memory.length) return
    if (fitting.length < bytes.length) return this.over(new Error('more bytes came than were announced'))
    this.#state = 'over'
    onFull()
  }
}
