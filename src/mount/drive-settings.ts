/** What the options of a mount say about the drive it shows, and about how it shows it. */
import type { MountOptions } from '../config/options.ts'
import { defaultSettings, type CoreSettings, type ViewOptions } from '../core/index.ts'
import type { Remote } from '../remote/remote.ts'
import type { MountSpec } from './spec.ts'

/** What the options and the server say about the drive; all else is the core's own. */
export function settingsOf(options: MountOptions, remote: Remote): Partial<CoreSettings> {
  const { uid, gid, umask, fileMode, dirMode } = options
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    fileMode: fileMode ?? 0o666 & ~umask,
    folderMode: dirMode ?? 0o777 & ~umask,
    entryTtlMs: options.entryTtlMs,
    attrTtlMs: options.attrTtlMs,
    readOnly: remote.facts.readOnly,
    metadataTtlMs: options.metadataTtlMs,
    revalidateMs: options.revalidateMs,
    pollMs: options.pollMs,
    timeoutMs: options.timeoutMs,
    metadataEntries: options.metadataCacheEntries,
    readMemoryBytes: options.readMemoryBytes,
    quietMs: options.quietTimeMs,
    sync: options.sync,
    deletePermanently: options.delete === 'permanent',
    stagingLimitBytes: options.stagingLimitBytes ?? Infinity,
    stagingReserveBytes: options.stagingReserveBytes,
    uploadConcurrency: options.uploadConcurrency,
    listFacts: options.listFacts,
  }
}

/** What each mount of a drive has for itself. */
export function viewOptionsOf({ readOnly }: MountSpec, options: MountOptions): ViewOptions {
  const { uid = defaultSettings.uid, gid = defaultSettings.gid, entryTtlMs, attrTtlMs } = options
  return { uid, gid, entryTtlMs, attrTtlMs, readOnly }
}

/** Options, by their names, that mean the drive rather than one mount of it. */
const sharedOptions = [
  'delete',
  'umask',
  'file-mode',
  'dir-mode',
  'quiet-time',
  'sync',
  'staging-limit',
  'staging-reserve',
  'upload-concurrency',
  'read-memory',
  'cache-limit',
  'cache-reserve',
  'metadata-cache',
  'mirror-limit',
  'metadata-ttl',
  'revalidate',
  'poll',
  'timeout',
  'list-facts',
] as const

/** Why two mounts cannot share a drive, as a sentence; undefined when they can. */
export function sharedDifferences(first: MountSpec, other: MountSpec): string | undefined {
  const differing = sharedOptions.filter((name) => first.options[name] !== other.options[name])
  if (differing.length === 0) return undefined
  const names = differing.map((name) => `${name} (${said(first, name)} there, ${said(other, name)} here)`)
  return (
    `${other.mountpoint} cannot be mounted beside ${first.mountpoint}, which shows the same drive with another ` +
    `${names.join(', ')}: say the same, or unmount that first`
  )
}

function said({ options }: MountSpec, name: string): string {
  return String(options[name] ?? 'its default')
}
