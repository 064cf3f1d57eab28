import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import type { Fh } from '../../../../src/core/types.ts'
import { Opcode } from '../../../../src/fuse/native/abi.ts'
import { settle } from '../../../fakes/manual-clock.ts'
import { MemoryFileSystem } from '../../../fakes/memory-file-system.ts'
import { gate, name, nothing, only, ROOT, serving, u32, u64, write } from './session-bench.ts'

const fiveMinutesMs = 5 * 60_000

/** Opens and look-ups of a filesystem in memory that end only when a test lets them, whatever happens meanwhile. */
function slowMemory() {
  const memory = new MemoryFileSystem()
  const { passed, open: finish } = gate()
  const fileSystem = only({
    lookup: async (...call) => passed.then(() => memory.lookup(...call)),
    create: async (...call) => passed.then(() => memory.create(...call)),
    write: async (...call) => passed.then(() => call[2].length),
    statfs: (context) => memory.statfs(context),
    release: (fh) => memory.release(fh),
  })
  fileSystem.forget = (ino, count) => memory.forget(ino, count)
  return { memory, fileSystem, finish }
}

describe('work that hangs', () => {
  it('lets its program go a moment after the interrupt, and what comes late is taken back', async () => {
    const { memory, fileSystem, finish } = slowMemory()
    const { channel, clock, session } = await serving({ fileSystem })
    const create = Buffer.concat([u32(0o102, 0o100644, 0, 0), name('a')])
    let unique = 0
    const answer = channel.ask(Opcode.CREATE, ROOT, create, (number) => (unique = number))
    channel.tell(Opcode.INTERRUPT, 0, u64(unique))
    await clock.advance(999)
    expect(channel.unanswered).toBe(1)
    await clock.advance(1)
    expect((await answer).errno).toBe(Errno.EINTR)
    finish()
    await settle()
    expect(memory.namesSeen).toContain('a')
    expect([memory.lookups, memory.openHandles, session.openCount]).toEqual([0, 0, 0])
    expect(channel.replies).toHaveLength(2)
  })

  it('lets its program go with EIO after five minutes, without being asked', async () => {
    const { fileSystem, finish } = slowMemory()
    const { channel, clock } = await serving({ fileSystem })
    const answer = channel.ask(Opcode.LOOKUP, ROOT, name('a'))
    await clock.advance(fiveMinutesMs)
    expect(channel.unanswered).toBe(1)
    await clock.advance(61_000)
    expect((await answer).errno).toBe(Errno.EIO)
    finish()
    await turn()
    await clock.advance(fiveMinutesMs)
    expect(clock.pending).toBe(0)
  })

  it('and may still change a file is waited for, so that it does not happen behind the back of its program', async () => {
    const { fileSystem, finish } = slowMemory()
    const { channel, clock } = await serving({ fileSystem })
    let unique = 0
    const answer = channel.ask(Opcode.WRITE, 5, write(1, 0, Buffer.from('x')), (number) => (unique = number))
    channel.tell(Opcode.INTERRUPT, 0, u64(unique))
    await clock.advance(2 * fiveMinutesMs)
    expect(channel.unanswered).toBe(1)
    finish()
    expect((await answer).errno).toBe(0)
  })

  it('does not become of an answer that the kernel could not take: its program is told so', async () => {
    const { memory, channel, log } = await serving()
    channel.nextReplyErrno = Errno.ENOMEM
    const create = Buffer.concat([u32(0o102, 0o100644, 0, 0), name('a')])
    expect((await channel.ask(Opcode.CREATE, ROOT, create)).errno).toBe(Errno.EIO)
    expect(log.lines).toContainEqual(expect.objectContaining({ message: 'an answer was not taken' }))
    await settle()
    expect([memory.lookups, memory.openHandles]).toEqual([0, 0])
  })

  it('200 writes leave memory for everything else, and each has its own bytes', async () => {
    const { passed, open: finish } = gate()
    const written: string[] = []
    const fileSystem = only({
      statfs: new MemoryFileSystem().statfs.bind(new MemoryFileSystem()),
      async write(_fh: Fh, _offset, data) {
        await passed
        written.push(Buffer.from(data).toString())
        return data.length
      },
    })
    const { channel } = await serving({ fileSystem })
    const texts = Array.from({ length: 200 }, (_, i) => `bytes of ${i}`)
    const answers = texts.map((text) => channel.ask(Opcode.WRITE, 5, write(1, 0, Buffer.from(text))))
    // The addon lends 128.
    expect(channel.keptSlots.size).toBeLessThan(128)
    expect((await channel.ask(Opcode.STATFS, ROOT, nothing)).errno).toBe(0)
    finish()
    expect((await Promise.all(answers)).every(({ errno }) => errno === 0)).toBe(true)
    expect(written).toEqual(texts)
    await turn()
    expect(channel.keptSlots.size).toBe(0)
  })
})
