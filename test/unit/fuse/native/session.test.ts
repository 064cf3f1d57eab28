import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Errno } from '../../../../src/base/errno.ts'
import { FsError } from '../../../../src/core/errors.ts'
import { OpenReplyFlag, Opcode } from '../../../../src/fuse/native/abi.ts'
import { create, gate, idOf, name, only, ROOT, serving, u32, u64, window, write } from './session-bench.ts'

describe('files', () => {
  it('are written and read, each write from memory that is kept until it is done', async () => {
    const { channel, memory } = await serving()
    const { fh, ino } = await create(channel, 'a')
    const written = channel.ask(Opcode.WRITE, ino, write(fh, 0, Buffer.from('hello')))
    expect(channel.keptSlots.size).toBe(1)
    expect((await written).body.readUInt32LE(0)).toBe(5)
    await turn()
    expect(channel.keptSlots.size).toBe(0)
    const read = await channel.ask(Opcode.READ, ino, window(fh, 1, 100))
    expect(read.body.toString()).toBe('ello')
    expect((await channel.ask(Opcode.RELEASE, ino, Buffer.concat([u64(fh), u32(0, 0), u64(0)]))).errno).toBe(
      0,
    )
    channel.tell(Opcode.FORGET, ino, u64(1))
    expect([memory.openHandles, memory.lookups]).toEqual([0, 0])
  })

  it.each([
    [{ keepCache: false, directIo: false }, constants.O_RDWR, 0],
    [{ keepCache: true, directIo: false }, constants.O_RDWR, OpenReplyFlag.KEEP_CACHE],
    [{ keepCache: false, directIo: true }, constants.O_WRONLY, OpenReplyFlag.DIRECT_IO],
    [
      { keepCache: true, directIo: false },
      constants.O_RDONLY,
      OpenReplyFlag.KEEP_CACHE | OpenReplyFlag.NOFLUSH,
    ],
    [{ keepCache: false, directIo: false }, constants.O_RDONLY, OpenReplyFlag.NOFLUSH],
  ])('that are opened so (%o) with the flags %i tell the kernel %i [K5]', async (how, flags, told) => {
    const fileSystem = only({
      open: async () => ({ fh: 7 as never, ...how }),
      release: async () => undefined,
    })
    const { channel } = await serving({ fileSystem })
    const { body } = await channel.ask(Opcode.OPEN, 5, u32(flags, 0))
    // `fuse_open_out`: the handle, what the kernel may do, and a word that we do not use.
    expect(body).toEqual(Buffer.concat([u64(7), u32(told, 0)]))
  })

  it('memory of a slow write is its own until the filesystem has it', async () => {
    const { passed, open: finish } = gate()
    let seen: Uint8Array | undefined
    const fileSystem = only({
      write: async (_fh, _offset, data) => {
        await passed
        seen = Uint8Array.from(data)
        return data.length
      },
    })
    const { channel } = await serving({ fileSystem })
    const slow = channel.ask(Opcode.WRITE, 5, write(1, 0, Buffer.from('slow')))
    channel.tell(Opcode.FORGET, 5, u64(1))
    finish()
    await slow
    expect(Buffer.from(seen!).toString()).toBe('slow')
  })

  it('memory of a write that fails is given back too', async () => {
    const fileSystem = only({ write: () => Promise.reject(new FsError(Errno.ENOSPC, 'full')) })
    const { channel } = await serving({ fileSystem })
    expect((await channel.ask(Opcode.WRITE, 5, write(1, 0, Buffer.from('x')))).errno).toBe(Errno.ENOSPC)
    await turn()
    expect(channel.keptSlots.size).toBe(0)
  })

  it('that lie here are read without a copy of their bytes, unless a disk would have to be waited for', async () => {
    const file = await open(import.meta.filename)
    const text = await readFile(import.meta.filename)
    let reads = 0
    const fileSystem = only({
      spanOf: (_fh, offset, length) => ({ fd: file.fd, offset: offset + 1, length: length - 1 }),
      read: async (_fh, offset, length) => {
        reads += 1
        return text.subarray(offset, offset + length)
      },
    })
    const { channel } = await serving({ fileSystem })
    const ask = () => channel.ask(Opcode.READ, 5, window(1, 2, 10))
    expect((await ask()).body).toEqual(text.subarray(3, 12))
    expect([reads, channel.fileReplies]).toEqual([0, 1])
    for (const errno of [Errno.EAGAIN, Errno.EIO, Errno.EBADF]) {
      channel.fileErrno = errno
      expect((await ask()).body).toEqual(text.subarray(2, 12))
    }
    expect([reads, channel.fileReplies, channel.unanswered]).toEqual([3, 4, 0])
    await file.close()
  })

  it('that are in memory are answered at once, from there', async () => {
    const text = Buffer.from('what came a moment ago')
    const fileSystem = only({ viewOf: (_fh, offset, length) => text.subarray(offset, offset + length) })
    const { channel } = await serving({ fileSystem })
    expect((await channel.ask(Opcode.READ, 5, window(1, 5, 4))).body.toString()).toBe('came')
  })

  it('opened to be read only are closed without a word; others are not', async () => {
    const { channel } = await serving()
    const { ino } = await create(channel, 'a')
    const flagsOf = async (flags: number) =>
      (await channel.ask(Opcode.OPEN, ino, u32(flags, 0))).body.readUInt32LE(8)
    expect(await flagsOf(0)).toBe(OpenReplyFlag.NOFLUSH)
    expect(await flagsOf(1)).toBe(0)
  })

  it('lose their set-id bits when the kernel says so, and only files that have some are asked about', async () => {
    const { channel, memory } = await serving()
    const { fh, ino } = await create(channel, 'a')
    const modeOf = async () =>
      (await channel.ask(Opcode.GETATTR, ino, Buffer.alloc(16))).body.readUInt32LE(16 + 60) & 0o7777
    const chmod = (mode: number) => {
      const body = Buffer.alloc(88)
      body.writeUInt32LE(1, 0)
      body.writeUInt32LE(mode, 68)
      return channel.ask(Opcode.SETATTR, ino, body)
    }
    const chown = () => {
      const body = Buffer.alloc(88)
      body.writeUInt32LE(2, 0)
      body.writeUInt32LE(process.getuid!(), 76)
      return channel.ask(Opcode.SETATTR, ino, body)
    }
    await chmod(0o6755)
    await channel.ask(Opcode.WRITE, ino, write(fh, 0, Buffer.from('x')))
    expect(await modeOf()).toBe(0o6755)
    await channel.ask(Opcode.WRITE, ino, write(fh, 0, Buffer.from('x'), 4))
    expect(await modeOf()).toBe(0o755)
    await chmod(0o6744) // without group execution set-gid means locking
    await channel.ask(Opcode.OPEN, ino, u32(0o1001, 1))
    expect(await modeOf()).toBe(0o2744)
    await chmod(0o4755)
    await chown()
    expect(await modeOf()).toBe(0o755)
    expect(memory.writeCount).toBe(2)
  })

  it('lose their set-id bits when room is made or a range is copied, as the kernel cannot say, but for root', async () => {
    const { channel } = await serving()
    const { fh, ino } = await create(channel, 'a')
    const { fh: source } = await create(channel, 'b')
    const chmod = async (mode: number) => {
      const body = Buffer.alloc(88)
      body.writeUInt32LE(1, 0)
      body.writeUInt32LE(mode, 68)
      await channel.ask(Opcode.SETATTR, ino, body)
    }
    const makeRoom = () =>
      channel.ask(Opcode.FALLOCATE, ino, Buffer.concat([u64(fh), u64(0), u64(10), u32(0, 0)]))
    const copy = () =>
      channel.ask(
        Opcode.COPY_FILE_RANGE,
        ino + 1,
        Buffer.concat([u64(source), u64(0), u64(ino), u64(fh), u64(0), u64(1), u64(0)]),
      )
    const modeAfter = async (uid: number, change: () => Promise<{ readonly errno: number }>) => {
      await chmod(0o6755)
      channel.uid = uid
      expect((await change()).errno).toBe(0)
      return (await channel.ask(Opcode.GETATTR, ino, Buffer.alloc(16))).body.readUInt32LE(16 + 60) & 0o7777
    }
    expect([await modeAfter(0, makeRoom), await modeAfter(1000, makeRoom)]).toEqual([0o6755, 0o755])
    expect([await modeAfter(0, copy), await modeAfter(1000, copy)]).toEqual([0o6755, 0o755])
  })
})

describe('names', () => {
  it('that are not there can be believed for a while, by wish', async () => {
    const plain = await serving()
    expect((await plain.channel.ask(Opcode.LOOKUP, ROOT, name('x'))).errno).toBe(Errno.ENOENT)
    const { channel } = await serving({ negativeTtlMs: 1_000 })
    const { errno, body } = await channel.ask(Opcode.LOOKUP, ROOT, name('x'))
    expect([errno, Number(body.readBigUInt64LE(0)), Number(body.readBigUInt64LE(16))]).toEqual([0, 0, 1])
  })

  it('that are not there are believed no longer than the filesystem does [K2]', async () => {
    const { channel } = await serving({ negativeTtlMs: 60_000 })
    const { body } = await channel.ask(Opcode.LOOKUP, ROOT, name('x'))
    expect([Number(body.readBigUInt64LE(16)), body.readUInt32LE(32)]).toEqual([1, 500_000_000])
    const { channel: other } = await serving({
      negativeTtlMs: 60_000,
      fileSystem: only({ lookup: () => Promise.reject(new FsError(Errno.ENOENT, 'for now')) }),
    })
    expect((await other.ask(Opcode.LOOKUP, ROOT, name('x'))).errno).toBe(Errno.ENOENT)
  })

  it('what the kernel did not take of an answer is taken back', async () => {
    const { channel, memory } = await serving()
    channel.nextReplyErrno = Errno.ENOENT
    await create(channel, 'a')
    await turn()
    expect([memory.lookups, memory.openHandles]).toEqual([0, 0])
    channel.nextReplyErrno = Errno.ENOENT
    await channel.ask(Opcode.LOOKUP, ROOT, name('a'))
    expect(memory.lookups).toBe(0)
    channel.nextReplyErrno = Errno.ENOENT
    await channel.ask(Opcode.OPENDIR, ROOT, u32(0, 0))
    await turn()
    expect(memory.openHandles).toBe(0)
  })

  it('are forgotten one by one and in batches', async () => {
    const { channel, memory } = await serving()
    const { ino } = await create(channel, 'a')
    await channel.ask(Opcode.LOOKUP, ROOT, name('a'))
    await channel.ask(Opcode.LOOKUP, ROOT, name('a'))
    const other = await create(channel, 'b')
    expect(memory.lookups).toBe(4)
    channel.tell(Opcode.FORGET, ino, u64(1))
    channel.tell(Opcode.BATCH_FORGET, 0, Buffer.concat([u32(2, 0), u64(ino, 2, other.ino, 1)]))
    expect(memory.lookups).toBe(0)
    expect(channel.unanswered).toBe(0)
  })

  it('a forget that makes no sense is logged, and the rest of its batch is done', async () => {
    const { channel, memory, log } = await serving()
    const { ino } = await create(channel, 'a')
    channel.tell(Opcode.BATCH_FORGET, 0, Buffer.concat([u32(2, 0), u64(999, 1, ino, 1)]))
    expect(memory.lookups).toBe(0)
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  })
})

describe('folders', () => {
  it('are kept by the kernel, which shows what it kept where the filesystem agrees', async () => {
    let keepCache = false
    const fileSystem = only({
      opendir: async () => ({ fh: 7 as never, keepCache, directIo: false }),
      releasedir: async () => undefined,
    })
    const { channel } = await serving({ fileSystem })
    const flags = async () => (await channel.ask(Opcode.OPENDIR, ROOT, u32(0, 0))).body.readUInt32LE(8)
    expect(await flags()).toBe(OpenReplyFlag.CACHE_DIR)
    keepCache = true
    expect(await flags()).toBe(OpenReplyFlag.CACHE_DIR | OpenReplyFlag.KEEP_CACHE)
  })

  const NAMES = Array.from({ length: 1_203 }, (_, i) => `file-${'x'.repeat(i % 60)}-${i}`)

  async function listed(opcode: number, headBytes: number) {
    const { channel, memory } = await serving()
    await channel.ask(Opcode.MKDIR, ROOT, Buffer.concat([u32(0o755, 0), name('d')]))
    memory.addFiles('d', NAMES)
    const ino = 2
    const fh = idOf(await channel.ask(Opcode.OPENDIR, ino, u32(0, 0)))
    const names: string[] = []
    const entries: number[] = []
    for (let offset = 0; ;) {
      const { body } = await channel.ask(opcode, ino, window(fh, offset, 4096))
      expect(body.length).toBeLessThanOrEqual(4096)
      if (body.length === 0) break
      for (let at = 0; at < body.length;) {
        const dirent = at + headBytes - 24
        const length = body.readUInt32LE(dirent + 16)
        if (headBytes > 24 && body.readBigUInt64LE(at)) entries.push(Number(body.readBigUInt64LE(at)))
        offset = Number(body.readBigUInt64LE(dirent + 8))
        names.push(body.toString('utf8', dirent + 24, dirent + 24 + length))
        at += (headBytes + length + 7) & ~7
      }
    }
    return { names, entries, memory, channel, ino }
  }

  it('are listed page by page, each name once, with both dots', async () => {
    const { names } = await listed(Opcode.READDIR, 24)
    expect(names).toEqual(['.', '..', ...NAMES])
  })

  it('with their entries, of which as many count as look-ups as were sent', async () => {
    const { names, entries, memory, channel, ino } = await listed(Opcode.READDIRPLUS, 152)
    expect(names).toEqual(['.', '..', ...NAMES])
    expect(entries).toHaveLength(NAMES.length)
    expect(memory.lookups).toBe(NAMES.length + 1)
    for (const entry of [...entries, ino]) channel.tell(Opcode.FORGET, entry, u64(1))
    expect(memory.lookups).toBe(0)
  })

  it('a page without room for one name is an error, not the end', async () => {
    const { channel, memory } = await serving()
    await create(channel, 'a')
    const fh = idOf(await channel.ask(Opcode.OPENDIR, ROOT, u32(0, 0)))
    expect((await channel.ask(Opcode.READDIRPLUS, ROOT, window(fh, 2, 100))).errno).toBe(Errno.EINVAL)
    expect(memory.lookups).toBe(1)
  })
})

describe('extended attributes', () => {
  it('are measured, answered when they fit, and ERANGE when they do not', async () => {
    const { channel } = await serving()
    const { ino } = await create(channel, 'a')
    const set = Buffer.concat([u32(3, 0), name('user.a'), Buffer.from('abc')])
    expect((await channel.ask(Opcode.SETXATTR, ino, set)).errno).toBe(0)
    const get = (room: number) =>
      channel.ask(Opcode.GETXATTR, ino, Buffer.concat([u32(room, 0), name('user.a')]))
    expect((await get(0)).body).toEqual(u32(3, 0))
    expect((await get(3)).body.toString()).toBe('abc')
    expect((await get(2)).errno).toBe(Errno.ERANGE)
    expect((await channel.ask(Opcode.LISTXATTR, ino, u32(100, 0))).body.toString()).toBe('user.a\0')
    expect((await channel.ask(Opcode.REMOVEXATTR, ino, name('user.a'))).errno).toBe(0)
    expect((await get(3)).errno).toBe(Errno.ENODATA)
  })
})
