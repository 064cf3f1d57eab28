import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import type { Fh } from '../../../../src/core/types.ts'
import { InitFlag, InitFlag2, Opcode } from '../../../../src/fuse/native/abi.ts'
import { init, nothing, only, serving, started, u32 } from './session-bench.ts'

describe('the beginning', () => {
  it.each(Array.from({ length: 23 }, (_, i) => 23 + i))(
    '7.%i is agreed on, never beyond 7.40',
    async (minor) => {
      const { channel, session } = started()
      const { errno, body } = await channel.ask(Opcode.INIT, 0, init(7, minor))
      expect(errno).toBe(0)
      expect(body).toHaveLength(64)
      expect([body.readUInt32LE(0), body.readUInt32LE(4)]).toEqual([7, Math.min(minor, 40)])
      expect(await session.ready).toMatchObject({ expireOnly: minor >= 36, maxWriteBytes: 1 << 20 })
    },
  )

  it('of everything on offer what serves is taken, and no more [K6]', async () => {
    const { body } = await started().channel.ask(Opcode.INIT, 0, init(7, 45))
    const flags = body.readUInt32LE(12)
    for (const flag of [
      InitFlag.ASYNC_READ,
      InitFlag.ATOMIC_O_TRUNC,
      InitFlag.BIG_WRITES,
      InitFlag.AUTO_INVAL_DATA,
      InitFlag.DO_READDIRPLUS,
      InitFlag.PARALLEL_DIROPS,
      InitFlag.MAX_PAGES,
      InitFlag.CACHE_SYMLINKS,
      InitFlag.HANDLE_KILLPRIV_V2,
      InitFlag.INIT_EXT,
    ]) {
      expect(flags & flag).toBe(flag)
    }
    for (const flag of [
      InitFlag.POSIX_LOCKS,
      InitFlag.FLOCK_LOCKS,
      InitFlag.EXPORT_SUPPORT,
      InitFlag.DONT_MASK,
      InitFlag.READDIRPLUS_AUTO,
      InitFlag.ASYNC_DIO,
      InitFlag.WRITEBACK_CACHE,
      InitFlag.POSIX_ACL,
      InitFlag.SETXATTR_EXT,
    ]) {
      expect(flags & flag).toBe(0)
    }
    expect(body.readUInt32LE(32)).toBe(InitFlag2.HAS_EXPIRE_ONLY)
    expect([body.readUInt32LE(20), body.readUInt16LE(28)]).toEqual([1 << 20, 256])
    expect(body.readUInt16LE(16)).toBe(1024)
  })

  it('reads that hang have as much room where the kernel writes back', async () => {
    const { body } = await started({ writebackCache: true }).channel.ask(Opcode.INIT, 0, init(7, 45))
    expect(body.readUInt16LE(16)).toBe(1024)
  })

  it('nothing that is not on offer is taken', async () => {
    const { channel, session } = started({ writebackCache: true })
    const { body } = await channel.ask(Opcode.INIT, 0, init(7, 31, InitFlag.ASYNC_READ))
    expect(body.readUInt32LE(12)).toBe(InitFlag.ASYNC_READ)
    // Without MAX_PAGES a request has 32 pages.
    expect([body.readUInt32LE(20), body.readUInt16LE(28)]).toEqual([131_072, 0])
    expect(await session.ready).toMatchObject({ writebackCache: false, expireOnly: false })
  })

  it('the writeback cache of the kernel is taken by wish only, and then its handles can read [K6]', async () => {
    const asked: number[] = []
    const fileSystem = only({
      open: async (_ino, flags) => {
        asked.push(flags)
        return { fh: 1 as Fh, keepCache: false, directIo: false }
      },
    })
    const { channel } = await serving({ fileSystem, writebackCache: true })
    expect(channel.replies[0]!.body.readUInt32LE(12) & InitFlag.WRITEBACK_CACHE).not.toBe(0)
    await channel.ask(Opcode.OPEN, 5, u32(0o2001, 0)) // O_WRONLY | O_APPEND
    expect(asked).toEqual([2])
  })

  it('a kernel of a newer major version is asked to speak ours', async () => {
    const { channel, session } = started()
    const { errno, body } = await channel.ask(Opcode.INIT, 0, init(8, 1))
    expect([errno, body.readUInt32LE(0)]).toEqual([0, 7])
    await channel.ask(Opcode.INIT, 0, init(7, 45))
    expect(await session.ready).toMatchObject({ minor: 40 })
  })

  it.each([
    [7, 22],
    [6, 45],
  ])('%i.%i is too old, and that is said', async (major, minor) => {
    const { channel, session } = started()
    expect((await channel.ask(Opcode.INIT, 0, init(major, minor))).errno).toBe(Errno.EPROTO)
    await expect(session.ready).rejects.toThrow(/too old/)
  })

  it('a request before it is refused', async () => {
    const { channel } = started()
    expect((await channel.ask(Opcode.STATFS, 1, nothing)).errno).toBe(Errno.EIO)
  })

  it('a connection that ends before it is told', async () => {
    const { channel, session } = started()
    channel.end(Errno.ENODEV)
    await expect(session.ready).rejects.toThrow(/ENODEV/)
  })
})
