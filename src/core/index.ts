/** The filesystem core: knows neither FUSE nor HTTP. */
export { createDrive, defaultSettings, Drive, type CoreSettings, type CreateOptions } from './create-drive.ts'
export { FsError, toFsError } from './errors.ts'
export type { FileSystem, KernelCache, Place } from './ports.ts'
export { collectActivities, describeActivity, FactListing, Facts, type FileView } from './xattr/index.ts'
export { ROOT_INO } from './types.ts'
export type { DrainProgress } from './write/index.ts'
