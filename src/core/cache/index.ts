export type { CachedContent } from './cached-content.ts'
export { DiskCache, type CacheUsage, type DiskCacheOptions } from './disk-cache.ts'
