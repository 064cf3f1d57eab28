import { expect } from 'vitest'
import type { FileSystem } from '../../../../src/core/ports.ts'
import { Opcode } from '../../../../src/fuse/native/abi.ts'
import { KernelNotifier } from '../../../../src/fuse/native/notify.ts'
import { Session } from '../../../../src/fuse/native/session.ts'
import { MemoryChannel, type MemoryReply } from '../../../fakes/memory-channel.ts'
import { ManualClock } from '../../../fakes/manual-clock.ts'
import { MemoryFileSystem } from '../../../fakes/memory-file-system.ts'
import { recordingLog } from '../../../fakes/recording-log.ts'
import { Deferred } from '../../../../src/fuse/native/deferred.ts'

export const ROOT = 1
export const everything = 0xffffffff

export function init(major: number, minor: number, flags = everything, flags2 = everything): Buffer {
  const body = Buffer.alloc(minor >= 36 ? 64 : 16)
  body.writeUInt32LE(major, 0)
  body.writeUInt32LE(minor, 4)
  body.writeUInt32LE(131_072, 8)
  body.writeUInt32LE(flags, 12)
  if (minor >= 36) body.writeUInt32LE(flags2, 16)
  return body
}

export interface Wishes {
  readonly fileSystem?: FileSystem
  readonly writebackCache?: boolean
  readonly negativeTtlMs?: number
}

export function started({ fileSystem, writebackCache = false, negativeTtlMs = 0 }: Wishes = {}) {
  const memory = new MemoryFileSystem()
  const channel = new MemoryChannel()
  const log = recordingLog()
  const clock = new ManualClock()
  const notifier = new KernelNotifier(clock)
  const parts = { fileSystem: fileSystem ?? memory, clock, log, notifier, writebackCache, negativeTtlMs }
  const session = new Session((listener) => channel.open(listener), parts)
  session.ready.catch(() => undefined)
  return { memory, channel, clock, log, notifier, session }
}

export async function serving(wishes: Wishes = {}) {
  const parts = started(wishes)
  await parts.channel.ask(Opcode.INIT, 0, init(7, 45))
  await parts.session.ready
  return parts
}

export const name = (text: string) => Buffer.from(`${text}\0`)
export const nothing = Buffer.alloc(0)

export function u64(...numbers: number[]): Buffer {
  const body = Buffer.alloc(numbers.length * 8)
  numbers.forEach((number, i) => body.writeBigUInt64LE(BigInt(number), i * 8))
  return body
}

export function u32(...numbers: number[]): Buffer {
  const body = Buffer.alloc(numbers.length * 4)
  numbers.forEach((number, i) => body.writeUInt32LE(number, i * 4))
  return body
}

export const idOf = (reply: MemoryReply) => Number(reply.body.readBigUInt64LE(0))

export async function create(
  channel: MemoryChannel,
  text: string,
  openFlags = 0,
): Promise<{ ino: number; fh: number }> {
  const reply = await channel.ask(
    Opcode.CREATE,
    ROOT,
    Buffer.concat([u32(0o102, 0o100644, 0, openFlags), name(text)]),
  )
  expect(reply.errno).toBe(0)
  return { ino: idOf(reply), fh: Number(reply.body.readBigUInt64LE(128)) }
}

export function write(fh: number, offset: number, data: Buffer, flags = 0): Buffer {
  return Buffer.concat([u64(fh, offset), u32(data.length, flags), u64(0), u32(1, 0), data])
}

export function window(fh: number, offset: number, sizeBytes: number): Buffer {
  return Buffer.concat([u64(fh, offset), u32(sizeBytes, 0), u64(0), u32(0, 0)])
}

/** A filesystem of which one operation does what a test wants, and the others are not asked for. */
export function only(operations: Partial<FileSystem>): FileSystem {
  return { ...operations, forget() {} } as FileSystem
}

/** A place where somebody waits until it is opened from outside. */
export function gate(): { readonly passed: Promise<void>; open(this: void): void } {
  const deferred = new Deferred<void>()
  return { passed: deferred.promise, open: () => deferred.resolve() }
}
