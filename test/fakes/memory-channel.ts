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
  readonly keptSlots = new Set<number>()
  /** What the next answer is met with: ENOENT when nobody waits any more; with another one it is still waited for. */
  nextReplyErrno = 0
  /** What reading a file is met with: EAGAIN when the kernel does not have its bytes in memory. */
  fileErrno = 0
  /** How often an answer was to come straight from a file. */
  fileReplies = 0
  isClosed = false
  readonly #waiting = new Map<number, (reply: MemoryReply) => void>()
  readonly #slots = new Map<number, Buffer>()
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
    return new Promise((resolve) => {
      const unique = this.#takeUnique()
      this.#waiting.set(unique, resolve)
      sent?.(unique)
      this.deliver(frame(opcode, unique, ino, body, this.uid))
    })
  }

  /** Sends what is never answered. */
  tell(opcode: number, ino: number, body: Buffer): void {
    this.deliver(frame(opcode, this.#takeUnique(), ino, body))
  }

  /** Hands raw bytes over, in memory that is spoilt as soon as it may be used for the next request. */
  deliver(bytes: Buffer): void {
    const slot = (this.#nextSlot += 1)
    const memory = Buffer.concat([bytes, Buffer.alloc(BEHIND_BYTES, POISON)])
    this.#slots.set(slot, memory)
    this.#listener!.onRequest(memory, bytes.length, slot)
    if (!this.keptSlots.has(slot)) this.#spoil(slot)
  }

  end(errno: number): void {
    this.#listener!.onEnd(errno)
  }

  keep(slot: number): void {
    if (!this.#slots.has(slot)) throw new Error(`slot ${slot} cannot be kept any more`)
    this.keptSlots.add(slot)
  }

  release(slot: number): void {
    if (!this.keptSlots.delete(slot)) throw new Error(`slot ${slot} was not kept`)
    this.#spoil(slot)
  }

  reply(header: Buffer, body: Uint8Array = Buffer.alloc(0)): number {
    const message = Buffer.concat([header, body])
    if (message.readUInt32LE(0) !== message.length) throw new Error('an answer is not as long as it says')
    const unique = Number(message.readBigUInt64LE(8))
    const resolve = this.#waiting.get(unique)
    if (!resolve) throw new Error(`nobody waits for an answer to ${unique}`)
    const errno = this.nextReplyErrno
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
    return this.reply(header, body)
  }

  notify(message: Buffer): void {
    this.notifications.push(Buffer.from(message))
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
