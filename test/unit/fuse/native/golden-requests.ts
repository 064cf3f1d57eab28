import { Errno } from '../../../../src/base/errno.ts'
import { Opcode } from '../../../../src/fuse/native/abi.ts'
import type { Request } from '../../../../src/fuse/native/requests.ts'

const ones = 'ffffffff ffffffff'

/** Bytes as linux/fuse.h lays them out, and what they say. */
export const golden: readonly [name: string, opcode: number, bytes: string, says: Request][] = [
  ['LOOKUP', Opcode.LOOKUP, '6e616d65 00 # "name"', { op: 'lookup', name: 'name' }],
  [
    'LOOKUP of a name beyond ASCII',
    Opcode.LOOKUP,
    'efbbbf 636166c3a9 f09d849e 00 # a byte order mark, "café", a clef',
    { op: 'lookup', name: '\ufeffcafé𝄞' },
  ],
  ['LOOKUP of what is not UTF-8', Opcode.LOOKUP, '66 ff 00', { op: 'refused', errno: Errno.ENOENT }],
  [
    'FORGET',
    Opcode.FORGET,
    '03000000 00000000 # nlookup',
    { op: 'forget', forgets: [{ ino: 7 as never, count: 3 }] },
  ],
  [
    'BATCH_FORGET',
    Opcode.BATCH_FORGET,
    `02000000 00000000 # count
     05000000 00000000 01000000 00000000 # nodeid, nlookup
     06000000 00000000 0a000000 00000000`,
    {
      op: 'forget',
      forgets: [
        { ino: 5 as never, count: 1 },
        { ino: 6 as never, count: 10 },
      ],
    },
  ],
  [
    'GETATTR',
    Opcode.GETATTR,
    '00000000 00000000 09000000 00000000 # flags, -, fh that does not count',
    { op: 'getattr', fh: undefined },
  ],
  [
    'GETATTR of a handle',
    Opcode.GETATTR,
    '01000000 00000000 09000000 00000000 # GETATTR_FH, -, fh',
    { op: 'getattr', fh: 9 as never },
  ],
  [
    'SETATTR of everything',
    Opcode.SETATTR,
    `7f080000 00000000 # MODE UID GID SIZE ATIME MTIME FH KILL_SUIDGID
     09000000 00000000 # fh
     00000000 01000000 # size 2^32
     ${ones} # lock_owner
     ffffffff ffffffff # atime: one second before 1970
     00000080 00000000 # mtime 2^31
     ${ones} # ctime
     01000000 ffc99a3b ffffffff # nanoseconds: 1, 999999999, -
     ed890000 ffffffff # mode 0104755 and type bits, unused
     e8030000 64000000 ffffffff # uid 1000, gid 100, unused`,
    {
      op: 'setattr',
      fh: 9 as never,
      killSuidGid: true,
      changes: {
        sizeBytes: 2 ** 32,
        mode: 0o4755,
        uid: 1000,
        gid: 100,
        atime: { seconds: -1, nanoseconds: 1 },
        mtime: { seconds: 2 ** 31, nanoseconds: 999_999_999 },
      },
    },
  ],
  [
    'SETATTR of nothing, whatever the rest holds',
    Opcode.SETATTR,
    `00000000 ${'ffffffff '.repeat(21)}`,
    { op: 'setattr', fh: undefined, killSuidGid: false, changes: {} },
  ],
  [
    'SETATTR to the present',
    Opcode.SETATTR,
    `b0010000 ${'ff'.repeat(20)} ${'00'.repeat(64)} # ATIME MTIME ATIME_NOW MTIME_NOW`,
    { op: 'setattr', fh: undefined, killSuidGid: false, changes: { atime: 'now', mtime: 'now' } },
  ],
  [
    'STATX of a handle',
    Opcode.STATX,
    '01000000 00000000 09000000 00000000 00200000 ff0f0000 # GETATTR_FH, -, fh, sx_flags, sx_mask',
    { op: 'statx', fh: 9 as never },
  ],
  [
    'STATX',
    Opcode.STATX,
    '00000000 00000000 09000000 00000000 00000000 00080000 # flags, -, fh that does not count, sx_flags, BTIME',
    { op: 'statx', fh: undefined },
  ],
  ['READLINK', Opcode.READLINK, '', { op: 'readlink' }],
  ['SYMLINK', Opcode.SYMLINK, '6c00 2e2e2f7400 # "l", "../t"', { op: 'symlink', name: 'l', target: '../t' }],
  [
    'MKNOD',
    Opcode.MKNOD,
    'a4810000 00000000 12000000 00000000 6600 # mode 0100644, rdev, umask, -',
    { op: 'mknod', name: 'f', mode: 0o100644 },
  ],
  [
    'MKDIR',
    Opcode.MKDIR,
    'ed410000 12000000 6400 # mode 040755, umask',
    { op: 'mkdir', name: 'd', mode: 0o755 },
  ],
  ['UNLINK', Opcode.UNLINK, '6600', { op: 'unlink', name: 'f' }],
  ['RMDIR', Opcode.RMDIR, '6400', { op: 'rmdir', name: 'd' }],
  [
    'RENAME',
    Opcode.RENAME,
    '08000000 00000000 6100 6200 # newdir, "a", "b"',
    { op: 'rename', newParent: 8 as never, name: 'a', newName: 'b', flags: {} },
  ],
  [
    'RENAME2 that replaces nothing',
    Opcode.RENAME2,
    '08000000 00000000 01000000 00000000 6100 6200 # newdir, flags, -, "a", "b"',
    { op: 'rename', newParent: 8 as never, name: 'a', newName: 'b', flags: { noReplace: true } },
  ],
  [
    'RENAME2 that exchanges',
    Opcode.RENAME2,
    '08000000 00000000 02000000 00000000 6100 6200',
    { op: 'rename', newParent: 8 as never, name: 'a', newName: 'b', flags: { exchange: true } },
  ],
  [
    'RENAME2 that leaves a whiteout',
    Opcode.RENAME2,
    '08000000 00000000 04000000 00000000 6100 6200',
    { op: 'refused', errno: Errno.EINVAL },
  ],
  [
    'LINK',
    Opcode.LINK,
    '08000000 00000000 6e00 # oldnodeid, "n"',
    { op: 'link', existing: 8 as never, name: 'n' },
  ],
  [
    'OPEN',
    Opcode.OPEN,
    '01820000 01000000 # O_WRONLY O_TRUNC O_LARGEFILE, KILL_SUIDGID',
    { op: 'open', flags: 0o101001, killSuidGid: true },
  ],
  [
    'CREATE',
    Opcode.CREATE,
    'c2800000 a4810000 12000000 00000000 6600 # O_RDWR O_CREAT O_EXCL, mode 0100644, umask, open_flags',
    { op: 'create', name: 'f', mode: 0o644, flags: 0o100302, killSuidGid: false },
  ],
  [
    'READ',
    Opcode.READ,
    `09000000 00000000 00000000 01000000 # fh, offset 2^32
     00001000 00000000 ${ones} 00800000 00000000 # size 1 MiB, read_flags, lock_owner, flags, -`,
    { op: 'read', fh: 9 as never, offset: 2 ** 32, sizeBytes: 1 << 20 },
  ],
  [
    'WRITE',
    Opcode.WRITE,
    `09000000 00000000 05000000 00000000 # fh, offset
     03000000 04000000 ${ones} 01800000 00000000 # size, KILL_SUIDGID, lock_owner, flags, -
     616263`,
    { op: 'write', fh: 9 as never, offset: 5, killSuidGid: true, data: Buffer.from('abc') },
  ],
  [
    'COPY_FILE_RANGE',
    Opcode.COPY_FILE_RANGE,
    `09000000 00000000 01000000 00000000 # fh_in, off_in
     08000000 00000000 0a000000 00000000 # nodeid_out, fh_out
     00000000 01000000 ff000000 00000000 00000000 00000000 # off_out 2^32, len, flags`,
    {
      op: 'copyrange',
      from: { fh: 9 as never, offset: 1 },
      to: { fh: 10 as never, offset: 2 ** 32 },
      toIno: 8 as never,
      length: 255,
    },
  ],
  [
    'COPY_FILE_RANGE_64 of as much as there is',
    Opcode.COPY_FILE_RANGE_64,
    `09000000 00000000 01000000 00000000 08000000 00000000 0a000000 00000000
     02000000 00000000 ffffffff ffffff7f 00000000 00000000 # off_out, len 2^63 - 1, flags`,
    {
      op: 'copyrange',
      from: { fh: 9 as never, offset: 1 },
      to: { fh: 10 as never, offset: 2 },
      toIno: 8 as never,
      length: 2 ** 53 - 1,
    },
  ],
  [
    'COPY_FILE_RANGE with a flag that nobody knows',
    Opcode.COPY_FILE_RANGE,
    `09000000 00000000 01000000 00000000 08000000 00000000 0a000000 00000000
     02000000 00000000 ff000000 00000000 01000000 00000000`,
    { op: 'refused', errno: Errno.EINVAL },
  ],
  [
    'LSEEK to data',
    Opcode.LSEEK,
    '09000000 00000000 00000000 01000000 03000000 00000000 # fh, offset 2^32, SEEK_DATA, -',
    { op: 'seek', fh: 9 as never, offset: 2 ** 32, target: 'data' },
  ],
  [
    'LSEEK to a hole',
    Opcode.LSEEK,
    '09000000 00000000 05000000 00000000 04000000 00000000 # fh, offset, SEEK_HOLE, -',
    { op: 'seek', fh: 9 as never, offset: 5, target: 'hole' },
  ],
  [
    'LSEEK to the end, which the kernel does itself',
    Opcode.LSEEK,
    '09000000 00000000 05000000 00000000 02000000 00000000',
    { op: 'refused', errno: Errno.EINVAL },
  ],
  ...(
    [
      ['FALLOCATE', '00', { keepSize: false, zero: false }],
      ['FALLOCATE within the size (KEEP_SIZE)', '01', { keepSize: true, zero: false }],
      ['FALLOCATE of a hole (KEEP_SIZE PUNCH_HOLE)', '03', { keepSize: true, zero: true }],
      ['FALLOCATE of zeros (ZERO_RANGE)', '10', { keepSize: false, zero: true }],
      ['FALLOCATE of zeros within the size', '11', { keepSize: true, zero: true }],
    ] as const
  ).map(
    ([name, mode, how]) =>
      [
        name,
        Opcode.FALLOCATE,
        `09000000 00000000 05000000 00000000 00000000 01000000 ${mode}000000 00000000 # fh, offset, length 2^32, mode, -`,
        { op: 'fallocate', fh: 9 as never, allocation: { offset: 5, length: 2 ** 32, ...how } },
      ] as [string, number, string, Request],
  ),
  ...(
    [
      ['FALLOCATE of a hole that may change the size (PUNCH_HOLE)', '02'],
      ['FALLOCATE that collapses (COLLAPSE_RANGE)', '08'],
      ['FALLOCATE that inserts (INSERT_RANGE)', '20'],
      ['FALLOCATE of both zeros and a hole', '13'],
    ] as const
  ).map(
    ([name, mode]) =>
      [
        name,
        Opcode.FALLOCATE,
        `09000000 00000000 05000000 00000000 00000000 01000000 ${mode}000000 00000000`,
        { op: 'refused', errno: Errno.EOPNOTSUPP },
      ] as [string, number, string, Request],
  ),
  [
    'FLUSH',
    Opcode.FLUSH,
    `09000000 00000000 00000000 00000000 ${ones} # fh, unused, -, lock_owner`,
    { op: 'flush', fh: 9 as never },
  ],
  [
    'FSYNC',
    Opcode.FSYNC,
    '09000000 00000000 01000000 00000000 # fh, FDATASYNC',
    { op: 'fsync', fh: 9 as never, dataOnly: true },
  ],
  [
    'RELEASE',
    Opcode.RELEASE,
    `09000000 00000000 00800000 00000000 ${ones} # fh, flags, release_flags, lock_owner`,
    { op: 'release', fh: 9 as never },
  ],
  ['OPENDIR', Opcode.OPENDIR, '00000100 00000000 # O_DIRECTORY', { op: 'opendir' }],
  [
    'READDIR',
    Opcode.READDIR,
    `09000000 00000000 02000000 00000000 00100000 00000000 ${ones} 00000000 00000000`,
    { op: 'readdir', fh: 9 as never, offset: 2, sizeBytes: 4096 },
  ],
  [
    'READDIRPLUS',
    Opcode.READDIRPLUS,
    `09000000 00000000 02000000 00000000 00100000 00000000 ${ones} 00000000 00000000`,
    { op: 'readdirplus', fh: 9 as never, offset: 2, sizeBytes: 4096 },
  ],
  [
    'RELEASEDIR',
    Opcode.RELEASEDIR,
    `09000000 00000000 00000000 00000000 ${ones}`,
    { op: 'releasedir', fh: 9 as never },
  ],
  ['FSYNCDIR', Opcode.FSYNCDIR, '09000000 00000000 00000000 00000000', { op: 'fsyncdir', fh: 9 as never }],
  ['STATFS', Opcode.STATFS, '', { op: 'statfs' }],
  [
    'GETXATTR',
    Opcode.GETXATTR,
    '00000100 00000000 757365722e6100 # room 65536, "user.a"',
    { op: 'getxattr', name: 'user.a', roomBytes: 65_536 },
  ],
  ['LISTXATTR', Opcode.LISTXATTR, '00000000 00000000', { op: 'listxattr', roomBytes: 0 }],
  [
    'SETXATTR',
    Opcode.SETXATTR,
    '03000000 02000000 757365722e6100 010002 # size, XATTR_REPLACE, "user.a", value',
    { op: 'setxattr', name: 'user.a', mode: 'replace', value: Uint8Array.of(1, 0, 2) },
  ],
  ['REMOVEXATTR', Opcode.REMOVEXATTR, '757365722e6100', { op: 'removexattr', name: 'user.a' }],
  [
    'INIT before 7.36',
    Opcode.INIT,
    '07000000 1f000000 00000200 09004000 # 7.31, max_readahead, flags',
    { op: 'init', major: 7, minor: 31, maxReadaheadBytes: 131_072, flags: 0x400009, flags2: 0 },
  ],
  [
    'INIT since',
    Opcode.INIT,
    `07000000 2d000000 00000200 00000040 08000000 ${'00'.repeat(44)} # 7.45, ..., INIT_EXT, HAS_EXPIRE_ONLY, unused`,
    { op: 'init', major: 7, minor: 45, maxReadaheadBytes: 131_072, flags: 1 << 30, flags2: 8 },
  ],
  ['INTERRUPT', Opcode.INTERRUPT, '0a000000 00000000 # unique', { op: 'interrupt', target: 10 }],
  ['DESTROY', Opcode.DESTROY, '', { op: 'destroy' }],
  ['NOTIFY_REPLY', Opcode.NOTIFY_REPLY, '', { op: 'ignored' }],
  // The kernel goes on by itself after these.
  ...(
    [
      ['ACCESS', Opcode.ACCESS],
      ['BMAP', Opcode.BMAP],
      ['POLL', Opcode.POLL],
      ['TMPFILE', Opcode.TMPFILE],
      ['SYNCFS', Opcode.SYNCFS],
      ['GETLK', Opcode.GETLK],
      ['SETLK', Opcode.SETLK],
      ['SETLKW', Opcode.SETLKW],
      ['an operation of the future', 4000],
    ] as const
  ).map(
    ([name, opcode]) =>
      [name, opcode, '00000000', { op: 'refused', errno: Errno.ENOSYS }] as [string, number, string, Request],
  ),
  ['IOCTL', Opcode.IOCTL, '00000000', { op: 'refused', errno: Errno.ENOTTY }],
]
