/** The filesystem core: knows neither FUSE nor HTTP. */
export { DiskCache, emptyFolder, findUsage, verifyFolder, type CacheUsage } from './cache/index.ts'
export { findMirrorBytes, Mirror, removeMirrors, type MirrorUsage } from './mirror/index.ts'
export { createDrive, defaultSettings, type CoreSettings, type CreateOptions } from './create-drive.ts'
export { countLeftChanges } from './unsent-state.ts'
export { Drive, type OpenView } from './drive.ts'
export { FsError, toFsError } from './errors.ts'
export type { FileSystem, KernelCache, Place } from './ports.ts'
export { collectActivities, describeActivity, FactListing, Facts, type FileView } from './xattr/index.ts'
export {
  countOf,
  type ChangeKind,
  type DiscardOutcome,
  type LeftChange,
  type PendingChange,
  type WarmOptions,
  type WarmProgress,
  type WarmResult,
} from './filesystem/index.ts'
export { ROOT_INO } from './types.ts'
export type { ViewOptions } from './view/index.ts'
export type { DrainOptions, DriveFolder, DriveProgress } from './drive-folder.ts'
