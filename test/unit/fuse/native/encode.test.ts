import { describe, expect, it } from 'vitest'
import type { Attr, Entry } from '../../../../src/core/types.ts'
import {
  encodeAttr,
  encodeCount,
  encodeCreated,
  encodeDone,
  encodeEntry,
  encodeError,
  encodeHeader,
  encodeInit,
  encodeMajorOnly,
  encodeNegativeEntry,
  encodeOffset,
  encodeOpened,
  encodeStatfs,
} from '../../../../src/fuse/native/encode.ts'
import { encodeStatx } from '../../../../src/fuse/native/encode-statx.ts'
import { DirentPacker, fromKernelCookie, maxEntries } from '../../../../src/fuse/native/encode-dirents.ts'
import {
  encodeDelete,
  encodeInvalEntry,
  encodeInvalInode,
} from '../../../../src/fuse/native/encode-notify.ts'
import { hex } from './hex.ts'

const attr: Attr = {
  ino: 2 ** 40 + 1,
  kind: 'file',
  sizeBytes: 2 ** 33 + 1,
  mode: 0o4644,
  nlink: 1,
  uid: 1000,
  gid: 100,
  atime: { seconds: -1, nanoseconds: 1 },
  mtime: { seconds: 2 ** 31, nanoseconds: 999_999_999 },
  ctime: { seconds: 3, nanoseconds: 0 },
}
const entry: Entry = { ino: 5 as never, generation: 6, attr, entryTtlMs: 1_500, attrTtlMs: 250 }

const attrBytes = `
  01000000 00010000 # ino
  01000000 02000000 # size
  01000001 00000000 # blocks of 512 bytes
  ffffffff ffffffff 00000080 00000000 03000000 00000000 # atime, mtime, ctime
  01000000 ffc99a3b 00000000 # their nanoseconds
  a4890000 01000000 # mode 0104644, nlink
  e8030000 64000000 # uid, gid
  00000000 00000200 00000000 # rdev, blksize, flags`
const entryBytes = `
  05000000 00000000 06000000 00000000 # nodeid, generation
  01000000 00000000 00000000 00000000 # entry_valid, attr_valid
  0065cd1d 80b2e60e # their nanoseconds: 500,000,000 and 250,000,000
  ${attrBytes}`
const statxBytes = (mask: string, btime: string) => `
  ${mask} 00000200 00000000 00000000 # mask, blksize, attributes
  01000000 e8030000 64000000 a489 0000 # nlink, uid, gid, mode 0104644, -
  01000000 00010000 01000000 02000000 01000001 00000000 # ino, size, blocks
  00000000 00000000 # attributes_mask
  ffffffff ffffffff 01000000 00000000 # atime
  ${btime}
  03000000 00000000 00000000 00000000 # ctime
  00000080 00000000 ffc99a3b 00000000 # mtime
  ${'00'.repeat(16)} ${'00'.repeat(112)} # devices, unused`
const unique = 2 ** 32 + 2
const uniqueBytes = '02000000 01000000'

const golden: readonly [name: string, actual: () => Buffer, bytes: string][] = [
  ['a header in front of 5 bytes', () => encodeHeader(unique, 5), `15000000 00000000 ${uniqueBytes}`],
  ['done', () => encodeDone(unique), `10000000 00000000 ${uniqueBytes}`],
  ['ENOENT', () => encodeError(unique, 2), `10000000 feffffff ${uniqueBytes}`],
  ['entry_out', () => encodeEntry(unique, entry), `90000000 00000000 ${uniqueBytes} ${entryBytes}`],
  [
    'entry_out that says no',
    () => encodeNegativeEntry(unique, 1_500),
    `90000000 00000000 ${uniqueBytes} ${'00'.repeat(16)} 01000000 00000000 ${'00'.repeat(8)} 0065cd1d ${'00'.repeat(92)}`,
  ],
  [
    'attr_out',
    () => encodeAttr(unique, { attr, attrTtlMs: 1_500 }),
    `78000000 00000000 ${uniqueBytes}
     01000000 00000000 0065cd1d 00000000 # attr_valid, its nanoseconds, -
     ${attrBytes}`,
  ],
  [
    'statx_out',
    () =>
      encodeStatx(unique, { attr: { ...attr, btime: { seconds: -2, nanoseconds: 7 } }, attrTtlMs: 1_500 }),
    `30010000 00000000 ${uniqueBytes}
     01000000 00000000 0065cd1d 00000000 ${'00'.repeat(16)} # attr_valid, its nanoseconds, flags, -
     ${statxBytes('ff0f0000', 'feffffff ffffffff 07000000 00000000')}`,
  ],
  [
    'statx_out of what was made nobody knows when',
    () => encodeStatx(unique, { attr, attrTtlMs: 1_500 }),
    `30010000 00000000 ${uniqueBytes} 01000000 00000000 0065cd1d 00000000 ${'00'.repeat(16)}
     ${statxBytes('ff070000', '00'.repeat(16))}`,
  ],
  [
    'lseek_out, and copy_file_range_out',
    () => encodeOffset(unique, 2 ** 32 + 3),
    `18000000 00000000 ${uniqueBytes} 03000000 01000000`,
  ],
  [
    'open_out',
    () => encodeOpened(unique, 9 as never, 3),
    `20000000 00000000 ${uniqueBytes} 09000000 00000000 03000000 00000000 # fh, flags, -`,
  ],
  [
    'entry_out and open_out of CREATE',
    () => encodeCreated(unique, entry, { fh: 9 as never, flags: 2 }),
    `a0000000 00000000 ${uniqueBytes} ${entryBytes}
     09000000 00000000 02000000 00000000 # fh, flags, -`,
  ],
  [
    'write_out and getxattr_out',
    () => encodeCount(unique, 65_536),
    `18000000 00000000 ${uniqueBytes} 00000100 00000000`,
  ],
  [
    'statfs_out',
    () =>
      encodeStatfs(unique, {
        blockSizeBytes: 4096,
        totalBlocks: 2 ** 33,
        freeBlocks: 2 ** 32,
        files: 7,
        freeFiles: 5,
        maxNameBytes: 255,
      }),
    `60000000 00000000 ${uniqueBytes}
     00000000 02000000 00000000 01000000 00000000 01000000 # blocks, free, available
     07000000 00000000 05000000 00000000 # files, free
     00100000 ff000000 00100000 00000000 # bsize, namelen, frsize, -
     ${'00'.repeat(24)}`,
  ],
  [
    'init_out',
    () =>
      encodeInit(unique, 7, {
        minor: 38,
        maxReadaheadBytes: 131_072,
        flags: 0x50000009,
        flags2: 8,
        maxBackground: 64,
        congestionThreshold: 48,
        maxWriteBytes: 1 << 20,
        maxPages: 256,
      }),
    `50000000 00000000 ${uniqueBytes}
     07000000 26000000 00000200 09000050 # 7.38, max_readahead, flags
     4000 3000 00001000 01000000 # max_background, congestion_threshold, max_write, time_gran
     0001 0000 08000000 # max_pages, map_alignment, flags2
     ${'00'.repeat(28)}`,
  ],
  [
    'init_out of the major version alone',
    () => encodeMajorOnly(unique, 7),
    `50000000 00000000 ${uniqueBytes} 07000000 ${'00'.repeat(60)}`,
  ],
  [
    'inval_inode',
    () => encodeInvalInode(unique as never),
    `28000000 02000000 00000000 00000000 # length, code, no unique
     ${uniqueBytes} 00000000 00000000 00000000 00000000 # ino, everything`,
  ],
  [
    'inval_inode of attributes alone',
    () => encodeInvalInode(unique as never, { onlyAttributes: true }),
    `28000000 02000000 00000000 00000000 ${uniqueBytes} ffffffff ffffffff 00000000 00000000 # offset -1`,
  ],
  [
    'inval_entry',
    () => encodeInvalEntry(unique as never, 'é'),
    `23000000 03000000 00000000 00000000 ${uniqueBytes} 02000000 00000000 c3a9 00 # parent, namelen, flags`,
  ],
  [
    'inval_entry that only expires',
    () => encodeInvalEntry(unique as never, 'a', { expireOnly: true }),
    `22000000 03000000 00000000 00000000 ${uniqueBytes} 01000000 01000000 61 00`,
  ],
  [
    'delete',
    () => encodeDelete(unique as never, 9 as never, 'ab'),
    `2b000000 06000000 00000000 00000000
     ${uniqueBytes} 09000000 00000000 02000000 00000000 6162 00 # parent, child, namelen, -`,
  ],
]

describe('a message to the kernel', () => {
  it.each(golden)('%s has its bytes', (_name, encode, bytes) => {
    expect(encode().toString('hex')).toBe(hex(bytes).toString('hex'))
  })

  it('has nothing of the one that was made in its place before', () => {
    const done = encodeDone(1).toString('hex')
    encodeError(1, 5)
    expect(encodeDone(1).toString('hex')).toBe(done)
    encodeInvalEntry(1 as never, 'xyz', { expireOnly: true })
    expect(encodeInvalEntry(1 as never, 'abc').toString('hex')).toBe(
      hex('24000000 03000000 00000000 00000000 01000000 00000000 03000000 00000000 616263 00').toString(
        'hex',
      ),
    )
  })
})

describe('names of a folder', () => {
  const dirent = { name: 'café', ino: 5, kind: 'folder', cookie: 9 } as const

  it('are padded to eight bytes, and count on from the two dots', () => {
    const packer = new DirentPacker(4096, false)
    packer.addDot('.', 7)
    packer.addDot('..', 1)
    packer.add(dirent)
    packer.add({ ...dirent, name: 'l', kind: 'symlink', cookie: 10 })
    expect(packer.bytes.toString('hex')).toBe(
      hex(`
        07000000 00000000 01000000 00000000 01000000 04000000 2e 00000000000000 # ino, offset, length, type, name
        01000000 00000000 02000000 00000000 02000000 04000000 2e2e 000000000000
        05000000 00000000 0b000000 00000000 05000000 04000000 636166c3a9 000000
        05000000 00000000 0c000000 00000000 01000000 0a000000 6c 00000000000000`).toString('hex'),
    )
  })

  it('travel behind their entries', () => {
    const packer = new DirentPacker(4096, true)
    packer.addDot('.', 7)
    packer.add({ ...dirent, kind: 'file' }, entry)
    expect(packer.bytes.toString('hex')).toBe(
      hex(`
        ${'00'.repeat(128)} # no entry: the kernel knows the folder
        07000000 00000000 01000000 00000000 01000000 04000000 2e 00000000000000
        ${entryBytes}
        01000000 00010000 0b000000 00000000 05000000 08000000 636166c3a9 000000 # the number that stat shows`).toString(
        'hex',
      ),
    )
  })

  it('have a number even when it is not known: readers skip a name without one', () => {
    const packer = new DirentPacker(4096, false)
    packer.add({ ...dirent, ino: 0 })
    expect(packer.bytes.readBigUInt64LE(0)).toBe(0xffffffffn)
  })

  it('are left out when they do not fit', () => {
    const packer = new DirentPacker(63, false)
    expect(packer.add(dirent)).toBe(true)
    expect(packer.add(dirent)).toBe(false)
    expect(packer.bytes).toHaveLength(32)
  })

  it('go on where the kernel stopped', () => {
    expect(fromKernelCookie(0)).toEqual({ cookie: 0, dots: ['.', '..'] })
    expect(fromKernelCookie(1)).toEqual({ cookie: 0, dots: ['..'] })
    expect(fromKernelCookie(2)).toEqual({ cookie: 0, dots: [] })
    expect(fromKernelCookie(11)).toEqual({ cookie: 9, dots: [] })
  })

  it('are never asked for in a number that has no room, and always at least one', () => {
    expect(maxEntries(4096, false)).toBe(128)
    expect(maxEntries(4096, true)).toBe(25)
    expect(maxEntries(1, true)).toBe(1)
  })
})
