import { expect, it } from 'vitest'
import { timespecFromMs } from '../../../../src/base/timespec.ts'
import type { Attr } from '../../../../src/core/types.ts'
import { toAddonStat, toAddonStatfs, toDirentStat } from '../../../../src/fuse/libfuse2/attr-reply.ts'

const attr: Attr = {
  ino: 7,
  kind: 'file',
  sizeBytes: 1_025,
  mode: 0o640,
  nlink: 1,
  uid: 1000,
  gid: 1000,
  atime: timespecFromMs(1_000),
  mtime: timespecFromMs(-5),
  ctime: { seconds: 3, nanoseconds: 123_456_789 },
}

it.each([
  ['file', 0o100640],
  ['folder', 0o040640],
  ['symlink', 0o120640],
] as const)('adds the type bits of a %s', (kind, mode) => {
  expect(toAddonStat({ ...attr, kind }).mode).toBe(mode)
})

it('counts blocks of 512 bytes, rounded up', () => {
  expect(toAddonStat(attr).blocks).toBe(3)
})

it('passes times in whole milliseconds, none before 1970', () => {
  expect(toAddonStat(attr)).toMatchObject({ atime: 1_000, mtime: 0, ctime: 3_123 })
})

it('folds large inode numbers into 32 bits, never into 0', () => {
  expect(toAddonStat({ ...attr, ino: 2 ** 32 + 7 }).ino).toBe(6)
  expect(toDirentStat('file', 2 ** 32 + 1).ino).toBe(2 ** 32 - 1)
  expect(toDirentStat('file', 2 ** 31).ino).toBe(2 ** 31)
})

it('a drive with more blocks than 32 bits can count has larger blocks', () => {
  const statfs = { blockSizeBytes: 4096, files: 2 ** 40, freeFiles: 5, maxNameBytes: 255 }
  const small = toAddonStatfs({ ...statfs, totalBlocks: 1_000, freeBlocks: 10 })
  expect(small).toMatchObject({ frsize: 4096, blocks: 1_000, bavail: 10, files: 2 ** 32 - 1, ffree: 5 })
  const large = toAddonStatfs({ ...statfs, totalBlocks: 2 ** 40, freeBlocks: 2 ** 39 })
  expect(large.blocks).toBeLessThan(2 ** 32)
  expect(large.blocks * large.frsize).toBe(2 ** 52)
  expect(large.bfree * large.frsize).toBe(2 ** 51)
})

it('an empty drive is no trouble', () => {
  const none = {
    blockSizeBytes: 4096,
    totalBlocks: 0,
    freeBlocks: 0,
    files: 0,
    freeFiles: 0,
    maxNameBytes: 255,
  }
  expect(toAddonStatfs(none)).toMatchObject({ frsize: 4096, blocks: 0 })
})
