export type { CachedContent } from './cached-content.ts'
export { emptyFolder, findUsage, verifyFolder } from './inspect.ts'
export { DiskCache, type CacheUsage, type Protection, type DiskCacheOptions } from './disk-cache.ts'
