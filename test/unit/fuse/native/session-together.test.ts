import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { FsError } from '../../../../src/core/errors.ts'
import type { Entry, Ino } from '../../../../src/core/types.ts'
import { Opcode } from '../../../../src/fuse/native/abi.ts'
import { frame } from '../../../fakes/memory-channel.ts'
import { name, nothing, only, ROOT, serving, u64, window } from './session-bench.ts'

const time = { seconds: 0, nanoseconds: 0 }
const attrOf = (ino: number) => ({
  ...{ ino, kind: 'file' as const, sizeBytes: 0, mode: 0o644, nlink: 1, uid: 0, gid: 0 },
  ...{ atime: time, mtime: time, ctime: time },
})
const entryOf = (ino: number): Entry => ({
  ...{ ino: ino as Ino, generation: 0, attr: attrOf(ino), entryTtlMs: 0, attrTtlMs: 0 },
})

/** A filesystem that knows everything; node 13 it fails on, and 14 it has to wait for. */
function knowing() {
  const forgotten: number[] = []
  const fileSystem = only({
    getattr(ino) {
      if (ino === 13) throw new FsError(Errno.ESTALE, 'no such node')
      if (ino === 14) return Promise.resolve({ attr: attrOf(ino), attrTtlMs: 0 })
      return { attr: attrOf(ino), attrTtlMs: 0 }
    },
    lookup: (_parent, text) => entryOf(Number(text)),
    read: (fh, _offset, length) => Buffer.alloc(length, fh),
  })
  fileSystem.forget = (ino) => void forgotten.push(ino)
  return { fileSystem, forgotten }
}

async function servingKnown() {
  const { fileSystem, forgotten } = knowing()
  const parts = await serving({ fileSystem })
  parts.channel.together.length = 0
  const getattr = (ino: number) => parts.channel.request(Opcode.GETATTR, ino, Buffer.alloc(16))
  const lookup = (ino: number) => parts.channel.request(Opcode.LOOKUP, ROOT, name(String(ino)))
  return { ...parts, forgotten, getattr, lookup }
}

describe('requests that came together', () => {
  it('are answered together, before the call returns, where the answers are known', async () => {
    const { channel, getattr } = await servingKnown()
    const asked = [5, 6, 7].map((ino) => getattr(ino))
    channel.deliver(...asked.map(({ message }) => message))
    expect([channel.unanswered, channel.together]).toEqual([0, [3]])
    const answers = await Promise.all(asked.map(({ answer }) => answer))
    expect(answers.map(({ body }) => Number(body.readBigUInt64LE(16)))).toEqual([5, 6, 7])
  })

  it('do not suffer from one that fails, cannot be read, is not to be answered, or has to be waited for', async () => {
    const { channel, getattr } = await servingKnown()
    const [first, failing, slow, last] = [5, 13, 14, 6].map((ino) => getattr(ino))
    const cut = channel.request(Opcode.GETATTR, 5, nothing)
    const forget = frame(Opcode.FORGET, 9_999, 5, u64(1))
    const messages = [first!, failing!, slow!, cut].map(({ message }) => message)
    channel.deliver(...messages, Buffer.alloc(40), forget, last!.message)
    expect([channel.unanswered, channel.together]).toEqual([1, [4]])
    const answers = await Promise.all([first!, failing!, slow!, cut, last!].map(({ answer }) => answer))
    expect(answers.map(({ errno }) => errno)).toEqual([0, Errno.ESTALE, 0, Errno.EINVAL, 0])
    expect(channel.together).toEqual([4, 1])
  })

  it('only of the one whose answer was not taken is anything taken back', async () => {
    const { channel, lookup, forgotten } = await servingKnown()
    const asked = [5, 6, 7].map((ino) => lookup(ino))
    channel.refusals.set(asked[1]!.unique, Errno.ENOENT)
    channel.deliver(...asked.map(({ message }) => message))
    await Promise.all(asked.map(({ answer }) => answer))
    expect(forgotten).toEqual([6])
  })

  it('each program is told when the kernel could not take its answer', async () => {
    const { channel, lookup, forgotten } = await servingKnown()
    const asked = [5, 6, 7].map((ino) => lookup(ino))
    channel.refusals.set(asked[0]!.unique, Errno.ENOMEM).set(asked[2]!.unique, Errno.ENOMEM)
    channel.deliver(...asked.map(({ message }) => message))
    const answers = await Promise.all(asked.map(({ answer }) => answer))
    expect(answers.map(({ errno }) => errno)).toEqual([Errno.EIO, 0, Errno.EIO])
    expect(forgotten).toEqual([5, 7])
  })

  it('have their own bytes, however many there are', async () => {
    const { channel } = await servingKnown()
    const sizes = Array.from({ length: 40 }, (_, i) => (i % 4 === 0 ? 20_000 + i : 4_000 + i))
    const asked = sizes.map((size, i) => channel.request(Opcode.READ, 5, window(i, 0, size)))
    channel.deliver(...asked.map(({ message }) => message))
    expect(channel.unanswered).toBe(0)
    const answers = await Promise.all(asked.map(({ answer }) => answer))
    expect(answers.every(({ body }, i) => body.equals(Buffer.alloc(sizes[i]!, i)))).toBe(true)
  })

  it('an interrupt reaches the one before it', async () => {
    const statfs = only({
      statfs: ({ signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        ),
    })
    const { channel } = await serving({ fileSystem: statfs })
    const asked = channel.request(Opcode.STATFS, ROOT, nothing)
    channel.deliver(asked.message, frame(Opcode.INTERRUPT, 9_999, 0, u64(asked.unique)))
    expect((await asked.answer).errno).toBe(Errno.EINTR)
    await turn()
    expect(channel.replies).toHaveLength(2)
  })
})
