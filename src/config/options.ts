/**
 * The one table of everything that can be configured for a mount. Flags, `-o name=value`, the configuration file, the
 * environment, `--help` and docs/CONFIGURATION.md are all made from it.
 */
import {
  choiceType,
  countType,
  durationType,
  modeType,
  rateType,
  sizeType,
  switchType,
  textType,
  type OptionType,
} from './option-type.ts'

export interface OptionDefinition<T> {
  /** As in `--name`, `-o name=…` and the configuration file. */
  readonly name: string
  readonly type: OptionType<T>
  /** `undefined` where the value depends on the machine or on other options; `defaultText` says how. */
  readonly default: T | undefined
  readonly defaultText?: string
  /** One sentence without a full stop, for `--help`. */
  readonly doc: string
  /** Further sentences for the documentation. */
  readonly details?: string
  readonly stability: 'stable' | 'experimental'
}

/** An option that has a value on every machine. */
type WithDefault<T> = OptionDefinition<T> & { readonly default: T }

type Described<T> = Pick<OptionDefinition<T>, 'name' | 'type' | 'doc' | 'details'>

function option<T>(definition: Described<T> & { readonly default: NoInfer<T> }): WithDefault<T> {
  return { stability: 'stable', ...definition }
}

function optional<T>(definition: Described<T> & { readonly defaultText: string }): OptionDefinition<T> {
  return { stability: 'stable', default: undefined, ...definition }
}

export const mountOptions = {
  account: optional({
    name: 'account',
    type: textType('name'),
    defaultText: 'the account that signed in last',
    doc: 'account to mount, by its e-mail address or its server',
    details:
      'Where that is not enough, both: `ann@example.com@cloud.example.com`. `cloudreve-mount accounts` lists them.',
  }),
  root: option({
    name: 'root',
    type: textType('uri'),
    default: 'cloudreve://my',
    doc: 'folder of the drive, or link of a share, that becomes the root of the mount',
    details:
      'A URI such as `cloudreve://my/Projects/2026`; the folder must exist. Or what somebody shares, which is mounted read-only: its link ' +
      '`https://cloud.example.com/s/ID`, or `cloudreve://ID@share/Folder` at the server of the account. A link needs no account where its ' +
      'server lets visitors in; who is signed in there is taken. Its password is asked for at the terminal, or taken from ' +
      '`CLOUDREVE_SHARE_PASSWORD` in the environment: `--root` must not hold it.',
  }),
  readOnly: option({
    name: 'read-only',
    type: switchType,
    default: false,
    doc: 'refuse every change',
    details: '`-o ro` and `-o rw` are understood too.',
  }),
  delete: option({
    name: 'delete',
    type: choiceType(['trash', 'permanent']),
    default: 'trash',
    doc: 'where deleted files go: the trash of the drive, or through it to nowhere',
  }),
  quietTimeMs: option({
    name: 'quiet-time',
    type: durationType,
    default: 500,
    doc: 'how long a closed file rests before it is uploaded',
    details:
      'Changes within this time become one upload; a file that is replaced or removed meanwhile is never sent. Deletions and attributes ' +
      'wait as long for others to go with.',
  }),
  sync: option({
    name: 'sync',
    type: choiceType(['journal', 'fsync', 'close']),
    default: 'journal',
    doc: 'what waits for the server: nothing, fsync, or close and every change of a name too',
    details:
      '`journal`: what was written is safe on this machine and goes to the server later. `fsync`: a program that calls `fsync` goes on ' +
      'when the server has the file. `close`: so does one that closes a file which it has written to, or that renames or deletes ' +
      'something, or changes its attributes; saves of editors then cost more requests, and one that renames the old file away first makes a new file. A server ' +
      'that cannot be reached is an error after two minutes; what was written stays here and is sent later. Not with libfuse2.',
  }),
  uploadConcurrency: option({
    name: 'upload-concurrency',
    type: countType(1, 64),
    default: 32,
    doc: 'at most so many small files are uploaded at the same time',
    details:
      'How many there are is found out meanwhile: more only while that makes it faster, which is so when the server is far away; about four ' +
      'where it does one thing after the other, and half as many after each failure of the server. Files over 4 MiB have two places of their own.',
  }),
  uploadBytesPerSecond: option({
    name: 'upload-limit',
    type: rateType,
    default: 0,
    doc: 'send contents with no more than so many bytes a second',
    details:
      'All mounts of an account share it, and the files that are under way get equal parts; where mounts name different limits, the smallest ' +
      'counts. What is changed in `config.toml` counts for a running mount within seconds, unless a flag, `-o` or the environment decided it.',
  }),
  downloadBytesPerSecond: option({
    name: 'download-limit',
    type: rateType,
    default: 0,
    doc: 'fetch contents with no more than so many bytes a second',
    details:
      'As `upload-limit`. A read waits two minutes at most, and programs read up to 1 MiB at once: below 16K a second for each file that is ' +
      'being read, reads may fail.',
  }),
  stagingLimitBytes: optional({
    name: 'staging-limit',
    type: sizeType,
    defaultText: 'none',
    doc: 'how much of the local disk files may take that are not on the server yet',
    details:
      'Programs that would write more wait for uploads; where none makes room, since the server is away or the files were refused, they are ' +
      'told that the disk is full (`ENOSPC`). So no single file can be larger.',
  }),
  stagingReserveBytes: option({
    name: 'staging-reserve',
    type: sizeType,
    default: 512 * 1024 ** 2,
    doc: 'free space of the local disk that is left to others',
    details:
      'As `staging-limit`, for a disk that others fill too; of a small disk at most a tenth is left. 0 takes all there is.',
  }),
  readMemoryBytes: option({
    name: 'read-memory',
    type: sizeType,
    default: 128 * 1024 ** 2,
    doc: 'memory that reading ahead may use, for the whole mount',
    details: 'A quarter of it is for what is on its way to the cache on the local disk.',
  }),
  cacheLimitBytes: optional({
    name: 'cache-limit',
    type: sizeType,
    defaultText: '10GiB, or a tenth of the disk where that is less',
    doc: 'how much of the local disk contents may take that are kept to be read again; 0 keeps none',
    details:
      'For each account. What was used longest ago goes first. All of it can be fetched again; `cloudreve-mount cache` shows and clears it.',
  }),
  cacheReserveBytes: option({
    name: 'cache-reserve',
    type: sizeType,
    default: 1024 ** 3,
    doc: 'free space of the local disk that the cache of contents leaves to others',
    details:
      'Of a small disk at most a tenth is left. The cache shrinks where less is free, also when it is what waits for its upload that needs the room.',
  }),
  metadataCacheEntries: option({
    name: 'metadata-cache',
    type: countType(1000, 10_000_000),
    default: 100_000,
    doc: 'files and folders whose metadata is kept in memory',
    details:
      'Some 500 bytes each. The rest is read from the local disk when it is wanted, see `mirror-limit`.',
  }),
  mirrorObjects: option({
    name: 'mirror-limit',
    type: countType(0, 10_000_000),
    default: 500_000,
    doc: 'files and folders whose metadata is kept on the local disk, to be known at the next start and without the server; 0 keeps none',
    details:
      'About 100 bytes of the disk each, and as much again at times. Folders that were looked at longest ago go first. ' +
      '`cloudreve-mount cache` shows and clears it.',
  }),
  metadataTtlMs: option({
    name: 'metadata-ttl',
    type: durationType,
    default: 30_000,
    doc: 'how long a listing is believed while the server tells nothing of changes',
    details:
      'While it does, which `cloudreve-mount status` says, `revalidate` takes its place. What others change on the server appears here ' +
      'after this time at the latest, plus `attr-ttl` and `entry-ttl`; what is changed through the mount is seen at once. A shorter ' +
      'time costs a request for each folder that is looked at.',
  }),
  revalidateMs: option({
    name: 'revalidate',
    type: durationType,
    default: 300_000,
    doc: 'how long a listing is believed while the server tells of changes',
    details:
      'What it tells of is seen within seconds whatever this says. It tells nothing of tags and other metadata, nor of what an ' +
      'administrator does in its own pages: those appear after this time at the latest. A folder that is in use is listed anew behind ' +
      'the answer when half of the time is over. Never less than `metadata-ttl`.',
  }),
  pollMs: option({
    name: 'poll',
    type: durationType,
    default: 10_000,
    doc: 'how often the server is asked for changes while it does not tell of them by itself; 0 = never',
    details:
      'One request, and only when somebody has looked at the mount since the last one. It finds what was made, written and renamed; ' +
      'deletions are seen after `metadata-ttl`. For servers older than 4.11 and those that have event push switched off.',
  }),
  timeoutMs: option({
    name: 'timeout',
    type: durationType,
    default: 120_000,
    doc: 'how long a program waits for a server that is away or does not answer, before its call fails',
    details:
      'Reading, looking names up and listing folders fail then with an error (`EHOSTUNREACH`, or `EIO` where the server is there and says ' +
      'nothing). A short time suits programs that can go on without the file; a long one, those that must not fail while a ' +
      'connection is set up again. Writing does not wait for the server, and what is to be sent is tried for ever.',
  }),
  attrTtlMs: option({
    name: 'attr-ttl',
    type: durationType,
    default: 1000,
    doc: 'how long the kernel may answer sizes, times and modes by itself',
  }),
  entryTtlMs: option({
    name: 'entry-ttl',
    type: durationType,
    default: 1000,
    doc: 'how long the kernel may answer names by itself',
  }),
  negativeTtlMs: option({
    name: 'negative-ttl',
    type: durationType,
    default: 1000,
    doc: 'how long the kernel may answer by itself that there is no such name',
    details:
      'Never longer than the listing that says so is believed; the kernel is told when this mount learns of a new name. Compilers ' +
      'and shells, which look in vain in many folders, gain from a longer time. Native driver only.',
  }),
  writebackCache: option({
    name: 'writeback-cache',
    type: switchType,
    default: false,
    doc: 'let the kernel collect writes: small ones are much faster, but sizes and times changed elsewhere are not seen',
    details:
      'The kernel then tells of a write seconds later, or at `fsync` and `close`, and holds its own size and modification time of a ' +
      'file for the right ones as long as it remembers the file. What it has not told yet is lost when the machine crashes, and it ' +
      'reads what it overwrites in part. For files that only this machine changes. Native driver only.',
  }),
  spinUs: optional({
    name: 'spin-us',
    type: countType(0, 10_000),
    defaultText: '50; 0 where there is one processor only',
    doc: 'how long the driver goes on asking after a request whether there is another one, in microseconds',
    details:
      'A program that does one thing after the other is answered sooner, for processor time that is spent only while some program uses the ' +
      'mount. 0 on a machine where every bit of that counts. Native driver only.',
  }),
  listFacts: option({
    name: 'list-facts',
    type: choiceType(['auto', 'always', 'never']),
    default: 'auto',
    doc: 'whether listing the extended attributes of a file shows its user.cloudreve.* facts',
    details:
      '`auto` shows them to someone who looks at a file, but not to programs that copy files or go through many of them. ' +
      'Reading a fact by its name always works.',
  }),
  uid: optional({
    name: 'uid',
    type: countType(0, 2 ** 32 - 2),
    defaultText: 'the user who mounts',
    doc: 'owner of all files, as a number',
  }),
  gid: optional({
    name: 'gid',
    type: countType(0, 2 ** 32 - 2),
    defaultText: 'the group of the user who mounts',
    doc: 'group of all files, as a number',
  }),
  umask: option({
    name: 'umask',
    type: modeType,
    default: 0o022,
    doc: 'permission bits that files and folders do not have',
  }),
  fileMode: optional({
    name: 'file-mode',
    type: modeType,
    defaultText: '0666 without the umask',
    doc: 'permission bits of files that have none of their own',
  }),
  dirMode: optional({
    name: 'dir-mode',
    type: modeType,
    defaultText: '0777 without the umask',
    doc: 'permission bits of folders that have none of their own',
  }),
  allowOther: option({
    name: 'allow-other',
    type: switchType,
    default: false,
    doc: 'let other users of this machine into the mount',
    details:
      'Needs `user_allow_other` in `/etc/fuse.conf` unless root mounts. `-o allow_other` is understood too.',
  }),
  driver: option({
    name: 'driver',
    type: choiceType(['auto', 'native', 'libfuse2']),
    default: 'auto',
    doc: 'what speaks to the kernel: our own addon, or libfuse 2',
    details:
      '`auto` takes the native driver where it loads, and libfuse 2 elsewhere, with a note that says why. The native one keeps times ' +
      'exactly, hands attributes over with listings, tells the kernel of changes, and notices when a program stops waiting. ' +
      '`cloudreve-mount doctor` says which would be taken.',
  }),
  logLevel: option({
    name: 'log-level',
    type: choiceType(['error', 'warn', 'info', 'debug']),
    default: 'info',
    doc: 'what the log tells',
  }),
} as const satisfies Record<string, OptionDefinition<unknown>>

export type OptionKey = keyof typeof mountOptions

/** What all sources together say. A member without a default is `undefined` when nobody named it. */
export type MountOptions = { readonly [K in OptionKey]: (typeof mountOptions)[K]['default'] }

/** The table as a list, in the order of the documentation. */
export const optionList = Object.entries(mountOptions) as readonly [OptionKey, OptionDefinition<unknown>][]

/** `CLOUDREVE_MOUNT_QUIET_TIME` for `quiet-time`. */
export function environmentName(optionName: string): string {
  return `CLOUDREVE_MOUNT_${optionName.toUpperCase().replaceAll('-', '_')}`
}
