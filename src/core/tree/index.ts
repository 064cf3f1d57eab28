export { attributesOf, kindOf, type EntryAttributes } from './entry-attributes.ts'
export { FolderCache, type Listing } from './folder-cache.ts'
export { Tree, type ChildName } from './tree.ts'
