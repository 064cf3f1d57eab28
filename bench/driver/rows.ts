import { contenderNames, type ContenderName } from './contenders.ts'
import type { Ttls } from './null-file-system.ts'

/** A comparison of two contenders by the same work. */
export interface Comparison {
  readonly name: string
  readonly of: ContenderName
  readonly against: ContenderName
  /** The ratio is one of speeds; otherwise of times. */
  readonly higher: boolean
  /** At least, or where it is of times at most. */
  readonly target?: number | undefined
}

export interface Row {
  readonly name: string
  readonly doc: string
  /** What the load generator does (load.c), and with how many clients. */
  readonly job: 'read' | 'write' | 'list' | 'random' | 'stat' | 'lookup' | 'open'
  readonly clients: number
  /** `time`: against the C program times are compared. */
  readonly unit: 'B/s' | 'op/s' | 'time'
  readonly ttls: Ttls
  /** Of ours against the C program. */
  readonly target?: number
  /** Of ours with the core against ours with nothing behind it, in speed; false: the core does not know the files of the row. */
  readonly coreTarget?: number | false
}

const trusted: Ttls = { entryTtlMs: 60_000, attrTtlMs: 60_000 }
const stat = {
  job: 'stat',
  doc: 'fstat of a file, attributes never trusted',
  unit: 'op/s',
  ttls: { entryTtlMs: 60_000, attrTtlMs: 0 },
} as const
const lookup = {
  job: 'lookup',
  doc: 'open with O_PATH, names never trusted',
  unit: 'op/s',
  ttls: { entryTtlMs: 0, attrTtlMs: 60_000 },
} as const
const open = { job: 'open', doc: 'open and close of a file', unit: 'op/s', ttls: trusted } as const
const random = {
  job: 'random',
  doc: 'read of 4 KiB somewhere, O_DIRECT',
  unit: 'op/s',
  ttls: trusted,
} as const

/** `-8` and `-1`: clients at the same time. */
export const rows: readonly Row[] = [
  {
    name: 'read',
    job: 'read',
    doc: 'sequential read of 256 MiB, cold',
    clients: 1,
    unit: 'B/s',
    ttls: trusted,
    target: 0.9,
    coreTarget: false,
  },
  {
    name: 'write',
    job: 'write',
    doc: 'sequential write of 256 MiB in pieces of 1 MiB, and fsync',
    clients: 1,
    unit: 'B/s',
    ttls: trusted,
    target: 0.75,
    coreTarget: false,
  },
  { name: 'random-8', ...random, clients: 8, target: 0.85, coreTarget: false },
  { name: 'stat-8', ...stat, clients: 8, target: 0.85, coreTarget: 0.6 },
  { name: 'lookup-8', ...lookup, clients: 8, coreTarget: 0.6 },
  { name: 'open-8', ...open, clients: 8, target: 0.75, coreTarget: 0.6 },
  {
    name: 'list',
    job: 'list',
    doc: 'first listing of 10,000 files with an lstat of each, as ls -l',
    clients: 1,
    unit: 'time',
    ttls: trusted,
    target: 1.3,
    coreTarget: 0.6,
  },
  { name: 'random-1', ...random, clients: 1, coreTarget: false },
  { name: 'stat-1', ...stat, clients: 1 },
  { name: 'lookup-1', ...lookup, clients: 1 },
  { name: 'open-1', ...open, clients: 1 },
]

export function contendersOf({ coreTarget }: Row): readonly ContenderName[] {
  return contenderNames.filter((name) => name !== 'core' || coreTarget !== false)
}

export function comparisonsOf({ name, unit, target, coreTarget }: Row): readonly Comparison[] {
  const against = 'libfuse3'
  const higher = unit !== 'time'
  const ours = { name, of: 'native', against, higher, target } as const
  const theirs = { name: `fuse-native-${name}`, of: 'fuse-native', against, higher } as const
  if (coreTarget === false) return [ours, theirs]
  return [
    ours,
    { name: `core-${name}`, of: 'core', against: 'native', higher: true, target: coreTarget },
    theirs,
  ]
}
