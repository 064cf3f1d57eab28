import { Errno, errnoName } from '../../base/errno.ts'
import type { Log } from '../../base/log.ts'
import { Size } from './abi.ts'
import type { Answer } from './answer.ts'
import type { Channel } from './channel.ts'
import { encodeError } from './encode.ts'

const ROOM_BYTES = 65_536
/** Copying so much costs less than a call of the addon. */
const MAX_COPIED_BYTES = 8_192

interface Sent {
  readonly unique: number
  readonly undo: (() => void) | undefined
}

/**
 * Answers on their way to the kernel. Those to requests that came together leave together, in one call of the addon. What was
 * not taken is undone.
 */
export class Outbox {
  readonly #channel: Pick<Channel, 'reply'>
  readonly #log: Log
  readonly #bytes = Buffer.alloc(ROOM_BYTES)
  #usedBytes = 0
  #sent: Sent[] = []
  #isGathering = false

  constructor(channel: Pick<Channel, 'reply'>, log: Log) {
    this.#channel = channel
    this.#log = log
  }

  /** What is added from now on waits for `flush`. */
  gather(): void {
    this.#isGathering = true
  }

  /** `body` of the answer is the caller's again. */
  add(unique: number, { encode, body, undo }: Answer): void {
    const isLarge = body !== undefined && body.length > MAX_COPIED_BYTES
    if (this.#usedBytes + 2 * MAX_COPIED_BYTES > ROOM_BYTES) this.#send()
    const message = encode()
    this.#bytes.set(message, this.#usedBytes)
    let end = this.#usedBytes + message.length
    if (body && !isLarge) {
      this.#bytes.set(body, end)
      end += body.length
    }
    // Messages begin at multiples of eight bytes.
    this.#usedBytes = (end + 7) & ~7
    this.#sent.push({ unique, undo })
    if (isLarge) this.#send(body)
    else if (!this.#isGathering) this.#send()
  }

  /** Sends what was gathered. */
  flush(): void {
    this.#isGathering = false
    if (this.#usedBytes > 0) this.#send()
  }

  /** `body`: where the last answer goes on. */
  #send(body?: Uint8Array): void {
    const sent = this.#sent
    const errnos = this.#channel.reply(this.#bytes, this.#usedBytes, body)
    this.#usedBytes = 0
    this.#sent = []
    errnos?.forEach((errno, index) => this.#notTaken(sent[index]!, errno))
  }

  #notTaken({ unique, undo }: Sent, errno: number): void {
    // ENOENT: whoever asked was killed meanwhile.
    if (errno !== Errno.ENOENT) {
      this.#log.warn('an answer was not taken', { unique, errno: errnoName(errno) })
      // Short of memory, say. Somebody waits: an error without a body is taken where nothing else is.
      this.#channel.reply(encodeError(unique, Errno.EIO), Size.OUT_HEADER)
    }
    undo?.()
  }
}
