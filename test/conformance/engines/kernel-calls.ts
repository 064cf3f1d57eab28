/**
 * System calls that node:fs does not offer, each in a short-lived `perl` (part of every Debian and Ubuntu), so that the test's own
 * process never waits for a filesystem that it serves itself, and so that the kernel's errno arrives exactly.
 */
import { execFile } from 'node:child_process'
import { errnoNameOf, PosixError, type TimeToSet, type XattrFlag } from '../engine.ts'

type CallName = 'lsetxattr' | 'lgetxattr' | 'llistxattr' | 'lremovexattr' | 'renameat2' | 'utimensat'

/** System call numbers (asm/unistd_64.h; asm-generic/unistd.h for arm64). */
const numbers: Readonly<Record<string, Readonly<Record<CallName, number>>>> = {
  x64: {
    lsetxattr: 189,
    lgetxattr: 192,
    llistxattr: 195,
    lremovexattr: 198,
    utimensat: 280,
    renameat2: 316,
  },
  arm64: {
    lsetxattr: 6,
    lgetxattr: 9,
    llistxattr: 12,
    lremovexattr: 15,
    utimensat: 88,
    renameat2: 276,
  },
}

const AT_FDCWD = -100
const UTIME_NOW = (1n << 30n) - 1n
const UTIME_OMIT = (1n << 30n) - 2n

/**
 * Arguments arrive as `i:<number>`, `h:<hex bytes>` (a NUL is added for the kernel) or `o:<size>` (an answer buffer, printed as
 * far as the call filled it). Exits with the errno.
 */
const script = `
my ($n, @a) = @ARGV;
my ($out, @c);
for (@a) {
  my ($t, $v) = (substr($_, 0, 1), substr($_, 2));
  if ($t eq 'i') { push @c, $v + 0 }
  elsif ($t eq 'h') { push @c, pack('H*', $v) . "\\0" }
  else { $out = "\\0" x $v; push @c, $out }
}
my $i = 0;
for (@a) { last if substr($_, 0, 1) eq 'o'; $i++ }
my $r = syscall($n + 0, @c);
exit($! + 0) if $r == -1;
if (defined $out && $r > 0) { binmode STDOUT; print substr($c[$i], 0, $r) }
exit 0;
`

function integer(value: number): string {
  return `i:${value}`
}

function bytes(value: string | Uint8Array): string {
  return `h:${Buffer.from(value).toString('hex')}`
}

function call(name: CallName, subject: string, args: readonly string[]): Promise<Buffer> {
  const number = numbers[process.arch]?.[name]
  if (number === undefined) throw new Error(`system call numbers of ${process.arch} are not known here`)
  return new Promise((resolve, reject) => {
    const child = execFile(
      'perl',
      ['-e', script, String(number), ...args],
      { encoding: 'buffer', maxBuffer: 1 << 20 },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout)
        if (child.exitCode !== null && stderr.length === 0) {
          return reject(new PosixError(errnoNameOf(child.exitCode), `${name} ${subject}`))
        }
        reject(new Error(`perl failed in ${name} ${subject}: ${stderr.toString()}`, { cause: error }))
      },
    )
  })
}

const xattrFlags: Readonly<Record<XattrFlag, number>> = { either: 0, create: 1, replace: 2 }

export async function setxattr(
  path: string,
  name: string,
  value: Uint8Array,
  flag: XattrFlag,
): Promise<void> {
  await call('lsetxattr', path, [
    bytes(path),
    bytes(name),
    bytes(value),
    integer(value.length),
    integer(xattrFlags[flag]),
  ])
}

/** 64 KiB is the kernel's largest value. */
const largestXattrBytes = 65_536

export function getxattr(path: string, name: string): Promise<Buffer> {
  return call('lgetxattr', path, [
    bytes(path),
    bytes(name),
    `o:${largestXattrBytes}`,
    integer(largestXattrBytes),
  ])
}

export async function listxattr(path: string): Promise<string[]> {
  const list = await call('llistxattr', path, [
    bytes(path),
    `o:${largestXattrBytes}`,
    integer(largestXattrBytes),
  ])
  return list
    .toString()
    .split('\0')
    .filter((name) => name !== '')
    .sort()
}

export async function removexattr(path: string, name: string): Promise<void> {
  await call('lremovexattr', path, [bytes(path), bytes(name)])
}

const renameFlags = { noReplace: 1, exchange: 2 } as const

export async function renameWithFlags(
  from: string,
  to: string,
  flags: 'noReplace' | 'exchange',
): Promise<void> {
  await call('renameat2', `${from} to ${to}`, [
    integer(AT_FDCWD),
    bytes(from),
    integer(AT_FDCWD),
    bytes(to),
    integer(renameFlags[flags]),
  ])
}

function timespecBytes(time: TimeToSet): Buffer {
  const packed = Buffer.alloc(16)
  if (time === 'now' || time === 'omit') {
    packed.writeBigInt64LE(time === 'now' ? UTIME_NOW : UTIME_OMIT, 8)
    return packed
  }
  const nanoseconds = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  packed.writeBigInt64LE((time - nanoseconds) / 1_000_000_000n, 0)
  packed.writeBigInt64LE(nanoseconds, 8)
  return packed
}

/** utimensat(2) of what `path` names, symlinks followed. */
export async function utimens(path: string, atime: TimeToSet, mtime: TimeToSet): Promise<void> {
  const times = Buffer.concat([timespecBytes(atime), timespecBytes(mtime)])
  await call('utimensat', path, [integer(AT_FDCWD), bytes(path), bytes(times), integer(0)])
}
