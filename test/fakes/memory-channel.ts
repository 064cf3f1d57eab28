import { readSync } from 'node:fs'
import { Errno } from '../../src/base/errno.ts'
import type { Channel, ChannelListener } from '../../src/fuse/native/channel.ts'

export interface MemoryReply {
  readonly unique: number
  /** Positive; 0 for success. */
  readonly errno: number
  readonly body: Buffer
}

const HEADER_BYTES = 40
const POISON = 0xa5
/** The memory of a request is larger than the request. */
const BEHIND_BYTES = 64

/**
 * A kernel's side of the pipe in memory, as strict as the real one and stricter: an answer to something that was not asked, a
 * second answer, one whose length is wrong, and memory that is used after it was given back are all found out.
 */
export class MemoryChannel implements Channel {
  readonly replies: MemoryReply[] = []
  readonly notifications: Buffer[] = []
  /** How many of them are taken. */
  notificationRoom = Infinity
  readonly keptSlots = new Set<number>()
  /** What the next answer is met with: ENOENT when nobody waits any more; with another one it is still waited for. */
  nextReplyErrno = 0
  /** What an answer to a certain request is met with. */
  readonly refusals = new Map<number, number>()
  /** How many messages came in one call. */
  readonly together: number[] = []
  /** What reading a file is met with: EAGAIN when the kernel does not have its bytes in memory. */
  fileErrno = 0
  /** How often an answer was to come straight from a file. */
  fileReplies = 0
  isClosed = false
  readonly #waiting = new Map<number, (reply: MemoryReply) => void>()
  readonly #slots = new Map<number, Buffer>()
  /** Slots of the requests that are being handed over. */
  #batch: number[] = []
  /** Who asks. */
  uid = 1000
  #listener: ChannelListener | undefined
  #nextUnique = 2
  #nextSlot = 0

  open(listener: ChannelListener): Channel {
    this.#listener = listener
    return this
  }

  /** Requests that are not answered. */
  get unanswered(): number {
    return this.#waiting.size
  }

  /** Sends a request and resolves with its answer; `sent` is told its number. */
  ask(opcode: number, ino: number, body: Buffer, sent?: (unique: number) => void): Promise<MemoryReply> {
    const { answer, message, unique } = this.request(opcode, ino, body)
    sent?.(unique)
    this.deliver(message)
    return answer
  }

  /** A request to be delivered, maybe together with others. */
  request(opcode: number, ino: number, body: Buffer) {
    const unique = this.#takeUnique()
    const answer = new Promise<MemoryReply>((resolve) => this.#waiting.set(unique, resolve))
    return { unique, answer, message: frame(opcode, unique, ino, body, this.uid) }
  }

  /** Sends what is never answered. */
  tell(opcode: number, ino: number, body: Buffer): void {
    this.deliver(frame(opcode, this.#takeUnique(), ino, body))
  }

  /** Hands requests over together, each in memory that is spoilt as soon as it may be used for the next request. */
  deliver(...requests: Buffer[]): void {
    this.#batch = requests.map((bytes) => {
      this.#nextSlot += 1
      this.#slots.set(this.#nextSlot, Buffer.concat([bytes, Buffer.alloc(BEHIND_BYTES, POISON)]))
      return this.#nextSlot
    })
    const batch = this.#batch
    this.#listener!.onRequests(...batch.map((slot) => this.#slots.get(slot)!))
    this.#batch = []
    for (const slot of batch) if (!this.keptSlots.has(slot)) this.#spoil(slot)
  }

  end(errno: number): void {
    this.#listener!.onEnd(errno)
  }

  keep(index: number): number {
    const slot = this.#batch[index]
    if (slot === undefined || this.keptSlots.has(slot)) throw new Error(`request ${index} cannot be kept`)
    this.keptSlots.add(slot)
    return slot
  }

  release(slot: number): void {
    if (!this.keptSlots.delete(slot)) throw new Error(`slot ${slot} was not kept`)
    this.#spoil(slot)
  }

  reply(messages: Buffer, lengthBytes: number, body?: Uint8Array): readonly number[] | undefined {
    const all = Buffer.concat([messages.subarray(0, lengthBytes), body ?? Buffer.alloc(0)])
    const errnos: number[] = []
    let index = 0
    for (let at = 0; at < all.length; index += 1) {
      const end = at + all.readUInt32LE(at)
      if (end > all.length) throw new Error('an answer is longer than the room that it is in')
      if (end > lengthBytes && end < all.length) throw new Error('an answer ends in the middle of its body')
      const errno = this.#take(all.subarray(at, end))
      if (errno !== 0) errnos[index] = errno
      at = (end + 7) & ~7
    }
    this.together.push(index)
    return errnos.length > 0 ? errnos : undefined
  }

  #take(message: Buffer): number {
    if (message.readUInt32LE(0) !== message.length) throw new Error('an answer is not as long as it says')
    const unique = Number(message.readBigUInt64LE(8))
    const resolve = this.#waiting.get(unique)
    if (!resolve) throw new Error(`nobody waits for an answer to ${unique}`)
    const errno = this.refusals.get(unique) ?? this.nextReplyErrno
    this.refusals.delete(unique)
    this.nextReplyErrno = 0
    // The kernel did not take it, and goes on waiting.
    if (errno !== 0 && errno !== Errno.ENOENT) return errno
    this.#waiting.delete(unique)
    const reply = { unique, errno: Math.abs(message.readInt32LE(4)), body: message.subarray(16) }
    this.replies.push(reply)
    resolve(reply)
    return errno
  }

  replyFromCachedFile(header: Buffer, fd: number, offset: number, length: number): number {
    this.fileReplies += 1
    if (this.fileErrno !== 0) return this.fileErrno
    const body = Buffer.alloc(length)
    if (readSync(fd, body, 0, length, offset) < length) return Errno.EIO
    return this.#take(Buffer.concat([header, body]))
  }

  notify(message: Buffer): boolean {
    if (this.notifications.length >= this.notificationRoom) return false
    this.notifications.push(Buffer.from(message))
    return true
  }

  close(): void {
    this.isClosed = true
  }

  #takeUnique(): number {
    this.#nextUnique += 2
    return this.#nextUnique
  }

  #spoil(slot: number): void {
    this.#slots.get(slot)!.fill(POISON)
    this.#slots.delete(slot)
  }
}

/** A whole request by user 1000, group 100, process 4242. */
export function frame(opcode: number, unique: number, ino: number, body: Buffer, uid = 1000): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(HEADER_BYTES + body.length, 0)
  header.writeUInt32LE(opcode, 4)
  header.writeBigUInt64LE(BigInt(unique), 8)
  header.writeBigUInt64LE(BigInt(ino), 16)
  header.writeUInt32LE(uid, 24)
  header.writeUInt32LE(100, 28)
  header.writeUInt32LE(4242, 32)
  return Buffer.concat([header, body])
}
