/**
 * Everything in which the two drivers differ for a program, each with its reason. The suites run the same cases over both and
 * expect of each what is said here; docs/SEMANTICS.md shows the same rows (test/unit/driver-differences.test.ts compares them).
 */
import type { FuseDriver } from '../../src/fuse/driver.ts'

export type DriverName = FuseDriver['name']

export const driverNames: readonly DriverName[] = ['native', 'libfuse2']

export interface DriverDifference<T = unknown> {
  /** By which tests name the row, never used again for another. */
  readonly label: string
  /** What differs, as a user would say it. */
  readonly about: string
  /** What each driver does, in words. */
  readonly native: string
  readonly libfuse2: string
  /** Why the other cannot do the same. */
  readonly reason: string
  /** What the suites expect of each driver. */
  readonly expected: Readonly<Record<DriverName, T>>
}

function difference<T>(row: DriverDifference<T>): DriverDifference<T> {
  return row
}

export const driverDifferences = {
  chosenTimes: difference({
    label: 'V1',
    about: 'a chosen modification time (`touch -d`, `cp -p`, `tar x`, `rsync -a`)',
    native: 'is kept',
    libfuse2: 'is accepted and not kept',
    reason: 'the libfuse 2 addon hands the access time over in the place of the modification time',
    expected: { native: true, libfuse2: false },
  }),
  renameNoReplace: difference({
    label: 'V2',
    about: 'a rename that must not replace anything (`mv -n`, `RENAME_NOREPLACE`)',
    native: 'works',
    libfuse2: 'is `EINVAL` also where the name is free: programs look first and rename then',
    reason: 'libfuse 2 hands no flags over',
    expected: { native: true, libfuse2: false },
  }),
  writeRequestBytes: difference({
    label: 'V3',
    about: 'a large `write` reaches the mount in pieces of',
    native: '1 MiB',
    libfuse2: '128 KiB',
    reason: 'libfuse 2 knows no larger requests',
    expected: { native: 1024 * 1024, libfuse2: 128 * 1024 },
  }),
  unlinkedOutlivesFolder: difference({
    label: 'V4',
    about: 'a file that was removed while it is open, when its folder is removed too',
    native: 'can be read and written on',
    libfuse2: 'cannot be reached any more',
    reason: 'the hidden name that libfuse 2 gave it goes with the folder',
    expected: { native: true, libfuse2: false },
  }),
  waitsCanBeEnded: difference({
    label: 'V5',
    about: 'a program that waits for a server which does not answer',
    native: 'can be ended at any time',
    libfuse2: 'can be ended, also by `kill -9`, only when the wait is over: after a few minutes',
    reason: 'the libfuse 2 addon is not told that a program was interrupted',
    expected: { native: true, libfuse2: false },
  }),
  closeIsHeard: difference({
    label: 'V6',
    about: 'closing a file',
    native:
      'reports that its upload was given up, and waits for the disk, with `--sync=close` also for the server',
    libfuse2:
      'reports nothing and waits for nothing: the file is on the disk a moment later; `--sync=close` is refused',
    reason: 'the libfuse 2 addon dies of a close in a folder that was removed, so it is not asked for it',
    expected: { native: true, libfuse2: false },
  }),
  nodesStayKnown: difference({
    label: 'V7',
    about: 'what the mount remembers of a file after the last program has closed it',
    native: 'as much as the kernel does',
    libfuse2: 'nothing',
    reason: 'libfuse 2 tells a filesystem of paths only, never of the nodes that the kernel keeps',
    expected: { native: true, libfuse2: false },
  }),
  wholeCopies: difference({
    label: 'V9',
    about: 'a copy of a whole file',
    native: 'is made by the server',
    libfuse2: 'is read and written',
    reason: 'libfuse 2 does not know `copy_file_range`',
    expected: { native: true, libfuse2: false },
  }),
  openHandlesFollow: difference({
    label: 'V8',
    about: 'what is written through one mount to a file that is open through another one of the account',
    native: 'is shown there a moment later',
    libfuse2: 'is shown there once the file is opened anew, where it was read before',
    reason: 'libfuse 2 cannot tell the kernel that bytes have changed',
    expected: { native: true, libfuse2: false },
  }),
  namesAsTheyCome: difference({
    label: 'V10',
    about: 'a program that lists a folder of more than 2,000 entries for the first time',
    native: 'gets names as the server sends them',
    libfuse2: 'gets all of them when the last one has come',
    reason: 'libfuse 2 wants the names of a folder in one call, to keep them',
    expected: { native: true, libfuse2: false },
  }),
  versionStaysOpen: difference({
    label: 'V11',
    about: 'a file that another client replaces while it is open here, for who has opened it before',
    native: 'stays as it was',
    libfuse2:
      'stays as it was until somebody here opens the new version, and is that one from then on: who is in the middle of it reads parts of both',
    reason: 'libfuse 2 knows one node for both, whose bytes the kernel keeps together',
    expected: { native: true, libfuse2: false },
  }),
  fallocate: difference({
    label: 'V12',
    about: '`fallocate`',
    native: 'makes room, and holes',
    libfuse2: 'is `EOPNOTSUPP`; `posix_fallocate` writes instead',
    reason: 'the libfuse 2 addon does not know the call',
    expected: { native: true, libfuse2: false },
  }),
  birthTime: difference({
    label: 'V13',
    about: 'when a file was made (`stat -c %W`)',
    native: 'is what the server says, with Linux 6.6 or newer',
    libfuse2: 'nobody knows',
    reason: 'libfuse 2 has no place for it',
    expected: { native: true, libfuse2: false },
  }),
  chosenAccessTimes: difference({
    label: 'V14',
    about: 'a chosen access time (`touch -a -d`)',
    native: 'is kept while the mount runs',
    libfuse2: 'is accepted and not kept',
    reason: 'what the libfuse 2 addon hands over may be either time: see V1',
    expected: { native: true, libfuse2: false },
  }),
  readsAreKept: difference({
    label: 'V15',
    about: 'reading a file again that did not change',
    native: 'is answered by the kernel',
    libfuse2: 'reaches the mount after each open',
    reason: 'the libfuse 2 addon cannot say for one file that the kernel may keep its bytes',
    expected: { native: true, libfuse2: false },
  }),
} as const

export type DifferenceName = keyof typeof driverDifferences

/** What a suite has to expect of `driver`. */
export function expectedOf<N extends DifferenceName>(
  driver: DriverName,
  name: N,
): (typeof driverDifferences)[N]['expected'][DriverName] {
  return driverDifferences[name].expected[driver]
}

/** The table that docs/SEMANTICS.md holds. */
export function differencesTable(): string {
  const rows: readonly DriverDifference[] = Object.values(driverDifferences)
  const lines = rows.map(
    ({ label, about, native, libfuse2, reason }) =>
      `| **${label}** ${about} | ${native} | ${libfuse2} | ${reason} |`,
  )
  return ['| what | `native` | `libfuse2` | why |', '| --- | --- | --- | --- |', ...lines].join('\n')
}
