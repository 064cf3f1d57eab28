export { FolderLocks, type Core, type FileSystemOptions } from './core.ts'
export { CloudreveFileSystem } from './file-system.ts'
export { LocalTimes } from './local-times.ts'
export { viewOf } from './xattr-ops.ts'
