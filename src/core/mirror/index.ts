export { findMirrorBytes, removeMirrors } from './inspect.ts'
export { Mirror, type MirrorUsage } from './mirror.ts'
export type { RememberedListing } from './listing-text.ts'
