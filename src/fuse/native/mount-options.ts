/** How a mount is described to the kernel (mount(2), as root) and to fusermount3 (as anybody else). Pure. */
import type { DriverOptions } from '../driver.ts'
import { FUSE_SUBTYPE } from '../mountinfo.ts'

/** mount(2) flags (linux/mount.h). */
const MS_RDONLY = 1
const MS_NOSUID = 2
const MS_NODEV = 4

export interface KernelMount {
  readonly source: string
  readonly mountpoint: string
  readonly subtype: string
  readonly flags: number
  readonly options: string
}

export function kernelMount(options: DriverOptions): KernelMount {
  return {
    source: options.sourceName,
    mountpoint: options.mountpoint,
    subtype: FUSE_SUBTYPE,
    flags: MS_NOSUID | MS_NODEV | (options.readOnly ? MS_RDONLY : 0),
    options: ['default_permissions', ...(options.allowOther ? ['allow_other'] : [])].join(','),
  }
}

/** The command line behind `fusermount3`; a comma in a value would start the next option. */
export function helperArguments(options: DriverOptions): string[] {
  const words = [
    `fsname=${options.sourceName.replace(/[\\,]/g, String.raw`\$&`)}`,
    `subtype=${FUSE_SUBTYPE}`,
    'nosuid',
    'nodev',
    'default_permissions',
    ...(options.readOnly ? ['ro'] : []),
    ...(options.allowOther ? ['allow_other'] : []),
  ]
  return ['-o', words.join(','), '--', options.mountpoint]
}
