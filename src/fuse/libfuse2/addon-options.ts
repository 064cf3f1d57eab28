import type { DriverOptions } from '../driver.ts'
import { DriverError } from '../errors.ts'
import { FUSE_SUBTYPE } from '../mountinfo.ts'
import type { AddonOptions } from './addon.ts'

/** The addon copies its option string into 1,024 bytes and cuts the rest without a word. */
const MAX_OPTIONS_BYTES = 1_000
/** The most that libfuse 2 takes in one request (32 pages). */
const MAX_WRITE_BYTES = 131_072
/** Reads ahead at the same time: with more that hang the kernel makes all programs wait. libfuse has a thread for each. */
const MAX_BACKGROUND = 512

/**
 * The options of one mount. The addon knows few of libfuse's; the others travel behind the source name, where its string
 * is put together without looking (`fsname=x,big_writes,...`).
 */
export function addonOptions(options: DriverOptions, isRoot: boolean): AddonOptions {
  const fsname = [escapeOption(options.sourceName), ...libfuseOptions(options)].join(',')
  if (Buffer.byteLength(fsname) > MAX_OPTIONS_BYTES) {
    throw new DriverError(`the source name is too long for a mount: ${options.sourceName.slice(0, 80)}...`)
  }
  return {
    timeout: false,
    fsname,
    subtype: FUSE_SUBTYPE,
    allowOther: options.allowOther,
    // The kernel checks mode bits itself: it knows who asks, the addon does not pass that on.
    defaultPermissions: true,
    // Only as root: fusermount3 refuses the option, and needs it not.
    nonEmpty: isRoot,
  }
}

function libfuseOptions({ readOnly, entryTtlMs, attrTtlMs }: DriverOptions): string[] {
  return [
    'use_ino',
    'big_writes',
    `max_write=${MAX_WRITE_BYTES}`,
    `max_readahead=${MAX_WRITE_BYTES}`,
    `max_background=${MAX_BACKGROUND}`,
    `congestion_threshold=${MAX_BACKGROUND * 0.75}`,
    `entry_timeout=${entryTtlMs / 1000}`,
    `attr_timeout=${attrTtlMs / 1000}`,
    // A name that is absent now may be created elsewhere, and nobody can tell this kernel.
    'negative_timeout=0',
    ...(readOnly ? ['ro'] : []),
  ]
}

/** A comma would start the next option. */
function escapeOption(value: string): string {
  return value.replace(/[\\,]/g, String.raw`\$&`)
}
