import { readFile } from 'node:fs/promises'

/** One line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
export interface MountEntry {
  /** Unique among the mounts that exist now. */
  readonly id: number
  /** `major:minor` of the filesystem; the same for all bind mounts of it. */
  readonly device: string
  readonly mountpoint: string
  /** `fuse.cloudreve-mount` for ours. */
  readonly type: string
  readonly source: string
}

/** The type that our mounts have: what `mount` and `findmnt -t` show. */
export const FUSE_SUBTYPE = 'cloudreve-mount'
export const OUR_MOUNT_TYPE = `fuse.${FUSE_SUBTYPE}`

/** Lines that cannot be understood are left out: a newer kernel may add some. */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => parseLine(line) ?? [])
}

/** The mounts that a process (this one, unless another is named) sees. Touches no mounted folder. */
export async function readMounts(pid: number | 'self' = 'self'): Promise<MountEntry[]> {
  return parseMountinfo(await readFile(`/proc/${pid}/mountinfo`, 'utf8'))
}

/** What is mounted on `mountpoint` and covers the rest, if anything is: the last one wins. */
export function mountAt(mounts: readonly MountEntry[], mountpoint: string): MountEntry | undefined {
  return mounts.findLast((mount) => mount.mountpoint === mountpoint)
}

/** `36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/sda1 rw`: any number of tags before the lone hyphen. */
function parseLine(line: string): MountEntry | undefined {
  const [before, after] = line.split(' - ', 2)
  if (before === undefined || after === undefined) return undefined
  const [id, , device, , mountpoint] = before.split(' ')
  const [type, source] = after.split(' ')
  if (!device || !mountpoint || !type || source === undefined || !/^\d+$/.test(id ?? '')) return undefined
  return {
    id: Number(id),
    device,
    mountpoint: unescapeField(mountpoint),
    type,
    source: unescapeField(source),
  }
}

/** The kernel writes space, tab, newline and backslash as three octal digits, byte by byte. */
function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}
