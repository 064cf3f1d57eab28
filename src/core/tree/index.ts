export { attributesOf, kindOf, type EntryAttributes } from './entry-attributes.ts'
export { FolderCache, type Listing } from './folder-cache.ts'
export type { ChildName } from './child-name.ts'
export { Tree } from './tree.ts'
