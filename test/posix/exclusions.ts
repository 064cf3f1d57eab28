/**
 * Where the suites of others do not pass. First the cases of pjdfstest, each under the reason why it cannot. Whatever is not listed passes, and whatever is
 * listed does not: the ring checks both, so that the list stays true. Cases that fail on this machine's own disk, too, are found by
 * running them there, not listed.
 */
import type { DriverName } from '../conformance/driver-differences.ts'
import type { FsxOperation } from './fsx.ts'

interface Exclusion {
  readonly reason: string
  /** `a::{b,c}` stands for `a::b` and `a::c`. */
  readonly cases: readonly string[]
}

/** Cases that are run on files of every kind. */
const onSpecialFiles: readonly string[] = [
  'chmod::change_perm',
  'chmod::enotdir_component',
  'chmod::failed_chmod_unchanged_ctime',
  'chmod::update_ctime',
  'chown::enotdir_component',
  'chown::lchown::enotdir_component',
  'link::changed_ctime_success',
  'link::eexist_dest_exists',
  'link::enotdir_component_either',
  'link::remove_link',
  'link::share_metadata',
  'link::unchanged_ctime_fails',
  'mkdir::eexist_file_exists',
  'mkdir::enotdir_component',
  'mkfifo::eexist_file_exists',
  'mkfifo::enotdir_component',
  'mknod::eexist_file_exists',
  'mknod::enotdir_comp_char_block',
  'mknod::enotdir_component',
  'mknod::privileged::eexist_file_exists',
  'open::eexist_file_exists',
  'rename::changed_ctime_success',
  'rename::eexist_enotempty_to_non_empty',
  'rename::eisdir_to_dir_from_not_dir',
  'rename::enotdir_component_either',
  'rename::enotdir_from_dir_to_not_dir',
  'rename::preserve_metadata',
  'rename::to_multiply_linked',
  'rename::unchanged_ctime_failed',
  'rmdir::eexist_enotempty_non_empty_dir',
  'rmdir::enotdir_component',
  'symlink::eexist_file_exists',
  'symlink::enotdir_component',
  'truncate::enotdir_component',
  'unlink::enotdir_component',
  'unlink::remove_type',
  'unlink::unchanged_ctime_failed',
  'unlink::update_ctime_success',
  'unlink::update_mtime_ctime_success_folder',
  'utimensat::changes_timestamps',
]

const exclusions: readonly Exclusion[] = [
  {
    reason: 'the server keeps files and folders only: devices, pipes and sockets are EPERM',
    cases: [
      ...onSpecialFiles.map((name) => `${name}::{block,char,fifo,socket}`),
      'symlink::create_symlink::{block,char,fifo}',
    ],
  },
  {
    reason: 'devices are EPERM',
    cases: ['mknod::changed_times_success::{block,char}', 'mknod::device_files::{block,char}'],
  },
  {
    reason: 'pipes and sockets are EPERM',
    cases: [
      'mkfifo::changed_time_fields_success',
      'mkfifo::permission_bits_from_mode',
      'mknod::changed_time_fields_success',
      'mknod::permission_bits_from_mode',
      'open::fifo_nonblock_wronly',
      'open::socket_error',
    ],
  },
  {
    reason: 'the server has no hard links: they are EPERM, and no count of links can be told',
    cases: [
      'link::changed_ctime_success::regular',
      'link::link_count_max',
      'link::remove_link::regular',
      'link::share_metadata::regular',
      'rename::preserve_metadata::regular',
      'rename::to_multiply_linked::regular',
      'rename::updates_link_parent',
      'unlink::unchanged_ctime_failed::regular',
      'unlink::update_ctime_success::regular',
    ],
  },
  {
    reason: 'everything belongs to the user who mounted: chown to another one is EPERM',
    cases: [
      'chmod::clear_isgid_bit',
      'mkdir::uid_gid_eq_euid_egid',
      'mkfifo::uid_gid_eq_euid_egid',
      'mknod::uid_gid_eq_euid_egid',
      'open::uid_gid_eq_euid_egid',
    ],
  },
  {
    reason:
      'the case makes a file with a name of 255 bytes, and a server that stores on its own disk takes 238 (ENAMETOOLONG)',
    cases: [
      'chmod::enametoolong_component',
      'chown::enametoolong_component',
      'chown::lchown::enametoolong_component',
      'link::enametoolong_component',
      'mkdir::enametoolong_component',
      'mkfifo::enametoolong_component',
      'mknod::enametoolong_component',
      'mknod::privileged::enametoolong_component',
      'open::enametoolong_component',
      'rename::enametoolong_component',
      'rmdir::enametoolong_component',
      'symlink::enametoolong_component',
      'truncate::enametoolong_component',
      'unlink::enametoolong_component',
    ],
  },
]

const exclusionsOf: Readonly<Record<DriverName, readonly Exclusion[]>> = {
  native: [],
  libfuse2: [
    {
      reason:
        'the libfuse 2 addon hands the access time over in the place of the modification time: chosen times are not kept',
      cases: [
        'utimensat::changes_timestamps::{dir,regular}',
        'utimensat::follow_symlink',
        'utimensat::subsecond',
        'utimensat::utime_omit',
        'utimensat::y2038',
      ],
    },
  ],
}

/** What fsx must not do to a mount, with the reason. Each is tried, and refused. */
export const excludedOperations: Readonly<
  Record<DriverName, Readonly<Partial<Record<FsxOperation, string>>>>
> = {
  native: {},
  libfuse2: { punch_hole: 'the libfuse 2 addon hands no fallocate over: the kernel answers EOPNOTSUPP' },
}

/** The reason of each case that does not pass with `driver`, by its name. */
export function excludedCases(driver: DriverName): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>()
  for (const { reason, cases } of [...exclusions, ...exclusionsOf[driver]]) {
    for (const name of cases.flatMap(namesOf)) {
      if (reasons.has(name)) throw new Error(`${name} is excluded twice`)
      reasons.set(name, reason)
    }
  }
  return reasons
}

function namesOf(pattern: string): readonly string[] {
  const { start, variants } = /^(?<start>.*)\{(?<variants>.*)\}$/.exec(pattern)?.groups ?? {}
  return variants === undefined ? [pattern] : variants.split(',').map((variant) => `${start}${variant}`)
}
