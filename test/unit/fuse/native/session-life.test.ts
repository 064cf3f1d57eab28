import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { FsError } from '../../../../src/core/errors.ts'
import type { Fh, OpContext } from '../../../../src/core/types.ts'
import { Opcode } from '../../../../src/fuse/native/abi.ts'
import {
  create,
  gate,
  init,
  nothing,
  only,
  ROOT,
  serving,
  started,
  u32,
  u64,
  window,
} from './session-bench.ts'

describe('what goes wrong', () => {
  it('an FsError is answered with its errno and logged at its level', async () => {
    const failure = new FsError(Errno.EDQUOT, 'the drive is full', { level: 'warn' })
    const { channel, log } = await serving({ fileSystem: only({ statfs: () => Promise.reject(failure) }) })
    expect((await channel.ask(Opcode.STATFS, 1, nothing)).errno).toBe(Errno.EDQUOT)
    expect(log.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'EDQUOT: the drive is full' }),
    )
  })

  it('anything else is EIO and an error in the log, also when it is thrown at once', async () => {
    const fileSystem = only({
      statfs() {
        throw new TypeError('a bug')
      },
    })
    const { channel, log } = await serving({ fileSystem })
    expect((await channel.ask(Opcode.STATFS, 1, nothing)).errno).toBe(Errno.EIO)
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  it('more bytes than were asked for never reach the kernel', async () => {
    const { channel } = await serving({ fileSystem: only({ read: async () => Buffer.alloc(11) }) })
    expect((await channel.ask(Opcode.READ, 5, window(1, 0, 10))).errno).toBe(Errno.EIO)
  })

  it('what a program may ask for by mistake is refused without a word to the operator', async () => {
    const { channel, log } = await serving()
    const beyond = Buffer.concat([
      Buffer.alloc(8),
      Buffer.alloc(8, 0xff),
      Buffer.from('0300000000000000', 'hex'),
    ])
    expect((await channel.ask(Opcode.LSEEK, ROOT, beyond)).errno).toBe(Errno.ENXIO)
    expect((await channel.ask(Opcode.MKDIR, ROOT, Buffer.from('ed01000000000000ff00', 'hex'))).errno).toBe(
      Errno.EILSEQ,
    )
    expect(log.lines.filter(({ level }) => level !== 'debug')).toEqual([])
  })

  it('a name that is not UTF-8 is EILSEQ, and a request that is cut EINVAL', async () => {
    const { channel } = await serving()
    const mkdir = Buffer.concat([u32(0o755, 0), Buffer.from([0xe9, 0])])
    expect((await channel.ask(Opcode.MKDIR, ROOT, mkdir)).errno).toBe(Errno.EILSEQ)
    expect((await channel.ask(Opcode.READ, ROOT, u64(1))).errno).toBe(Errno.EINVAL)
  })

  it('a forget or interrupt that cannot be read is never answered', async () => {
    const { channel, log } = await serving()
    channel.tell(Opcode.FORGET, 5, nothing)
    channel.tell(Opcode.INTERRUPT, 5, nothing)
    channel.tell(Opcode.BATCH_FORGET, 0, u32(9, 0))
    channel.deliver(Buffer.alloc(7))
    expect(channel.replies).toHaveLength(1)
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(4)
  })

  it('random requests are each answered exactly once, or never where nobody waits', async () => {
    const { channel } = await serving()
    const { ino, fh } = await create(channel, 'a')
    const isSilent = new Set<number>([
      Opcode.FORGET,
      Opcode.BATCH_FORGET,
      Opcode.INTERRUPT,
      Opcode.NOTIFY_REPLY,
    ])
    const opcodes = fc.constantFrom(...Object.values(Opcode).filter((opcode) => opcode !== Opcode.INIT))
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc.uint8Array({ maxLength: 120 }).map((tail) => Buffer.concat([u64(fh), tail])),
    )
    await fc.assert(
      fc.asyncProperty(opcodes, fc.constantFrom(ROOT, ino, 99), bytes, async (opcode, node, tail) => {
        if (isSilent.has(opcode)) channel.tell(opcode, node, Buffer.from(tail))
        else expect((await channel.ask(opcode, node, Buffer.from(tail))).errno).toBeLessThan(134)
      }),
      { numRuns: 2_000 },
    )
    await turn()
    expect([channel.unanswered, channel.keptSlots.size]).toEqual([0, 0])
  })

  it('what we do not do is refused so that the kernel does without', async () => {
    const { channel } = await serving()
    const errnoOf = async (opcode: number) => (await channel.ask(opcode, 5, Buffer.alloc(64))).errno
    expect(await errnoOf(Opcode.IOCTL)).toBe(Errno.ENOTTY)
    for (const opcode of [Opcode.POLL, Opcode.TMPFILE, Opcode.BMAP, Opcode.SETLK, 4711]) {
      expect(await errnoOf(opcode)).toBe(Errno.ENOSYS)
    }
  })
})

/** A filesystem whose `statfs` answers only by being interrupted. */
function waiting() {
  const contexts: OpContext[] = []
  const fileSystem = only({
    statfs: (context) =>
      new Promise((_resolve, reject) => {
        contexts.push(context)
        context.signal.addEventListener('abort', () => reject(context.signal.reason as Error))
      }),
  })
  return { fileSystem, contexts }
}

describe('interrupts', () => {
  it('reach the request that they name, which answers EINTR once, and no other', async () => {
    const { fileSystem, contexts } = waiting()
    const { channel } = await serving({ fileSystem })
    const uniques: number[] = []
    const first = channel.ask(Opcode.STATFS, 1, nothing, (unique) => uniques.push(unique))
    void channel.ask(Opcode.STATFS, 1, nothing)
    channel.tell(Opcode.INTERRUPT, 0, u64(uniques[0]!))
    channel.tell(Opcode.INTERRUPT, 0, u64(uniques[0]!))
    expect((await first).errno).toBe(Errno.EINTR)
    expect(contexts.map(({ signal }) => signal.aborted)).toEqual([true, false])
    expect(channel.unanswered).toBe(1)
  })

  it('of what is answered already do nothing', async () => {
    const { channel } = await serving()
    await channel.ask(Opcode.STATFS, 1, nothing)
    channel.tell(Opcode.INTERRUPT, 0, u64(channel.replies.at(-1)!.unique))
    expect(channel.replies).toHaveLength(2)
  })

  it('a signal that is asked for later tells what was before', async () => {
    const { passed: looked, open: look } = gate()
    const fileSystem = only({
      statfs: async (context) => {
        await looked
        throw context.signal.reason
      },
    })
    const { channel } = await serving({ fileSystem })
    const answer = channel.ask(Opcode.STATFS, 1, nothing, (unique) =>
      queueMicrotask(() => {
        channel.tell(Opcode.INTERRUPT, 0, u64(unique))
        look()
      }),
    )
    expect((await answer).errno).toBe(Errno.EINTR)
  })

  it('who asks is passed on', async () => {
    const { fileSystem, contexts } = waiting()
    const { channel } = await serving({ fileSystem })
    void channel.ask(Opcode.STATFS, 1, nothing)
    expect(contexts[0]).toMatchObject({ uid: 1000, gid: 100, pid: 4242 })
  })
})

describe('notifications', () => {
  it('leave once both sides have agreed, and until the end', async () => {
    const { channel, notifier, session } = started()
    notifier.invalidateInode(5 as never)
    await channel.ask(Opcode.INIT, 0, init(7, 45))
    notifier.invalidateInode(5 as never)
    notifier.invalidateAttributes(5 as never)
    notifier.deleteEntry(1 as never, 5 as never, 'a')
    notifier.expireEntry(1 as never, 'a')
    expect(channel.notifications.map((message) => message.readInt32LE(4))).toEqual([2, 2, 6, 3])
    expect(channel.notifications[3]!.readUInt32LE(28)).toBe(1)
    channel.end(Errno.ENODEV)
    notifier.invalidateInode(5 as never)
    expect(channel.notifications).toHaveLength(4)
    await session.end()
  })

  it('a kernel that cannot expire a name drops it', async () => {
    const { channel, notifier } = started()
    await channel.ask(Opcode.INIT, 0, init(7, 31))
    notifier.expireEntry(1 as never, 'a')
    expect(channel.notifications[0]!.readUInt32LE(28)).toBe(0)
  })

  it('and is not told of one that is merely doubted, where somebody may be in', async () => {
    const [old, recent] = [started(), started()]
    await old.channel.ask(Opcode.INIT, 0, init(7, 31))
    await recent.channel.ask(Opcode.INIT, 0, init(7, 45))
    for (const { notifier } of [old, recent]) notifier.expireEntry(1 as never, 'a', true)
    expect(old.channel.notifications).toEqual([])
    expect(recent.channel.notifications.map((message) => message.readUInt32LE(28))).toEqual([1])
  })

  it('wait in order while the channel has no room, each told once, and none is lost [M2]', async () => {
    const { channel, clock, notifier } = await serving()
    channel.notificationRoom = 2
    const nodes = [5, 6, 7, 8, 7, 8, 5]
    for (const ino of nodes) notifier.invalidateInode(ino as never)
    await clock.advance(1000)
    expect(channel.notifications.map(inoOf)).toEqual([5, 6])
    channel.notificationRoom = 3
    await clock.advance(1000)
    expect(channel.notifications.map(inoOf)).toEqual([5, 6, 7])
    channel.notificationRoom = Infinity
    notifier.invalidateInode(9 as never)
    expect(channel.notifications.map(inoOf)).toEqual([5, 6, 7])
    await clock.advance(1000)
    expect(channel.notifications.map(inoOf)).toEqual([5, 6, 7, 8, 5, 9])
    expect(clock.pending).toBe(0)
    notifier.invalidateInode(5 as never)
    expect(channel.notifications.map(inoOf)).toEqual([5, 6, 7, 8, 5, 9, 5])
  })

  it('that still wait at the end concern nobody any more', async () => {
    const { channel, clock, notifier, session } = await serving()
    channel.notificationRoom = 0
    notifier.invalidateInode(5 as never)
    channel.end(Errno.ENODEV)
    channel.notificationRoom = Infinity
    await clock.advance(1000)
    expect(channel.notifications).toEqual([])
    await session.end()
  })
})

const inoOf = (message: Buffer) => Number(message.readBigUInt64LE(16))

describe('the end', () => {
  it('releases what programs had open, once what is worked on is done', async () => {
    const { channel, memory, session } = await serving()
    await create(channel, 'a')
    await channel.ask(Opcode.OPENDIR, ROOT, u32(0, 0))
    expect(session.openCount).toBe(2)
    channel.end(Errno.ENODEV)
    expect(await session.over).toBe(Errno.ENODEV)
    await session.end()
    expect([memory.openHandles, session.openCount, channel.isClosed]).toEqual([0, 0, true])
  })

  it('nobody waits for what is still worked on: it is told, and never answered', async () => {
    let context: OpContext | undefined
    const { passed, open: finish } = gate()
    const released: number[] = []
    const fileSystem = only({
      open: async (_ino, _flags, asked) => {
        context = asked
        await passed
        return { fh: 77 as Fh, keepCache: false, directIo: false }
      },
      release: async (fh) => void released.push(fh),
    })
    const { channel, session } = await serving({ fileSystem })
    void channel.ask(Opcode.OPEN, 5, u32(0, 0))
    channel.end(Errno.ENODEV)
    expect(context!.signal.aborted).toBe(true)
    const ended = session.end()
    finish()
    await ended
    expect(released).toEqual([77])
    expect(channel.replies).toHaveLength(1)
  })

  it('DESTROY is answered', async () => {
    const { channel } = await serving()
    expect((await channel.ask(Opcode.DESTROY, 0, nothing)).errno).toBe(0)
  })
})
